package redisack

import (
	"hash/maphash"
	"math"
	"math/rand/v2"
	"time"
)

// hangGrace is how long an attempt may go on after its context has ended before it counts as hung.
const hangGrace = 100 * time.Millisecond

// next returns the distance to the next attempt at a client that is well but not there yet.
func (i Interval) next(tries int) time.Duration {
	d := float64(i.Base) * math.Pow(i.Growth, float64(tries))
	d = min(d, float64(i.Max))
	return max(time.Duration(d*(1+i.Jitter*(2*rand.Float64()-1))), time.Millisecond)
}

// plan sets the next attempt. When that would be past the deadline, one last attempt is made before it instead, so that
// a change between two attempts is not missed; after it the member only waits for the end.
func (r *run) plan(m *member, delay time.Duration) {
	if m.standing.settled() {
		return
	}
	now := r.now()
	m.due = now + delay
	if m.due >= r.limit {
		if m.last || now >= r.limit {
			r.agenda.drop(m)
			return
		}
		m.last = true
		left := r.limit - now
		m.due = max(now, r.limit-min(m.timeout, left/2))
	}
	r.agenda.put(m)
}

// firstDue spreads the first attempts over the end of the start delay.
func (r *run) firstDue(m *member, delay time.Duration) time.Duration {
	if delay <= 0 {
		return 0
	}
	const spread = 0.4 // from 0.8 to 1.2 of the delay
	place := float64(maphash.String(r.seed, m.row.ID)%1024) / 1024
	return time.Duration(float64(delay) * (1 - spread/2 + spread*place))
}

// collectDue moves the members whose time has come to the queues, and gives up on attempts that hang.
func (r *run) collectDue() {
	now := r.now()
	for m := r.agenda.first(); m != nil && m.due <= now; m = r.agenda.first() {
		r.agenda.drop(m)
		switch {
		case m.running && !m.stuck:
			r.hung(m)
		case m.running: // still stuck: look again later, without a second attempt beside it
			r.plan(m, r.policy.AttemptTimeout)
		case m.slow:
			r.slow = append(r.slow, m)
		default:
			r.ready = append(r.ready, m)
		}
	}
}

// slowShare is the part of the workers that endpoints which have just timed out may use together.
const slowShare = 8

// launch starts attempts as long as there are members that are due and places for them. It gives back places that it
// has no use for.
func (r *run) launch() {
	for r.inFlight < r.places && r.anyReady() {
		if !r.lane.take() {
			return // the lane is queued
		}
		m := r.nextReady()
		if m == nil {
			r.lane.release()
			break
		}
		r.begin(m)
	}
	r.lane.idle()
}

func (r *run) anyReady() bool { return len(r.ready) > 0 || (len(r.slow) > 0 && r.slowFree()) }

// slowFree reports whether the slow members have not used up their share.
func (r *run) slowFree() bool { return r.slowInFlight < max(1, r.places/slowShare) }

// nextReady takes the next member off the queues, the slow ones behind the others.
func (r *run) nextReady() *member {
	if m := pop(&r.ready); m != nil {
		return m
	}
	if r.slowFree() {
		return pop(&r.slow)
	}
	return nil
}

// pop takes the first member off a queue that has not been settled meanwhile.
func pop(queue *[]*member) *member {
	for len(*queue) > 0 {
		m := (*queue)[0]
		(*queue)[0] = nil
		*queue = (*queue)[1:]
		if !m.standing.settled() && !m.running {
			return m
		}
	}
	return nil
}
