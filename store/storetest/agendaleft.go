package storetest

import (
	"slices"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// leave reschedules a plan that is due for an engine with these executors, and leaves it to one
// executor.
func (e *env) leave(id plan.ID, to string, after time.Duration, executors ...string) {
	e.Helper()
	d := e.due(id, executors...)
	if d == nil {
		e.Fatalf("plan %s is not due for %q", id, executors)
		return
	}
	e.ok(e.Reschedule(e.ctx, id, d.Stamp, store.Next{After: after, Executor: to}))
}

// agendaLeft: a plan is due at once for the engines with the executor to which it was left, until
// the next Reschedule, and for all others later.
func agendaLeft(e *env) {
	const odd = "of\x00 two\n;words"
	r, other := e.create(1, concurrently(1)), e.create(1, concurrently(1))
	e.leave(other.id, "OTHER", time.Hour)
	for _, executor := range []string{"EXECUTOR", odd, "EXECUTOR:", "ö"} {
		e.leave(r.id, executor, time.Hour)
		equal(e, "due for all", e.due(r.id) != nil, false)
		equal(e, "due for another executor", e.due(r.id, "OTHER", executor+"x", "") != nil, false)
		for range 2 { // it stays due
			d := e.due(r.id, "OTHER", executor, executor)
			if d == nil {
				e.Fatalf("the plan is not due for %q", executor)
			}
			if d.Creating || d.Late < 0 || d.Late > time.Minute {
				e.Errorf("due is %+v", *d)
			}
		}
		e.leave(r.id, executor, -1, executor)
		equal(e, "due for all, if not before a command", e.due(r.id) != nil, false)
		equal(e, "due for its executor still", e.due(r.id, executor) != nil, true)
		e.ok(e.Remind(e.ctx, map[plan.ID]time.Duration{r.id: 0})) // for all
	}
	// A command makes it due for all, and changes the stamp for its executor too.
	e.leave(r.id, "EXECUTOR", time.Hour)
	seen := e.due(r.id, "EXECUTOR")
	r.launch()
	e.mustBeDue(r.id)
	e.ok(e.Reschedule(e.ctx, r.id, seen.Stamp, store.Next{After: -1}))
	for _, executors := range [][]string{nil, {"EXECUTOR"}} {
		if d := e.due(r.id, executors...); d == nil || d.Stamp == seen.Stamp {
			e.Errorf("due for %q after a command is %+v, it was %+v", executors, d, *seen)
		}
	}
}

// agendaLeftInOrder: whatever they are due for, those that have waited longest come first, each
// once.
func agendaLeftInOrder(e *env) {
	var plans []plan.ID
	for range 5 {
		plans = append(plans, e.create(1, concurrently(1)).id)
	}
	for i, next := range map[int]store.Next{0: {After: time.Hour}, 2: {After: time.Hour, Executor: "Z"}} {
		e.leave(plans[i], next.Executor, next.After)
	}
	e.leave(plans[4], "X", time.Hour)
	time.Sleep(2 * time.Millisecond)
	e.rest(plans[3], 0)
	time.Sleep(2 * time.Millisecond)
	e.leave(plans[1], "Y", 0)
	for _, tt := range []struct {
		executors []string
		limit     int
		want      []int
	}{
		{nil, 0, []int{3, 1}},
		{[]string{"X"}, 0, []int{4, 3, 1}},
		{[]string{"Y", "X"}, 0, []int{4, 3, 1}},
		{[]string{"X", "Y"}, 2, []int{4, 3}},
		{[]string{"Y"}, 1, []int{3}},
		{[]string{"X", "Y", "Z"}, 100, []int{2, 4, 3, 1}},
	} {
		list, err := e.Due(e.ctx, tt.executors, tt.limit)
		e.ok(err)
		var got []int
		for i, d := range list {
			if i > 0 && d.Late > list[i-1].Late {
				e.Errorf("late by %s behind one that is late by %s", d.Late, list[i-1].Late)
			}
			if at := slices.Index(plans, d.ID); at >= 0 { // others may share the store
				got = append(got, at)
			}
		}
		if !slices.Equal(got, tt.want) {
			e.Errorf("due for %q, at most %d: %v, want %v", tt.executors, tt.limit, got, tt.want)
		}
	}
}

// agendaTakenBack: a plan is due no more for the executor to which it was left, when the next
// Reschedule leaves it to another, or to none, and when it is removed.
func agendaTakenBack(e *env) {
	r := e.start(1, concurrently(1))
	e.leave(r.id, "X", time.Hour)
	e.leave(r.id, "Y", time.Hour, "X")
	equal(e, "due for the first executor", e.due(r.id, "X") != nil, false)
	e.leave(r.id, "", time.Hour, "Y")
	equal(e, "due for an executor", e.due(r.id, "X", "Y") != nil, false)
	r.give(plan.Plan.Cancel)
	e.leave(r.id, "X", time.Hour)
	e.removeAll(r.id)
	equal(e, "due after its removal", e.due(r.id, "X") != nil, false)
}
