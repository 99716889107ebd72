package store

import (
	"fmt"
	"math"
	"strings"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/task"
)

// InvalidError names every invalid argument of a query. It matches [ErrInvalid].
type InvalidError struct {
	// Faults has an entry for each invalid argument: After, Until, Before, Limit or States[i].
	Faults []plan.Fault
}

func (e *InvalidError) Error() string {
	var text strings.Builder
	text.WriteString(ErrInvalid.Error())
	for i, f := range e.Faults {
		text.WriteString([]string{": ", "; "}[min(i, 1)] + f.Field + " " + f.Problem)
	}
	return text.String()
}

// Is reports whether target is [ErrInvalid].
func (e *InvalidError) Is(target error) bool { return target == ErrInvalid }

// CheckEvents checks the arguments of Events and PlanEvents. It returns nil, or an *InvalidError.
func CheckEvents(after int64, limit int) error {
	return invalid(bounds("After", after, math.MaxInt64), bounds("Limit", int64(limit), MaxPage))
}

// CheckStates checks the arguments of States and Tenants. It returns nil, or an *InvalidError.
func CheckStates(after, limit int) error {
	return invalid(bounds("After", int64(after), task.MaxPerPlan), bounds("Limit", int64(limit), MaxStates))
}

// CheckDue checks the argument of Due. It returns nil, or an *InvalidError.
func CheckDue(limit int) error { return invalid(bounds("Limit", int64(limit), MaxPage)) }

// Check returns nil, or an *InvalidError.
func (q *PlanQuery) Check() error {
	faults := append(bounds("Before", int64(q.Before), math.MaxInt64), bounds("Limit", int64(q.Limit), MaxPage)...)
	for i, s := range q.States {
		if s > plan.RollbackFailed {
			faults = append(faults, plan.Fault{Field: fmt.Sprintf("States[%d]", i), Problem: fmt.Sprintf("is %d, which is no state", uint8(s))})
		}
	}
	return invalid(faults)
}

// Check returns nil, or an *InvalidError.
func (q *TaskQuery) Check() error {
	faults := append(bounds("After", int64(q.After), task.MaxPerPlan), bounds("Until", int64(q.Until), task.MaxPerPlan)...)
	faults = append(faults, bounds("Limit", int64(q.Limit), MaxPage)...)
	for i, s := range q.States {
		if int(s) >= task.NumStates {
			faults = append(faults, plan.Fault{Field: fmt.Sprintf("States[%d]", i), Problem: fmt.Sprintf("is %d, which is no state", uint8(s))})
		}
	}
	return invalid(faults)
}

// bounds returns a fault unless n is from 0 to most.
func bounds(field string, n, most int64) []plan.Fault {
	switch {
	case n < 0:
		return []plan.Fault{{Field: field, Problem: fmt.Sprintf("is %d, it cannot be negative", n)}}
	case n > most:
		return []plan.Fault{{Field: field, Problem: fmt.Sprintf("is %d, the maximum is %d", n, most)}}
	}
	return nil
}

func invalid(parts ...[]plan.Fault) error {
	var e InvalidError
	for _, faults := range parts {
		e.Faults = append(e.Faults, faults...)
	}
	if len(e.Faults) == 0 {
		return nil
	}
	return &e
}
