// Package agenda keeps the times at which plans are due, for the stores that keep them in memory.
package agenda

import (
	"sync"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// Agenda holds the times at which each plan is due. It is safe for concurrent use.
type Agenda struct {
	mu    sync.Mutex
	items map[plan.ID]*item
	// queues are the plans that are due for the engines with an executor type, and under everybody
	// those that are due for every engine.
	queues map[string]*queue
	stamp  uint64
}

// everybody is no executor type.
const everybody = ""

// item is a plan on the agenda.
type item struct {
	id       plan.ID
	stamp    uint64
	hold     time.Time // the latest time of a reminder; Reschedule sets no later time
	creating bool
	owed     entry // in the queue of everybody
	work     entry // in the queue of an executor type
}

// New returns an agenda whose stamps are greater than one.
func New(one uint64) *Agenda {
	return &Agenda{items: make(map[plan.ID]*item), queues: map[string]*queue{everybody: {}}, stamp: one}
}

// Touch gives a plan another stamp: what was decided from the one before has no effect.
func (a *Agenda) Touch(id plan.ID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.touched(id)
}

// Wake makes a plan due now. A plan that is due already keeps its place in the queue.
func (a *Agenda) Wake(id plan.ID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	it := a.touched(id)
	it.creating = false
	if now := time.Now(); !it.owed.queued() || it.owed.at.After(now) {
		a.put(&it.owed, everybody, now)
	}
}

// Expect makes a creation due when ttl has passed without another call for it.
func (a *Agenda) Expect(id plan.ID, ttl time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	it := a.touched(id)
	it.creating = true
	a.take(&it.work)
	a.put(&it.owed, everybody, time.Now().Add(ttl))
}

// Abandoned reports whether a creation has had no call for its ttl.
func (a *Agenda) Abandoned(id plan.ID) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	it := a.items[id]
	return it != nil && it.creating && !it.owed.at.After(time.Now())
}

// Drop removes a plan.
func (a *Agenda) Drop(id plan.ID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if it := a.items[id]; it != nil {
		a.take(&it.owed)
		a.take(&it.work)
		delete(a.items, id)
	}
}

// Entry returns the present entry of a plan, and whether there is one.
func (a *Agenda) Entry(id plan.ID) (now store.DuePlan, is bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	it := a.items[id]
	if it == nil {
		return store.DuePlan{ID: id}, false
	}
	return store.DuePlan{ID: id, Stamp: it.stamp, Creating: it.creating}, true
}

// Reschedule does what store.Agenda says.
func (a *Agenda) Reschedule(id plan.ID, stamp uint64, next store.Next) {
	a.mu.Lock()
	defer a.mu.Unlock()
	it := a.items[id]
	if it == nil || it.stamp != stamp {
		return
	}
	now, after := time.Now(), next.After
	if left := it.hold.Sub(now); left > 0 && (after < 0 || after > left) {
		after = left
		a.touched(id)
	}
	if after < 0 {
		a.take(&it.owed)
	} else {
		a.put(&it.owed, everybody, now.Add(after))
	}
	if next.Executor == everybody {
		a.take(&it.work)
	} else {
		a.put(&it.work, next.Executor, now)
	}
}

// Remind does what store.Agenda says.
func (a *Agenda) Remind(plans map[plan.ID]time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for id, after := range plans {
		a.remind(id, time.Now().Add(max(0, after)))
	}
}

// remind makes a plan due at the time due, or leaves it if it is due earlier. A Reschedule by an
// engine that read the agenda before the reminder has no effect, because the stamp changes: an
// engine that was frozen may make the call after the time due. Any other Reschedule is limited by
// hold.
func (a *Agenda) remind(id plan.ID, due time.Time) {
	it := a.items[id]
	if it == nil || it.creating {
		return
	}
	if due.After(it.hold) {
		it.hold = due
	}
	a.touched(id)
	if !it.owed.queued() || it.owed.at.After(due) {
		a.put(&it.owed, everybody, due)
	}
}

// touched returns the item of a plan, added if it was missing, with another stamp. The caller has
// the lock.
func (a *Agenda) touched(id plan.ID) *item {
	it := a.items[id]
	if it == nil {
		it = &item{id: id}
		it.owed.item, it.work.item = it, it
		a.items[id] = it
	}
	a.stamp++
	it.stamp = a.stamp
	return it
}
