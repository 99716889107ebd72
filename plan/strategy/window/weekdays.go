package window

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Weekdays is a set of days of the week: bit i is time.Weekday(i). The empty set means every day.
// Its JSON form is a list of names from Monday on: ["mon","sun"].
type Weekdays uint8

const (
	daysPerWeek          = 7
	everyDay    Weekdays = 1<<daysPerWeek - 1
	notWeekday  Weekdays = 1 << daysPerWeek // marks a set that was made from an invalid day
)

//nolint:gochecknoglobals // a constant table
var weekdayNames = [daysPerWeek]string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// On returns the set of these days. A value that is no day of the week makes a window invalid.
func On(days ...time.Weekday) Weekdays {
	var set Weekdays
	for _, d := range days {
		if d < time.Sunday || d > time.Saturday {
			set |= notWeekday
			continue
		}
		set |= 1 << d
	}
	return set
}

// Has reports whether the set contains a day. The empty set has none, although it means all.
func (w Weekdays) Has(d time.Weekday) bool {
	return d >= time.Sunday && d <= time.Saturday && w&(1<<d) != 0
}

func (w Weekdays) String() string {
	switch {
	case w&notWeekday != 0:
		return fmt.Sprintf("Weekdays(%#x)", uint8(w))
	case w == 0:
		return "every day"
	}
	return strings.Join(w.names(), ",")
}

// names returns the names of the days, from Monday on.
func (w Weekdays) names() []string {
	var names []string
	for i := range daysPerWeek {
		if d := time.Weekday((i + 1) % daysPerWeek); w.Has(d) {
			names = append(names, weekdayNames[d])
		}
	}
	return names
}

// ParseWeekday reads a day as the JSON form of [Weekdays] writes it, "mon"; an error matches
// [ErrInvalid].
func ParseWeekday(s string) (time.Weekday, error) {
	i := slices.Index(weekdayNames[:], s)
	if i < 0 {
		return 0, fmt.Errorf("%w: %.32q is not one of mon, tue, wed, thu, fri, sat, sun", ErrInvalid, s)
	}
	return time.Weekday(i), nil
}

// MarshalJSON writes the list of the days; it fails for the empty set, which is left out of a
// window, and for a set that contains something else.
func (w Weekdays) MarshalJSON() ([]byte, error) {
	if w == 0 || w&notWeekday != 0 {
		return nil, fmt.Errorf("%w: %s is not a list of days", ErrInvalid, w)
	}
	return json.Marshal(w.names())
}

// UnmarshalJSON reads a list of days in any order. It refuses an empty list, unknown names and
// names that are in the list twice.
func (w *Weekdays) UnmarshalJSON(data []byte) error {
	var names []string
	if err := json.Unmarshal(data, &names); err != nil {
		return fmt.Errorf("%w: days: %w", ErrInvalid, err)
	}
	if names == nil { // null means nothing, as everywhere in encoding/json
		return nil
	}
	var set Weekdays
	for _, name := range names {
		day, err := ParseWeekday(name)
		if err != nil {
			return err
		}
		if set.Has(day) {
			return fmt.Errorf("%w: days names %s twice", ErrInvalid, name)
		}
		set |= 1 << day
	}
	if set == 0 {
		return fmt.Errorf("%w: days is an empty list; without the member, the window matches every day", ErrInvalid)
	}
	*w = set
	return nil
}
