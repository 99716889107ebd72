package window

import "time"

// maxSteps bounds the work of one answer. A step passes over one closed stretch; these are enough
// for 12 stretches on every day of the Horizon, or for one window that another denies every day for
// 6 years. What opens later than that is not found.
const maxSteps = 5000

// opens returns the first instant from at on at which the schedule is open. Each step moves to the
// end of a denied interval, or to the beginning of the next allowed one.
func (s *Schedule) opens(at int64) (start int64, ok bool) {
	last := max(at, s.lastDate) + int64(Horizon/time.Second)
	for range maxSteps {
		if at > last {
			return 0, false
		}
		if end, denied := s.denied(at); denied {
			at = end // never is beyond the last instant
			continue
		}
		next, ok := s.allowed(at)
		if !ok || next == at {
			return at, ok
		}
		at = next
	}
	return 0, false
}

// denied reports whether a window denies the instant at, and returns when that window ends.
func (s *Schedule) denied(at int64) (end int64, denied bool) {
	for i := range s.deny {
		if d, ok := s.deny[i].next(at); ok && d.start <= at {
			return d.end, true
		}
	}
	return 0, false
}

// allowed returns the first instant from at on that the allow windows allow.
func (s *Schedule) allowed(at int64) (start int64, ok bool) {
	if len(s.allow) == 0 {
		return at, true
	}
	start = never
	for i := range s.allow {
		if a, ok := s.allow[i].next(at); ok {
			start = min(start, max(at, a.start))
		}
	}
	return start, start != never
}

// closes returns the instant until which a schedule that is open at the instant at stays open.
func (s *Schedule) closes(at int64) int64 {
	deny := int64(never)
	for i := range s.deny {
		if d, ok := s.deny[i].next(at); ok {
			deny = min(deny, d.start)
		}
	}
	if len(s.allow) == 0 {
		return deny
	}
	last := at + int64(Horizon/time.Second)
	for range maxSteps {
		end := s.allowedUntil(at)
		if end == at || end >= deny || end > last {
			return min(end, deny)
		}
		at = end
	}
	return at
}

// allowedUntil returns the last end of the intervals that contain at, or at if none does.
func (s *Schedule) allowedUntil(at int64) int64 {
	end := at
	for i := range s.allow {
		if a, ok := s.allow[i].next(at); ok && a.start <= at {
			end = max(end, a.end)
		}
	}
	return end
}
