package strategy

import "fmt"

// Strategy says how a plan goes about its tasks.
type Strategy struct {
	// MaxConcurrency bounds the tasks that workers hold at once. Default 1; an
	// amount that comes to less than 1 counts as 1.
	MaxConcurrency Amount
	// MaxFailures is how many failed tasks are tolerated; a breach is strictly
	// more. Default 0.
	MaxFailures Amount
	// FailureAction is what a breach does to the plan. Default [Stop].
	FailureAction Action
}

// Action is what happens to a plan when more tasks failed than it tolerates.
type Action uint8

// The actions.
const (
	// Stop makes the plan FAILED. What is in flight goes on to its own end.
	Stop Action = iota
	// Pause makes the plan PAUSED: what is in flight stops at its next boundary.
	Pause

	numActions = int(Pause) + 1
)

//nolint:gochecknoglobals // a constant table
var actionNames = [numActions]string{"Stop", "Pause"}

func (a Action) String() string {
	if int(a) < numActions {
		return actionNames[a]
	}
	return fmt.Sprintf("Action(%d)", uint8(a))
}

// ParseAction reads an action as String writes it; an error matches [ErrInvalid].
func ParseAction(name string) (Action, error) {
	for i, n := range actionNames {
		if n == name {
			return Action(i), nil
		}
	}
	return 0, fmt.Errorf("%w: unknown failure action %.32q", ErrInvalid, name)
}

// Fault is one thing that is wrong with one field.
type Fault struct {
	Field, Problem string
}

// Faults returns everything that makes s unusable; none if it is valid.
func (s Strategy) Faults() []Fault {
	var faults []Fault
	for _, f := range []struct {
		field  string
		amount Amount
	}{{"MaxConcurrency", s.MaxConcurrency}, {"MaxFailures", s.MaxFailures}} {
		if p := f.amount.fault(); p != "" {
			faults = append(faults, Fault{f.field, f.amount.String() + " " + p})
		}
	}
	if int(s.FailureAction) >= numActions {
		faults = append(faults, Fault{"FailureAction", s.FailureAction.String() + " is not an action"})
	}
	return faults
}

// Warnings returns what is valid but suspicious for a plan of that many tasks.
func (s Strategy) Warnings(tasks int) []Fault {
	var warnings []Fault
	add := func(field, problem string) { warnings = append(warnings, Fault{field, problem}) }
	if c := s.MaxConcurrency; c.Percent && c.N > 0 && c.Of(tasks) == 0 {
		add("MaxConcurrency", fmt.Sprintf("%s of %d tasks is less than one; it counts as 1", c, tasks))
	}
	f := s.MaxFailures
	if f.Percent && f.N > 0 && f.Of(tasks) == 0 {
		add("MaxFailures", fmt.Sprintf("%s of %d tasks is less than one; no failure is tolerated", f, tasks))
	}
	if tasks > 0 && f.Of(tasks) >= tasks {
		add("MaxFailures", fmt.Sprintf("%s of %d tasks tolerates that all of them fail", f, tasks))
	}
	return warnings
}
