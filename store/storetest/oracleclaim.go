package storetest

import (
	"fmt"
	"slices"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// Which tasks a claim may get, and how the oracle follows those that wait. It has no clock: it
// takes the time from the answers of the store under test, and learns from it when a wait is over,
// within the limits of the contract.

// postpone applies a Defer. Until the oracle learns when the wait is over, it assumes the earliest
// possible time.
func (o *oracle) postpone(t *oracleTask, w store.Change, stop task.Stop) {
	t.must = true
	if stop != task.StopCancel {
		t.Wait, t.unknown, t.after = task.Wait{Why: w.Wait, Until: o.now.Add(w.After)}, true, w.After
		if w.Wait == task.WaitBackoff {
			t.Attempt++
			t.Losses, t.Elapsed = 0, 0
			t.keep(&w)
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

// claim applies the tasks that a claim was assigned, and those that it made wait again, and returns
// an error if the store's choice is not allowed.
func (o *oracle) claim(c store.Claim, got []task.Task, again map[int]bool) error {
	for _, g := range got {
		o.waitAgain(again)
		allowed, _ := o.allowedTo(&c)
		t := &o.tasks[g.ID.Ordinal()-1]
		if !allowed[g.ID.Ordinal()] || o.waitsOn(t) {
			return fmt.Errorf("claimed task %d, allowed are %v, its wait is %+v", g.ID.Ordinal(), allowed, t.Wait)
		}
		if g.Token <= t.Token || g.Worker != c.Worker {
			return fmt.Errorf("task %d under token %d after %d, held by %q", g.ID.Ordinal(), g.Token, t.Token, g.Worker)
		}
		t.Token, t.Worker, t.claim, t.Waiting, t.must = g.Token, c.Worker, c.ID, false, true
		t.start()
		switch {
		case t.State.InFlight():
		case t.State == task.Pending:
			t.Attempt = 1
			o.move(t, task.Running, task.ByClaim)
		default:
			t.visited, t.PausedIndividually, t.Losses = true, false, 0
			t.Wait, t.Elapsed = task.Wait{}, 0
			o.move(t, task.RollingBack, task.ByRollback)
		}
		o.count()
	}
	if o.waitAgain(again); len(again) > 0 {
		return fmt.Errorf("tasks %v wait again without a slot, or before their turn", again)
	}
	if allowed, required := o.allowedTo(&c); required && len(got) < c.Max {
		return fmt.Errorf("claimed %d of %d, %v are left", len(got), c.Max, allowed)
	}
	return nil
}

// allowed returns the tasks, by ordinal, that a claim may get or make wait again next, and whether
// there must be one.
func (o *oracle) allowed() (set map[int]bool, required bool) { return o.allowedTo(&store.Claim{}) }

// allowedTo is allowed for a claim that may choose its pending tasks.
func (o *oracle) allowedTo(c *store.Claim) (set map[int]bool, required bool) {
	if set = o.due(); len(set) > 0 {
		return set, true
	}
	if o.plan.Counters.Slots() >= o.plan.Grant.MaxSlots {
		return nil, false
	}
	for _, r := range []task.Request{task.ExemptRequest, task.NoRequest, task.StartRequest} {
		if set = o.unheld(task.Running, r); len(set) > 0 && o.claims(task.Running, r) {
			return set, true
		}
	}
	if set = o.unheld(task.RollingBack, task.NoRequest); len(set) > 0 && o.claims(task.RollingBack, task.NoRequest) {
		return set, true
	}
	undos, must := o.undoable()
	if must {
		return undos, true
	}
	open, sure := o.opens()
	open = open && !o.plan.Breached && !o.plan.State.CancelsPending() && o.admits()
	for _, ordinal := range o.choice(c) {
		if open && ordinal <= o.plan.Grant.LastOrdinal && o.tasks[ordinal-1].State == task.Pending {
			undos[ordinal] = true
			return undos, sure
		}
	}
	return undos, false
}

// choice returns the ordinals of the pending tasks that a claim may get, in its order.
func (o *oracle) choice(c *store.Claim) (list []int) {
	if c.Chosen {
		return slices.DeleteFunc(slices.Clone(c.Pending), func(ordinal int) bool { return ordinal > len(o.tasks) })
	}
	for i := range o.tasks {
		list = append(list, i+1)
	}
	return list
}

// unheld returns the tasks in a state, and with a request, that no worker holds and that do not
// wait.
func (o *oracle) unheld(s task.State, r task.Request) map[int]bool {
	set := make(map[int]bool)
	for i := range o.tasks {
		if t := &o.tasks[i]; t.State == s && t.Request == r && t.Worker == "" && !t.Waiting {
			set[i+1] = true
		}
	}
	return set
}

// undoable returns the tasks that the open undo round may undo next, and whether a claim must get
// one of them.
func (o *oracle) undoable() (set map[int]bool, required bool) {
	set = make(map[int]bool)
	if !o.plan.Undo.Open {
		return set, false
	}
	next := -1
	for i := range o.tasks {
		t := &o.tasks[i]
		switch {
		case !t.Undoable() || t.visited || o.plan.Undo.OfWave() && !o.plan.Undo.Covers(i+1):
		case t.late:
			set[i+1] = true
		case next < 0 || !o.plan.Sequential() || t.released > o.tasks[next].released:
			next = i
		}
	}
	if next >= 0 {
		set[next+1] = true
	}
	return set, next >= 0
}
