package redisack

import (
	"hash/maphash"
	"math"
	"math/rand/v2"
	"time"
)

// hangGrace is how long an attempt may go on after its context has ended before it counts as hung.
const hangGrace = 100 * time.Millisecond

// slowShare is the part of the places that members which have just timed out may use together.
const slowShare = 8

// schedule decides which member is asked next, and when. Times count from the start of the run. It
// has no clock, asks nobody, and belongs to the run's goroutine.
//
// A member is outside the schedule, in the agenda until its time comes, in one of the two queues
// until there is a place, or running; a running one is in the agenda for the time at which it
// counts as hung.
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

// plan sets the next attempt at a member. If that would be past the end of the run, one last
// attempt is made before the end instead, so that a change between two attempts is not missed;
// after it the member only waits for the end.
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

// spread distributes the first attempts over the end of the start delay.
func (s *schedule) spread(m *member, delay time.Duration) time.Duration {
	if delay <= 0 {
		return 0
	}
	const spread = 0.4 // from 0.8 to 1.2 of the delay
	place := float64(maphash.String(s.seed, m.row.ID)%1024) / 1024
	return time.Duration(float64(delay) * (1 - spread/2 + spread*place))
}

// collect moves the members whose time has come to the queues. It returns those whose attempt has
// begun to hang; one that still hangs is checked again later, without a second attempt beside it.
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

// wants reports whether a member is due and may be asked, once there is a place.
func (s *schedule) wants() bool {
	return s.running < s.places && (len(s.ready) > 0 || (len(s.slow) > 0 && s.slowFree()))
}

// slowFree reports whether the slow members have not used up their share.
func (s *schedule) slowFree() bool { return s.runningSlow < max(1, s.places/slowShare) }

// next takes the next member off the queues, the slow ones behind the others.
func (s *schedule) next() *member {
	if m := pop(&s.ready); m != nil {
		return m
	}
	if s.slowFree() {
		return pop(&s.slow)
	}
	return nil
}

// pop takes the first member off a queue that can still be asked.
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

// begin notes the start of an attempt, and returns when it has to end.
func (s *schedule) begin(now time.Duration, m *member) time.Duration {
	m.attempt++
	m.running = true
	s.running++
	s.runningSlow += one(m.slow)
	end := min(now+m.timeout, s.limit)
	m.due = end + hangGrace
	s.agenda.put(m)
	return end
}

// end notes that an attempt, slow at its start or not, has returned. It reports whether it had been
// given up before.
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

// drop takes a member out of the schedule.
func (s *schedule) drop(m *member) { s.agenda.drop(m) }

// wakeUp is when something is due next, at the latest at the end of the run.
func (s *schedule) wakeUp() time.Duration {
	if m := s.agenda.first(); m != nil {
		return min(s.limit, m.due)
	}
	return s.limit
}

// next returns the distance to the next attempt at a client that is well but not there yet.
func (i Interval) next(tries int) time.Duration {
	d := float64(i.Base) * math.Pow(i.Growth, float64(tries))
	d = min(d, float64(i.Max))
	return max(time.Duration(d*(1+i.Jitter*(2*rand.Float64()-1))), time.Millisecond)
}
