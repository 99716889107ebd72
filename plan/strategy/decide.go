package strategy

import (
	"time"

	"github.com/cutover-go/cutover/plan/strategy/window"
)

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

// Rollout is the state of a running plan, as far as a decision needs it.
type Rollout struct {
	// Waves are the plan's waves, in the order of their ordinals. A plan that was created without
	// waves has one.
	Waves []Tally
	// Open is the number of the open wave, from 1; 0 if none is open yet.
	Open int
	// Acknowledged counts the failures of the whole plan that a resume has accepted.
	Acknowledged int
	// Same is the number of failed tasks with the same error code and step: the largest of which
	// some were not acknowledged.
	Same int
	// Schedule is made of the strategy's windows, nil if it has none; Now is the time by the
	// store's clock.
	Schedule *window.Schedule
	Now      time.Time
}

// Grant is what workers may claim without a further decision. The zero Grant allows nothing.
type Grant struct {
	// LastOrdinal is the last ordinal whose task may be claimed.
	LastOrdinal int
	// MaxSlots bounds the slots that are taken at once.
	MaxSlots int
	// MaxFailed is the number of failed tasks above which no pending task is claimed.
	MaxFailed int
	// MaxSameFailures is the number of failed tasks with the same error code and step from which on
	// no pending task is claimed, unless they were acknowledged; 0 is no limit.
	MaxSameFailures int
	// Strict bounds the failed tasks and those in flight together: see [Grant.Admits].
	Strict bool
	// NotBefore and NotAfter bound the time, by the store's clock, at which pending tasks are
	// claimed: from NotBefore on, and before NotAfter. The zero time is no bound.
	NotBefore, NotAfter time.Time
}

// Admits reports whether a pending task may begin while so many tasks are failed, of so many that
// are tolerated, and so many in flight, with a worker or without. It is asked for the plan and for
// the open wave.
func (g Grant) Admits(failed, tolerated, inFlight int) bool {
	if g.Strict {
		failed += inFlight
	}
	return failed <= tolerated
}

// Opens reports whether pending tasks may be claimed at a time by the store's clock.
func (g Grant) Opens(now time.Time) bool {
	return (g.NotBefore.IsZero() || !now.Before(g.NotBefore)) && (g.NotAfter.IsZero() || now.Before(g.NotAfter))
}

// Decision is the result of [Strategy.Decide].
type Decision struct {
	Grant
	// Breach reports that more tasks failed than the strategy tolerates, in the plan, in a wave or
	// in the same way.
	Breach bool
}

// Decide returns what s grants to a running plan. Nothing else decides how far a rollout goes. It
// is a pure function and does not allocate.
func (s *Strategy) Decide(r Rollout) Decision {
	var d Decision
	tasks, failed := 0, 0
	for i, w := range r.Waves {
		tasks += w.Tasks
		failed += w.Failed
		d.Breach = d.Breach || w.Failed > s.Tolerated(i+1, w)
		if i+1 == r.Open {
			d.LastOrdinal = tasks
		}
	}
	d.MaxFailed = max(s.MaxFailures.Of(tasks), r.Acknowledged)
	d.MaxSameFailures = s.MaxSameFailures
	d.Breach = d.Breach || d.MaxSameFailures > 0 && r.Same >= d.MaxSameFailures
	d.Breach = d.Breach || failed > d.MaxFailed
	d.MaxSlots = s.Concurrency(tasks)
	d.Strict = s.ConcurrencyMode == Strict
	if r.Open > 0 {
		d.MaxSlots = s.slots(r.Open-1, r.Waves[r.Open-1].Tasks, tasks)
		d.Strict = d.Strict || s.wave(r.Open-1).Canary
	}
	if r.Schedule != nil {
		d.NotBefore, d.NotAfter = openings(r.Schedule, r.Now)
	}
	return d
}

// openings returns when the schedule is open next: until NotAfter if it is open now, otherwise from
// NotBefore to NotAfter. If it does not open any more, nothing is open before a time in the far
// future.
func openings(s *window.Schedule, now time.Time) (notBefore, notAfter time.Time) {
	o, ok := s.Next(now)
	if !ok {
		return now.UTC().Truncate(window.Horizon).Add(2 * window.Horizon), time.Time{}
	}
	if o.NotBefore.After(now) {
		notBefore = o.NotBefore
	}
	return notBefore, o.NotAfter
}

// Tolerated returns how many failures of wave n, from 1, are tolerated: those that its rules allow,
// or those that were acknowledged if they are more.
func (s *Strategy) Tolerated(n int, w Tally) int { return max(s.allowed(n-1, w.Tasks), w.Acknowledged) }

// Concurrency returns how many slots a plan of that many tasks has, whichever wave is open.
func (s *Strategy) Concurrency(tasks int) int { return s.MaxConcurrency.AtLeastOne(tasks) }

// Sequential reports whether a plan of that many tasks runs and undoes them one by one. Waves have
// no more slots than the plan, and undos are not bounded by waves.
func (s *Strategy) Sequential(tasks int) bool { return s.Concurrency(tasks) == 1 }
