package redisack

import (
	"hash/maphash"
	"math"
	"math/rand/v2"
	"time"
)

// hangGrace is how long an attempt may continue after the end of its context before it counts as
// hung.
const hangGrace = 100 * time.Millisecond

// slowShare limits the slow members, whose last attempt timed out: together they may use one place
// in slowShare, but always at least one place.
const slowShare = 8

// schedule decides which member is asked next, and when. Times are relative to the start of the
// run. It has no clock and makes no attempts itself. The run's goroutine owns it.
//
// A member is outside the schedule, in the agenda until it is due, in one of the two queues until a
// place is free, or running. A running member is in the agenda too, for the time at which its
// attempt counts as hung.
type schedule struct {
	off    bool          // nothing is polled
	limit  time.Duration // end of the run
	places int           // the maximum number of attempts at once
	seed   maphash.Seed

	agenda      agenda
	ready, slow []*member
	running     int
	runningSlow int // Invariant: runningSlow <= running <= places
}

// plan schedules the next attempt at a member after a delay. If the attempt would start after the
// end of the run, the member gets one last attempt before the end instead, so that a late change is
// not missed.
func (s *schedule) plan(now time.Duration, m *member, delay time.Duration) {
	if s.off || m.status.final() {
		return
	}
	m.due = now + delay
	if m.due >= s.limit {
		if m.last || now >= s.limit {
			s.agenda.drop(m)
			return
		}
		m.last = true
		left := s.limit - now
		m.due = max(now, s.limit-min(m.timeout, left/2))
	}
	s.agenda.put(m)
}

// spread returns the delay of the first attempt at a member: 0.8 to 1.2 times the start delay, so
// that first attempts do not coincide.
func (s *schedule) spread(m *member, delay time.Duration) time.Duration {
	if delay <= 0 {
		return 0
	}
	const spread = 0.4 // from 0.8 to 1.2 of the delay
	place := float64(maphash.String(s.seed, m.row.ID)%1024) / 1024
	return time.Duration(float64(delay) * (1 - spread/2 + spread*place))
}

// collect moves the members that are due to the queues. It returns the members whose attempts count
// as hung from now on. It postpones a member whose attempt still hangs by the duration again, so
// that a member never has two attempts at the same time.
func (s *schedule) collect(now, again time.Duration) (hung []*member) {
	for m := s.agenda.first(); m != nil && m.due <= now; m = s.agenda.first() {
		s.agenda.drop(m)
		switch {
		case m.running && !m.hung:
			m.hung = true
			hung = append(hung, m)
		case m.running:
			s.plan(now, m, again)
		case m.slow:
			s.slow = append(s.slow, m)
		default:
			s.ready = append(s.ready, m)
		}
	}
	return hung
}

// wants reports whether a member is due and may be asked as soon as a place is free.
func (s *schedule) wants() bool {
	return s.running < s.places && (len(s.ready) > 0 || (len(s.slow) > 0 && s.slowFree()))
}

// slowFree reports whether the share of the slow members has room for another attempt.
func (s *schedule) slowFree() bool { return s.runningSlow < max(1, s.places/slowShare) }

// next removes the next member from the queues and returns it. Slow members come last.
func (s *schedule) next() *member {
	if m := pop(&s.ready); m != nil {
		return m
	}
	if s.slowFree() {
		return pop(&s.slow)
	}
	return nil
}

// pop removes members from a queue until it finds one that can still be asked, and returns that
// member.
func pop(queue *[]*member) *member {
	for len(*queue) > 0 {
		m := (*queue)[0]
		(*queue)[0] = nil
		*queue = (*queue)[1:]
		if !m.status.final() && !m.running {
			return m
		}
	}
	return nil
}

// begin records the start of an attempt, and returns the time at which it has to end.
func (s *schedule) begin(now time.Duration, m *member) time.Duration {
	m.running = true
	s.running++
	s.runningSlow += one(m.slow)
	end := min(now+m.timeout, s.limit)
	m.due = end + hangGrace
	s.agenda.put(m)
	return end
}

// end records that an attempt has returned; slow says whether the member was slow when the attempt
// began. late reports whether the attempt counted as hung.
func (s *schedule) end(m *member, slow bool) (late bool) {
	s.running--
	s.runningSlow -= one(slow)
	m.running = false
	if m.hung {
		m.hung = false
		return true
	}
	s.agenda.drop(m)
	return false
}

// drop removes a member from the agenda.
func (s *schedule) drop(m *member) { s.agenda.drop(m) }

// wakeUp returns the time at which something is due next, at the latest the end of the run.
func (s *schedule) wakeUp() time.Duration {
	if m := s.agenda.first(); m != nil {
		return min(s.limit, m.due)
	}
	return s.limit
}

// next returns the time to the next attempt at a client that answers but does not run the target
// yet.
func (i Interval) next(tries int) time.Duration {
	d := float64(i.Base) * math.Pow(i.Growth, float64(tries))
	d = min(d, float64(i.Max))
	return max(time.Duration(d*(1+i.Jitter*(2*rand.Float64()-1))), time.Millisecond)
}
