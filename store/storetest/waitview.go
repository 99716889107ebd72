package storetest

import (
	"slices"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

func waitViewCases() []testCase {
	return []testCase{
		{name: "the time", run: waitNow},
		{name: "over steps of the clock", run: waitOverSteps, skews: true},
		{name: "when the next is due", run: waitNextDue},
		{name: "not at rest", run: waitAtRest},
		{name: "at rest with the pause, not with the next attempt", run: waitAtRestOnce},
		{name: "removed with its plan", run: waitRemoved},
	}
}

// waitNow: commits and reads tell the time of the store's clock.
func waitNow(e *env) {
	r := e.start(1, concurrently(1))
	_, view := r.commit()
	p := r.read()
	before, from := p.Now, time.Now()
	if view.Now.IsZero() || p.Now.IsZero() || p.Now.Before(view.Now) {
		e.Fatalf("the time is %s with a commit, %s with the plan read after it", view.Now, p.Now)
	}
	e.outlast(e.h.TTL)
	_, view = r.commit()
	passed := view.Now.Sub(before)
	if passed < e.h.TTL || passed > time.Since(from)+time.Minute {
		e.Errorf("%s have passed on the store's clock, %s here", passed, time.Since(from))
	}
	list, err := e.Plans(e.ctx, store.PlanQuery{})
	e.ok(err)
	if len(list) != 1 {
		e.Fatalf("%d plans, want 1", len(list))
	}
	applied := r.give(plan.Plan.Pause)
	for what, now := range map[string]time.Time{"of a list": list[0].Now, "with a command": applied.Now} {
		if now.Before(view.Now) {
			e.Errorf("the time %s is %s, after %s", what, now, view.Now)
		}
	}
}

// waitOverSteps: a clock that is set back delays what waits, also a task that is paused or loses
// its worker meanwhile; one that is set forward ends the waits.
func waitOverSteps(e *env) {
	r := e.start(3, concurrently(3))
	set := func(by time.Duration) { e.h.Skew(e.TB, e.Store, by) }
	jobs := r.take("worker", 3)
	r.wait(jobs[0], task.WaitHold, time.Hour)
	set(2 * time.Hour)
	r.expect(3, 1)
	r.wait(jobs[1], task.WaitHold, 0)
	r.wait(jobs[2], task.WaitHold, 0)
	r.order(3, plan.Plan.PauseTask)
	set(0)
	r.lose(1, 9)
	r.order(3, plan.Plan.ResumeTask)
	_, view := r.commit()
	equal(e, "claimable, set back", view.Claimable, true) // tasks 1 and 3 have no slot
	r.expect(3)
	waiting := 0
	for _, t := range r.all() {
		if t.Waiting && t.Wait.Until.After(view.Now) {
			waiting++
		}
	}
	equal(e, "waiting, set back", waiting, 3)
	set(2*time.Hour + time.Minute)
	_, view = r.commit()
	equal(e, "claimable, set forward", view.Claimable, true)
	equal(e, "claimed, set forward", len(r.take("worker", 3)), 3)
}

// waitNextDue: plan and view name the time at which the first task that waits is due, as it
// changes.
func waitNextDue(e *env) {
	r := e.start(4, concurrently(4))
	due := func(what string, ordinal int) {
		e.Helper()
		want := time.Time{}
		if ordinal > 0 {
			want = r.task(ordinal).Wait.Until
		}
		_, view := r.commit()
		list, err := e.Plans(e.ctx, store.PlanQuery{})
		e.ok(err)
		p := r.read()
		if !view.NextDue.Equal(want) || !p.NextDue.Equal(want) || len(list) != 1 || !list[0].NextDue.Equal(want) {
			e.Errorf("%s: due at %s, %s and in the list %+v; want %s", what, view.NextDue, p.NextDue, list, want)
		}
		if _, waits := p.DueIn(); waits != (ordinal > 0) {
			e.Errorf("%s: waits: %t", what, waits)
		}
	}
	due("nothing waits", 0)
	jobs := r.take("worker", 4)
	jobs[3].ends(r)
	r.order(4, plan.Plan.RollbackTask)
	undo := r.take("worker", 1)[0]
	r.wait(jobs[0], task.WaitHold, 2*time.Hour)
	due("the first", 1)
	r.wait(jobs[1], task.WaitBackoff, time.Hour)
	due("an earlier one", 2)
	r.wait(jobs[2], task.WaitProving, 3*time.Hour)
	due("a later one", 2)
	r.wait(undo, task.WaitHold, time.Minute)
	due("an undo", 4)
	r.order(4, awake)
	due("no undo any more", 2)
	r.order(2, plan.Plan.CancelTask)
	due("not the earliest any more", 1)
	r.order(3, plan.Plan.PauseTask)
	due("not the latest any more", 1)
	r.order(1, awake)
	due("nothing waits any more", 0)
	j := r.take("worker", 2)[0]
	r.wait(j, task.WaitHold, 0)
	due("what is due", j.ID.Ordinal())
	r.take("worker", 1)
	due("what was due is claimed", 0)
}

// waitAtRest: a plan is not at rest while a task waits. The pause that stops the last one puts it
// to rest.
func waitAtRest(e *env) {
	r := e.start(1, concurrently(1))
	r.wait(r.take("worker", 1)[0], task.WaitBackoff, time.Hour)
	equal(e, "at rest", r.lastEvent().AtRest, false)
	equal(e, "at rest as read", r.read().AtRest(), false)
	equal(e, "settled", r.settle().State, plan.Running)
	r.order(1, plan.Plan.PauseTask)
	equal(e, "at rest when paused", r.lastEvent().AtRest, true)
	r.order(1, plan.Plan.ResumeTask)
	equal(e, "at rest when resumed", r.lastEvent().AtRest, false)
	r.expect(1)
	equal(e, "at rest when it waits again", r.read().AtRest(), false)
	r.order(1, plan.Plan.CancelTask)
	equal(e, "settled at last", r.settle().State, plan.Completed)
}

// waitAtRestOnce: if a stop takes effect with the Defer, only the event of the stop may be the one
// with which the plan is at rest.
func waitAtRestOnce(e *env) {
	r := e.start(1, concurrently(1))
	j := r.take("worker", 1)[0]
	before := r.order(1, plan.Plan.PauseTask).LastEvent
	r.do(j.deferred(task.WaitBackoff, time.Hour))
	var got []string
	for _, ev := range r.events(before) {
		got = append(got, brief(ev))
	}
	want := []string{"1 retry: RUNNING>RUNNING BROKEN", "1 pause: RUNNING>PAUSED at rest"}
	if !slices.Equal(got, want) {
		e.Errorf("events %q, want %q", got, want)
	}
}

// waitRemoved: a plan is not removed while a task waits, and then with all its data.
func waitRemoved(e *env) {
	r := e.start(2, concurrently(1))
	r.wait(r.take("worker", 1)[0], task.WaitHold, time.Hour)
	r.give(plan.Plan.Cancel)
	_, err := e.Remove(e.ctx, r.id)
	e.is(err, store.ErrConflict)
	r.halt(1)
	for more := true; more; {
		more, err = e.Remove(e.ctx, r.id)
		e.ok(err)
	}
	_, err = e.Plan(e.ctx, r.id)
	e.is(err, store.ErrNotFound)
}
