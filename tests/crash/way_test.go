//go:build crash

package crash

import (
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/task"
)

// way says what a plan does when the fault happens. The zero value means that it runs several tasks
// at the same time.
type way struct {
	undo       bool // the plan has completed and is rolled back
	inSequence bool // one task at a time
}

// mostInSequence is the maximum number of tenants of a plan in sequence, because such a plan is
// slow.
const mostInSequence = 30

// everyWay returns the rows for the zero way and for both ways of a rollback.
func everyWay(rows func(w way) []row) []row {
	all := rows(way{})
	return append(all, everyWayBack(rows)...)
}

// everyWayBack returns the rows for both ways of a rollback.
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

// ends returns the expected final state of a plan, and of its tasks that ran.
func (w way) ends() (plan.State, task.State) {
	if w.undo {
		return plan.RolledBack, task.RolledBack
	}
	return plan.Completed, task.Completed
}

// carryOut runs the plan to its completion. If the plan runs in sequence, carryOut pauses one task
// until all others are done, so that the order of completion differs from the order of the list.
func (s *site) carryOut(tenants int) {
	s.Helper()
	mover := s.worker("mover", func(o *orders) { o.Pace = max(5*time.Millisecond, 120*time.Millisecond/time.Duration(tenants)) })
	if s.way.inSequence {
		s.passOver()
	}
	s.finishAs(s.plan, plan.Completed)
	mover.stop()
}

// passOver pauses a running task, and resumes it when all others are done.
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

// pauseOne requests a pause of the running task, and returns the task and whether it is paused.
// asked is the task of the previous call. While asked has not completed, pauseOne requests no other
// pause.
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

// rollBack gives the rollback command.
func (s *site) rollBack() {
	s.Helper()
	if _, err := s.engine.Rollback(s.Context(), s.plan); err != nil {
		s.Fatal(err)
	}
}
