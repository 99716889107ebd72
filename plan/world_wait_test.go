package plan_test

import (
	"time"

	"github.com/cutover-go/cutover/task"
)

// How tasks wait in the world: as a store does it, with one task after the other in a list.

// postpone makes the worker that holds t defer it, for a time that differs from step to step. An
// undo can only hold.
func (w *world) postpone(t *task.Task, why task.WaitReason) {
	if t.State == task.RollingBack {
		why = task.WaitHold
	}
	stop := w.plan.StopFor(t.ID.Ordinal(), t.Control)
	if stop != task.StopCancel {
		t.Wait = task.Wait{Why: why, Until: w.plan.Now.Add(time.Duration(w.steps%5) * 10 * time.Second)}
		if why == task.WaitBackoff {
			t.Attempt++
			t.Losses, t.Failure = 0, &task.FailureInfo{ErrorCode: "BROKEN"}
			w.restTold = false
		}
	}
	if stop == task.Go {
		w.wait(t)
	}
	w.yield(t)
}

// wait gives a task a slot in which it waits.
func (w *world) wait(t *task.Task) {
	t.Waiting = true
	w.started(t)
	w.plan.Counters.Waiting++
}

// waitNoMore takes a task out of those that wait.
func (w *world) waitNoMore(t *task.Task) {
	if t.Waiting {
		t.Waiting = false
		w.plan.Counters.Waiting--
	}
}

// waitsOn reports whether a task without a slot has to wait as soon as it gets one, because it was
// paused during its wait.
func (w *world) waitsOn(t *task.Task) bool {
	return t.State.InFlight() && !t.Waiting && t.Wait.Until.After(w.plan.Now)
}

// due returns the task whose wait was over first of those that can be claimed, or nil.
func (w *world) due() (first *task.Task) {
	for i := range w.tasks {
		t := &w.tasks[i]
		if !t.Waiting || t.Wait.Until.After(w.plan.Now) || !w.claims(t) {
			continue
		}
		if first == nil || t.Wait.Until.Before(first.Wait.Until) {
			first = t
		}
	}
	return first
}

// findNextDue keeps the fact of the plan that says when the first task is due.
func (w *world) findNextDue() {
	w.plan.NextDue = time.Time{}
	for _, t := range w.tasks {
		if t.Waiting && (w.plan.NextDue.IsZero() || t.Wait.Until.Before(w.plan.NextDue)) {
			w.plan.NextDue = t.Wait.Until
		}
	}
}

// checkWaits verifies who waits, which tasks have a wait, and that the plan is awake in time for
// them.
func (w *world) checkWaits() {
	for _, t := range w.tasks {
		if t.Waiting && (!t.State.InFlight() || t.Worker != "" || t.Wait.Why == task.NoWait) {
			w.t.Fatalf("task %s waits in %s, held by %q: %+v", t.ID, t.State, t.Worker, t.Wait)
		}
		if t.Wait != (task.Wait{}) && !t.State.InFlight() && t.State != task.Paused {
			w.t.Fatalf("task %s has the wait %+v in %s", t.ID, t.Wait, t.State)
		}
	}
	if c := w.plan.Counters; c.Slots() > c.InFlight() {
		w.t.Fatalf("%d are held, %d wait, %d are in flight", c.Held, c.Waiting, c.InFlight())
	}
	in, wakes := w.plan.WakeIn()
	for _, t := range w.tasks {
		if left := t.Wait.Until.Sub(w.plan.Now); t.Waiting && (!wakes || in > max(0, left)) {
			w.t.Fatalf("task %s is due in %s, the plan wakes in %s: %t", t.ID, left, in, wakes)
		}
	}
	if t := w.due(); t != nil && !w.plan.Claimable() {
		w.t.Fatalf("task %s in %s is due, and the plan says that nothing can be claimed: %+v", t.ID, t.State, w.plan)
	}
	if w.plan.Counters.Waiting > 0 && w.plan.AtRest() {
		w.t.Fatalf("%d tasks wait in %s, and it is at rest", w.plan.Counters.Waiting, w.plan.State)
	}
}
