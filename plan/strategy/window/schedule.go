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
