package pgstore

import (
	"context"
	"flag"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cutover-go/cutover/internal/sample"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/enginetest"
)

// bubbleClock makes a clock_timestamp that says what the setting bubble.now says.
const bubbleClock = `CREATE SCHEMA bubble;
CREATE FUNCTION bubble.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE
	AS $$ SELECT timestamptz '1970-01-01 00:00:00+00' + current_setting('bubble.now')::bigint * interval '1 microsecond' $$`

var (
	seed      = flag.Uint64("seed", 0, "run only the history of this seed")
	histories = flag.Int("histories", 0, "run that many histories instead of the usual number")
)

// TestHistories runs engines over the store with lost calls, crashes, freezes and a clock that
// jumps. A repeated run, see sample.Run, continues with the next seeds.
//
// A history runs in a bubble although its server does not: the time of a bubble stands still while
// one of its goroutines waits for the network, and nobody reads idle connections of a pool. So it
// is enough that the server's clock shows the time of the bubble in which its client is.
func TestHistories(t *testing.T) {
	t.Parallel()
	n := 24
	switch {
	case *histories > 0:
		n = *histories
	case testing.Short():
		n = 8
	}
	first := sample.Run(t)*uint64(n) + 1
	if *seed > 0 {
		n, first = 1, *seed
	}
	server := newSchemas(t)
	run(t, server.url(), bubbleClock)
	enginetest.Histories(t, n, first, func(t testing.TB, clock func() time.Time) store.Store {
		t.Helper()
		return server.inBubble(t, clock)
	})
}

// inBubble opens a store whose server has the time of the caller's bubble, and whose stored times
// are those of clock.
func (s *schemas) inBubble(t testing.TB, clock func() time.Time) *Store {
	t.Helper()
	var opened *Store
	cfg := Config{Schema: s.schema(t), Connections: 8, Prepare: true}
	cfg.Pool = func(p *pgxpool.Config) {
		p.ConnConfig.RuntimeParams["search_path"] = "bubble, pg_catalog"
		p.PrepareConn = func(ctx context.Context, c *pgx.Conn) (bool, error) {
			now := time.Now()
			if opened != nil {
				opened.skew.Store(int64(clock().Sub(now)))
			}
			_, err := c.Exec(ctx, fmt.Sprintf("SET bubble.now = %d", now.UnixMicro()), pgx.QueryExecModeSimpleProtocol)
			return err == nil, err
		}
	}
	opened = open(t, s.url(), cfg)
	return opened
}
