package dispatch

import (
	"sync"
	"time"

	"github.com/cutover-go/cutover/plan"
)

// alarms make plans be looked at when something in them becomes due without a command, for instance
// the next attempt of a task. They are a convenience of this process, which makes such steps
// punctual: without them the agenda makes the plan due somewhat later. It is safe for concurrent
// use.
type alarms struct {
	ring func(plan.ID)

	mu     sync.Mutex
	byPlan map[plan.ID]*alarm
	over   bool
}

type alarm struct {
	at    time.Time
	timer *time.Timer
}

// minAlarm is the least time between two alarms of a plan, so that a plan whose tasks become due
// one by one is not looked at for each of them.
const minAlarm = 5 * time.Millisecond

func newAlarms(ring func(plan.ID)) *alarms {
	return &alarms{ring: ring, byPlan: make(map[plan.ID]*alarm)}
}

// set makes the alarm of a plan ring when the time in has passed, unless it rings earlier anyway.
func (a *alarms) set(id plan.ID, in time.Duration) {
	in = max(in, minAlarm)
	at := time.Now().Add(in)
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.byPlan[id]
	switch {
	case a.over || now != nil && !now.at.After(at):
		return
	case now != nil:
		now.timer.Stop()
	}
	next := &alarm{at: at}
	next.timer = time.AfterFunc(in, func() { a.fire(id, next) })
	a.byPlan[id] = next
}

// fire rings an alarm unless it was replaced.
func (a *alarms) fire(id plan.ID, rung *alarm) {
	a.mu.Lock()
	current := a.byPlan[id] == rung
	if current {
		delete(a.byPlan, id)
	}
	a.mu.Unlock()
	if current {
		a.ring(id)
	}
}

// stop stops all alarms, also those that are set later.
func (a *alarms) stop() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.over = true
	for _, now := range a.byPlan {
		now.timer.Stop()
	}
	clear(a.byPlan)
}
