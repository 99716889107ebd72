package storetest

import (
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// waitResumed: a task that is paused while it waits takes no slot and keeps its wait. When it is
// resumed, a claim gives it a slot again, and does not get it before its time.
func waitResumed(e *env) {
	r := e.start(3, concurrently(2))
	jobs := r.take("worker", 2)
	r.wait(jobs[0], task.WaitHold, time.Hour)
	waited := r.task(1)
	r.matches(1, plan.Plan.PauseTask)
	t := r.task(1)
	equal(e, "state when paused", t.State, task.Paused)
	equal(e, "paused alone", t.PausedIndividually, true)
	equal(e, "waiting when paused", t.Waiting, false)
	equal(e, "until when paused", t.Wait.Until.Equal(waited.Wait.Until), true)
	equal(e, "due when paused", r.read().NextDue.IsZero(), true)

	r.matches(1, plan.Plan.ResumeTask)
	before, p := r.task(1), r.read()
	equal(e, "waiting when resumed", before.Waiting, false)
	equal(e, "slots when resumed", p.Counters.Slots(), 1)
	equal(e, "claimable as read", p.Claimable(), true)
	_, view := r.commit()
	equal(e, "claimable", view.Claimable, true)

	jobs, view = r.claimWith("one", "worker", 3)
	equal(e, "claimed", len(jobs), 0) // the other slot is not for task 3
	t = r.task(1)
	equal(e, "waiting", t.Waiting, true)
	equal(e, "worker", t.Worker, "")
	equal(e, "reason", t.Wait.Why, task.WaitHold)
	equal(e, "until", t.Wait.Until.Equal(waited.Wait.Until), true)
	equal(e, "version", t.Version, before.Version+1)
	equal(e, "token", t.Token, waited.Token)
	equal(e, "slots", view.Counters.Slots(), 2)
	equal(e, "due", view.NextDue.Equal(waited.Wait.Until), true)
	equal(e, "claimable afterwards", view.Claimable, false)
	equal(e, "events", r.read().LastEvent, p.LastEvent)
	stale := r.decision(func(p plan.Plan) (plan.Decision, error) { return p.CancelTask(before, by()) })
	_, err := r.Apply(e.ctx, stale)
	e.is(err, store.ErrConflict)
}

// waitResumedFull: a task that is resumed does not wait in a slot that is taken.
func waitResumedFull(e *env) {
	r := e.start(3, concurrently(1))
	r.wait(r.take("worker", 1)[0], task.WaitBackoff, time.Hour)
	r.order(1, plan.Plan.PauseTask)
	second := r.expect(3, 2)[0]
	r.order(1, plan.Plan.ResumeTask)
	_, view := r.commit()
	equal(e, "claimable", view.Claimable, false)
	r.expect(3)
	equal(e, "waiting without a slot", r.task(1).Waiting, false)
	second.ends(r)
	r.expect(3) // task 1 comes before task 3
	equal(e, "waiting", r.task(1).Waiting, true)
	equal(e, "slots", r.read().Counters.Slots(), 1)
}

// waitResumedMany: tasks that are resumed take as many slots as are free, whatever the claim asks
// for. What is left goes to the next tasks.
func waitResumedMany(e *env) {
	r := e.start(9, concurrently(5))
	for _, j := range r.take("worker", 5) {
		r.wait(j, task.WaitHold, time.Hour)
		r.order(j.ID.Ordinal(), plan.Plan.PauseTask)
	}
	for o := 1; o <= 5; o++ {
		r.order(o, plan.Plan.ResumeTask)
	}
	grant := func(slots int) {
		r.grant(strategy.Grant{LastOrdinal: 9, MaxSlots: slots, MaxFailed: 9})
	}
	waiting := func() (n int) {
		for o := 1; o <= 5; o++ {
			if r.task(o).Waiting {
				n++
			}
		}
		return n
	}
	grant(3)
	_, view := r.claimWith("three", "worker", 1)
	equal(e, "waiting of five", view.Counters.Waiting, 3)
	equal(e, "tasks waiting", waiting(), 3)
	equal(e, "claimable", view.Claimable, false)
	grant(7)
	r.expect(1, 6)
	equal(e, "tasks waiting with more slots", waiting(), 5)
	r.expect(5, 7)
	equal(e, "slots", r.read().Counters.Slots(), 7)
}

// waitResumedLater: in a plan that does not run its tasks, a task that is resumed takes no slot.
func waitResumedLater(e *env) {
	r := e.start(2, concurrently(1))
	r.wait(r.take("worker", 1)[0], task.WaitHold, time.Hour)
	r.order(1, plan.Plan.PauseTask)
	r.give(plan.Plan.Pause)
	r.order(1, plan.Plan.ResumeTask)
	_, view := r.claimWith("none", "worker", 1)
	equal(e, "waiting", view.Counters.Waiting, 0)
	equal(e, "claimable", view.Claimable, false)
	r.give(plan.Plan.Resume)
	_, view = r.claimWith("one", "worker", 1)
	equal(e, "waiting when the plan is resumed", view.Counters.Waiting, 1)
}

// waitResumedDue: a task whose wait is over when it is resumed is claimed like any other.
func waitResumedDue(e *env) {
	r := e.start(2, concurrently(2))
	r.wait(r.take("worker", 1)[0], task.WaitHold, e.h.TTL)
	r.order(1, plan.Plan.PauseTask)
	r.outwait(1)
	r.order(1, plan.Plan.ResumeTask)
	equal(e, "claimable as read", r.read().Claimable(), true)
	j := r.expect(2, 1, 2)[0]
	equal(e, "waiting", j.Waiting, false)
	equal(e, "reason", j.Wait.Why, task.WaitHold)
}
