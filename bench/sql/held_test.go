package sqlbench

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/pgstore"
)

const (
	heldFlight = 64
	// heldPause is how long a step takes: the load is even, and a plan of the maximum size lasts
	// for half an hour.
	heldPause = 60 * time.Millisecond
)

// TestHeld holds a transaction open, so that the server can remove no row version, while one plan
// is carried out, and prints how long commits take from minute to minute.
func TestHeld(t *testing.T) {
	held := *heldFlag
	if testing.Short() {
		held = 2 * time.Second
	}
	p := startPostgres(t)
	url, ctx := p.database(), t.Context()
	r := &run{T: t, ctx: ctx, url: url}
	r.ok(pgstore.Migrate(ctx, url, pgstore.Config{}))
	s, err := pgstore.Open(ctx, url, pgstore.Config{Prepare: true, Timeout: time.Minute})
	r.ok(err)
	defer func() { r.ok(s.Close()) }()
	c := &clocked{Store: s}
	h := newHost(t, c, heldFlight, pause)
	defer h.close()
	perSecond := float64(heldFlight) / (3 * heldPause.Seconds())
	id := h.create(min(999_999, int(held.Seconds()*perSecond)+heldFlight), heldFlight)
	hold := p.connect(url)
	defer func() { _ = hold.Close(context.WithoutCancel(ctx)) }()
	_, err = hold.Exec(ctx, "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM pg_class", pgx.QueryExecModeSimpleProtocol)
	r.ok(err)
	_, err = h.Start(ctx, id)
	r.ok(err)
	c.take()
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 4, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "from\tcommits/s\tp50 ms\tp99 ms\tof the first\tdead rows of tasks\tof facts\tof claims\t")
	first := time.Duration(0)
	part := min(time.Minute, held/5)
	for at := time.Duration(0); at < held; at += part {
		time.Sleep(part)
		took := c.take()
		if len(took) == 0 {
			t.Fatalf("no commit in %s", part)
		}
		slices.Sort(took)
		p99 := took[len(took)*99/100]
		if first == 0 {
			first = p99
		}
		dead := func(table string) float64 {
			return r.ask("SELECT coalesce(sum(n_dead_tup), 0)::float8 FROM pg_stat_user_tables WHERE relname = $1", table)
		}
		fmt.Fprintf(w, "%s\t%.0f\t%.1f\t%.1f\t%.2fx\t%.0f\t%.0f\t%.0f\t\n", at, float64(len(took))/part.Seconds(), ms(took[len(took)/2]), ms(p99),
			float64(p99)/float64(first), dead("task"), dead("facts"), dead("claim"))
	}
	r.ok(w.Flush())
	t.Logf("a transaction held open for %s\n%s", held, b.String())
}

func pause(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-time.After(heldPause):
	}
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// clocked is a store that records how long its commits take.
type clocked struct {
	store.Store

	mu   sync.Mutex
	took []time.Duration
}

func (c *clocked) Commit(ctx context.Context, b *store.Batch) error {
	began := time.Now()
	err := c.Store.Commit(ctx, b)
	took := time.Since(began)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.took = append(c.took, took)
	return err
}

// take returns what was recorded since the last call.
func (c *clocked) take() []time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	took := c.took
	c.took = nil
	return took
}
