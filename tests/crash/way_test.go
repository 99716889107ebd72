//go:build crash

package crash

import (
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/task"
)

// way is what a plan does while the fault happens. The zero value is its work, several
// tasks at a time.
type way struct {
	undo       bool // it is rolled back, after its work was done
	inSequence bool // one task at a time
}

// mostInSequence bounds a plan in sequence, which takes its time.
const mostInSequence = 30

// everyWay returns the rows of all ways.
func everyWay(rows func(w way) []row) []row {
	all := rows(way{})
	return append(all, everyWayBack(rows)...)
}

// everyWayBack returns the rows of the ways that are rollbacks.
func everyWayBack(rows func(w way) []row) (all []row) {
	for _, w := range []way{{undo: true}, {undo: true, inSequence: true}} {
		for _, r := range rows(w) {
			r.name += w.String()
			r.extent = max(r.extent, short)
			all = append(all, r)
		}
	}
	return all
}

func (w way) String() string {
	switch {
	case w.undo && w.inSequence:
		return ", undo in sequence"
	case w.undo:
		return ", undo"
	case w.inSequence:
		return ", in sequence"
	}
	return ""
}

// ends returns what becomes of a plan, and of its tasks that ran.
func (w way) ends() (plan.State, task.State) {
	if w.undo {
		return plan.RolledBack, task.RolledBack
	}
	return plan.Completed, task.Completed
}

// carryOut has the work of the plan done. In a sequence one task is paused for a while,
// so that the order of completion is not that of the list.
func (s *site) carryOut(tenants int) {
	s.Helper()
	mover := s.worker("mover", func(o *orders) { o.Pace = max(5*time.Millisecond, 120*time.Millisecond/time.Duration(tenants)) })
	if s.way.inSequence {
		s.passOver()
	}
	s.finishAs(s.plan, plan.Completed)
	mover.stop()
}

// passOver pauses a task that runs until all others are done.
func (s *site) passOver() {
	s.Helper()
	var passed task.Task
	s.await("a task to be paused", func() (paused bool) {
		passed, paused = s.pauseOne(passed)
		return paused
	})
	s.await("the others to be done", func() bool {
		p, err := s.store.Plan(s.Context(), s.plan)
		return err == nil && p.AtRest()
	})
	if _, err := s.engine.ResumeTask(s.Context(), passed.ID); err != nil {
		s.Fatal(err)
	}
}

// pauseOne asks the task that runs to pause, unless asked was asked before and has not
// come to its end, and returns the one that was asked and whether it is paused.
func (s *site) pauseOne(asked task.Task) (task.Task, bool) {
	s.Helper()
	for _, t := range s.tasks(s.plan) {
		if t.ID == asked.ID && t.State != task.Completed {
			return t, t.State == task.Paused
		}
	}
	for _, t := range s.tasks(s.plan) {
		if t.State != task.Running {
			continue
		}
		if a, err := s.engine.PauseTask(s.Context(), t.ID); err == nil {
			return a.Task, false
		}
	}
	return task.Task{}, false
}

// rollBack gives the command.
func (s *site) rollBack() {
	s.Helper()
	if _, err := s.engine.Rollback(s.Context(), s.plan); err != nil {
		s.Fatal(err)
	}
}
