package sqlbench

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/ncruces/go-sqlite3"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/pgstore"
	"github.com/cutover-go/cutover/store/sqlitestore"
)

func cutoverOnPostgres(r *run) {
	r.ok(pgstore.Migrate(r.ctx, r.url, pgstore.Config{}))
	s, err := pgstore.Open(r.ctx, r.url, pgstore.Config{Prepare: true, Timeout: time.Minute})
	r.ok(err)
	cutoverRun(r, s)
	r.ok(s.Close())
	r.bytes = (sizeOf(r, pgstore.DefaultSchema, "") - sizeOf(r, pgstore.DefaultSchema, "event") - sizeOf(r, pgstore.DefaultSchema, "tenant_lock")) / float64(r.n)
	r.hot = hotOf(r, "task")
}

func cutoverOnSQLite(r *run) {
	s, err := sqlitestore.Open(r.ctx, r.file, sqlitestore.Config{})
	r.ok(err)
	cutoverRun(r, s)
	copied := r.file + ".copy"
	r.ok(s.Backup(r.ctx, copied))
	r.ok(s.Close())
	c, err := sqlite3.Open("file:" + copied)
	r.ok(err)
	r.ok(c.Exec("PRAGMA journal_mode = DELETE; DELETE FROM event; DELETE FROM tenant_lock; VACUUM"))
	r.ok(c.Close())
	info, err := os.Stat(copied)
	r.ok(err)
	r.bytes = float64(info.Size()) / float64(r.n)
}

// cutoverRun carries out one plan with an engine that has all its features.
func cutoverRun(r *run, s store.Store) {
	h := newHost(r.T, s, r.flight, nil)
	defer h.close()
	id := h.create(r.n, r.flight)
	r.created()
	_, err := h.Start(r.ctx, id)
	r.ok(err)
	p, err := h.Wait(r.ctx, id)
	r.done()
	if err != nil || p.State != plan.Completed {
		r.Fatalf("the plan is %s, %v", p.State, err)
	}
}

// host is a process with an engine.
type host struct {
	*cutover.Engine
	t     *testing.T
	close func()
}

// newHost starts an engine. pause, if not nil, is called before each step.
func newHost(t *testing.T, s store.Store, capacity int, pause func(context.Context)) *host {
	t.Helper()
	e, err := cutover.New(s, cutover.Config{Capacity: capacity, Executors: executor.Registry{"X": threeSteps(pause)}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()
	return &host{Engine: e, t: t, close: func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}}
}

// threeSteps saves after each of the first two steps.
func threeSteps(pause func(context.Context)) executor.Func {
	return func(ctx context.Context, x *executor.Run) error {
		for _, step := range [...]string{"one", "two", ""} {
			if pause != nil {
				pause(ctx)
			}
			if step == "" {
				break
			}
			if err := x.Save(ctx, step, json.RawMessage(payload())); err != nil {
				return err
			}
		}
		return nil
	}
}

// create creates a plan of n tenants.
func (h *host) create(n, flight int) plan.ID {
	h.t.Helper()
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("tenant-%07d", i)
	}
	p, err := h.Create(h.t.Context(), plan.Spec{
		Name: "bench", ExecutorType: "X", Tenants: plan.Tenants(ids...),
		Strategy: strategy.Strategy{MaxConcurrency: strategy.Count(flight)},
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return p.ID
}
