package window

import (
	"fmt"
	"time"
)

// Check is for windows that are new: it also refuses, with an *[InvalidError], windows that do not
// open within their [Horizon] from now on, and warns of windows that are valid but suspicious:
//
//   - an allow window all of whose times are denied,
//   - a deny window that denies no time that is allowed,
//   - a window that matches no time from now on,
//   - a window that begins or ends, on one of its next 400 days, at a time that the clock of its
//     zone skips. Windows of whole days are not suspicious for that.
//
// It returns the warnings also if the windows do not open: they may explain it.
func Check(windows []Window, now time.Time) (warnings []Fault, err error) {
	return check(windows, now, time.LoadLocation)
}

func check(windows []Window, now time.Time, load loader) (warnings []Fault, err error) {
	rules, err := compile(windows, load)
	if err != nil {
		return nil, err
	}
	s, at := newSchedule(rules), now.Unix()
	for i := range rules {
		warnings = append(warnings, s.warnings(fieldOf(i), &rules[i], at)...)
	}
	if _, ok := s.opens(at); !ok {
		var e InvalidError
		e.add("Windows", "do not open at %s or in the %d days after it and after their last date",
			now.UTC().Format(time.RFC3339), Horizon/(24*time.Hour))
		return warnings, e.err()
	}
	return warnings, nil
}

// warnings returns what is suspicious about a rule of the schedule.
func (s *Schedule) warnings(field string, r *rule, at int64) []Fault {
	if _, ok := r.next(at); !ok {
		return []Fault{{Field: field, Problem: r.whyNone(at)}}
	}
	warnings := r.skipped(field, at)
	switch {
	case r.kind == Allow && s.deniesAll(r, at):
		warnings = append(warnings, Fault{Field: field, Problem: "is always denied by other windows"})
	case r.kind == Deny && !s.deniesSome(r, at):
		warnings = append(warnings, Fault{Field: field, Problem: "denies nothing that another window allows"})
	}
	return warnings
}

// whyNone returns why a rule has no interval from at on.
func (r *rule) whyNone(at int64) string {
	if _, ok := r.match(r.dates[0].first); !ok {
		return "matches no date: none of its dates is one of its days of the week"
	}
	yesterday := floorDiv(at+offsetAt(r.loc, at), daySeconds) - 1
	for day, ok := r.match(yesterday); ok; day, ok = r.match(day + 1) {
		if edge(r.loc, day*daySeconds+r.to) > at {
			return fmt.Sprintf("matches no time: the clock of %s skips it on %s", r.loc, dateOf(day))
		}
	}
	return "matches no time any more: its dates are over"
}

// deniesAll reports whether other windows deny all times of an allow window.
func (s *Schedule) deniesAll(allow *rule, at int64) bool {
	alone := Schedule{allow: []rule{*allow}, deny: s.deny, lastDate: s.lastDate}
	_, ok := alone.opens(at)
	return !ok
}

// deniesSome reports whether a deny window contains a time that the allow windows allow.
func (s *Schedule) deniesSome(deny *rule, at int64) bool {
	last := max(at, s.lastDate) + int64(Horizon/time.Second)
	for range maxSteps {
		d, ok := deny.next(at)
		if !ok || d.start > last {
			return false
		}
		allowed, ok := s.allowed(max(at, d.start))
		if !ok {
			return false
		}
		if allowed < d.end {
			return true
		}
		at = allowed
	}
	return true // not known, so no reason to warn
}

// checkedDays is on how many of its next days a window is checked for times that are skipped.
const checkedDays = 400

// skipped returns warnings of the first day on which the clock of the zone skips the beginning of
// the window, its end, or all of it.
func (r *rule) skipped(field string, at int64) []Fault {
	if r.from == 0 && r.to == daySeconds {
		return nil // a day begins when its clock begins
	}
	day, ok := r.match(floorDiv(at+offsetAt(r.loc, at), daySeconds))
	for range checkedDays {
		if !ok {
			return nil
		}
		if found := r.skippedOn(field, day); len(found) > 0 {
			return found
		}
		day, ok = r.match(day + 1)
	}
	return nil
}

// skippedOn returns what the clock of the zone skips of the window of one day.
func (r *rule) skippedOn(field string, day int64) (found []Fault) {
	from, to := day*daySeconds+r.from, day*daySeconds+r.to
	if edge(r.loc, from) == edge(r.loc, to) {
		return []Fault{{Field: field, Problem: fmt.Sprintf("has no time on %s: the clock of %s skips it", dateOf(day), r.loc)}}
	}
	if skips(r.loc, from) {
		found = append(found, r.moved(field+".From", from))
	}
	if skips(r.loc, to) {
		found = append(found, r.moved(field+".To", to))
	}
	return found
}

// skips reports whether the clock of a zone never shows a wall time.
func skips(loc *time.Location, wall int64) bool {
	e := edge(loc, wall)
	return e+offsetAt(loc, e) != wall
}

// moved returns a warning that names the edge of a skipped wall time.
func (r *rule) moved(field string, wall int64) Fault {
	const minutes = "2006-01-02 15:04"
	shown := time.Unix(edge(r.loc, wall), 0).In(r.loc)
	return Fault{Field: field, Problem: fmt.Sprintf("the clock of %s skips %s: it counts as %s that day",
		r.loc, time.Unix(wall, 0).UTC().Format(minutes), shown.Format(minutes))}
}
