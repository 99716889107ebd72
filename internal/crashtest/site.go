//go:build crash

package crashtest

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

const (
	// Timeout limits every wait. It is much longer than any wait needs, because a machine may be
	// busy.
	Timeout = 60 * time.Second

	// Lease is the workers' default lease: short, so that faults take little time, but long enough
	// that a worker on a busy machine renews it in time.
	Lease = 2 * time.Second
)

// Site is the environment of one fault: a store, a plan, workers and their ledger.
type Site struct {
	*testing.T
	Dir    string
	Ledger string
	Defs   Orders // the orders of every worker, unless changed for one
	Store  store.Store
	Engine *cutover.Engine // sends commands and runs no tasks
	Plan   plan.ID
	// Start starts a worker with orders.
	Start func(Orders) *Proc
	Way   Way // what the plan does; set before begin
	Fig   Figures

	SettleTime  time.Duration // the maximum time to wait for the end of a plan
	Skip        int           // the number of leading ledger entries to ignore, because their data was deleted
	expectRetry bool          // the engine retries every task once
	Retried     int           // the number of tasks that a command retries
	Ends        Ends          // in which states tasks end that end in another state than the way says
	ExpectLoss  bool          // acknowledged writes may be lost; expectTold then requires a report
	GoesBack    bool          // the store goes back in time: steps that were saved since then run again
}

// NewSite returns a site with a ledger, but without Store, Engine and Start.
func NewSite(t *testing.T) *Site {
	t.Helper()
	s := &Site{T: t, Dir: t.TempDir(), SettleTime: Timeout}
	s.Ledger = filepath.Join(s.Dir, "ledger")
	if l, err := OpenLedger(s.Ledger); err != nil {
		t.Fatal(err)
	} else if err := l.File.Close(); err != nil {
		t.Fatal(err)
	}
	s.Defs = Orders{Ledger: s.Ledger, Lease: Lease, Capacity: 4, Steps: 3, Pace: 30 * time.Millisecond}
	return s
}

// Base returns the site itself, to those who know only what has one.
func (s *Site) Base() *Site { return s }

// Look gives the test itself a store, which the test closes.
func (s *Site) Look(st store.Store) {
	s.Helper()
	engine, err := cutover.New(st, cutover.Config{})
	if err != nil {
		s.Fatal(err)
	}
	s.Store, s.Engine = st, engine
}

// Begin creates and starts a plan. If the way is an undo, begin also completes the plan and starts
// its rollback.
func (s *Site) Begin(tenants, concurrency int) {
	s.Helper()
	if s.Way.InSequence {
		tenants, concurrency = min(tenants, mostInSequence), 1
	}
	s.Plan = s.BeginOther("t", tenants, concurrency)
	if s.Way.Undo {
		s.carryOut(tenants)
		s.RollBack()
	}
}

// BeginOther creates and starts a plan, whose tenants have the name and a number.
func (s *Site) BeginOther(name string, tenants, concurrency int) plan.ID {
	s.Helper()
	c := Commission{Name: name, Tenants: tenants, Concurrency: concurrency}
	p, err := s.Engine.Create(s.Context(), c.Spec(), cutover.ExecutorElsewhere())
	if err == nil {
		_, err = s.Engine.Start(s.Context(), p.ID)
	}
	if err != nil {
		s.Fatal(err)
	}
	return p.ID
}

// Launch starts a worker with the default orders, modified by change.
func (s *Site) Launch(name string, change ...func(*Orders)) *Proc {
	s.Helper()
	o := s.Defs
	o.Name = name
	for _, f := range change {
		f(&o)
	}
	return s.Start(o)
}

// Entries returns the entries of the ledger so far, without the skipped ones.
func (s *Site) Entries() []Entry {
	s.Helper()
	return readLedger(s.T, s.Ledger)[s.Skip:]
}

// Count returns the number of entries of a kind of one worker, or of all workers if worker is
// empty.
func (s *Site) Count(worker string, k kind) int {
	s.Helper()
	n := 0
	for _, e := range s.Entries() {
		if e.Kind == k && (worker == "" || e.Worker == worker) {
			n++
		}
	}
	return n
}

// Await waits until cond holds.
func (s *Site) Await(what string, cond func() bool) { s.Helper(); s.AwaitFor(Timeout, what, cond) }

// AwaitFor is await with a limit other than timeout.
func (s *Site) AwaitFor(limit time.Duration, what string, cond func() bool) {
	s.Helper()
	for end := time.Now().Add(limit); !cond(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			s.Fatalf("waited %v for %s\n%s", limit, what, s.Tail())
		}
	}
}

// AwaitCount waits until count returns at least n.
func (s *Site) AwaitCount(worker string, k kind, n int) {
	s.Helper()
	s.Await(fmt.Sprintf("%d entries %q of %q", n, k, worker), func() bool { return s.Count(worker, k) >= n })
}

// Finish waits until the plan is at rest and fails the test unless the plan is completed or, if the
// way is an undo, rolled back.
func (s *Site) Finish() { s.Helper(); s.FinishPlan(s.Plan) }

// FinishPlan is Finish for another plan.
func (s *Site) FinishPlan(id plan.ID) {
	s.Helper()
	want, _ := s.Way.Ends()
	s.FinishAs(id, want)
}

// FinishAs waits until a plan is at rest, and fails the test unless it is in the state.
func (s *Site) FinishAs(id plan.ID, want plan.State) {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), s.SettleTime)
	defer cancel()
	p, err := s.Engine.Wait(ctx, id)
	for err != nil && ctx.Err() == nil { // the store is unavailable
		time.Sleep(100 * time.Millisecond)
		p, err = s.Engine.Wait(ctx, id)
	}
	if err != nil || p.State != want {
		s.Fatalf("plan %s is %s, want %s, %+v, %v\n%s", id, p.State, want, p.Counters, err, s.Tail())
	}
}

// Tasks returns all tasks of a plan.
func (s *Site) Tasks(id plan.ID) (all []task.Task) {
	s.Helper()
	for after, more := 0, true; more; more = after != 0 {
		page, next, err := s.Store.Tasks(s.Context(), id, store.TaskQuery{After: after})
		if err != nil {
			s.Fatal(err)
		}
		all, after = append(all, page...), next
	}
	return all
}

// Tail returns the plan, its failed tasks and the end of the ledger, for failure messages.
func (s *Site) Tail() string {
	entries := s.Entries()
	text := "the ledger ends:\n"
	if s.Store == nil { // the workers have it for themselves
		return text + tailOf(entries)
	}
	if p, err := s.Store.Plan(s.Context(), s.Plan); err == nil {
		text = fmt.Sprintf("%+v\n", p) + text
	}
	bad := store.TaskQuery{States: []task.State{task.Failed, task.RollbackFailed}, Limit: 10}
	if failed, _, err := s.Store.Tasks(s.Context(), s.Plan, bad); err == nil {
		for _, t := range failed {
			text = fmt.Sprintf("task %s is %s: %+v\n", t.ID, t.State, t.Failure) + text
		}
	}
	return text + tailOf(entries)
}

// tailOf returns the last entries.
func tailOf(entries []Entry) (text string) {
	for _, e := range entries[max(0, len(entries)-40):] {
		text += fmt.Sprintf("  %s %-8s %-8s task %s attempt %d token %d step %d %s\n",
			e.At.Format("05.000"), e.Worker, e.Kind, e.Task, e.Attempt, e.Token, e.Step, e.Note)
	}
	return text
}
