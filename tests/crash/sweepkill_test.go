//go:build crash

package crash

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/internal/crashtest"
	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// sweepTenants is the number of tenants of the plans in these rows. The ids of more of them than
// fit into one batch begin with swept.
const (
	sweepTenants = 2*store.MaxBatch + 50
	swept        = "t-1"
)

// sweepKills returns the rows about workers that die, or are frozen, while they carry out a command
// on the tasks that a filter selects.
func sweepKills(t *testing.T) (all []row) {
	t.Helper()
	if crashtest.ExtentOf(t) == crashtest.Quick {
		return nil
	}
	shared := redistest.Start(t)
	add := func(name, expect string, d crashtest.Death, do func(s *site, d crashtest.Death) *site) {
		prefix := fmt.Sprintf("s%d:", len(all))
		all = append(all, row{Name: name + ": " + d.Fate(), Extent: crashtest.Short, Expect: expect, Do: func(t *testing.T) *site {
			t.Helper()
			s := newSite(t, target{Addrs: []string{shared.Addr()}}, prefix)
			s.Defs.Steps, s.Defs.Pace = 1, time.Millisecond
			return do(s, d)
		}})
	}
	batches := crashtest.BothSides(crashtest.Death{Op: crashtest.OpApply, N: 1}, crashtest.Death{Op: crashtest.OpApply, N: 2}) // the second is the last
	for _, d := range append(batches, crashtest.Frozen(batches)...) {
		add("skip by a filter", "each selected task is skipped once, and no other", d, skipAt)
	}
	for _, d := range slices.Concat(batches, crashtest.BothSides(crashtest.Death{Op: crashtest.OpUndone, N: 60}), crashtest.Frozen(batches[2:])) {
		add("rollback by a filter", "each selected task is undone once, and no other", d, rollBackSomeAt)
	}
	return all
}

// skipAt skips tasks of a plan before its start. A worker dies or freezes at d, a second one
// continues; then the plan runs.
func skipAt(s *site, d crashtest.Death) *site {
	s.Helper()
	p, err := s.Engine.Create(s.Context(), crashtest.Commission{Name: "t", Tenants: sweepTenants, Concurrency: 8}.Spec(), cutover.ExecutorElsewhere())
	if err != nil {
		s.Fatal(err)
	}
	s.Plan = p.ID
	victim := s.sweep(d, task.Skipped, cutover.Selection.Skip)
	if _, err := s.Engine.Start(s.Context(), s.Plan); err != nil {
		s.Fatal(err)
	}
	return s.judgeSweep(victim, d, task.Skipped)
}

// rollBackSomeAt undoes tasks of a plan that is over. A worker dies or freezes at d, a second one
// continues.
func rollBackSomeAt(s *site, d crashtest.Death) *site {
	s.Helper()
	s.Begin(sweepTenants, 8)
	mover := s.worker("mover")
	s.Finish()
	mover.Stop()
	return s.judgeSweep(s.sweep(d, task.RolledBack, cutover.Selection.Rollback), d, task.RolledBack)
}

// sweep gives a command to the tasks whose ids begin with swept, after which they will be in a
// state. It starts a worker that dies or freezes at d, and a second one, and waits until the
// command is carried out.
func (s *site) sweep(d crashtest.Death, to task.State, command selectionCommand) (victim *crashtest.Proc) {
	s.Helper()
	r, err := command(s.Engine.Select(s.Plan, task.Filter{Tenant: swept}), s.Context())
	if err != nil || r.Reach.Changing <= store.MaxBatch {
		s.Fatalf("%+v, %v", r.Reach, err)
	}
	s.Ends = make(crashtest.Ends)
	for _, t := range s.Tasks(s.Plan) {
		if strings.HasPrefix(t.Tenant.ID, swept) {
			s.Ends[t.ID.Ordinal()] = to
		}
	}
	victim = s.worker("victim", func(o *orders) { o.Death = d })
	if d.Freeze {
		victim.AwaitFrozen()
	} else {
		victim.AwaitEnd()
	}
	s.worker("heir")
	s.Await("the command to be carried out", func() bool {
		p, err := s.Store.Plan(s.Context(), s.Plan)
		return err == nil && len(p.Sweeps) == 0
	})
	return victim
}

// selectionCommand is a method of a selection.
type selectionCommand = func(cutover.Selection, context.Context, ...cutover.TasksOption) (cutover.TasksResult, error)

// judgeSweep waits for the end of the plan, thaws a frozen worker, and judges the result: the tasks
// of s.ends went to that state once.
func (s *site) judgeSweep(victim *crashtest.Proc, d crashtest.Death, to task.State) *site {
	s.Helper()
	since := time.Now()
	s.Finish()
	if d.Freeze {
		s.wakeUp(victim, since)
		s.Finish()
	}
	s.Verdict(s.Plan)
	times := make(map[int]int)
	for _, e := range s.Events(s.Plan) {
		if e.Task != 0 && e.From != e.To && e.To == to.String() {
			times[e.Task.Ordinal()]++
		}
	}
	for ordinal, n := range times {
		if _, is := s.Ends[ordinal]; !is || n != 1 {
			s.Errorf("task %d went to %s %d times, selected %t", ordinal, to, n, is)
		}
	}
	if len(times) != len(s.Ends) {
		s.Errorf("%d tasks went to %s, want %d", len(times), to, len(s.Ends))
	}
	return s
}
