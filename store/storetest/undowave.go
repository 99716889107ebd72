package storetest

import (
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

func undoWaveCases() []testCase {
	return []testCase{
		{name: "undone while a later one runs", run: undoPassedWave},
		{name: "undone after what runs in it", run: undoWaveStops},
		{name: "undone in a paused plan, and gone on with", run: undoOpenWave},
		{name: "undone in the reverse order of ends", run: undoWaveSequential},
		{name: "undone in part", run: undoWaveFails},
		{name: "undone until the cancel", run: undoWaveCanceled},
		{name: "undone without a worker until the cancel", run: undoWaveCanceledUnheld},
		{name: "undone until the rollback of the plan", run: undoWaveOvertaken},
		{name: "undone because of a breach", run: undoWaveByBreach},
		{name: "undone beside pending ones, strict", run: undoWaveStrict},
	}
}

// undoWaveStrict: in strict mode undos are in flight, too: those that a claim takes keep pending
// tasks back that the same claim would take otherwise.
func undoWaveStrict(e *env) {
	r := e.startWaved(strictly(5, 1), 2, 9)
	r.run(2, store.Complete)
	r.settle()
	r.give(rollBackWave(1))
	r.settle()
	undos := r.expect(5, 2, 1)
	r.do(undos[0].work(store.Undone))
	r.expect(5, 3)
	r.do(undos[1].work(store.Undone))
	r.expect(5, 4)
	r.expect(5)
}

// rollBackWave is the rollback of a wave, as a command.
func rollBackWave(wave int) command {
	return func(p plan.Plan, by plan.By) (plan.Decision, error) { return p.RollbackWave(wave, by) }
}

// inThirdWave returns a plan with waves of two tasks each, of which two are over.
func (e *env) inThirdWave(slots int) *rollout {
	e.Helper()
	r := e.startWaved(concurrently(slots), 2, 4, 6)
	for range 2 {
		r.run(2, store.Complete)
		r.settle()
	}
	equal(e, "open", r.read().Wave, 3)
	return r
}

// undoes undoes tasks in this order, one by one.
func undoes(r *rollout, ordinals ...int) {
	r.Helper()
	for _, o := range ordinals {
		r.do(r.expect(1, o)[0].work(store.Undone))
	}
}

// untouched checks that tasks are as they were.
func untouched(r *rollout, want task.State, ordinals ...int) {
	r.Helper()
	for _, o := range ordinals {
		equal(r.env, "task outside the wave", r.task(o).State, want)
	}
}

// undoPassedWave: the undos of a wave come before the pending tasks of the open one, under the same
// slots, and the round ends with the wave.
func undoPassedWave(e *env) {
	r := e.inThirdWave(2)
	version := r.read().Undo.Round
	p := r.give(rollBackWave(2))
	equal(e, "the wave", p.Undo, plan.Undo{Round: version + 1, First: 3, Last: 4})
	equal(e, "undone", p.Undone, []int{2})
	equal(e, "state", p.State, plan.Running)
	equal(e, "open after the next step", r.settle().Undo.Open, true)
	r.claims("the round is open", true)
	jobs := r.expect(9, 4, 3)
	equal(e, "state of the task", jobs[0].State, task.RollingBack)
	equal(e, "counters", r.read().WaveCounters[1], plan.WaveCounters{InFlight: 2})
	r.do(jobs[0].work(store.Undone))
	later := r.expect(9, 5)[0]
	equal(e, "dry", r.read().UndosExhausted, true)
	r.do(jobs[1].work(store.Undone))
	equal(e, "counters at the end", r.read().WaveCounters[1], plan.WaveCounters{Ended: 2})
	before := r.lastEvent().Seq
	p = r.settle()
	equal(e, "at the end", p.Undo, plan.Undo{Round: version + 1})
	last := r.events(before)
	if len(last) != 1 || last[0].Cause != "undo" || last[0].Wave != 2 || last[0].AtRest {
		e.Errorf("events %+v", last)
	}
	later.ends(r)
	r.run(1, store.Complete)
	equal(e, "plan", r.settle().State, plan.Completed)
	untouched(r, task.Completed, 1, 2, 5, 6)
	untouched(r, task.RolledBack, 3, 4)
}

// undoWaveStops: what runs in the wave is canceled, and nothing else; the round waits for it.
func undoWaveStops(e *env) {
	r := e.startWaved(concurrently(9), 2, 4, 6)
	r.run(1, store.Fail)
	r.run(1, store.Complete)
	r.settle()
	r.order(1, retryTask)
	jobs := r.expect(9, 1, 3)
	p := r.give(rollBackWave(1))
	equal(e, "in flight", p.WaveCounters[0], plan.WaveCounters{Ended: 1, InFlight: 1})
	equal(e, "open while the wave runs", r.settle().Undo.Open, false)
	held := e.heldBy(r, "worker")
	equal(e, "stop in a heartbeat", held[jobs[0].ID].Stop, task.StopCancel)
	equal(e, "stop of another wave", held[jobs[1].ID].Stop, task.Go)
	changes, _ := r.commit(jobs[0].save("STEP", "1"), jobs[1].save("STEP", "1"))
	equal(e, "stop", changes[0].Stop, task.StopCancel)
	equal(e, "stop of another wave at its save", changes[1].Stop, task.Go)
	r.expect(9)
	r.do(jobs[0].work(store.Yield))
	r.do(jobs[1].work(store.Yield))
	equal(e, "yielded", r.task(1).State, task.Canceled)
	equal(e, "yielded elsewhere", r.task(3).State, task.Running)
	r.expect(1, 3)
	equal(e, "open at last", r.settle().Undo.Open, true)
	undoes(r, 2, 1)
	equal(e, "plan", r.settle().State, plan.Running)
}

// undoOpenWave: the open wave of a paused plan is undone; its pending tasks stay, and begin after
// the resume.
func undoOpenWave(e *env) {
	r := e.startWaved(concurrently(2), 3, 5)
	r.run(1, store.Complete)
	running := r.expect(1, 2)[0]
	r.give(plan.Plan.Pause)
	r.give(rollBackWave(1))
	r.settle()
	equal(e, "stop", r.do(running.save("STEP", "1")).Stop, task.StopCancel)
	r.do(running.deferred(task.WaitHold, time.Hour))
	equal(e, "deferred", r.task(2).State, task.Canceled)
	equal(e, "open", r.settle().Undo.Open, true)
	r.claims("undos in a paused plan", true)
	equal(e, "rests", r.read().AtRest(), false)
	undoes(r, 2, 1)
	p := r.settle()
	equal(e, "plan", p.State, plan.Paused)
	equal(e, "at rest", p.AtRest(), true)
	equal(e, "told to be at rest", r.lastEvent().AtRest, true)
	r.claims("nothing is left", false)
	untouched(r, task.Pending, 3, 4, 5)
	r.give(plan.Plan.Resume)
	r.expect(9, 3)[0].ends(r)
	equal(e, "the next wave", r.settle().Wave, 2)
}

// undoWaveSequential: a sequential plan undoes the tasks of a wave in the reverse of the order in
// which they ended; what ends meanwhile, outside the wave, has its place in the order for later.
func undoWaveSequential(e *env) {
	r := e.startWaved(tolerating(1, 6), 3, 5)
	r.run(1, store.Fail)
	r.run(2, store.Complete)
	r.order(1, retryTask)
	r.expect(9, 1)[0].ends(r)
	equal(e, "open", r.settle().Wave, 2)
	r.run(1, store.Complete) // 4
	r.give(rollBackWave(1))
	r.settle()
	undoes(r, 1)
	r.order(4, plan.Plan.RollbackTask)
	undoes(r, 4, 3, 2)
	r.settle()
	r.run(1, store.Complete) // 5
	r.settle()
	r.give(plan.Plan.Rollback)
	r.settle()
	undoes(r, 5)
	equal(e, "plan", r.settle().State, plan.RolledBack)
}

// undoWaveFails: an undo that fails is not tried again, but by the next rollback of the wave; the
// last event says that one has failed.
func undoWaveFails(e *env) {
	r := e.inThirdWave(1)
	r.give(rollBackWave(1))
	r.settle()
	r.do(r.expect(1, 2)[0].work(store.UndoFail))
	undoes(r, 1)
	equal(e, "counters", r.read().WaveCounters[0], plan.WaveCounters{Ended: 2, RollbackFailed: 1})
	r.settle()
	equal(e, "cause", r.lastEvent().Cause, "undo failure")
	r.give(rollBackWave(1))
	r.settle()
	undoes(r, 2)
	r.settle()
	equal(e, "cause of the second", r.lastEvent().Cause, "undo")
	untouched(r, task.Completed, 3, 4)
}

// undoWaveCanceled: a cancel stops the undos of a wave, also if the plan is over.
func undoWaveCanceled(e *env) {
	r := e.startWaved(concurrently(2), 2, 4)
	r.run(2, store.Complete)
	r.settle()
	r.run(2, store.Complete)
	equal(e, "plan", r.settle().State, plan.Completed)
	r.give(rollBackWave(2))
	r.settle()
	j := r.expect(1, 4)[0]
	p := r.give(plan.Plan.Cancel)
	equal(e, "state", p.State, plan.Completed)
	equal(e, "stopping", p.Undo.Stopping, true)
	r.expect(9)
	equal(e, "stop", r.do(j.save("STEP", "1")).Stop, task.StopCancel)
	r.do(j.work(store.Yield))
	equal(e, "undo", r.task(4).State, task.RollbackFailed)
	p = r.settle()
	equal(e, "stopped", p.Undo.Stopping, false)
	equal(e, "over", p.Over(), true)
	untouched(r, task.Completed, 1, 2, 3)
}

// undoWaveCanceledUnheld: no worker claims an undo that is being stopped, while the plan is over
// and while it runs again; what else waits for a worker is claimed.
func undoWaveCanceledUnheld(e *env) {
	r := e.startWaved(tolerating(2, 1), 2, 4)
	r.run(1, store.Fail)
	r.run(1, store.Complete)
	r.settle()
	r.run(2, store.Complete)
	equal(e, "plan", r.settle().State, plan.Completed)
	r.give(rollBackWave(2))
	r.settle()
	r.do(r.expect(1, 4)[0].work(store.Yield))
	equal(e, "without a worker", r.task(4).State, task.RollingBack)
	r.claims("before the cancel", true)
	p := r.give(plan.Plan.Cancel)
	equal(e, "stopping", p.Undo.Stopping, true)
	r.claims("after the cancel", false)
	r.expect(9)
	r.order(1, retryTask)
	r.claims("with another task", true)
	j := r.expect(9, 1)[0]
	_, view := r.commit(j.save("STEP", "1"))
	equal(e, "claimable after a save", view.Claimable, false)
	r.halt(4)
	equal(e, "undo", r.task(4).State, task.RollbackFailed)
	equal(e, "stopped", r.settle().Undo.Stopping, false)
}

// undoWaveOvertaken: a rollback of the plan goes on with what the wave's has left, and with the
// rest.
func undoWaveOvertaken(e *env) {
	r := e.inThirdWave(2)
	r.give(rollBackWave(1))
	r.settle()
	j := r.expect(1, 2)[0]
	r.give(plan.Plan.Rollback)
	r.settle()
	equal(e, "stop", r.do(j.save("STEP", "1")).Stop, task.Go)
	undoes(r, 4)
	r.do(j.work(store.Undone))
	undoes(r, 3, 1)
	equal(e, "plan", r.settle().State, plan.RolledBack)
}

// undoWaveByBreach: the failure action of that name fails the plan, and then undoes the wave.
func undoWaveByBreach(e *env) {
	s := tolerating(2, 1)
	s.FailureAction = strategy.RollbackWave
	r := e.startWaved(s, 2, 5)
	r.run(2, store.Complete)
	r.settle()
	jobs := r.expect(9, 3, 4)
	r.do(jobs[0].work(store.Fail))
	r.do(jobs[1].work(store.Fail))
	p := r.settle()
	equal(e, "state", p.State, plan.Failed)
	equal(e, "wave", p.Undo, plan.Undo{Round: 1, First: 3, Last: 5, Open: true})
	undoes(r, 4, 3)
	p = r.settle()
	equal(e, "state after the undo", p.State, plan.Failed)
	equal(e, "at rest", p.AtRest(), true)
	untouched(r, task.Completed, 1, 2)
	untouched(r, task.Pending, 5)
}
