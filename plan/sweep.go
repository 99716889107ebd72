package plan

import (
	"slices"

	"github.com/cutover-go/cutover/task"
)

// Matches reports whether the sweep concerns a task in this condition.
func (s Sweep) Matches(t task.Control) bool {
	switch s.Kind {
	case SweepResume:
		return t.State == task.Paused && !t.PausedIndividually
	case SweepRetry:
		return t.State == task.Failed
	case SweepCancel:
		return t.State == task.Paused
	}
	return false
}

// States returns the states in which tasks can match.
func (s Sweep) States() []task.State {
	if s.Kind == SweepRetry {
		return []task.State{task.Failed}
	}
	return []task.State{task.Paused}
}

// Sweep continues the plan's first sweep with the tasks that were found after its cursor. next is
// the ordinal after which to continue, 0 if there are no further tasks. held reports whether
// another plan holds the tenant of a task; Sweep skips such tasks.
func (p Plan) Sweep(tasks []task.Task, next int, held func(task.ID) bool, by By) Decision {
	d := Decision{Plan: p}
	if len(d.Plan.Sweeps) == 0 {
		return d
	}
	d.Plan.Sweeps = slices.Clone(d.Plan.Sweeps)
	s := &d.Plan.Sweeps[0]
	kind, asked := s.Kind, By{Actor: s.Actor, Reason: s.Reason, Now: by.Now}
	for _, t := range tasks {
		if t.ID.Ordinal() <= s.After {
			continue
		}
		if !s.Matches(t.Control) || held(t.ID) {
			continue
		}
		if e, err := s.edit(t, asked); err == nil {
			d.edit(t, e, asked)
		}
	}
	s.After = next
	if next == 0 {
		d.Plan.Sweeps = d.Plan.Sweeps[1:]
	}
	d.Changed = true
	d.regrant()
	if len(d.Plan.Sweeps) == 0 && len(d.Events) == 0 {
		// The end of a sweep may put the plan at rest, and then the last event of the log has to
		// have AtRest set.
		d.note(kind.cause(), d.Plan.State, d.Plan.State, asked)
	}
	return d
}

// cause returns the cause of the command that a sweep carries out.
func (k SweepKind) cause() Cause {
	switch k {
	case SweepRetry:
		return ByRetry
	case SweepCancel:
		return ByCancel
	case SweepResume:
	}
	return ByResume
}

func (s Sweep) edit(t task.Task, by By) (task.Edit, error) {
	switch s.Kind {
	case SweepRetry:
		return t.Retry(s.From, by.Now)
	case SweepCancel:
		return t.Cancel()
	case SweepResume:
	}
	return t.Resume()
}
