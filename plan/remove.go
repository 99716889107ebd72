package plan

import "time"

// KeptAtLeast is how long a plan is kept after it is over. Until then requests may be under way
// that lock its tenants, and nothing would release what they lock after its removal.
const KeptAtLeast = time.Minute

// CheckRemoval returns nil if the plan may be removed, and an error that matches [ErrNotApplicable]
// if it may not, or not yet.
func CheckRemoval(p Plan) error {
	why := ""
	switch {
	case !p.Over():
		why = "it is not over"
	case p.Idle < KeptAtLeast:
		why = "it is over for less than " + KeptAtLeast.String() + "; try again"
	default:
		return nil
	}
	return &StateError{Plan: p.ID, Command: "remove", PlanState: p.State, Why: why}
}
