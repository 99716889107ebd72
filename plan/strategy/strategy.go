package strategy

import (
	"cmp"
	"errors"
	"reflect"
	"strconv"
	"time"

	"github.com/cutover-go/cutover/plan/strategy/window"
)

// Strategy bounds how a plan works on its tasks.
type Strategy struct {
	// MaxConcurrency is the number of slots: of tasks that workers hold, and of those that wait for
	// their next attempt, a hold or a proof. Unset, it is 1; an amount of less than one task, 0
	// included, counts as 1.
	MaxConcurrency Amount
	// MaxFailures is the number of failed tasks that the plan tolerates; more than that is a
	// breach. Unset, it is 0.
	MaxFailures Amount
	// MaxSameFailures is the number of failed tasks with the same error code in the same step that
	// is a breach, whatever MaxFailures tolerates. Default 0: no limit.
	MaxSameFailures int
	// FailureAction is what a breach does to the plan. Default [Stop].
	FailureAction Action
	// ConcurrencyMode decides whether failures lower the concurrency. Default [Soft].
	ConcurrencyMode ConcurrencyMode
	// Retry repeats attempts that fail before the task counts as failed. Default: one attempt.
	Retry Retry
	// MinSuccessTime is how long a task has to stay good after its executor has returned nil; only
	// then it is completed. Meanwhile it keeps its slot and its tenant, but no worker; at the end
	// the executor verifies the work if it can. Default 0: it is completed at once.
	MinSuccessTime time.Duration
	// TaskTimeout bounds the time for which workers run one attempt of a task, or one undo. Waits
	// and pauses do not count; a crash of the worker loses the time since the last save. Default 0:
	// no limit.
	TaskTimeout time.Duration
	// Waves divide the tenants into parts that are opened one after the other, at most [MaxWaves].
	// Every tenant is in exactly one. Default: one wave of all tenants.
	Waves []Wave
	// WaveSizes is a short form of Waves of which only the sizes are set: counts or percentages of
	// all tenants; the last one repeats until every tenant is in a wave.
	WaveSizes []Amount
	// BakeTime is how long to wait after the last task of a wave has ended, before the next wave or
	// the end of the plan. Default 0. FirstBakeTime takes its place after the first wave,
	// FinalBakeTime after the last, if they are not 0; of both, after a wave that is the first and
	// the last, FinalBakeTime. A wave may have its own.
	BakeTime, FirstBakeTime, FinalBakeTime time.Duration
	// Windows say when pending tasks may begin, at most window.MaxWindows. Default: always. Tasks
	// that have begun go on.
	Windows []window.Window
	// ProgressDeadline bounds the time in which an executor saves nothing and reports no progress.
	// Default 0: no limit.
	ProgressDeadline time.Duration
	// Conflict decides what becomes of tenants that other plans work on. Default [Reject].
	Conflict Conflict
	// Quotas bound how many tasks of tenants with the same value of a label are in flight at once,
	// over all plans that have a quota of that label; at most [MaxQuotas], of different labels.
	// Default: none.
	Quotas []Quota
}

// Equal reports whether s and other are the same in every field.
func (s Strategy) Equal(other Strategy) bool { return reflect.DeepEqual(s, other) }

// Stored returns s as a plan with these waves stores it: the waves without their selectors.
func (s Strategy) Stored(waves []Wave) Strategy {
	s.WaveSizes, s.Waves = nil, make([]Wave, len(waves))
	for i, w := range waves {
		s.Waves[i] = w.stored()
	}
	return s
}

// Fault is one thing that is wrong with one field.
type Fault struct {
	Field, Problem string
}

// String returns the fault as errors show it, "Field: Problem".
func (f Fault) String() string { return f.Field + ": " + f.Problem }

type amountOf struct {
	field  string
	amount Amount
}

func amountFaults(amounts ...amountOf) []Fault {
	var faults []Fault
	for _, a := range amounts {
		if p := a.amount.fault(); p != "" {
			faults = append(faults, Fault{a.field, cmp.Or(a.amount.String(), strconv.Itoa(a.amount.N)) + " " + p})
		}
	}
	return faults
}

type timeOf struct {
	field string
	value time.Duration
}

func timeFaults(times ...timeOf) []Fault {
	var faults []Fault
	for _, t := range times {
		if p := badTime(t.value); p != "" {
			faults = append(faults, Fault{t.field, p})
		}
	}
	return faults
}

// Faults returns everything that makes s invalid; none if it is valid. Whether its windows open at
// all depends on the time: see window.Check.
func (s Strategy) Faults() []Fault {
	faults := amountFaults(amountOf{"MaxConcurrency", s.MaxConcurrency}, amountOf{"MaxFailures", s.MaxFailures})
	faults = append(faults, sameFaults(s.MaxSameFailures)...)
	if int(s.FailureAction) >= numActions {
		faults = append(faults, Fault{"FailureAction", s.FailureAction.String() + " is not an action"})
	}
	if s.FailureAction == RollbackWave && len(s.Waves)+len(s.WaveSizes) == 0 {
		faults = append(faults, Fault{"FailureAction", noWaves})
	}
	if int(s.ConcurrencyMode) >= numModes {
		faults = append(faults, Fault{"ConcurrencyMode", s.ConcurrencyMode.String() + " is not a mode"})
	}
	if int(s.Conflict) >= numConflicts {
		faults = append(faults, Fault{"Conflict", s.Conflict.String() + " is not a policy"})
	}
	faults = append(faults, quotaFaults(s.Quotas)...)
	faults = append(faults, s.Retry.faults()...)
	faults = append(faults, timeFaults(timeOf{"MinSuccessTime", s.MinSuccessTime}, timeOf{"TaskTimeout", s.TaskTimeout},
		timeOf{"ProgressDeadline", s.ProgressDeadline})...)
	faults = append(faults, s.waveFaults()...)
	return append(faults, s.windowFaults()...)
}

// sameFaults returns what is wrong with a MaxSameFailures.
func sameFaults(n int) []Fault {
	if n < 0 {
		return []Fault{{"MaxSameFailures", strconv.Itoa(n) + " is negative"}}
	}
	return nil
}

// noWaves is the fault of the action [RollbackWave] without waves.
const noWaves = "RollbackWave needs waves; RollbackPlan undoes everything"

// windowFaults returns what is wrong with the windows, whenever they are used.
func (s *Strategy) windowFaults() []Fault {
	if len(s.Windows) == 0 {
		return nil
	}
	_, err := window.New(s.Windows)
	return faultsOf(err)
}

// faultsOf returns the faults of an error of package window.
func faultsOf(err error) []Fault {
	var invalid *window.InvalidError
	if !errors.As(err, &invalid) {
		return nil
	}
	faults := make([]Fault, len(invalid.Faults))
	for i, f := range invalid.Faults {
		faults[i] = Fault(f)
	}
	return faults
}
