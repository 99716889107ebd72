package renewal

import (
	"math/rand/v2"
	"time"

	"github.com/cutover-go/cutover/renewal/internal/nodequeue"
)

// start sets the first tick and the local deadlines of a new task.
func (h *Handle) start(t *Task) {
	s := h.pol.shared
	now := s.clock.now()
	since := now
	if !t.Since.IsZero() {
		since = min(now, now-s.clock.time(now).Sub(t.Since))
	}
	deadline := never
	if h.pol.ttl != 0 {
		deadline = since + h.pol.ttl - marginOf(h.pol.ttl)
	}
	h.first.state = keyGone // unless there is a key
	for i, name := range t.Keys {
		*h.at(i) = key{name: name, slot: s.queues.slot(name), deadline: deadline}
	}
	if h.pol.ages {
		h.x().born = now
	}
	if h.pol.RenewAtOnce || h.pol.interval == 0 {
		h.schedule(now)
	} else { // spread: in (0, interval]
		h.schedule(now + time.Duration((1-rand.Float64())*float64(h.pol.interval)))
	}
	h.arm()
	h.expire(now) // Since may lie so far back that a key is lost already
}

// fire is called when the timer of a task has fired: it does what is due by now and sets the timer
// again. It does no I/O and calls no host function.
func (h *Handle) fire(now time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.reason != Live {
		return
	}
	if h.expire(now); h.reason != Live {
		return
	}
	if now >= h.due {
		h.tick(now)
	} else {
		h.retry(now)
	}
	h.arm()
}

// expire ends the renewal of keys whose local deadline has passed, even if they are part of a call.
func (h *Handle) expire(now time.Duration) {
	h.each(func(k *key) {
		if now >= k.deadline && h.reason == Live {
			taskKey{h, k}.lose(ErrDeadline)
		}
	})
}

// tick runs a tick that is due and schedules the next tick one interval after this one was due.
// Ticks that were missed while the process stood still are merged into one. The ticks keep their
// phase, so the tasks stay spread.
func (h *Handle) tick(now time.Duration) {
	interval := h.interval()
	due := h.due
	next := due + h.pol.shared.clock.at(uint64(h.early)) + interval
	if next <= now {
		next += ((now-next)/interval + 1) * interval
	}
	h.schedule(next)
	h.run(due)
}

// run starts a tick that was due at the given moment. The host functions and the selector of the
// policy, if any, are called before the refresh.
func (h *Handle) run(due time.Duration) {
	h.counted = false
	if h.pol.calls {
		h.callPolicy(due)
		return
	}
	h.refresh(due)
}

// refresh queues every key that is not queued or part of a call already, so a task never overlaps
// itself. Keys that RenewNow waits for go ahead of others, even if they are queued already.
func (h *Handle) refresh(due time.Duration) {
	h.waits().begin(h.each)
	first := h.waits().any()
	h.each(func(k *key) {
		switch {
		case first && (k.state == keyQueued || !k.busy()):
			taskKey{h, k}.enqueue(due, nodequeue.RankFirst)
		case !k.busy():
			taskKey{h, k}.enqueue(due, nodequeue.RankDue)
		}
	})
}

// retry queues the keys whose wait after a failure has ended.
func (h *Handle) retry(now time.Duration) {
	c := &h.pol.shared.clock
	tick := c.tickNow()
	h.each(func(k *key) {
		if k.state == keyRetrying && c.at(k.retry.near(tick)) <= now {
			taskKey{h, k}.enqueue(now, nodequeue.RankRetry)
		}
	})
}

func (t taskKey) enqueue(due time.Duration, r nodequeue.Rank) {
	t.k.state = keyQueued
	if r == nodequeue.RankFirst {
		t.k.state = keyFirst
	}
	t.h.pol.shared.queues.push(nodequeue.Item[taskKey]{Value: t, Due: due, Deadline: t.k.deadline}, r)
}

// ttl returns the TTL that the next renewal sets.
func (h *Handle) ttl() time.Duration {
	if h.pol.ttl != 0 {
		return h.pol.ttl
	}
	return h.ext.ttl
}

// interval returns the time between ticks. If a function determines it, interval returns the
// function's last answer, or one second if there is none yet.
func (h *Handle) interval() time.Duration {
	switch {
	case h.pol.interval != 0:
		return h.pol.interval
	case h.ext != nil && h.ext.interval != 0:
		return h.ext.interval
	default:
		return time.Second
	}
}

// schedule makes the next tick due at place, the moment that the fixed rate requires, or, with
// jitter, somewhat earlier.
func (h *Handle) schedule(place time.Duration) {
	h.due, h.early = place, 0
	if share := h.pol.Interval.jitter; share > 0 {
		c := &h.pol.shared.clock
		h.early = uint32(share * rand.Float64() * float64(h.interval()/c.tick))
		h.due = place - c.at(uint64(h.early))
	}
}

// arm sets the timer to the earliest of the next tick, the retries and the deadlines.
func (h *Handle) arm() {
	at, c := h.due, &h.pol.shared.clock
	if h.pol.keys() == 1 && h.ext == nil && h.first.state != keyRetrying { // no need for the clock
		at = h.first.next(at, c, 0)
	} else {
		now := c.tickNow()
		h.each(func(k *key) { at = k.next(at, c, now) })
	}
	if h.many() {
		h.x().armed = at
	}
	h.setTimer(at)
}

// arm makes the timer fire earlier if one key needs it. It never makes the timer fire later: a
// timer that fires early finds nothing to do.
func (t taskKey) arm() {
	h := t.h
	if !h.many() {
		h.arm()
		return
	}
	c := &h.pol.shared.clock
	if at := t.k.next(h.due, c, c.tickNow()); at < h.x().armed {
		h.x().armed = at
		h.setTimer(at)
	}
}

func (h *Handle) setTimer(at time.Duration) {
	s := h.pol.shared
	h.timer = s.timers.set(h.timer, s.clock.ceil(at), h)
}
