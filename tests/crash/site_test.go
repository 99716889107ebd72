//go:build crash

package crash

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/redisstore"
	"github.com/cutover-go/cutover/task"
)

const (
	// timeout limits every wait. It is much longer than any wait needs, because a machine may be
	// busy.
	timeout = 60 * time.Second

	// lease is the workers' default lease: short, so that faults take little time, but long enough
	// that a worker on a busy machine renews it in time.
	lease = 2 * time.Second
)

// site is the environment of one fault: a Redis, a plan, workers and their ledger.
type site struct {
	*testing.T
	dir    string
	ledger string
	defs   orders // the orders of every worker, unless changed for one
	rdb    redis.UniversalClient
	store  store.Store
	engine *cutover.Engine // sends commands and runs no tasks
	plan   plan.ID
	way    way // what the plan does; set before begin
	fig    figures

	settleTime  time.Duration // the maximum time to wait for the end of a plan
	skip        int           // the number of leading ledger entries to ignore, because their data was deleted
	expectRetry bool          // the engine retries every task once
	retried     int           // the number of tasks that a command retries
	ends        ends          // in which states tasks end that end in another state than the way says
	expectLoss  bool          // acknowledged writes may be lost; expectTold then requires a report
}

// newSite sets up a site. The test's own client connects to g, while the workers of a row may
// connect through a proxy.
func newSite(t *testing.T, g target, prefix string) *site {
	t.Helper()
	s := &site{T: t, dir: t.TempDir(), rdb: g.client(), settleTime: timeout}
	rdb := s.rdb
	t.Cleanup(func() { _ = rdb.Close() })
	s.ledger = filepath.Join(s.dir, "ledger")
	if l, err := openLedger(s.ledger); err != nil {
		t.Fatal(err)
	} else if err := l.file.Close(); err != nil {
		t.Fatal(err)
	}
	s.defs = orders{
		Target: g, Prefix: prefix, Ledger: s.ledger,
		Lease: lease, Capacity: 4, Steps: 3, Pace: 30 * time.Millisecond,
	}
	s.look()
	return s
}

// look opens the store for the test itself.
func (s *site) look() {
	s.Helper()
	st, err := redisstore.Open(s.Context(), s.rdb, redisstore.Config{Prefix: s.defs.Prefix})
	if err != nil {
		s.Fatal(err)
	}
	s.store = st
	if s.engine, err = cutover.New(st, cutover.Config{}); err != nil {
		s.Fatal(err)
	}
}

// moveTo connects the test itself to another server.
func (s *site) moveTo(g target) {
	s.Helper()
	s.rdb = g.client()
	s.Cleanup(func() { _ = s.rdb.Close() })
	s.look()
}

// alone sets up a site with its own server.
func alone(t *testing.T, args ...string) (*site, *redistest.Server) {
	t.Helper()
	server := redistest.Start(t, args...)
	return newSite(t, target{Addrs: []string{server.Addr()}}, "crash:"), server
}

// begin creates and starts a plan. If the way is an undo, begin also completes the plan and starts
// its rollback.
func (s *site) begin(tenants, concurrency int) {
	s.Helper()
	if s.way.inSequence {
		tenants, concurrency = min(tenants, mostInSequence), 1
	}
	s.plan = s.beginOther("t", tenants, concurrency)
	if s.way.undo {
		s.carryOut(tenants)
		s.rollBack()
	}
}

func (s *site) beginOther(name string, tenants, concurrency int) plan.ID {
	s.Helper()
	c := commission{Name: name, Tenants: tenants, Concurrency: concurrency}
	p, err := s.engine.Create(s.Context(), c.spec(), cutover.ExecutorElsewhere())
	if err == nil {
		_, err = s.engine.Start(s.Context(), p.ID)
	}
	if err != nil {
		s.Fatal(err)
	}
	return p.ID
}

// worker starts a worker with the default orders, modified by change.
func (s *site) worker(name string, change ...func(*orders)) *proc {
	s.Helper()
	o := s.defs
	o.Name = name
	for _, f := range change {
		f(&o)
	}
	return startProc(s.T, s.dir, o)
}

// entries returns the entries of the ledger so far, without the skipped ones.
func (s *site) entries() []entry {
	s.Helper()
	return readLedger(s.T, s.ledger)[s.skip:]
}

// count returns the number of entries of a kind of one worker, or of all workers if worker is
// empty.
func (s *site) count(worker string, k kind) int {
	s.Helper()
	n := 0
	for _, e := range s.entries() {
		if e.Kind == k && (worker == "" || e.Worker == worker) {
			n++
		}
	}
	return n
}

// await waits until cond holds.
func (s *site) await(what string, cond func() bool) { s.Helper(); s.awaitFor(timeout, what, cond) }

// awaitFor is await with a limit other than timeout.
func (s *site) awaitFor(limit time.Duration, what string, cond func() bool) {
	s.Helper()
	for end := time.Now().Add(limit); !cond(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			s.Fatalf("waited %v for %s\n%s", limit, what, s.tail())
		}
	}
}

// awaitCount waits until count returns at least n.
func (s *site) awaitCount(worker string, k kind, n int) {
	s.Helper()
	s.await(fmt.Sprintf("%d entries %q of %q", n, k, worker), func() bool { return s.count(worker, k) >= n })
}

// finish waits until the plan is at rest and fails the test unless the plan is completed or, if the
// way is an undo, rolled back.
func (s *site) finish() { s.Helper(); s.finishPlan(s.plan) }

func (s *site) finishPlan(id plan.ID) {
	s.Helper()
	want, _ := s.way.ends()
	s.finishAs(id, want)
}

func (s *site) finishAs(id plan.ID, want plan.State) {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), s.settleTime)
	defer cancel()
	p, err := s.engine.Wait(ctx, id)
	for err != nil && ctx.Err() == nil { // the store is unavailable
		time.Sleep(100 * time.Millisecond)
		p, err = s.engine.Wait(ctx, id)
	}
	if err != nil || p.State != want {
		s.Fatalf("plan %s is %s, want %s, %+v, %v\n%s", id, p.State, want, p.Counters, err, s.tail())
	}
}

// tasks returns all tasks of a plan.
func (s *site) tasks(id plan.ID) (all []task.Task) {
	s.Helper()
	for after, more := 0, true; more; more = after != 0 {
		page, next, err := s.store.Tasks(s.Context(), id, store.TaskQuery{After: after})
		if err != nil {
			s.Fatal(err)
		}
		all, after = append(all, page...), next
	}
	return all
}

// tail returns the plan, its failed tasks and the end of the ledger, for failure messages.
func (s *site) tail() string {
	entries := s.entries()
	text := "the ledger ends:\n"
	if p, err := s.store.Plan(s.Context(), s.plan); err == nil {
		text = fmt.Sprintf("%+v\n", p) + text
	}
	bad := store.TaskQuery{States: []task.State{task.Failed, task.RollbackFailed}, Limit: 10}
	if failed, _, err := s.store.Tasks(s.Context(), s.plan, bad); err == nil {
		for _, t := range failed {
			text = fmt.Sprintf("task %s is %s: %+v\n", t.ID, t.State, t.Failure) + text
		}
	}
	for _, e := range entries[max(0, len(entries)-40):] {
		text += fmt.Sprintf("  %s %-8s %-8s task %s attempt %d token %d step %d %s\n",
			e.At.Format("05.000"), e.Worker, e.Kind, e.Task, e.Attempt, e.Token, e.Step, e.Note)
	}
	return text
}
