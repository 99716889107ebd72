package storetest

import (
	"slices"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

func waitClaimCases() []testCase {
	return []testCase{
		{name: "not claimed before its time", run: waitNotEarly},
		{name: "claimed again", run: waitClaimed},
		{name: "earliest first", run: waitOrder},
		{name: "before all others", run: waitBeforeOthers},
		{name: "keeps its slot", run: waitKeepsSlot},
		{name: "with fewer slots than are taken", run: waitFewerSlots},
		{name: "more than one claim can have", run: waitMany},
		{name: "by the state of the plan", run: waitByState},
		{name: "is in flight in a strict plan", run: waitStrict},
		{name: "in a breached plan", run: waitBreached},
		{name: "ends a turn in a sequential plan", run: waitSequential},
		{name: "concurrent", run: waitConcurrent},
	}
}

// waitNotEarly: until the wait is over by the store's clock, no claim gets the task and the view
// says so; from then on the next claim gets it.
func waitNotEarly(e *env) {
	r := e.start(1, concurrently(1))
	r.wait(r.take("worker", 1)[0], task.WaitHold, e.h.TTL)
	until := r.task(1).Wait.Until
	for {
		_, view := r.commit()
		equal(e, "claimable", view.Claimable, !view.Now.Before(until))
		p := r.read()
		equal(e, "claimable as read", p.Claimable(), !p.Now.Before(until))
		jobs, after := r.claimWith(r.unique("claim"), "worker", 1)
		if len(jobs) > 0 {
			if after.Now.Before(until) {
				e.Errorf("claimed at %s, it waits until %s", after.Now, until)
			}
			return
		}
		if !after.Now.Before(until) {
			e.Fatalf("not claimed at %s, it waits until %s", after.Now, until)
		}
		time.Sleep(e.h.TTL / 8)
	}
}

// waitClaimed: a task that is claimed after its wait has a new token and its old attempt, and shows
// which wait it had.
func waitClaimed(e *env) {
	for _, why := range reasons() {
		r := e.start(1, concurrently(1))
		j := r.take("worker", 1)[0]
		r.do(j.save("STEP", "1"))
		r.wait(j, why, 0)
		waited, events := r.task(1), r.read().LastEvent
		worker := "another, " + why.String()
		jobs, view := r.claimWith("again", worker, 1)
		if len(jobs) != 1 {
			e.Fatalf("claimed %d tasks", len(jobs))
		}
		t := jobs[0].Task
		if t.Token <= j.Token || t.Version <= waited.Version || t.Worker != worker || t.Attempt != waited.Attempt || t.Checkpoint == nil {
			e.Errorf("claimed as %+v, waited as %+v", t, waited)
		}
		equal(e, "waiting", t.Waiting, false)
		equal(e, "reason", t.Wait.Why, why)
		equal(e, "until", t.Wait.Until.Equal(waited.Wait.Until), true)
		equal(e, "held", view.Counters.Held, 1)
		equal(e, "waiting, as counted", view.Counters.Waiting, 0)
		equal(e, "due", view.NextDue.IsZero(), true)
		equal(e, "events", r.read().LastEvent, events)
		same, _ := r.claimWith("again", worker, 1)
		equal(e, "claimed by a repeat", len(same), 1)
		equal(e, "holdings", len(e.heldBy(r, worker)), 1)
	}
}

// waitOrder: of several tasks whose waits are over the one that was due first comes first, whatever
// their ordinals, also among running tasks and undos.
func waitOrder(e *env) {
	r := e.start(4, concurrently(4))
	jobs := r.take("worker", 4)
	r.do(jobs[3].work(store.Complete))
	r.order(4, plan.Plan.RollbackTask)
	undo := r.take("worker", 1)[0]
	r.wait(jobs[0], task.WaitHold, 4*e.h.TTL/5)
	r.wait(jobs[1], task.WaitBackoff, 2*e.h.TTL/5)
	r.wait(undo, task.WaitHold, 3*e.h.TTL/5)
	r.wait(jobs[2], task.WaitProving, e.h.TTL/5)
	due := func(i, j int) int { return r.task(i).Wait.Until.Compare(r.task(j).Wait.Until) }
	want := []int{1, 2, 3, 4}
	slices.SortFunc(want, due) // on a slow machine the order may be another
	r.outwait(want...)
	first := ordinals(r.claim("worker", 1))
	if got := append(first, ordinals(r.claim("worker", 4))...); !slices.Equal(got, want) {
		e.Errorf("claimed %v, want %v", got, want)
	}
}

// waitBeforeOthers: a task whose wait is over comes before those that wait for a worker and those
// that are pending.
func waitBeforeOthers(e *env) {
	r := e.start(5, concurrently(5))
	jobs := r.take("worker", 4)
	r.do(jobs[0].work(store.Yield))
	r.do(jobs[1].work(store.Complete))
	r.order(2, plan.Plan.RollbackTask)
	r.wait(jobs[2], task.WaitHold, time.Hour)
	r.wait(jobs[3], task.WaitHold, 0)
	r.expect(5, 4, 1, 2, 5)
}

// waitByState: running tasks whose waits are over are claimed in a plan that is running or failed,
// undos in any.
func waitByState(e *env) {
	for _, test := range []struct {
		name    string
		command command
		running bool // RUNNING tasks are claimed
	}{
		{"running", nil, true},
		{"failed", settle, true},
		{"paused", plan.Plan.Pause, false},
		{"cancelled", plan.Plan.Cancel, false},
		{"rolled back", plan.Plan.Rollback, false},
	} {
		r := e.start(5, tolerating(5, 0))
		r.run(1, store.Complete)
		r.order(1, plan.Plan.RollbackTask)
		jobs := r.take("worker", 4)
		r.wait(jobs[0], task.WaitHold, 0) // the undo
		r.wait(jobs[1], task.WaitHold, 0)
		r.wait(jobs[2], task.WaitHold, time.Hour)
		if test.name == "failed" {
			r.do(jobs[3].work(store.Fail))
		} else {
			r.do(jobs[3].work(store.Complete))
		}
		want := []int{1}
		if test.command != nil {
			r.give(test.command)
		}
		if test.running {
			want = append(want, 2)
		}
		if test.command == nil {
			want = append(want, 5)
		}
		_, view := r.commit()
		equal(e, test.name+": claimable", view.Claimable, true)
		got := ordinals(r.claim("another", 5))
		slices.Sort(got) // both may have become due at the same time
		if !slices.Equal(got, want) {
			e.Errorf("%s: claimed %v, want %v", test.name, got, want)
		}
		_, view = r.commit()
		equal(e, test.name+": claimable afterwards", view.Claimable, false)
	}
}

// waitStrict: a task that waits may still fail, so it counts as much as one that a worker holds.
func waitStrict(e *env) {
	r := e.start(5, strictly(5, 1))
	jobs := r.expect(5, 1, 2)
	r.wait(jobs[0], task.WaitBackoff, time.Hour)
	r.expect(5)
	jobs[1].ends(r)
	third := r.expect(5, 3)[0]
	r.wait(third, task.WaitProving, 0)
	r.expect(5, 3)
	_, view := r.commit()
	equal(e, "claimable", view.Claimable, false)
}

// waitBreached: what is in flight goes on after a breach, also what waits, and nothing begins.
func waitBreached(e *env) {
	r := e.start(5, tolerating(4, 0))
	jobs := r.take("worker", 3)
	r.wait(jobs[0], task.WaitBackoff, 0)
	r.wait(jobs[1], task.WaitHold, time.Hour)
	_, view := r.commit(jobs[2].work(store.Fail))
	equal(e, "breached", view.Breached, true)
	equal(e, "claimable", view.Claimable, true)
	equal(e, "plan", r.settle().State, plan.Failed)
	last := r.expect(5, 1)[0]
	equal(e, "attempt", last.Attempt, 2)
	r.do(last.work(store.Fail))
	r.expect(5)
	equal(e, "slots", r.read().Counters.Slots(), 1)
}

// waitSequential: a worker that defers its task releases it, which counts in the order in which a
// sequential plan is undone.
func waitSequential(e *env) {
	r := e.start(3, tolerating(1, 3))
	r.wait(r.expect(1, 1)[0], task.WaitHold, time.Hour)
	r.order(1, plan.Plan.PauseTask)
	r.run(1, store.Complete) // 2
	r.wait(r.expect(1, 3)[0], task.WaitHold, 0)
	r.do(r.expect(1, 3)[0].work(store.Complete))
	r.give(plan.Plan.Rollback)
	r.settle()
	for _, want := range []int{3, 2, 1} {
		j := r.expect(3, want)[0]
		equal(e, "reason", j.Wait.Why, task.NoWait)
		r.do(j.work(store.Undone))
	}
	equal(e, "plan", r.settle().State, plan.RolledBack)
}
