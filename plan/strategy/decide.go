package strategy

import "time"

// Tally is what a decision has to know about one wave of a plan.
type Tally struct {
	// Tasks is the wave's size.
	Tasks int
	// Failed counts the tasks that are failed now.
	Failed int
	// Acknowledged counts the failures that a person has seen and accepted.
	// Invariant: Acknowledged <= Failed.
	Acknowledged int
}

// Grant is what may be done without asking again. The zero Grant allows nothing.
type Grant struct {
	// LastOrdinal is the last ordinal whose task may be claimed.
	LastOrdinal int
	// MaxSlots bounds the tasks that workers hold at once.
	MaxSlots int
	// MaxFailed is the number of failed tasks above which nothing new is claimed.
	MaxFailed int
}

// Decision is the answer of [Strategy.Decide].
type Decision struct {
	Grant
	// Breach says that more tasks failed than is tolerated.
	Breach bool
}

// Decide returns what s grants to a running plan whose waves stand as told, in
// the order of their ordinals. It is the only decision there is about the course
// of a rollout; now is for rules that depend on time.
func (s Strategy) Decide(waves []Tally, _ time.Time) Decision {
	var sum Tally
	for _, w := range waves {
		sum.Tasks += w.Tasks
		sum.Failed += w.Failed
		sum.Acknowledged += w.Acknowledged
	}
	allowed := max(s.MaxFailures.Of(sum.Tasks), sum.Acknowledged)
	return Decision{
		Grant: Grant{
			LastOrdinal: sum.Tasks,
			MaxSlots:    s.Concurrency(sum.Tasks),
			MaxFailed:   allowed,
		},
		Breach: sum.Failed > allowed,
	}
}

// Concurrency returns how many of that many tasks may be held at once.
func (s Strategy) Concurrency(tasks int) int { return s.MaxConcurrency.AtLeastOne(tasks) }

// Sequential reports whether a plan of that many tasks runs them one by one.
func (s Strategy) Sequential(tasks int) bool { return s.Concurrency(tasks) == 1 }
