package storetest

import (
	"slices"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// How stopped plans treat the tasks that were retried, all of them or one alone.
func aloneCases() []testCase {
	return []testCase{
		{name: "retried, not claimed while breached or failed", run: startHeldBack},
		{name: "retried, not claimed while paused", run: startPaused},
		{name: "resumed, not claimed after the next breach", run: startResumed},
		{name: "retried, goes on once a worker has had it", run: startedGoesOn},
		{name: "retried, after what was lost", run: startOrder},
		{name: "alone in a failed plan", run: aloneFailed},
		{name: "alone in a paused plan", run: alonePaused},
		{name: "alone, stopped by itself or with the plan", run: aloneStopped},
		{name: "alone, stopped with its wave", run: aloneUndone},
		{name: "alone, beside a wave that is being undone", run: aloneBesideUndo},
		{name: "alone, waits and is handed over", run: aloneWaits},
		{name: "alone, the plan's last", run: aloneLast},
		{name: "alone, the first", run: aloneFirst},
	}
}

// failedPlan starts a plan of six tasks of which the first three failed and the others are pending,
// and which is FAILED.
func (e *env) failedPlan() *rollout {
	e.Helper()
	r := e.start(6, tolerating(3, 0))
	jobs := r.take("worker", 3)
	for _, j := range jobs {
		r.do(j.work(store.Fail))
	}
	equal(e, "plan", r.settle().State, plan.Failed)
	return r
}

// startHeldBack: of the tasks that a retry of all makes RUNNING, those that no worker has taken
// before a breach are not claimed after it, neither before an engine acts on the breach nor after,
// and become PAUSED. The next resume brings them back.
func startHeldBack(e *env) {
	r := e.failedPlan()
	r.give(func(p plan.Plan, by plan.By) (plan.Decision, error) { return p.RetryFailed(task.FromCheckpoint, by) })
	sweepAll(r)
	equal(e, "to start", r.read().Counters.Starting, 3)
	j := r.expect(1, 1)[0]
	equal(e, "request of what began", j.Request, task.NoRequest)
	b := store.Batch{Plan: r.id, Changes: []store.Change{j.work(store.Fail)}, Claim: store.Claim{ID: "with it", Worker: "worker", Max: 5}}
	e.ok(r.Commit(e.ctx, &b))
	equal(e, "claimed with the failure", len(b.Claimed), 0)
	equal(e, "claimable with the failure", b.View.Claimable, false)
	r.claims("breached", false)
	equal(e, "plan", r.settle().State, plan.Failed)
	r.claims("failed", false)
	r.expect(5)
	r.halt(2)
	r.halt(3)
	equal(e, "task", r.task(2).State, task.Paused)
	equal(e, "paused alone", r.task(2).PausedIndividually, false)
	equal(e, "to start", r.read().Counters.Starting, 0)
	equal(e, "at rest", r.read().AtRest(), true)
	r.give(plan.Plan.Resume)
	sweepAll(r)
	r.expect(2, 2, 3)
	r.expect(1, 4)
}

// sweepAll carries out the sweeps that are under way.
func sweepAll(r *rollout) {
	r.Helper()
	for len(r.read().Sweeps) > 0 {
		r.decide(func(p plan.Plan) (plan.Decision, error) {
			return p.Sweep(r.all(), 0, func(task.ID) bool { return false }, by()), nil
		})
	}
}

// startPaused: a task that is retried in a paused plan is not claimed before the resume.
func startPaused(e *env) {
	r := e.start(3, tolerating(3, 3))
	r.run(1, store.Fail)
	r.give(plan.Plan.Pause)
	r.order(1, retryTask)
	equal(e, "request", r.task(1).Request, task.StartRequest)
	r.claims("paused", false)
	r.expect(3)
	r.halt(1)
	r.give(plan.Plan.Resume)
	sweepAll(r)
	r.expect(3, 1, 2, 3)
}

// startResumed: what the resume of a plan wakes, and no worker has taken yet, does not begin after
// the next breach either.
func startResumed(e *env) {
	r := e.start(4, tolerating(3, 0))
	jobs := r.take("worker", 3)
	r.give(plan.Plan.Pause)
	r.do(jobs[0].work(store.Yield))
	r.do(jobs[1].work(store.Yield))
	r.give(plan.Plan.Resume)
	sweepAll(r)
	r.do(jobs[2].work(store.Fail))
	r.expect(5)
	equal(e, "plan", r.settle().State, plan.Failed)
	r.order(1, plan.Plan.PauseTask)
	r.order(1, plan.Plan.ResumeTask) // a person wants this one
	r.expect(5, 1)
}

// startedGoesOn: once a worker has had it, a retried task goes on in a failed plan, also with
// another worker.
func startedGoesOn(e *env) {
	r := e.failedPlan()
	r.order(1, retryTask)
	r.order(2, retryTask)
	r.order(3, retryTask)
	jobs := r.expect(3, 1, 2, 3)
	r.do(jobs[0].work(store.Fail))
	r.do(jobs[1].work(store.Yield))
	equal(e, "plan", r.settle().State, plan.Failed)
	r.lose(3, 9)
	r.expect(5, 2, 3)
}

// startOrder: what a worker had before comes before what is to start.
func startOrder(e *env) {
	r := e.start(4, tolerating(4, 4))
	jobs := r.take("worker", 2)
	r.do(jobs[0].work(store.Fail))
	r.order(1, retryTask)
	r.do(jobs[1].work(store.Yield))
	if got := ordinals(r.take("another", 2)); !slices.Equal(got, []int{2, 1}) {
		e.Errorf("claimed %v, want 2 before 1", got)
	}
}

// aloneFailed: a task that is tried alone is claimed while the plan stays FAILED, and its failure
// changes nothing else.
func aloneFailed(e *env) {
	r := e.failedPlan()
	p := r.order(2, tryTask)
	equal(e, "plan", p.State, plan.Failed)
	equal(e, "request", r.task(2).Request, task.ExemptRequest)
	equal(e, "event", brief(r.lastEvent()), "2 retry: FAILED>RUNNING by operator")
	equal(e, "event that the plan stays stopped", r.lastEvent().StayStopped, true)
	equal(e, "exempt", p.Counters.Exempt, 1)
	r.claims("with one alone", true)
	j := r.expect(5, 2)[0]
	equal(e, "request while it runs", j.Request, task.ExemptRequest)
	equal(e, "attempt", j.Attempt, 2)
	_, view := r.commit(j.work(store.Fail))
	equal(e, "breached", view.Breached, false)
	equal(e, "exempt", view.Counters.Exempt, 0)
	equal(e, "request at its end", r.task(2).Request, task.NoRequest)
	equal(e, "plan", r.settle().State, plan.Failed)
	equal(e, "at rest", r.lastEvent().AtRest, true)
	r.expect(5)
}

// alonePaused: a task that is tried alone beats the pause of its plan, and nothing else does.
func alonePaused(e *env) {
	r := e.start(5, tolerating(3, 5))
	jobs := r.take("worker", 3)
	r.do(jobs[0].work(store.Fail))
	r.give(plan.Plan.Pause)
	r.do(jobs[1].work(store.Yield))
	equal(e, "paused", r.task(2).State, task.Paused)
	r.order(1, tryTask)
	r.order(2, tryTask)
	r.do(jobs[2].work(store.Yield))
	r.claims("with two alone", true)
	got := r.expect(5, 1, 2)
	r.claims("with two held", false)
	equal(e, "stop", r.do(got[0].save("STEP", "1")).Stop, task.Go)
	equal(e, "stop in the list", stopOf(r, got[0]), task.Go)
	got[0].ends(r)
	r.do(got[1].work(store.Fail))
	equal(e, "plan", r.settle().State, plan.Paused)
}

// stopOf returns the stop that a heartbeat reports for a task.
func stopOf(r *rollout, j *job) task.Stop {
	r.Helper()
	held := r.heldBy(r, j.Worker)
	h, ok := held[j.ID]
	if !ok {
		r.Errorf("%s does not hold task %s", j.Worker, j.ID)
	}
	return h.Stop
}

// aloneStopped: a pause and a cancel of the task itself, and the cancel of its plan, stop a task
// that is tried alone.
func aloneStopped(e *env) {
	for name, test := range map[string]struct {
		stop func(r *rollout)
		want task.State
		by   task.Stop
	}{
		"pause of the task":  {func(r *rollout) { r.order(1, plan.Plan.PauseTask) }, task.Paused, task.StopPause},
		"cancel of the task": {func(r *rollout) { r.order(1, plan.Plan.CancelTask) }, task.Canceled, task.StopCancel},
		"cancel of the plan": {func(r *rollout) { r.give(plan.Plan.Cancel) }, task.Canceled, task.StopCancel},
	} {
		r := e.failedPlan()
		r.order(1, tryTask)
		j := r.expect(5, 1)[0]
		test.stop(r)
		equal(e, name+": stop", r.do(j.save("STEP", "1")).Stop, test.by)
		r.do(j.work(store.Yield))
		equal(e, name, r.task(1).State, test.want)
	}
}

// aloneUndone: the undo of its wave stops a task that is tried alone, with a worker and without
// one, and undoes it.
func aloneUndone(e *env) {
	r := e.startWaved(tolerating(3, 0), 3, 5)
	jobs := r.take("worker", 3)
	for _, j := range jobs {
		r.do(j.work(store.Fail))
	}
	equal(e, "plan", r.settle().State, plan.Failed)
	r.order(1, tryTask)
	j := r.expect(5, 1)[0]
	r.order(2, tryTask)
	r.give(rollBackWave(1))
	equal(e, "open while the wave runs", r.settle().Undo.Open, false)
	equal(e, "stop", r.do(j.save("STEP", "1")).Stop, task.StopCancel)
	equal(e, "stop in the list", stopOf(r, j), task.StopCancel)
	r.do(j.work(store.Yield))
	equal(e, "held by a worker", r.task(1).State, task.Canceled)
	p := r.halt(2)
	equal(e, "without a worker", r.task(2).State, task.Canceled)
	equal(e, "exempt", p.Counters.Exempt, 0)
	equal(e, "open at last", r.settle().Undo.Open, true)
	undoes(r, 3, 2, 1)
	equal(e, "plan", r.settle().State, plan.Failed)
	equal(e, "at rest", r.read().AtRest(), true)
}

// aloneBesideUndo: while the open wave of a paused plan is being undone, a task of another wave is
// tried alone; undos and the trial go on beside each other, the trial first.
func aloneBesideUndo(e *env) {
	r := e.startWaved(concurrently(2), 2, 5)
	r.run(1, store.Fail)
	r.run(1, store.Complete)
	r.settle()
	r.run(2, store.Complete)
	r.give(plan.Plan.Pause)
	r.give(rollBackWave(2))
	equal(e, "open", r.settle().Undo.Open, true)
	undo := r.expect(1, 4)[0]
	r.order(1, tryTask)
	j := r.expect(1, 1)[0]
	equal(e, "stop", r.do(j.save("STEP", "1")).Stop, task.Go)
	r.do(undo.work(store.Yield))
	r.do(j.work(store.Yield))
	equal(e, "given back", r.task(1).State, task.Running)
	jobs := r.expect(9, 1, 4)
	r.do(jobs[1].work(store.Undone))
	jobs[0].ends(r)
	undoes(r, 3)
	p := r.settle()
	equal(e, "plan", p.State, plan.Paused)
	equal(e, "at rest", p.AtRest(), true)
	untouched(r, task.Completed, 1, 2)
	untouched(r, task.Pending, 5)
}

// aloneWaits: a task that is tried alone stays exempt while it waits, and when another worker takes
// it over.
func aloneWaits(e *env) {
	r := e.start(4, tolerating(3, 5))
	r.run(1, store.Fail)
	r.wait(r.take("worker", 1)[0], task.WaitHold, time.Hour)
	r.give(plan.Plan.Pause)
	r.order(1, tryTask)
	r.wait(r.expect(1, 1)[0], task.WaitBackoff, time.Hour)
	r.claims("with one that waits", false)
	r.order(1, tryTask) // ends the backoff
	r.wait(r.expect(1, 1)[0], task.WaitProving, 0)
	_, view := r.commit()
	equal(e, "claimable when it is due", view.Claimable, true)
	j := r.expect(1, 1)[0]
	equal(e, "request", j.Request, task.ExemptRequest)
	r.do(j.work(store.Yield))
	r.lose(r.expect(1, 1)[0].ID.Ordinal(), 9)
	equal(e, "exempt", r.read().Counters.Exempt, 1)
	r.expect(1, 1)[0].ends(r)
	r.expect(5)
}

// aloneLast: the success of the last task that a failed plan had left leaves the plan to an engine,
// which completes it.
func aloneLast(e *env) {
	r := e.start(2, tolerating(2, 0))
	r.run(1, store.Complete)
	r.run(1, store.Fail)
	equal(e, "plan", r.settle().State, plan.Failed)
	r.order(2, tryTask)
	r.expect(5, 2)[0].ends(r)
	equal(e, "at rest", r.lastEvent().AtRest, false)
	equal(e, "plan", r.settle().State, plan.Completed)
}

// aloneFirst: a task that is tried alone comes before all that is to go on.
func aloneFirst(e *env) {
	r := e.start(5, strategy.Strategy{MaxConcurrency: strategy.Count(3), MaxFailures: strategy.Percent(100)})
	jobs := r.take("worker", 3)
	r.do(jobs[2].work(store.Fail))
	r.order(3, tryTask)
	r.do(jobs[0].work(store.Yield))
	if got := ordinals(r.take("another", 2)); !slices.Equal(got, []int{3, 1}) {
		e.Errorf("claimed %v, want 3 before 1", got)
	}
	r.expect(5)
}
