//go:build crash

package crashtest

import (
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/task"
)

// Way says what a plan does when the fault happens. The zero value means that it runs several tasks
// at the same time.
type Way struct {
	Undo       bool // the plan has completed and is rolled back
	InSequence bool // one task at a time
}

// mostInSequence is the maximum number of tenants of a plan in sequence, because such a plan is
// slow.
const mostInSequence = 30

// EveryWay returns the rows for the zero way and for both ways of a rollback.
func EveryWay[S Sited](rows func(w Way) []Row[S]) []Row[S] {
	all := rows(Way{})
	return append(all, EveryWayBack(rows)...)
}

// EveryWayBack returns the rows for both ways of a rollback.
func EveryWayBack[S Sited](rows func(w Way) []Row[S]) (all []Row[S]) {
	for _, w := range []Way{{Undo: true}, {Undo: true, InSequence: true}} {
		for _, r := range rows(w) {
			r.Name += w.String()
			r.Extent = max(r.Extent, Short)
			all = append(all, r)
		}
	}
	return all
}

func (w Way) String() string {
	switch {
	case w.Undo && w.InSequence:
		return ", undo in sequence"
	case w.Undo:
		return ", undo"
	case w.InSequence:
		return ", in sequence"
	}
	return ""
}

// Ends returns the expected final state of a plan, and of its tasks that ran.
func (w Way) Ends() (plan.State, task.State) {
	if w.Undo {
		return plan.RolledBack, task.RolledBack
	}
	return plan.Completed, task.Completed
}

// carryOut runs the plan to its completion. If the plan runs in sequence, carryOut pauses one task
// until all others are done, so that the order of completion differs from the order of the list.
func (s *Site) carryOut(tenants int) {
	s.Helper()
	mover := s.Launch("mover", func(o *Orders) { o.Pace = max(5*time.Millisecond, 120*time.Millisecond/time.Duration(tenants)) })
	if s.Way.InSequence {
		s.passOver()
	}
	s.FinishAs(s.Plan, plan.Completed)
	mover.Stop()
}

// passOver pauses a running task, and resumes it when all others are done.
func (s *Site) passOver() {
	s.Helper()
	var passed task.Task
	s.Await("a task to be paused", func() (paused bool) {
		passed, paused = s.pauseOne(passed)
		return paused
	})
	s.Await("the others to be done", func() bool {
		p, err := s.Store.Plan(s.Context(), s.Plan)
		return err == nil && p.AtRest()
	})
	if _, err := s.Engine.ResumeTask(s.Context(), passed.ID); err != nil {
		s.Fatal(err)
	}
}

// pauseOne requests a pause of the running task, and returns the task and whether it is paused.
// asked is the task of the previous call. While asked has not completed, pauseOne requests no other
// pause.
func (s *Site) pauseOne(asked task.Task) (task.Task, bool) {
	s.Helper()
	for _, t := range s.Tasks(s.Plan) {
		if t.ID == asked.ID && t.State != task.Completed {
			return t, t.State == task.Paused
		}
	}
	for _, t := range s.Tasks(s.Plan) {
		if t.State != task.Running {
			continue
		}
		if a, err := s.Engine.PauseTask(s.Context(), t.ID); err == nil {
			return a.Task, false
		}
	}
	return task.Task{}, false
}

// RollBack gives the rollback command.
func (s *Site) RollBack() {
	s.Helper()
	if _, err := s.Engine.Rollback(s.Context(), s.Plan); err != nil {
		s.Fatal(err)
	}
}
