package plan

import (
	"fmt"
	"slices"
	"time"

	"github.com/cutover-go/cutover/task"
)

// own reports whether sweeps of the kind belong to commands on the plan itself.
func (k SweepKind) own() bool { return k == SweepResume || k == SweepCancel }

// States returns the states in which tasks can match.
func (s *Sweep) States() []task.State {
	var states []task.State
	for _, state := range s.Kind.states() {
		if len(s.Filter.States) == 0 || slices.Contains(s.Filter.States, state) {
			states = append(states, state)
		}
	}
	return states
}

// states returns the states in which the command may change a task.
func (k SweepKind) states() []task.State {
	switch k {
	case SweepResume, SweepCancel:
		return []task.State{task.Paused}
	case SweepRetry:
		return []task.State{task.Running, task.Paused, task.Failed}
	case SweepSkipTasks:
		return []task.State{task.Pending, task.Failed, task.RollbackFailed}
	case SweepPauseTasks, SweepResumeTasks:
		return []task.State{task.Running, task.Paused}
	case SweepCancelTasks:
		return []task.State{task.Pending, task.Running, task.Paused, task.Failed}
	case SweepRollbackTasks:
		return []task.State{task.Paused, task.Completed, task.Failed, task.Canceled, task.RollbackFailed}
	}
	return nil
}

// closing returns the first of the sweeps that has to end before pending tasks begin, nil if none
// has to: what the plan's pause stopped goes on before anything new begins, and a pending task that
// is to be skipped or canceled does not begin.
func closing(sweeps []Sweep) *Sweep {
	for i := range sweeps {
		s := &sweeps[i]
		if s.Kind == SweepResume || !s.Kind.own() && slices.Contains(s.States(), task.Pending) {
			return s
		}
	}
	return nil
}

// Matches reports whether the sweep changes a task of the plan as it is now.
func (s *Sweep) Matches(p *Plan, t *task.Task) bool {
	_, does := s.edit(p, t, time.Time{})
	return p.Selects(&s.Filter, t) && does == changes
}

// Range returns where the sweep looks next for tasks, if it has passed the ordinal after: among
// those that follow the ordinal from, up to the ordinal to. It leaves out waves that its filter
// does not select. more is false if no task is left.
func (s *Sweep) Range(p *Plan, after int) (from, to int, more bool) {
	last := s.last(p)
	if after >= last || len(s.Filter.Waves) == 0 {
		return after, last, after < last
	}
	for wave := p.WaveOf(after + 1); wave <= len(p.Waves); wave++ {
		if slices.Contains(s.Filter.Waves, wave) {
			from, to = max(after, p.FirstOf(wave)-1), min(p.Waves[wave-1].Last, last)
			return from, to, from < to
		}
	}
	return after, last, false
}

// Place returns where the sweep comes to a task: 1 is the first. Rollbacks go through the plan
// backwards.
func (s *Sweep) Place(p *Plan, ordinal int) int {
	if s.Kind != SweepRollbackTasks {
		return ordinal
	}
	return s.last(p) + 1 - ordinal
}

// Ahead returns the ordinals among which the sweep looks for its next tasks, if it has passed so
// many places, as Range does. If it goes backwards they are at most most.
func (s *Sweep) Ahead(p *Plan, passed, most int) (from, to int, more bool) {
	if s.Kind != SweepRollbackTasks {
		return s.Range(p, passed)
	}
	for to = s.last(p) - passed; to > 0; to = from {
		from = max(0, to-most)
		if len(s.Filter.Waves) == 0 {
			return from, to, true
		}
		wave := p.WaveOf(to)
		if from = max(from, p.FirstOf(wave)-1); slices.Contains(s.Filter.Waves, wave) {
			return from, to, true
		}
		from = p.FirstOf(wave) - 1
	}
	return 0, 0, false
}

// last returns the last ordinal to which the sweep comes.
func (s *Sweep) last(p *Plan) int {
	if s.Last > 0 {
		return min(p.TaskCount, s.Last)
	}
	return p.TaskCount
}

// Sweep continues the plan's first sweep with the tasks that were found after its cursor, at most
// as many as a command may edit. next is the place after which to continue, 0 if there are no
// further tasks. held reports whether another plan holds the tenant of a task; Sweep leaves such
// tasks as they are. While the plan is being started its sweeps wait.
func (p Plan) Sweep(tasks []task.Task, next int, held func(task.ID) bool, by By) Decision {
	d := Decision{Plan: p}
	if len(d.Plan.Sweeps) == 0 || d.Plan.Starting != nil {
		return d
	}
	d.Plan.Sweeps = slices.Clone(d.Plan.Sweeps)
	s := &d.Plan.Sweeps[0]
	asked := By{Actor: s.Actor, Reason: s.Reason, Now: by.Now}
	for i := range tasks {
		t := &tasks[i]
		if at := s.Place(&p, t.ID.Ordinal()); at <= s.After || s.Last > 0 && at > s.Last || !p.Selects(&s.Filter, t) {
			continue
		}
		e, does := s.edit(&p, t, by.Now)
		switch {
		case does != changes:
		case held(t.ID):
			s.Held++
		default:
			s.Changed++
			d.edit(*t, e, asked)
		}
	}
	s.After = next
	d.Changed = true
	if next == 0 {
		d.endSweep(asked)
	}
	d.regrant()
	return d
}

// endSweep ends the plan's first sweep.
func (d *Decision) endSweep(by By) {
	p := &d.Plan
	s := p.Sweeps[0]
	p.Sweeps = p.Sweeps[1:]
	if len(p.Sweeps) == 0 {
		p.Sweeps = nil
	}
	switch {
	case s.Kind == SweepSkipTasks && s.Changed > 0 && d.undone():
		d.move(BySkip, RolledBack, by)
	case s.Held > 0:
		reason := fmt.Sprintf("%d tasks stay as they are: other plans hold their tenants", s.Held)
		d.note(s.Kind.cause(), p.State, p.State, By{Reason: reason, Now: by.Now})
	case len(p.Sweeps) == 0 && len(d.Events) == 0:
		// The end of a sweep may put the plan at rest, and then the last event of the log has to
		// have AtRest set.
		d.note(s.Kind.cause(), p.State, p.State, by)
	}
}

// undone reports whether a rollback that failed has no undo left that is to be finished.
func (d *Decision) undone() bool {
	c := &d.Plan.Counters
	return d.Plan.State == RollbackFailed && d.Plan.UndosExhausted && c.Of(task.RollbackFailed) == 0 && c.InFlight() == 0
}

// cause returns the cause of the command that a sweep carries out.
func (k SweepKind) cause() Cause {
	switch k {
	case SweepRetry:
		return ByRetry
	case SweepCancel:
		return ByCancel
	case SweepSkipTasks:
		return BySkipTasks
	case SweepPauseTasks:
		return ByPauseTasks
	case SweepResumeTasks:
		return ByResumeTasks
	case SweepCancelTasks:
		return ByCancelTasks
	case SweepRollbackTasks:
		return ByRollbackTasks
	case SweepResume:
	}
	return ByResume
}
