package storetest

import (
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// elapsedStored: every change that is applied stores the time that the attempt has taken, in whole
// milliseconds, and no other does.
func elapsedStored(e *env) {
	kinds := []store.ChangeKind{store.Save, store.Yield, store.Complete, store.Fail, store.Defer}
	r := e.start(len(kinds), concurrently(len(kinds)))
	for i, j := range r.take("worker", len(kinds)) {
		w := j.work(kinds[i])
		if w.Kind == store.Defer {
			w = j.deferred(task.WaitProving, time.Hour)
		}
		w.Elapsed = 90*time.Second + 1999*time.Microsecond
		r.do(w)
		elapsed := func(what string) {
			e.Helper()
			equal(e, what, r.task(i+1).Elapsed, 90*time.Second+time.Millisecond)
		}
		elapsed("elapsed")
		w.Elapsed = time.Hour
		r.again(w)
		elapsed("elapsed after a repeat")
		w.Token, w.Seq = w.Token-1, w.Seq+1
		changes, _ := r.commit(w)
		e.is(changes[0].Err, store.ErrFenced)
		elapsed("elapsed after a stale change")
	}
	next := r.take("another", 1)[0] // the task that was yielded
	equal(e, "elapsed when claimed again", next.Elapsed, 90*time.Second+time.Millisecond)
	r.do(next.save("STEP", "1"))
	equal(e, "elapsed after a change that took none", r.task(2).Elapsed, 0)
}

// elapsedCleared: the next attempt, and an undo, begin without any time.
func elapsedCleared(e *env) {
	r := e.start(4, concurrently(4))
	for i, kind := range []store.ChangeKind{store.Fail, store.Complete, store.Complete, store.Save} {
		w := r.take("worker", 1)[0].work(kind)
		w.Elapsed = time.Minute
		r.do(w)
		equal(e, "elapsed", r.task(i+1).Elapsed, time.Minute)
	}
	r.order(1, retryTask)
	equal(e, "elapsed after a retry", r.task(1).Elapsed, 0)
	r.order(2, plan.Plan.RollbackTask)
	equal(e, "elapsed after a rollback", r.task(2).Elapsed, 0)
	r.lose(4, 9)
	equal(e, "elapsed after a loss", r.task(4).Elapsed, time.Minute)
	r.give(plan.Plan.Rollback)
	for _, o := range []int{1, 4} {
		r.halt(o)
	}
	r.settle()
	for _, j := range r.take("worker", 4) {
		equal(e, "elapsed of an undo", j.Elapsed, 0)
	}
}
