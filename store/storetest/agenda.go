package storetest

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

func agendaCases() []testCase {
	return []testCase{
		{name: "due when made and when changed", run: agendaDue},
		{name: "due when a task is handed back", run: agendaHandedBack},
		{name: "rests", run: agendaRests},
		{name: "command beats rest", run: agendaStamp},
		{name: "longest waiting first", run: agendaOrder},
		{name: "tells how late a plan is", run: agendaLate},
		{name: "reminds", run: agendaReminds},
		{name: "reminds of what is due", run: agendaRemindsDue},
		{name: "left to an executor", run: agendaLeft},
		{name: "left to executors in order", run: agendaLeftInOrder},
		{name: "left until it is taken back", run: agendaTakenBack},
		{name: "hints", run: agendaHints},
		{name: "hints of task events", run: agendaEventHints},
	}
}

// due returns the entry of a plan on the agenda, or nil if the plan is not due for an engine with
// these executors.
func (e *env) due(id plan.ID, executors ...string) *store.DuePlan {
	e.Helper()
	list, err := e.Due(e.ctx, executors, 1000)
	e.ok(err)
	for _, d := range list {
		if d.ID == id {
			return &d
		}
	}
	return nil
}

// mustBeDue returns the entry of a plan on the agenda. The plan must be due.
func (e *env) mustBeDue(id plan.ID) store.DuePlan {
	e.Helper()
	d := e.due(id)
	if d == nil {
		e.Fatalf("plan %s is not due", id)
		return store.DuePlan{}
	}
	return *d
}

// rest reschedules a plan. The plan must be due.
func (e *env) rest(id plan.ID, after time.Duration) {
	e.Helper()
	e.ok(e.Reschedule(e.ctx, id, e.mustBeDue(id).Stamp, store.Next{After: after}))
}

func agendaDue(e *env) {
	r := e.start(2, concurrently(2))
	equal(e, "a creation", e.mustBeDue(r.id).Creating, false)
	e.rest(r.id, -1)
	equal(e, "due while it rests", e.due(r.id) != nil, false)
	r.run(1, store.Complete) // a worker's commit does not make a plan due
	equal(e, "due after a commit", e.due(r.id) != nil, false)
	r.give(plan.Plan.Pause)
	equal(e, "due after a command", e.due(r.id) != nil, true)
	e.rest(r.id, -1)
	e.ok(e.Reschedule(e.ctx, r.id+100, 1, store.Next{After: -1, Executor: "EXECUTOR"}))
	if e.due(r.id+100, "EXECUTOR") != nil {
		e.Error("a plan that is not there is due")
	}
}

// agendaHandedBack: a task that a worker yields makes its plan due, so that the task does not wait
// until an engine polls the plan.
func agendaHandedBack(e *env) {
	r := e.start(2, concurrently(2))
	jobs := r.claim("worker", 2)
	e.rest(r.id, time.Hour)
	r.do(jobs[0].work(store.Yield))
	equal(e, "due after a task was handed back", e.due(r.id) != nil, true)
	e.rest(r.id, time.Hour)
	r.give(plan.Plan.Pause)
	e.rest(r.id, time.Hour)
	r.do(jobs[1].work(store.Yield)) // the plan is paused: no work is left
	equal(e, "due after a task was paused", e.due(r.id) != nil, false)
}

func agendaRests(e *env) {
	var r *rollout
	e.inTime(func(ttl time.Duration) bool {
		r = e.start(1, concurrently(1))
		began := time.Now()
		e.rest(r.id, ttl)
		due := e.due(r.id) != nil
		if time.Since(began) >= ttl {
			return false
		}
		equal(e, "due while it rests", due, false)
		e.outlast(ttl)
		return true
	})
	equal(e, "due after its rest", e.due(r.id) != nil, true)
	e.rest(r.id, 0)
	equal(e, "due without a rest", e.due(r.id) != nil, true)
	e.rest(r.id, time.Hour)
	equal(e, "due while it rests long", e.due(r.id) != nil, false)
	r.give(plan.Plan.Pause)
	equal(e, "due after a command", e.due(r.id) != nil, true)
}

// agendaStamp: Reschedule has no effect if a command came after the caller read the agenda.
func agendaStamp(e *env) {
	r := e.start(1, concurrently(1))
	seen := e.mustBeDue(r.id)
	r.give(plan.Plan.Pause)
	e.ok(e.Reschedule(e.ctx, r.id, seen.Stamp, store.Next{After: -1}))
	if e.mustBeDue(r.id).Stamp == seen.Stamp {
		e.Error("a command did not change the stamp")
	}
}

// agendaLate: a plan is late since it was due, by the store's clock.
func agendaLate(e *env) {
	r := e.start(1, concurrently(1))
	const wait = 50 * time.Millisecond
	before := time.Now()
	e.rest(r.id, wait)
	after := time.Now()
	time.Sleep(2 * wait)
	least := time.Since(after) - wait
	late := e.mustBeDue(r.id).Late
	if most := time.Since(before) - wait; late < least-wait/5 || late > most+wait/5 {
		e.Errorf("late by %s, want %s to %s", late, least, most)
	}
	e.rest(r.id, 0)
	if again := e.mustBeDue(r.id).Late; again < 0 || again >= least {
		e.Errorf("late by %s when it is due anew, it was %s before", again, late)
	}
}

func agendaOrder(e *env) {
	var plans []plan.ID
	for range 5 {
		plans = append(plans, e.create(1, concurrently(1)).id)
	}
	for _, i := range []int{3, 1, 4} {
		e.rest(plans[i], 0)
		time.Sleep(2 * time.Millisecond)
	}
	e.rest(plans[2], time.Hour)
	list, err := e.Due(e.ctx, nil, 3)
	e.ok(err)
	if len(list) != 3 {
		e.Fatalf("%d plans are due, want 3", len(list))
	}
	for i, want := range []int{0, 3, 1} {
		if list[i].ID != plans[want] {
			e.Errorf("due at place %d: plan %s, want %s", i, list[i].ID, plans[want])
		}
	}
}

// agendaReminds: a reminder makes a plan due earlier than Reschedule asked for, never later.
func agendaReminds(e *env) {
	good, long, soon := e.create(1, concurrently(1)).id, e.create(1, concurrently(1)).id, e.create(1, concurrently(1)).id
	due := e.create(1, concurrently(1)).id
	e.rest(good, -1)
	e.rest(long, time.Hour)
	e.rest(soon, e.h.TTL)
	seen := e.mustBeDue(due)
	creation, err := e.BeginCreate(e.ctx, e.announce(1, concurrently(1)))
	e.ok(err)
	remind := func(after time.Duration, ids ...plan.ID) {
		e.Helper()
		plans := make(map[plan.ID]time.Duration)
		for _, id := range ids {
			plans[id] = after
		}
		e.ok(e.Remind(e.ctx, plans))
	}
	remind(time.Hour/2, good, long, soon, due, creation.ID, creation.ID+100)
	equal(e, "due while it rests for good", e.due(good) != nil, false)
	equal(e, "due while it rests long", e.due(long) != nil, false)
	if e.mustBeDue(due).Stamp == seen.Stamp {
		e.Error("a reminder did not change the stamp of a plan that is due")
	}
	e.outlast(e.h.TTL)
	e.mustBeDue(soon)
	remind(0, good, long, creation.ID, creation.ID+100)
	remind(-time.Hour) // no plans: no effect
	e.mustBeDue(good)
	e.mustBeDue(long)
	for _, id := range []plan.ID{creation.ID, creation.ID + 100} {
		if d := e.due(id); d != nil {
			e.Errorf("%+v is due", *d)
		}
	}
	// An engine that read the agenda before the reminder cannot postpone the plan.
	e.rest(good, time.Hour)
	remind(0, good)
	now := e.mustBeDue(good)
	e.ok(e.Reschedule(e.ctx, good, now.Stamp-1, store.Next{After: -1}))
	e.mustBeDue(good)
	e.is(e.Remind(e.ctx, manyPlans(store.MaxBatch+1)), store.ErrInvalid)
	e.ok(e.Remind(e.ctx, manyPlans(store.MaxBatch)))
}

// agendaRemindsDue: an engine that reconciles a due plan may miss the reason for a reminder that
// comes at the same time. Its Reschedule therefore has no effect, and a later one does not postpone
// the plan past the reminder.
func agendaRemindsDue(e *env) {
	good, long := e.create(1, concurrently(1)).id, e.create(1, concurrently(1)).id
	for _, after := range []time.Duration{-1, time.Hour} {
		e.inTime(func(ttl time.Duration) bool {
			for _, id := range []plan.ID{good, long} { // at rest after a try that was too slow
				e.ok(e.Remind(e.ctx, map[plan.ID]time.Duration{id: 0}))
			}
			seen := map[plan.ID]store.DuePlan{good: e.mustBeDue(good), long: e.mustBeDue(long)}
			reminded := time.Now()
			e.ok(e.Remind(e.ctx, map[plan.ID]time.Duration{good: ttl, long: ttl}))
			// A second reminder does not cancel the first.
			e.ok(e.Remind(e.ctx, map[plan.ID]time.Duration{good: 0, long: 0}))
			for id, d := range seen {
				e.ok(e.Reschedule(e.ctx, id, d.Stamp, store.Next{After: after})) // has no effect
				e.rest(id, after)
			}
			return time.Since(reminded) < ttl // otherwise the reminder is in the past
		})
		e.comesUp(good)
		e.comesUp(long)
	}
	// An engine that was frozen reschedules the plan when the time of the reminder has passed.
	late := e.mustBeDue(good)
	e.ok(e.Remind(e.ctx, map[plan.ID]time.Duration{good: 0}))
	e.ok(e.Reschedule(e.ctx, good, late.Stamp, store.Next{After: -1}))
	e.mustBeDue(good)
	// After that the reminder has no effect.
	e.rest(good, -1)
	e.rest(long, time.Hour)
	e.outlast(e.h.TTL)
	equal(e, "due while it rests for good", e.due(good) != nil, false)
	equal(e, "due while it rests long", e.due(long) != nil, false)
}

// comesUp waits until a plan is due. After a command a store may delay a plan for some seconds, in
// case the command is still being written.
func (e *env) comesUp(id plan.ID) {
	e.Helper()
	for range 300 {
		if e.due(id) != nil {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	e.Fatalf("plan %s is not due", id)
}

// manyPlans returns reminders of n plans that do not exist.
func manyPlans(n int) map[plan.ID]time.Duration {
	plans := make(map[plan.ID]time.Duration)
	for i := range n {
		plans[plan.ID(1_000_000+i)] = 0
	}
	return plans
}

// agendaHints: hints may be lost, so the test gives commands until a hint arrives.
func agendaHints(e *env) {
	r := e.start(1, concurrently(1))
	ctx, cancel := context.WithCancel(e.ctx)
	defer cancel()
	got := make(chan struct{}, 1)
	var group sync.WaitGroup
	group.Go(func() {
		err := e.Listen(ctx, func(h store.Hint) {
			if h.Plan != r.id {
				return
			}
			select {
			case got <- struct{}{}:
			default:
			}
		})
		if err != nil && !errors.Is(err, context.Canceled) {
			e.Errorf("listen: %v", err)
		}
	})
	hinted := false
	for i := 0; i < 100 && !hinted; i++ {
		if i%2 == 0 {
			r.give(plan.Plan.Pause)
		} else {
			r.give(plan.Plan.Resume)
		}
		select {
		case <-got:
			hinted = true
		case <-time.After(20 * time.Millisecond):
		}
	}
	equal(e, "hinted", hinted, true)
	cancel()
	group.Wait()
}

// agendaEventHints: changes of tasks give hints too, and say that only events were written while
// other tasks are in flight. Hints may be lost, so the test goes on until one arrives.
func agendaEventHints(e *env) {
	const tasks = 100
	r := e.start(tasks, concurrently(2))
	ctx, cancel := context.WithCancel(e.ctx)
	defer cancel()
	got := make(chan store.Hint, 10*tasks)
	var group sync.WaitGroup
	group.Go(func() {
		err := e.Listen(ctx, func(h store.Hint) { got <- h })
		if err != nil && !errors.Is(err, context.Canceled) {
			e.Errorf("listen: %v", err)
		}
	})
	r.take("worker", 1) // stays in flight
	hinted := false
	for i := 0; i < tasks-1 && !hinted; i++ {
		r.run(1, store.Complete)
		late := time.After(20 * time.Millisecond)
		for waiting := true; waiting && !hinted; {
			select {
			case h := <-got:
				hinted = h.Plan == r.id && h.OnlyEvents
			case <-late:
				waiting = false
			}
		}
	}
	equal(e, "hinted", hinted, true)
	cancel()
	group.Wait()
}
