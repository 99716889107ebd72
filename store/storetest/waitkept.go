package storetest

import (
	"slices"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// waitKept: a task shows the last wait that it had, while workers run it and while it is paused.
func waitKept(e *env) {
	r := e.start(1, concurrently(1))
	w := r.take("worker", 1)[0].deferred(task.WaitHold, 0)
	w.Elapsed = time.Minute
	r.do(w)
	until := r.task(1).Wait.Until
	kept := func(what string) {
		e.Helper()
		t := r.task(1)
		if t.Wait.Why != task.WaitHold || !t.Wait.Until.Equal(until) || t.Waiting {
			e.Errorf("%s: the wait is %+v, waiting: %t; want one until %s", what, t.Wait, t.Waiting, until)
		}
	}
	j := r.take("worker", 1)[0]
	kept("claimed")
	r.do(j.save("STEP", "1"))
	kept("saved")
	r.do(j.work(store.Yield))
	kept("yielded")
	r.take("lost", 1)
	r.lose(1, 9)
	kept("lost")
	j = r.take("worker", 1)[0]
	r.order(1, plan.Plan.PauseTask)
	kept("asked to pause")
	r.do(j.work(store.Yield))
	kept("paused")
	r.order(1, plan.Plan.ResumeTask)
	kept("resumed")
	r.take("worker", 1)
	kept("claimed again")
}

// waitCleared: a task that ends, or whose undo ends, shows no wait.
func waitCleared(e *env) {
	r := e.start(6, concurrently(6))
	kinds := []store.ChangeKind{store.Complete, store.Fail, store.Yield, store.Undone, store.UndoFail}
	jobs := r.take("worker", 5)
	for _, j := range jobs[3:] {
		j.ends(r)
		r.order(j.ID.Ordinal(), plan.Plan.RollbackTask)
	}
	for _, j := range append(jobs[:3:3], r.take("worker", 2)...) {
		r.wait(j, task.WaitHold, 0)
	}
	jobs = r.take("worker", 5)
	slices.SortFunc(jobs, func(a, b *job) int { return a.ID.Ordinal() - b.ID.Ordinal() })
	r.order(3, plan.Plan.CancelTask)
	for i, j := range jobs {
		equal(e, "reason when claimed", j.Wait.Why, task.WaitHold)
		r.do(j.work(kinds[i]))
		t := r.task(i + 1)
		if t.Wait.Why != task.NoWait || !t.Wait.Until.IsZero() {
			e.Errorf("task %d is %s, its wait is %+v", i+1, t.State, t.Wait)
		}
	}
	last := r.take("worker", 1)[0]
	r.wait(last, task.WaitHold, 0)
	r.take("worker", 1)
	r.lose(6, 0)
	t := r.task(6)
	equal(e, "state of the task that was lost too often", t.State, task.Failed)
	equal(e, "reason of the task that was lost too often", t.Wait.Why, task.NoWait)
}

// waitBegunAnew: a retry and an undo begin without the wait of what was paused.
func waitBegunAnew(e *env) {
	r := e.start(3, concurrently(3))
	for _, j := range r.take("worker", 3) {
		r.wait(j, task.WaitHold, time.Hour)
		r.order(j.ID.Ordinal(), plan.Plan.PauseTask)
	}
	r.order(1, retryTask)
	j := r.expect(3, 1)[0]
	equal(e, "attempt after a retry", j.Attempt, 2)
	equal(e, "reason after a retry", j.Wait.Why, task.NoWait)
	j.ends(r)
	r.order(2, plan.Plan.RollbackTask)
	j = r.expect(3, 2)[0]
	equal(e, "reason after a rollback", j.Wait.Why, task.NoWait)
	r.do(j.work(store.Undone))
	r.give(plan.Plan.Rollback)
	r.settle()
	for _, j := range r.expect(3, 3, 1) {
		equal(e, "reason after the plan's rollback", j.Wait.Why, task.NoWait)
		equal(e, "elapsed after the plan's rollback", j.Elapsed, 0)
	}
}
