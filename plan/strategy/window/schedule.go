package window

import (
	"fmt"
	"math"
	"time"
)

// Horizon is how far a [Schedule] looks ahead of the later of two instants: the time that it is
// asked about, and the last date of its windows. Patterns of days of the week repeat within 8 days,
// except for the changes of the zones' clocks, and those repeat within a year and a few days. So
// windows that do not open within the Horizon do not open at all. (The exception are zones that
// change their clocks by the moon, such as Africa/Casablanca: a time that only their change opens
// may be missed.)
const Horizon = 400 * 24 * time.Hour

// maxSteps bounds the work of one answer. A step passes over one closed stretch; these are enough
// for 12 stretches on every day of the Horizon, or for one window that another denies every day for
// 6 years. What opens later than that is not found.
const maxSteps = 5000

// Schedule is a valid set of windows. The zero Schedule is always open. It is immutable, so that
// goroutines may share it.
type Schedule struct {
	allow, deny []rule
	// lastDate is an instant after the last date of all windows, in any zone. It is math.MinInt64
	// without dates.
	lastDate int64
}

// New returns the schedule of a set of windows, or an *[InvalidError] with every fault. It reads
// the host's zone database. What New accepts does not depend on the time: use [Check] for windows
// that are new, and New for those that were checked before.
func New(windows []Window) (*Schedule, error) {
	rules, err := compile(windows, time.LoadLocation)
	if err != nil {
		return nil, err
	}
	return newSchedule(rules), nil
}

// compile returns a rule for each window, in order, or every fault.
func compile(windows []Window, load loader) ([]rule, error) {
	var e InvalidError
	if n := len(windows); n > MaxWindows {
		e.add("Windows", "are %d, the limit is %d", n, MaxWindows)
		windows = windows[:MaxWindows]
	}
	known := zones{load: load, loaded: map[string]*time.Location{}}
	rules := make([]rule, 0, len(windows))
	for i, w := range windows {
		field := fieldOf(i)
		before := e.Total
		e.addWindow(field, w)
		loc, problem := known.get(w.Zone)
		if problem != "" {
			e.add(field+".Zone", "%s", problem)
		}
		if e.Total == before {
			rules = append(rules, newRule(w, loc))
		}
	}
	if err := e.err(); err != nil {
		return nil, err
	}
	return rules, nil
}

// fieldOf returns the name of a window in faults.
func fieldOf(i int) string { return fmt.Sprintf("Windows[%d]", i) }

func newSchedule(rules []rule) *Schedule {
	s := Schedule{lastDate: math.MinInt64}
	for _, r := range rules {
		if r.kind == Deny {
			s.deny = append(s.deny, r)
		} else {
			s.allow = append(s.allow, r)
		}
		if n := len(r.dates); n > 0 {
			// The window of that date ends on the next date, and a zone is less than a day from
			// UTC.
			s.lastDate = max(s.lastDate, (r.dates[n-1].last+3)*daySeconds)
		}
	}
	return &s
}

// Opening is a time during which a schedule is open: NotBefore belongs to it, NotAfter does not.
type Opening struct {
	NotBefore time.Time
	// NotAfter is zero if the opening never ends. Openings of several windows that meet are one; if
	// they go on beyond the [Horizon], NotAfter may be an instant after which the schedule is still
	// open.
	NotAfter time.Time
}

// Next returns the first opening at or after t: NotBefore is t if the schedule is open at t. ok is
// false if the schedule does not open within its [Horizon], for instance because the dates of its
// allow windows are over.
func (s *Schedule) Next(t time.Time) (o Opening, ok bool) {
	at := t.Unix()
	start, ok := s.opens(at)
	if !ok {
		return Opening{}, false
	}
	o.NotBefore = t.UTC().Round(0)
	if start > at {
		o.NotBefore = instant(start)
	}
	o.NotAfter = instant(s.closes(start))
	return o, true
}

// At reports whether the schedule is open at t, and the instant at which that changes: the zero
// time if it is open from t on without an end, or if it does not open within its [Horizon]. As with
// [Opening], a schedule that is open may still be open at until if until is beyond the Horizon.
func (s *Schedule) At(t time.Time) (open bool, until time.Time) {
	at := t.Unix()
	switch start, ok := s.opens(at); {
	case !ok:
		return false, time.Time{}
	case start > at:
		return false, instant(start)
	}
	return true, instant(s.closes(at))
}

// instant returns the time of an edge, and the zero time for never.
func instant(at int64) time.Time {
	if at == never {
		return time.Time{}
	}
	return time.Unix(at, 0).UTC()
}

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
