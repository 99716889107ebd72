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
	if extentOf(t) == quick {
		return nil
	}
	shared := redistest.Start(t)
	add := func(name, expect string, d death, do func(s *site, d death) *site) {
		prefix := fmt.Sprintf("s%d:", len(all))
		all = append(all, row{name: name + ": " + d.fate(), extent: short, expect: expect, do: func(t *testing.T) *site {
			t.Helper()
			s := newSite(t, target{Addrs: []string{shared.Addr()}}, prefix)
			s.defs.Steps, s.defs.Pace = 1, time.Millisecond
			return do(s, d)
		}})
	}
	batches := bothSides(death{Op: opApply, N: 1}, death{Op: opApply, N: 2}) // the second is the last
	for _, d := range append(batches, frozen(batches)...) {
		add("skip by a filter", "each selected task is skipped once, and no other", d, skipAt)
	}
	for _, d := range slices.Concat(batches, bothSides(death{Op: opUndone, N: 60}), frozen(batches[2:])) {
		add("rollback by a filter", "each selected task is undone once, and no other", d, rollBackSomeAt)
	}
	return all
}

// skipAt skips tasks of a plan before its start. A worker dies or freezes at d, a second one
// continues; then the plan runs.
func skipAt(s *site, d death) *site {
	s.Helper()
	p, err := s.engine.Create(s.Context(), commission{Name: "t", Tenants: sweepTenants, Concurrency: 8}.spec(), cutover.ExecutorElsewhere())
	if err != nil {
		s.Fatal(err)
	}
	s.plan = p.ID
	victim := s.sweep(d, task.Skipped, cutover.Selection.Skip)
	if _, err := s.engine.Start(s.Context(), s.plan); err != nil {
		s.Fatal(err)
	}
	return s.judgeSweep(victim, d, task.Skipped)
}

// rollBackSomeAt undoes tasks of a plan that is over. A worker dies or freezes at d, a second one
// continues.
func rollBackSomeAt(s *site, d death) *site {
	s.Helper()
	s.begin(sweepTenants, 8)
	mover := s.worker("mover")
	s.finish()
	mover.stop()
	return s.judgeSweep(s.sweep(d, task.RolledBack, cutover.Selection.Rollback), d, task.RolledBack)
}

// sweep gives a command to the tasks whose ids begin with swept, after which they will be in a
// state. It starts a worker that dies or freezes at d, and a second one, and waits until the
// command is carried out.
func (s *site) sweep(d death, to task.State, command selectionCommand) (victim *proc) {
	s.Helper()
	r, err := command(s.engine.Select(s.plan, task.Filter{Tenant: swept}), s.Context())
	if err != nil || r.Reach.Changing <= store.MaxBatch {
		s.Fatalf("%+v, %v", r.Reach, err)
	}
	s.ends = make(ends)
	for _, t := range s.tasks(s.plan) {
		if strings.HasPrefix(t.Tenant.ID, swept) {
			s.ends[t.ID.Ordinal()] = to
		}
	}
	victim = s.worker("victim", func(o *orders) { o.Death = d })
	if d.Freeze {
		victim.awaitFrozen()
	} else {
		victim.awaitEnd()
	}
	s.worker("heir")
	s.await("the command to be carried out", func() bool {
		p, err := s.store.Plan(s.Context(), s.plan)
		return err == nil && len(p.Sweeps) == 0
	})
	return victim
}

// selectionCommand is a method of a selection.
type selectionCommand = func(cutover.Selection, context.Context, ...cutover.TasksOption) (cutover.TasksResult, error)

// judgeSweep waits for the end of the plan, thaws a frozen worker, and judges the result: the tasks
// of s.ends went to that state once.
func (s *site) judgeSweep(victim *proc, d death, to task.State) *site {
	s.Helper()
	since := time.Now()
	s.finish()
	if d.Freeze {
		s.wakeUp(victim, since)
		s.finish()
	}
	s.verdict(s.plan)
	times := make(map[int]int)
	for _, e := range s.events(s.plan) {
		if e.Task != 0 && e.From != e.To && e.To == to.String() {
			times[e.Task.Ordinal()]++
		}
	}
	for ordinal, n := range times {
		if _, is := s.ends[ordinal]; !is || n != 1 {
			s.Errorf("task %d went to %s %d times, selected %t", ordinal, to, n, is)
		}
	}
	if len(times) != len(s.ends) {
		s.Errorf("%d tasks went to %s, want %d", len(times), to, len(s.ends))
	}
	return s
}
