package strategy

import "time"

// Tally is the state of one wave of a plan, as far as a decision needs it.
type Tally struct {
	// Tasks is the wave's size.
	Tasks int
	// Failed counts the tasks that are failed now.
	Failed int
	// Acknowledged counts the failures that a resume has accepted. Invariant: Acknowledged <=
	// Failed.
	Acknowledged int
}

// Grant is what workers may claim without a further decision. The zero Grant allows nothing.
type Grant struct {
	// LastOrdinal is the last ordinal whose task may be claimed.
	LastOrdinal int
	// MaxSlots bounds the tasks that workers hold at once.
	MaxSlots int
	// MaxFailed is the number of failed tasks above which no pending task is claimed.
	MaxFailed int
	// Strict bounds the failed tasks and those in flight together: see [Grant.Admits].
	Strict bool
}

// Admits reports whether a pending task may begin while so many tasks are failed and so many in
// flight, with a worker or without.
func (g Grant) Admits(failed, inFlight int) bool {
	if g.Strict {
		failed += inFlight
	}
	return failed <= g.MaxFailed
}

// Decision is the result of [Strategy.Decide].
type Decision struct {
	Grant
	// Breach reports that more tasks failed than the strategy tolerates.
	Breach bool
}

// Decide returns what s grants to a running plan with these waves, in the order of their ordinals.
// Nothing else decides how far a rollout goes. The time is for rules that depend on it; there are
// none yet.
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
			Strict:      s.ConcurrencyMode == Strict,
		},
		Breach: sum.Failed > allowed,
	}
}

// Concurrency returns how many tasks workers may hold at once if the plan has that many tasks.
func (s Strategy) Concurrency(tasks int) int { return s.MaxConcurrency.AtLeastOne(tasks) }

// Sequential reports whether a plan of that many tasks runs them one by one.
func (s Strategy) Sequential(tasks int) bool { return s.Concurrency(tasks) == 1 }
