package storetest

import (
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

func waitEditCases() []testCase {
	return []testCase{
		{name: "edited", run: waitEdited},
		{name: "woken", run: waitWoken},
		{name: "paused and resumed", run: waitResumed},
		{name: "resumed with no slot free", run: waitResumedFull},
		{name: "resumed, more than there are slots", run: waitResumedMany},
		{name: "resumed in a plan that is paused", run: waitResumedLater},
		{name: "resumed when it is over", run: waitResumedDue},
		{name: "cancelled", run: waitCanceled},
		{name: "halted by a paused plan", run: waitHaltedPause},
		{name: "halted by a cancelled plan", run: waitHaltedCancel},
		{name: "halted by a rollback", run: waitHaltedRollback},
		{name: "an undo that waits is stopped", run: waitUndoStopped},
		{name: "kept by what leaves the task in flight", run: waitKept},
		{name: "cleared by what ends the task", run: waitCleared},
		{name: "cleared by the next attempt and by an undo", run: waitBegunAnew},
	}
}

// matches compares the counters that a decision announces with those that the store counted.
func (r *rollout) matches(ordinal int, c taskCommand) {
	r.Helper()
	d := r.decision(func(p plan.Plan) (plan.Decision, error) { return c(p, r.task(ordinal), by()) })
	equal(r.env, "counters", r.send(d).Counters, d.Plan.Counters)
}

// waitEdited: an edit takes a task out of those that wait, whatever it changes, and stores the wait
// and the time that it names.
func waitEdited(e *env) {
	r := e.start(2, concurrently(2))
	for _, j := range r.take("worker", 2) {
		r.wait(j, task.WaitHold, time.Hour)
	}
	before := r.task(1)
	until := before.Wait.Until.Add(-time.Minute)
	r.order(1, func(p plan.Plan, t task.Task, _ plan.By) (plan.Decision, error) {
		d := task.Edit{ID: t.ID, Version: t.Version, Control: t.Control}
		d.Wait, d.Elapsed = task.Wait{Why: task.WaitProving, Until: until}, 90*time.Millisecond
		return plan.Decision{Plan: p, Changed: true, Edits: []task.Edit{d}}, nil
	})
	t := r.task(1)
	equal(e, "waiting", t.Waiting, false)
	equal(e, "state", t.State, task.Running)
	equal(e, "reason", t.Wait.Why, task.WaitProving)
	equal(e, "until", t.Wait.Until.Equal(until), true)
	equal(e, "elapsed", t.Elapsed, 90*time.Millisecond)
	equal(e, "version rose", t.Version > before.Version, true)
	p := r.read()
	equal(e, "waiting, as counted", p.Counters.Waiting, 1)
	equal(e, "due", p.NextDue.Equal(r.task(2).Wait.Until), true)

	// The version names the task as it waits: a decision about an earlier one is refused.
	stale := r.decision(func(p plan.Plan) (plan.Decision, error) { return p.PauseTask(before, by()) })
	_, err := r.Apply(e.ctx, stale)
	e.is(err, store.ErrConflict)
}

// waitWoken: a retry of a task that waits for its next attempt ends the wait, and no attempt.
func waitWoken(e *env) {
	r := e.start(3, concurrently(2))
	jobs := r.take("worker", 2)
	r.wait(jobs[0], task.WaitBackoff, time.Hour)
	r.wait(jobs[1], task.WaitHold, time.Hour)
	r.matches(1, retryTask)
	equal(e, "event", brief(r.lastEvent()), "1 retry: RUNNING>RUNNING by operator")
	t := r.task(1)
	equal(e, "waiting", t.Waiting, false)
	equal(e, "reason", t.Wait.Why, task.NoWait)
	equal(e, "until", t.Wait.Until.IsZero(), true)
	equal(e, "retried", t.RetriedAt.IsZero(), false)
	_, view := r.commit()
	equal(e, "claimable", view.Claimable, true)
	j := r.expect(3, 1)[0]
	equal(e, "attempt", j.Attempt, 2)
	equal(e, "failure", code(j.Failure), "BROKEN")
}

func waitCanceled(e *env) {
	r := e.start(2, concurrently(1))
	r.wait(r.take("worker", 1)[0], task.WaitBackoff, time.Hour)
	r.matches(1, plan.Plan.CancelTask)
	t := r.task(1)
	equal(e, "state", t.State, task.Canceled)
	equal(e, "attempt", t.Attempt, 2)
	equal(e, "failure", code(t.Failure), "BROKEN")
	equal(e, "waiting", t.Waiting, false)
	equal(e, "reason", t.Wait.Why, task.NoWait)
	equal(e, "ended", t.EndedAt.IsZero(), false)
	r.expect(2, 2)
}

// waitHaltedPause: a plan that is paused halts its tasks that wait, and is at rest with the last.
// Its resume brings them back.
func waitHaltedPause(e *env) {
	r := e.start(2, concurrently(2))
	for _, j := range r.take("worker", 2) {
		r.wait(j, task.WaitHold, time.Hour)
	}
	p := r.give(plan.Plan.Pause)
	equal(e, "at rest with two that wait", p.AtRest(), false)
	r.halt(1)
	equal(e, "event", brief(r.lastEvent()), "1 pause: RUNNING>PAUSED by operator")
	p = r.halt(2)
	equal(e, "at rest", p.AtRest(), true)
	equal(e, "event", brief(r.lastEvent()), "2 pause: RUNNING>PAUSED by operator at rest")
	equal(e, "waiting, as counted", p.Counters.Waiting, 0)
	equal(e, "due", p.NextDue.IsZero(), true)
	until := r.task(1).Wait.Until
	equal(e, "reason", r.task(1).Wait.Why, task.WaitHold)
	equal(e, "paused alone", r.task(1).PausedIndividually, false)

	r.give(plan.Plan.Resume)
	r.decide(func(p plan.Plan) (plan.Decision, error) {
		return p.Sweep([]task.Task{r.task(1), r.task(2)}, 0, func(task.ID) bool { return false }, by()), nil
	})
	r.expect(2)
	t := r.task(1)
	equal(e, "waiting again", t.Waiting, true)
	equal(e, "until", t.Wait.Until.Equal(until), true)
	equal(e, "waiting again, as counted", r.read().Counters.Waiting, 2)
}

func waitHaltedCancel(e *env) {
	r := e.start(2, concurrently(1))
	r.wait(r.take("worker", 1)[0], task.WaitProving, time.Hour)
	r.give(plan.Plan.Cancel)
	p := r.halt(1)
	equal(e, "event", brief(r.lastEvent()), "1 cancel: RUNNING>CANCELLED by operator at rest")
	equal(e, "over", p.Over(), true)
	equal(e, "waiting, as counted", p.Counters.Waiting, 0)
	equal(e, "reason", r.task(1).Wait.Why, task.NoWait)
}

func waitHaltedRollback(e *env) {
	r := e.start(2, concurrently(2))
	jobs := r.take("worker", 2)
	r.wait(jobs[0], task.WaitHold, time.Hour)
	jobs[1].ends(r)
	p := r.give(plan.Plan.Rollback)
	equal(e, "open while a task waits", p.Undo.Open, false)
	r.expect(2)
	r.halt(1)
	p = r.settle()
	equal(e, "open", p.Undo.Open, true)
	undos := r.expect(2, 2, 1)
	equal(e, "reason", undos[1].Wait.Why, task.NoWait)
}

// waitUndoStopped: an undo that waits is stopped without a worker if its rollback is canceled.
func waitUndoStopped(e *env) {
	r, j := undoing(e)
	r.wait(j, task.WaitHold, time.Hour)
	r.give(plan.Plan.Cancel)
	_, view := r.commit()
	equal(e, "claimable", view.Claimable, false)
	p := r.halt(1)
	equal(e, "waiting, as counted", p.Counters.Waiting, 0)
	t := r.task(1)
	equal(e, "state", t.State, task.RollbackFailed)
	equal(e, "failure", code(t.Failure), task.CodeRollbackStopped)
	equal(e, "reason", t.Wait.Why, task.NoWait)
}
