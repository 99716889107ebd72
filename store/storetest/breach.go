package storetest

import (
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

func breachCases() []testCase {
	return []testCase{
		{name: "closes in the same commit", run: breachCloses},
		{name: "not within the tolerance", run: breachTolerated},
		{name: "two failures of one commit", run: breachOfTwo},
		{name: "by a lost task", run: breachByLoss},
		{name: "by an edit", run: breachByEdit},
		{name: "what is in flight goes on", run: breachGoesOn},
		{name: "survives a decision that did not know of it", run: breachSurvives},
		{name: "judged, acknowledged, and again", run: breachAgain},
		{name: "rolls back", run: breachRollsBack},
		{name: "rolls back what was lost", run: breachByLossRollsBack},
		{name: "not of a paused plan", run: breachOfPaused},
		{name: "retry heals", run: breachHealed},
		{name: "failed, then tolerated", run: breachRecovers},
	}
}

// breachCloses: if a commit reports the failure that breaches the plan and also has a claim, the
// claim gets no tasks.
func breachCloses(e *env) {
	r := e.start(5, tolerating(4, 0)) // there is room for the claim
	jobs := r.take("worker", 2)
	b := store.Batch{
		Plan:    r.id,
		Changes: []store.Change{jobs[0].work(store.Fail)},
		Claim:   store.Claim{ID: "next", Worker: "worker", Max: 2},
	}
	e.ok(r.Commit(e.ctx, &b))
	equal(e, "claimed with the failure", len(b.Claimed), 0)
	equal(e, "breached", b.View.Breached, true)
	equal(e, "claimable", b.View.Claimable, false)
	equal(e, "breached, as read", r.read().Breached, true)
	equal(e, "claimed after it", len(r.claim("another", 5)), 0)
	p := r.settle()
	equal(e, "plan", p.State, plan.Failed)
	equal(e, "breached when judged", p.Breached, false)
	equal(e, "claimed when judged", len(r.claim("another", 5)), 0)
}

func breachTolerated(e *env) {
	r := e.start(5, tolerating(1, 2))
	r.run(2, store.Fail)
	p := r.settle()
	equal(e, "plan", p.State, plan.Running)
	equal(e, "breached", p.Breached, false)
	_, view := r.commit(r.take("worker", 1)[0].work(store.Fail))
	equal(e, "breached by the third", view.Breached, true)
	equal(e, "claimed", len(r.claim("worker", 1)), 0)
}

func breachOfTwo(e *env) {
	r := e.start(5, tolerating(3, 1))
	jobs := r.take("worker", 3)
	_, view := r.commit(jobs[0].work(store.Fail), jobs[1].work(store.Fail), jobs[2].work(store.Complete))
	equal(e, "breached", view.Breached, true)
	equal(e, "failed", view.Counters.Of(task.Failed), 2)
	equal(e, "completed", view.Counters.Of(task.Completed), 1)
	equal(e, "claimable", view.Claimable, false)
}

// breachByLoss: a task that fails because it lost its worker too often breaches the plan.
func breachByLoss(e *env) {
	r := e.start(3, tolerating(1, 0))
	r.take("worker", 1)
	r.lose(1, 0)
	if f := r.task(1).Failure; f == nil || f.ErrorCode != task.CodeWorkerLost {
		e.Errorf("failure %+v", f)
	}
	equal(e, "task", r.task(1).State, task.Failed)
	equal(e, "claimed", len(r.claim("worker", 1)), 0)
	equal(e, "plan", r.settle().State, plan.Failed)
}

// breachByEdit: a decision that makes a task fail breaches the plan even if it does not set
// Breached.
func breachByEdit(e *env) {
	r := e.start(3, tolerating(2, 0))
	r.take("worker", 1)
	t := r.task(1)
	p := r.decide(func(p plan.Plan) (plan.Decision, error) {
		return plan.Decision{
			Plan: p, Edits: []task.Edit{t.Lose(0, by().Now)}, Changed: true,
			Events: []plan.Event{{
				Plan: r.id, Task: t.ID, Attempt: 1,
				Cause: task.ByFailure.String(), From: t.State.String(), To: task.Failed.String(),
			}},
		}, nil
	})
	equal(e, "breached", p.Breached, true)
	equal(e, "claimed", len(r.claim("worker", 1)), 0)
	equal(e, "plan", r.settle().State, plan.Failed)
}

func breachGoesOn(e *env) {
	r := e.start(4, tolerating(3, 0))
	jobs := r.take("worker", 3)
	r.do(jobs[0].work(store.Fail))
	r.do(jobs[1].work(store.Yield))
	again := r.take("another", 1)[0] // yielded earlier, so claimable although the plan is breached
	equal(e, "claimed while breached", again.ID.Ordinal(), 2)
	equal(e, "plan", r.settle().State, plan.Failed)
	equal(e, "stop", r.do(again.save("STEP", "1")).Stop, task.Go)
	r.do(again.work(store.Yield))
	again = r.take("third", 1)[0]
	equal(e, "claimed while failed", again.ID.Ordinal(), 2)
	r.do(again.work(store.Complete))
	r.do(jobs[2].work(store.Complete))
	equal(e, "pending", r.read().Counters.Of(task.Pending), 1)
}

// breachSurvives: a command that was decided before the failure and is applied after it does not
// clear Breached.
func breachSurvives(e *env) {
	r := e.start(4, tolerating(2, 0))
	jobs := r.take("worker", 2)
	c := r.decision(func(p plan.Plan) (plan.Decision, error) { return p.SkipTask(r.task(4), by()) })
	r.do(jobs[0].work(store.Fail))
	p := r.send(c)
	equal(e, "breached", p.Breached, true)
	equal(e, "claimed", len(r.claim("worker", 1)), 0)
	equal(e, "plan", r.settle().State, plan.Failed)
}

func breachAgain(e *env) {
	s := tolerating(1, 0)
	s.FailureAction = strategy.Pause
	r := e.start(4, s)
	r.run(1, store.Fail)
	p := r.settle()
	equal(e, "plan", p.State, plan.Paused)
	equal(e, "why", p.PauseReasons, plan.PausedByBreach)
	p = r.give(plan.Plan.Resume)
	equal(e, "acknowledged", p.Acknowledged, 1)
	r.run(1, store.Complete)
	r.run(1, store.Fail)
	equal(e, "breached again", r.read().Breached, true)
	equal(e, "claimed", len(r.claim("worker", 1)), 0)
	equal(e, "plan", r.settle().State, plan.Paused)
}

// rollingBack returns tolerating, with a breach that rolls the plan back.
func rollingBack(held, failed int) strategy.Strategy {
	s := tolerating(held, failed)
	s.FailureAction = strategy.RollbackPlan
	return s
}

// breachRollsBack: tasks in flight are told to stop, pending tasks are canceled, and whatever has
// run is undone from the last ordinal down, the failed task included.
func breachRollsBack(e *env) {
	r := e.start(5, rollingBack(2, 0))
	r.run(1, store.Complete)
	jobs := r.take("worker", 2)
	_, view := r.commit(jobs[0].work(store.Fail))
	equal(e, "breached", view.Breached, true)
	p := r.settle()
	equal(e, "plan", p.State, plan.RollingBack)
	equal(e, "round open with a task in flight", p.Undo.Open, false)
	equal(e, "cancelled", p.Counters.Of(task.Canceled), 2)
	r.expect(5)
	equal(e, "stop", r.do(jobs[1].save("STEP", "1")).Stop, task.StopCancel)
	r.do(jobs[1].work(store.Yield))
	r.settle()
	undos := r.expect(5, 3, 2)
	r.do(undos[0].work(store.Undone))
	r.do(undos[1].work(store.Undone))
	r.do(r.expect(5, 1)[0].work(store.Undone))
	equal(e, "plan", r.settle().State, plan.RolledBack)
}

// breachByLossRollsBack: the decision that fails a lost task and begins the rollback is committed
// although a worker has claimed another task meanwhile; nothing is undone before that task stops.
func breachByLossRollsBack(e *env) {
	r := e.start(4, rollingBack(2, 0))
	r.take("gone", 1)
	t := r.task(1)
	c := r.decision(func(p plan.Plan) (plan.Decision, error) { return p.LoseTasks([]task.Task{t}, 0, by()), nil })
	other := r.expect(1, 2)[0]
	p := r.send(c)
	equal(e, "plan", p.State, plan.RollingBack)
	equal(e, "failed", p.Counters.Of(task.Failed), 1)
	r.settle()
	r.expect(5)
	r.do(other.work(store.Yield))
	r.settle()
	r.do(r.expect(1, 2)[0].work(store.UndoFail))
	r.do(r.expect(5, 1)[0].work(store.Undone))
	equal(e, "plan", r.settle().State, plan.RollbackFailed)

	// The next rollback is a person's, and undoes what is left.
	r.give(plan.Plan.Rollback)
	r.do(r.expect(5, 2)[0].work(store.Undone))
	equal(e, "plan", r.settle().State, plan.RolledBack)
}

// breachOfPaused: failures do not breach a plan that a command has paused.
func breachOfPaused(e *env) {
	r := e.start(4, tolerating(2, 0))
	jobs := r.take("worker", 2)
	r.give(plan.Plan.Pause)
	_, view := r.commit(jobs[0].work(store.Fail))
	equal(e, "breached while paused", view.Breached, false)
	equal(e, "plan", r.settle().State, plan.Paused)
	r.give(plan.Plan.Resume)
	_, view = r.commit(jobs[1].work(store.Fail))
	equal(e, "breached when it runs", view.Breached, true)
}

func breachHealed(e *env) {
	r := e.start(3, tolerating(1, 0))
	r.run(1, store.Fail)
	r.settle()
	r.order(1, func(p plan.Plan, t task.Task, by plan.By) (plan.Decision, error) {
		return p.RetryTask(t, task.FromCheckpoint, by)
	})
	p := r.read()
	equal(e, "plan", p.State, plan.Running)
	equal(e, "breached", p.Breached, false)
	j := r.take("worker", 1)[0]
	equal(e, "attempt", j.Attempt, 2)
	if j.Failure != nil {
		e.Errorf("a retry with the last failure %+v", j.Failure)
	}
	r.do(j.work(store.Complete))
	r.run(2, store.Complete)
	equal(e, "plan", r.settle().State, plan.Completed)
}

// breachRecovers: the commit that ends the last task of a failed plan, whose failures are tolerated
// by then, leaves the plan to an engine: its event does not say that the plan is at rest.
func breachRecovers(e *env) {
	r := e.start(3, tolerating(3, 0))
	jobs := r.take("worker", 3)
	r.do(jobs[0].work(store.Fail))
	equal(e, "plan", r.settle().State, plan.Failed)
	r.order(1, plan.Plan.SkipTask)
	jobs[1].ends(r)
	equal(e, "with one in flight", r.settle().State, plan.Failed)
	jobs[2].ends(r)
	equal(e, "at rest before it is completed", r.lastEvent().AtRest, false)
	equal(e, "plan", r.settle().State, plan.Completed)
	equal(e, "at rest", r.lastEvent().AtRest, true)

	r = e.start(2, tolerating(2, 0))
	jobs = r.take("worker", 2)
	r.do(jobs[0].work(store.Fail))
	equal(e, "plan", r.settle().State, plan.Failed)
	jobs[1].ends(r)
	equal(e, "at rest with too many failures", r.lastEvent().AtRest, true)
}
