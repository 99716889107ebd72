package storetest

import (
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

func undoCases() []testCase {
	return []testCase{
		{name: "undo from the last ordinal", run: undoFromLast},
		{name: "undo in the reverse order of ends", run: undoSequential},
		{name: "undo not before nothing runs", run: undoWaits},
		{name: "undo without a worker from the last ordinal", run: undoUnheldFromLast},
		{name: "undo what ran only", run: undoWhatRan},
		{name: "undo nothing", run: undoNothing},
		{name: "undo that fails is not tried again", run: undoFails},
		{name: "undo in a new round", run: undoAgain},
		{name: "undo keeps to what may be held", run: undoHeld},
		{name: "undo that is being stopped is not claimed", run: undoStopping},
	}
}

func undoFromLast(e *env) {
	r := e.start(6, concurrently(2))
	r.run(6, store.Complete)
	r.settle()
	p := r.give(plan.Plan.Rollback)
	equal(e, "open", p.Undo.Open, true)
	equal(e, "dry at first", p.UndosExhausted, false)
	first := r.expect(5, 6, 5)
	equal(e, "state", first[0].State, task.RollingBack)
	r.do(first[0].work(store.Undone))
	second := r.expect(5, 4)
	r.do(second[0].work(store.Undone))
	r.do(first[1].work(store.Undone))
	for _, want := range []int{3, 2, 1} {
		r.do(r.expect(1, want)[0].work(store.Undone))
	}
	r.expect(1)
	equal(e, "dry at last", r.read().UndosExhausted, true)
	equal(e, "plan", r.settle().State, plan.RolledBack)
	r.expect(1)
}

// undoUnheldFromLast: tasks that are undone by commands on each of them, and those that were given
// back, come from the last ordinal down.
func undoUnheldFromLast(e *env) {
	r := e.start(5, concurrently(2))
	r.run(5, store.Complete)
	equal(e, "plan", r.settle().State, plan.Completed)
	for _, o := range []int{2, 4, 1, 5} {
		r.order(o, plan.Plan.RollbackTask)
	}
	jobs := r.expect(9, 5, 4)
	r.do(jobs[0].work(store.Yield))
	again := r.expect(9, 5)
	r.do(jobs[1].work(store.Undone))
	r.do(again[0].work(store.Undone))
	undoes(r, 2, 1)
	untouched(r, task.Completed, 3)
}

// undoSequential: a sequential plan undoes its tasks in the reverse of the order in which they
// ended, even if that was not the order of their ordinals.
func undoSequential(e *env) {
	r := e.start(4, tolerating(1, 4))
	r.run(1, store.Complete) // 1
	r.run(1, store.Fail)     // 2
	r.run(1, store.Complete) // 3
	r.order(2, func(p plan.Plan, t task.Task, by plan.By) (plan.Decision, error) {
		return p.RetryTask(t, task.FromCheckpoint, by)
	})
	r.do(r.expect(1, 2)[0].work(store.Complete)) // 2 again: its work ends last but one
	r.run(1, store.Complete)                     // 4
	r.give(plan.Plan.Rollback)
	r.settle()
	for _, want := range []int{4, 2, 3, 1} {
		r.do(r.expect(4, want)[0].work(store.Undone))
	}
	r.expect(1)
	equal(e, "plan", r.settle().State, plan.RolledBack)
}

func undoWaits(e *env) {
	r := e.start(5, concurrently(2))
	r.run(2, store.Complete)
	jobs := r.expect(2, 3, 4)
	r.give(plan.Plan.Rollback)
	r.expect(5)
	equal(e, "stop", r.do(jobs[0].save("STEP", "1")).Stop, task.StopCancel)
	r.do(jobs[0].work(store.Yield))
	r.settle()
	r.expect(5)
	r.do(jobs[1].work(store.Complete))
	r.settle()
	r.expect(5, 4, 3)
}

func undoWhatRan(e *env) {
	r := e.start(6, concurrently(6))
	r.order(1, plan.Plan.SkipTask)
	r.order(2, plan.Plan.CancelTask)
	jobs := r.expect(3, 3, 4, 5)
	r.do(jobs[0].work(store.Complete))
	r.do(jobs[1].work(store.Fail))
	r.order(5, plan.Plan.PauseTask)
	r.do(jobs[2].work(store.Yield))
	r.give(plan.Plan.Rollback)
	r.settle()
	for _, j := range r.expect(6, 5, 4, 3) {
		equal(e, "still paused alone", j.PausedIndividually, false)
		r.do(j.work(store.Undone))
	}
	equal(e, "plan", r.settle().State, plan.RolledBack)
	equal(e, "the one that never ran", r.task(6).State, task.Canceled)
	equal(e, "the one that was skipped", r.task(1).State, task.Skipped)
}

func undoNothing(e *env) {
	r := e.start(3, concurrently(1))
	r.give(plan.Plan.Rollback)
	r.settle()
	r.expect(1)
	equal(e, "dry", r.settle().UndosExhausted, true)
	equal(e, "plan", r.read().State, plan.RolledBack)
}

func undoFails(e *env) {
	r := e.start(3, concurrently(3))
	r.run(3, store.Complete)
	r.give(plan.Plan.Rollback)
	r.settle()
	jobs := r.expect(3, 3, 2, 1)
	r.do(jobs[0].work(store.UndoFail))
	r.do(jobs[1].work(store.Undone))
	r.expect(3)
	r.do(jobs[2].work(store.Undone))
	p := r.settle()
	equal(e, "plan", p.State, plan.RollbackFailed)
	if f := r.task(3).Failure; f == nil || f.ErrorCode != "BROKEN" {
		e.Errorf("failure %+v", f)
	}
	p = r.order(3, plan.Plan.SkipTask)
	equal(e, "plan after the skip", p.State, plan.RolledBack)
}

func undoAgain(e *env) {
	r := e.start(4, concurrently(1))
	r.run(4, store.Complete)
	r.give(plan.Plan.Rollback)
	r.settle()
	r.do(r.expect(1, 4)[0].work(store.Undone))
	r.do(r.expect(1, 3)[0].work(store.UndoFail))
	j := r.expect(1, 2)[0]
	r.give(plan.Plan.Cancel)
	r.do(j.work(store.Yield))
	r.settle()
	r.expect(1)

	p := r.give(plan.Plan.Rollback)
	equal(e, "round", p.Undo.Round, 2)
	r.settle()
	seen := map[int]bool{}
	for range 3 {
		j := r.take("worker", 1)[0]
		seen[j.ID.Ordinal()] = true
		r.do(j.work(store.Undone))
	}
	if !seen[1] || !seen[2] || !seen[3] {
		e.Errorf("undone in the second round: %v, want 1, 2 and 3", seen)
	}
	equal(e, "plan", r.settle().State, plan.RolledBack)
}

func undoHeld(e *env) {
	r := e.start(6, concurrently(2))
	r.run(6, store.Complete)
	r.give(plan.Plan.Rollback)
	r.settle()
	jobs := r.expect(6, 6, 5)
	r.do(jobs[0].work(store.Yield))
	again := r.expect(6, 6)[0] // the yielded task comes first, then the round continues
	r.do(again.work(store.Undone))
	r.expect(6, 4)
}

func undoStopping(e *env) {
	r, j := undoing(e)
	r.do(j.work(store.Yield))
	r.claims("before the cancel", true)
	p := r.give(plan.Plan.Cancel)
	equal(e, "stopping", p.Undo.Stopping, true)
	r.claims("after the cancel", false)
	r.expect(1)
	equal(e, "state", r.task(1).State, task.RollingBack)
	r.halt(1)
	equal(e, "plan", r.settle().State, plan.RollbackFailed)
}
