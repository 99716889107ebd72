package strategy

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/cutover-go/cutover/plan/strategy/window"
)

// Tuning changes some fields of the strategy of a plan that has been created; the fields that are
// left unset stay as they are. The percentages keep their bases. A MaxConcurrency of 0 counts as 1:
// it does not stop a plan.
type Tuning struct {
	MaxConcurrency, MaxFailures Amount
	// MaxSameFailures, FailureAction and the times are changed if they are not nil. A
	// MaxSameFailures of 0 is no limit.
	MaxSameFailures                        *int
	FailureAction                          *Action
	BakeTime, FirstBakeTime, FinalBakeTime *time.Duration
	// Windows replace all windows if they are not nil; an empty list means always open.
	Windows []window.Window
	// Waves changes single waves, by their number from 1. A plan without waves has none.
	Waves map[int]WaveTuning
}

// WaveTuning changes some fields of a wave. A BakeTime for a wave that has baked, and an Approval
// for one that has opened, have no effect.
type WaveTuning struct {
	MaxConcurrency, MaxFailures Amount
	BakeTime                    *time.Duration
	Approval                    *bool
}

// IsZero reports whether t changes nothing.
func (t Tuning) IsZero() bool {
	return t.MaxConcurrency.Kind == AmountUnset && t.MaxFailures.Kind == AmountUnset && t.MaxSameFailures == nil && t.FailureAction == nil &&
		t.BakeTime == nil && t.FirstBakeTime == nil && t.FinalBakeTime == nil && t.Windows == nil && len(t.Waves) == 0
}

// Equal reports whether t and other are the same in every field.
func (t Tuning) Equal(other Tuning) bool { return reflect.DeepEqual(t, other) }

// Faults returns what is wrong with t for a plan with that many waves.
func (t Tuning) Faults(waves int) []Fault {
	faults := amountFaults(amountOf{"MaxConcurrency", t.MaxConcurrency}, amountOf{"MaxFailures", t.MaxFailures})
	faults = append(faults, sameFaults(value(t.MaxSameFailures))...)
	if t.FailureAction != nil && int(*t.FailureAction) >= numActions {
		faults = append(faults, Fault{"FailureAction", t.FailureAction.String() + " is not an action"})
	}
	if t.FailureAction != nil && *t.FailureAction == RollbackWave && waves == 0 {
		faults = append(faults, Fault{"FailureAction", noWaves})
	}
	faults = append(faults, timeFaults(timeOf{"BakeTime", value(t.BakeTime)}, timeOf{"FirstBakeTime", value(t.FirstBakeTime)},
		timeOf{"FinalBakeTime", value(t.FinalBakeTime)})...)
	faults = append(faults, (&Strategy{Windows: t.Windows}).windowFaults()...)
	for _, n := range slices.Sorted(maps.Keys(t.Waves)) {
		field := fmt.Sprintf("Waves[%d]", n)
		if n < 1 || n > waves {
			faults = append(faults, Fault{field, noWave(waves)})
		}
		w := t.Waves[n]
		faults = append(faults, amountFaults(amountOf{field + ".MaxConcurrency", w.MaxConcurrency}, amountOf{field + ".MaxFailures", w.MaxFailures})...)
		faults = append(faults, timeFaults(timeOf{field + ".BakeTime", value(w.BakeTime)})...)
	}
	if t.IsZero() {
		faults = append(faults, Fault{"Tuning", "changes nothing"})
	}
	return faults
}

// noWave says why a wave cannot be tuned that a plan with so many waves does not have.
func noWave(waves int) string {
	if waves == 0 {
		return "the plan has no waves"
	}
	return fmt.Sprintf("the plan has the waves 1 to %d", waves)
}

func value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

// Over returns t with the fields of older that t leaves unset.
func (t Tuning) Over(older Tuning) Tuning {
	t.MaxConcurrency, t.MaxFailures = t.MaxConcurrency.or(older.MaxConcurrency), t.MaxFailures.or(older.MaxFailures)
	t.MaxSameFailures = either(t.MaxSameFailures, older.MaxSameFailures)
	t.FailureAction = either(t.FailureAction, older.FailureAction)
	t.BakeTime, t.FirstBakeTime = either(t.BakeTime, older.BakeTime), either(t.FirstBakeTime, older.FirstBakeTime)
	t.FinalBakeTime = either(t.FinalBakeTime, older.FinalBakeTime)
	if t.Windows == nil {
		t.Windows = older.Windows
	}
	waves := maps.Clone(older.Waves)
	for n, w := range t.Waves {
		if waves == nil {
			waves = make(map[int]WaveTuning)
		}
		waves[n] = w.over(waves[n])
	}
	t.Waves = waves
	return t
}

func (w WaveTuning) over(older WaveTuning) WaveTuning {
	return WaveTuning{
		MaxConcurrency: w.MaxConcurrency.or(older.MaxConcurrency), MaxFailures: w.MaxFailures.or(older.MaxFailures),
		BakeTime: either(w.BakeTime, older.BakeTime), Approval: either(w.Approval, older.Approval),
	}
}

// either returns a unless it is nil.
func either[T any](a, b *T) *T {
	if a != nil {
		return a
	}
	return b
}

// or returns a unless it is unset.
func (a Amount) or(b Amount) Amount {
	if a.Kind != AmountUnset {
		return a
	}
	return b
}

// Tuned returns s as t changes it.
func (s Strategy) Tuned(t Tuning) Strategy {
	if t.IsZero() {
		return s
	}
	s.MaxConcurrency, s.MaxFailures = t.MaxConcurrency.or(s.MaxConcurrency), t.MaxFailures.or(s.MaxFailures)
	set(&s.MaxSameFailures, t.MaxSameFailures)
	set(&s.FailureAction, t.FailureAction)
	set(&s.BakeTime, t.BakeTime)
	set(&s.FirstBakeTime, t.FirstBakeTime)
	set(&s.FinalBakeTime, t.FinalBakeTime)
	if t.Windows != nil {
		s.Windows = t.Windows
	}
	if len(t.Waves) > 0 {
		s.Waves = slices.Clone(s.Waves)
	}
	for n, w := range t.Waves {
		for len(s.Waves) < n {
			s.Waves = append(s.Waves, Wave{})
		}
		own := &s.Waves[n-1]
		own.MaxConcurrency, own.MaxFailures = w.MaxConcurrency.or(own.MaxConcurrency), w.MaxFailures.or(own.MaxFailures)
		if w.MaxFailures.Kind != AmountUnset {
			own.Canary = false // a person has decided on another tolerance
		}
		set(&own.BakeTime, w.BakeTime)
		set(&own.Approval, w.Approval)
	}
	return s
}

// set assigns a value if there is one.
func set[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}
