package window

import (
	"errors"
	"fmt"
	"strings"
)

// MaxFaults is the maximum number of faults that an [InvalidError] names.
const MaxFaults = 100

// ErrInvalid is matched by every *InvalidError, and by the errors of the parse functions.
var ErrInvalid = errors.New("window: invalid")

// Fault is one thing that is wrong, or suspicious, with one field, such as "Windows[2].Zone".
type Fault struct {
	Field, Problem string
}

// String returns the fault as errors show it, "Field: Problem".
func (f Fault) String() string { return f.Field + ": " + f.Problem }

// InvalidError names the faults of a set of windows. It matches [ErrInvalid].
type InvalidError struct {
	// Faults are the first [MaxFaults]; Total counts all of them.
	Faults []Fault
	Total  int
}

// maxFaultsShown bounds the faults in the text of an InvalidError; its list has more.
const maxFaultsShown = 5

// Error names the first five faults and says how many there are.
func (e *InvalidError) Error() string {
	noun := "faults"
	if e.Total == 1 {
		noun = "fault"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%v, %d %s", ErrInvalid, e.Total, noun)
	for i, f := range e.Faults {
		if i == maxFaultsShown {
			fmt.Fprintf(&b, "; and %d more", e.Total-i)
			break
		}
		fmt.Fprintf(&b, "; %s", f)
	}
	return b.String()
}

// Is reports whether target is [ErrInvalid].
func (e *InvalidError) Is(target error) bool { return target == ErrInvalid }

func (e *InvalidError) add(field, format string, args ...any) {
	e.Total++
	if len(e.Faults) < MaxFaults {
		e.Faults = append(e.Faults, Fault{Field: field, Problem: fmt.Sprintf(format, args...)})
	}
}

// err returns e if it has a fault.
func (e *InvalidError) err() error {
	if e.Total == 0 {
		return nil
	}
	return e
}

// addWindow adds the faults of a window but those of its zone. field is the name of the window.
func (e *InvalidError) addWindow(field string, w Window) {
	if w.Kind != Allow && w.Kind != Deny {
		e.add(field+".Kind", "%s is neither Allow nor Deny", w.Kind)
	}
	if w.Days&notWeekday != 0 {
		e.add(field+".Days", "%s contains an invalid day of the week", w.Days)
	}
	if n := len(w.Dates); n > MaxDates {
		e.add(field+".Dates", "has %d entries, the limit is %d", n, MaxDates)
	}
	for i, r := range w.Dates {
		if problem := r.fault(); problem != "" {
			e.add(fmt.Sprintf("%s.Dates[%d]", field, i), "%s", problem)
		}
	}
	switch {
	case !w.From.valid():
		e.add(field+".From", "%s is not a time of day from 00:00 to 23:59", w.From)
	case w.From.Hour == 24:
		e.add(field+".From", "24:00 is the end of a day; a window begins at 00:00 of the next one")
	}
	if !w.To.valid() {
		e.add(field+".To", "%s is not a time of day from 00:00 to 24:00", w.To)
	}
}
