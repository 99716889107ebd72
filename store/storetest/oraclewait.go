package storetest

import (
	"fmt"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// How the oracle follows tasks that wait. It has no clock: it takes the time from the answers of
// the store under test, and learns from it when a wait is over, within the limits of the contract.

// postpone applies a Defer. Until the oracle learns when the wait is over, it assumes the earliest
// possible time.
func (o *oracle) postpone(t *oracleTask, w store.Change, stop task.Stop) {
	t.must = true
	if stop != task.StopCancel {
		t.Wait, t.unknown, t.after = task.Wait{Why: w.Wait, Until: o.now.Add(w.After)}, true, w.After
		if w.Wait == task.WaitBackoff {
			t.Attempt++
			t.Losses, t.Elapsed, t.Failure = 0, 0, w.Failure
			o.tell(plan.Event{
				Task: t.ID, Cause: task.ByRetry.String(), From: t.State.String(), To: t.State.String(),
				Attempt: t.Attempt, Failure: t.Failure,
			})
		}
	}
	t.Waiting = stop == task.Go
	o.yield(t, w, stop)
}

// learns reports whether the oracle has to see the tasks after a commit: to learn when a wait is
// over, or which tasks a claim made wait again.
func (o *oracle) learns() bool {
	for i := range o.tasks {
		if t := &o.tasks[i]; t.unknown || o.waitsOn(t) {
			return true
		}
	}
	return false
}

// learn sets the time of the store's clock. tasks are the tasks after the commit; nil if there is
// nothing to learn from them. It returns the ordinals of the tasks that a claim made wait again.
func (o *oracle) learn(now time.Time, tasks []task.Task) (again map[int]bool, err error) {
	o.now = now
	again = make(map[int]bool)
	for i, got := range tasks {
		t := &o.tasks[i]
		if t.unknown {
			// A store may round the time up.
			if latest := now.Add(t.after + time.Millisecond); got.Wait.Until.Before(t.Wait.Until) || got.Wait.Until.After(latest) {
				return nil, fmt.Errorf("task %d waits until %s, want a time from %s to %s", i+1, got.Wait.Until, t.Wait.Until, latest)
			}
			t.Wait.Until, t.unknown = got.Wait.Until, false
		}
		if got.Waiting && !t.Waiting {
			again[i+1] = true
		}
	}
	return again, nil
}

// waitsOn reports whether a task without a slot waits again as soon as it gets one, because it was
// paused during its wait.
func (o *oracle) waitsOn(t *oracleTask) bool {
	return t.State.InFlight() && t.Worker == "" && !t.Waiting && t.Wait.Until.After(o.now)
}

// waitAgain lets those of the tasks take their slots whose turn it is, and removes them from again.
func (o *oracle) waitAgain(again map[int]bool) {
	for found := true; found; {
		found = false
		allowed, _ := o.allowed()
		for i := range again {
			if t := &o.tasks[i-1]; allowed[i] && o.waitsOn(t) {
				t.Waiting, t.must, found = true, true, true
				t.start()
				delete(again, i)
				o.count()
				break
			}
		}
	}
}

// due returns the tasks whose wait is over and that are to be claimed next: the earliest one, or
// all that have the same time.
func (o *oracle) due() map[int]bool {
	set := make(map[int]bool)
	var first time.Time
	for i := range o.tasks {
		t := &o.tasks[i]
		if !t.Waiting || t.Wait.Until.After(o.now) || !o.claims(t.State, t.Request) {
			continue
		}
		if len(set) > 0 && t.Wait.Until.Before(first) {
			clear(set)
		}
		if len(set) == 0 || t.Wait.Until.Equal(first) {
			first = t.Wait.Until
			set[i+1] = true
		}
	}
	return set
}

// claims reports whether claims take tasks in flight in this state and with this request.
func (o *oracle) claims(s task.State, r task.Request) bool {
	if s == task.RollingBack {
		return !o.plan.Undo.Stopping
	}
	return o.plan.Claims(r, o.plan.Breached)
}

// nextDue returns when the first task that waits is due, the zero time if none waits.
func (o *oracle) nextDue() (first time.Time) {
	for i := range o.tasks {
		if t := &o.tasks[i]; t.Waiting && (first.IsZero() || t.Wait.Until.Before(first)) {
			first = t.Wait.Until
		}
	}
	return first
}
