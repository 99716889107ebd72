package storetest

import (
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// deferUndo: an undo can hold, and wait for a place in a quota.
func deferUndo(e *env) {
	for _, why := range []task.WaitReason{task.WaitHold, task.WaitPlace} {
		r, j := undoing(e)
		r.wait(j, why, 0)
		t := r.task(1)
		equal(e, "state", t.State, task.RollingBack)
		equal(e, "waiting", t.Waiting, true)
		equal(e, "waiting, as counted", r.read().Counters.Waiting, 1)
		equal(e, "settled", r.settle().State, plan.RollingBack)
		next := r.take("another", 1)[0]
		equal(e, "state when claimed again", next.State, task.RollingBack)
		equal(e, "reason when claimed again", next.Wait.Why, why)
		r.do(next.work(store.Undone))
		equal(e, "reason when undone", r.task(1).Wait.Why, task.NoWait)
		equal(e, "plan", r.settle().State, plan.RolledBack)
	}
}

func deferStoppingUndo(e *env) {
	r, j := undoing(e)
	r.give(plan.Plan.Cancel)
	w := j.deferred(task.WaitHold, time.Hour)
	w.Failure = &task.FailureInfo{Reason: "stopped", ErrorCode: task.CodeRollbackStopped}
	equal(e, "state answered", r.do(w).State, task.RollbackFailed)
	t := r.task(1)
	equal(e, "failure", code(t.Failure), task.CodeRollbackStopped)
	equal(e, "reason", t.Wait.Why, task.NoWait)
	equal(e, "waiting, as counted", r.read().Counters.Waiting, 0)
	equal(e, "plan", r.settle().State, plan.RollbackFailed)
}

// deferredUndoStops: no worker claims an undo that is being stopped, also if its wait is over.
func deferredUndoStops(e *env) {
	r, j := undoing(e)
	r.wait(j, task.WaitHold, 0)
	r.outwait(1)
	r.claims("before the cancel", true)
	r.give(plan.Plan.Cancel)
	r.claims("after the cancel", false)
	r.expect(1)
	equal(e, "waiting", r.task(1).Waiting, true)
	r.halt(1)
	equal(e, "waiting, as counted", r.read().Counters.Waiting, 0)
	equal(e, "plan", r.settle().State, plan.RollbackFailed)
}

func deferUndoIllegal(e *env) {
	r, j := undoing(e)
	before := r.task(1)
	for _, why := range []task.WaitReason{task.WaitBackoff, task.WaitProving} {
		w := j.deferred(why, 0)
		w.Elapsed = time.Minute
		changes, _ := r.commit(w)
		e.refused("an undo that waits for "+why.String(), changes[0].Err)
	}
	after := r.task(1)
	equal(e, "version", after.Version, before.Version)
	equal(e, "elapsed", after.Elapsed, before.Elapsed)
	equal(e, "worker", after.Worker, "worker")
	r.do(j.work(store.Undone))
}
