package window

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// rule is a valid window in the form that answers are computed from. It is immutable.
type rule struct {
	kind Kind
	loc  *time.Location
	// days is not empty.
	days Weekdays
	// dates are sorted; there is at least one day between two of them. Without any, every date
	// matches.
	dates []daySpan
	// from and to are seconds since midnight of the day on which the window begins.
	// Invariant: 0 <= from < to <= from + 24 h. So the intervals of a rule do not overlap.
	from, to int64
}

// daySpan is a range of day numbers, both included.
type daySpan struct{ first, last int64 }

// interval is [start, end) in Unix seconds. It is not empty.
type interval struct{ start, end int64 }

// never is the end of an interval that does not end.
const never = math.MaxInt64

func newRule(w Window, loc *time.Location) rule {
	r := rule{kind: w.Kind, loc: loc, days: w.Days, dates: spans(w.Dates), from: w.From.seconds(), to: w.To.seconds()}
	if r.days == 0 {
		r.days = everyDay
	}
	if r.to <= r.from {
		r.to += daySeconds
	}
	return r
}

// spans sorts ranges and merges those that overlap or touch.
func spans(dates []DateRange) []daySpan {
	all := make([]daySpan, 0, len(dates))
	for _, d := range dates {
		all = append(all, daySpan{first: d.First.number(), last: d.Last.number()})
	}
	slices.SortFunc(all, func(a, b daySpan) int { return cmp.Compare(a.first, b.first) })
	merged := all[:0]
	for _, s := range all {
		if n := len(merged); n > 0 && s.first <= merged[n-1].last+1 {
			merged[n-1].last = max(merged[n-1].last, s.last)
			continue
		}
		merged = append(merged, s)
	}
	return merged
}

// next returns the first interval that ends after at; ok is false if there is none.
//
// The loop is short: a day is passed over only if its window has ended, or is swallowed by a gap in
// the zone's clock.
func (r *rule) next(at int64) (i interval, ok bool) {
	local := at + offsetAt(r.loc, at)
	// A window that began two days ago is over, because none lasts longer than 24 hours.
	day, ok := r.match(floorDiv(local, daySeconds) - 1)
	for ; ok; day, ok = r.match(day + 1) {
		if local >= day*daySeconds+r.to {
			continue // the clock shows the end or a later time, so the edge has passed
		}
		i = interval{start: edge(r.loc, day*daySeconds+r.from), end: never}
		if last, ends := r.lastOfRun(day); ends {
			i.end = edge(r.loc, last*daySeconds+r.to)
		}
		if i.end > at && i.start < i.end {
			return i, true
		}
	}
	return interval{}, false
}

// match returns the first day from day on that matches the days and dates of the window.
func (r *rule) match(day int64) (match int64, ok bool) {
	if len(r.dates) == 0 {
		return r.weekday(day), true
	}
	for _, span := range r.dates[r.spanIndex(day):] {
		if d := r.weekday(max(day, span.first)); d <= span.last {
			return d, true
		}
	}
	return 0, false
}

// weekday returns the first day from day on that is one of the days of the week.
func (r *rule) weekday(day int64) int64 {
	for !r.days.Has(weekdayOf(day)) {
		day++
	}
	return day
}

// spanIndex returns the index of the first of the dates that does not end before day.
func (r *rule) spanIndex(day int64) int {
	i, _ := slices.BinarySearchFunc(r.dates, day, func(s daySpan, day int64) int { return cmp.Compare(s.last, day) })
	return i
}

// lastOfRun returns the last of the days from a matching day on whose windows follow each other
// without a gap, so that an interval of years is found in one step. ends is false if there is no
// last day.
func (r *rule) lastOfRun(day int64) (last int64, ends bool) {
	if r.to-r.from < daySeconds {
		return day, true
	}
	if r.days == everyDay {
		if len(r.dates) == 0 {
			return 0, false
		}
		return r.dates[r.spanIndex(day)].last, true
	}
	for { // at most a week, because a day of the week is missing
		next, ok := r.match(day + 1)
		if !ok || next != day+1 {
			return day, true
		}
		day = next
	}
}

// weekdayOf returns the day of the week of a day number: 1970-01-01 was a Thursday.
func weekdayOf(day int64) time.Weekday {
	return time.Weekday(day + int64(time.Thursday) - floorDiv(day+int64(time.Thursday), daysPerWeek)*daysPerWeek)
}
