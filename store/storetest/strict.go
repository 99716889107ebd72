package storetest

import (
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// strictly is tolerating, with the mode Strict.
func strictly(held, failed int) strategy.Strategy {
	s := tolerating(held, failed)
	s.ConcurrencyMode = strategy.Strict
	return s
}

// claimStrict: a pending task begins only while the failed tasks and those in flight are no more
// than the tolerance, also in the commit that ends another one.
func claimStrict(e *env) {
	r := e.start(9, strictly(5, 2))
	_, view := r.commit()
	equal(e, "claimable, nothing in flight", view.Claimable, true)
	jobs := r.expect(9, 1, 2, 3)
	_, view = r.commit()
	equal(e, "claimable, three in flight", view.Claimable, false)
	equal(e, "claimable as read", r.read().Claimable(), false)
	_, view = r.commit(jobs[0].save("STEP", "1"))
	equal(e, "claimable, as a save answers", view.Claimable, false)

	next := func(w store.Change) []task.Task {
		b := store.Batch{Plan: r.id, Changes: []store.Change{w}, Claim: store.Claim{ID: r.unique("claim"), Worker: "worker", Max: 9}}
		e.ok(r.Commit(e.ctx, &b))
		return b.Claimed
	}
	equal(e, "claimed with a failure", len(next(jobs[0].work(store.Fail))), 0)
	done := next(jobs[1].work(store.Complete))
	equal(e, "claimed with a success", len(done), 1)
	equal(e, "claimed with the second failure", len(next(jobs[2].work(store.Fail))), 0)

	// No further failure is tolerated: the tasks run one by one.
	equal(e, "breached", r.read().Breached, false)
	last := next((&job{Task: done[0]}).work(store.Complete))
	equal(e, "claimed with two failed", len(last), 1)
	equal(e, "claimed with the third failure", len(next((&job{Task: last[0]}).work(store.Fail))), 0)
	equal(e, "breached", r.read().Breached, true)
}

// claimStrictUnheld: a task whose worker was lost, or that was yielded, stays in flight. It is
// claimed again whatever the tolerance, and meanwhile nothing begins in its place.
func claimStrictUnheld(e *env) {
	r := e.start(5, strictly(5, 1))
	jobs := r.expect(5, 1, 2)
	r.do(jobs[0].work(store.Yield))
	r.lose(2, 9)
	r.expect(1, 1)
	r.expect(5, 2)
	r.expect(5)
	r.order(4, plan.Plan.SkipTask)
	r.expect(5)
	r.lose(2, 0) // fails
	r.expect(5)
	r.do((&job{Task: r.task(1)}).work(store.Complete))
	r.expect(5, 3)

	// A retry is a person's wish: it brings its task back beside the other.
	r.order(2, func(p plan.Plan, t task.Task, by plan.By) (plan.Decision, error) {
		return p.RetryTask(t, task.FromCheckpoint, by)
	})
	r.expect(5, 2)
	r.expect(5)
}
