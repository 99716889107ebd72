package strategy

import (
	"cmp"
	"fmt"
	"strconv"
	"time"
)

// Strategy bounds how a plan works on its tasks.
type Strategy struct {
	// MaxConcurrency is the maximum number of tasks that workers hold at once. Unset, it is 1; an
	// amount of less than one task, 0 included, counts as 1.
	MaxConcurrency Amount
	// MaxFailures is the number of failed tasks that the plan tolerates; more than that is a
	// breach. Unset, it is 0.
	MaxFailures Amount
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
	// ProgressDeadline bounds the time in which an executor saves nothing and reports no progress.
	// Default 0: no limit.
	ProgressDeadline time.Duration
}

// Fault is one thing that is wrong with one field.
type Fault struct {
	Field, Problem string
}

// Faults returns everything that makes s invalid; none if it is valid.
func (s Strategy) Faults() []Fault {
	var faults []Fault
	for _, f := range []struct {
		field  string
		amount Amount
	}{{"MaxConcurrency", s.MaxConcurrency}, {"MaxFailures", s.MaxFailures}} {
		if p := f.amount.fault(); p != "" {
			faults = append(faults, Fault{f.field, cmp.Or(f.amount.String(), strconv.Itoa(f.amount.N)) + " " + p})
		}
	}
	if int(s.FailureAction) >= numActions {
		faults = append(faults, Fault{"FailureAction", s.FailureAction.String() + " is not an action"})
	}
	if int(s.ConcurrencyMode) >= numModes {
		faults = append(faults, Fault{"ConcurrencyMode", s.ConcurrencyMode.String() + " is not a mode"})
	}
	faults = append(faults, s.Retry.faults()...)
	for _, t := range []struct {
		field string
		value time.Duration
	}{{"MinSuccessTime", s.MinSuccessTime}, {"TaskTimeout", s.TaskTimeout}, {"ProgressDeadline", s.ProgressDeadline}} {
		if p := badTime(t.value); p != "" {
			faults = append(faults, Fault{t.field, p})
		}
	}
	return faults
}

// Warnings returns what is valid but suspicious for a plan of that many tasks.
func (s Strategy) Warnings(tasks int) []Fault {
	var warnings []Fault
	add := func(field, problem string) { warnings = append(warnings, Fault{field, problem}) }
	if c := s.MaxConcurrency; c.Kind != AmountUnset && tasks > 0 && c.Of(tasks) == 0 {
		add("MaxConcurrency", fmt.Sprintf("%s of %d tasks is less than one; it counts as 1", c, tasks))
	}
	f := s.MaxFailures
	if f.Kind == AmountPercent && f.N > 0 && f.Of(tasks) == 0 {
		add("MaxFailures", fmt.Sprintf("%s of %d tasks is less than one; no failure is tolerated", f, tasks))
	}
	if tasks > 0 && f.Of(tasks) >= tasks {
		add("MaxFailures", fmt.Sprintf("%s of %d tasks tolerates that all of them fail", f, tasks))
	}
	if n := f.Of(tasks) + 1; s.ConcurrencyMode == Strict && s.Concurrency(tasks) > n {
		add("MaxConcurrency", fmt.Sprintf("%s of %d tasks is never reached: Strict has %d in flight at most", s.MaxConcurrency, tasks, n))
	}
	if d := s.ProgressDeadline; d > 0 && s.TaskTimeout > 0 && d >= s.TaskTimeout {
		add("ProgressDeadline", fmt.Sprintf("%s is never reached: an attempt ends after %s", d, s.TaskTimeout))
	}
	return warnings
}
