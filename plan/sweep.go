package plan

import (
	"slices"

	"github.com/cutover-go/cutover/task"
)

// Matches reports whether the sweep has to deal with a task like this.
func (s Sweep) Matches(t task.Control) bool {
	switch s.Kind {
	case SweepResume:
		return t.State == task.Paused && !t.PausedAlone
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

// Sweep carries the plan's first sweep on over the tasks that come next after
// its cursor. held names the tenants' tasks that cannot go on, because another
// plan has taken the tenant since; they are passed over. last says that there
// are no further tasks.
func (p Plan) Sweep(tasks []task.Task, last bool, held func(task.ID) bool, by By) Decision {
	d := Decision{Plan: p}
	if len(d.Plan.Sweeps) == 0 {
		return d
	}
	d.Plan.Sweeps = slices.Clone(d.Plan.Sweeps)
	s := &d.Plan.Sweeps[0]
	asked := By{Actor: s.Actor, Reason: s.Reason, Now: by.Now}
	for _, t := range tasks {
		if t.ID.Ordinal() <= s.After {
			continue
		}
		s.After = t.ID.Ordinal()
		if !s.Matches(t.Control) || held(t.ID) {
			continue
		}
		if e, err := s.edit(t, asked); err == nil {
			d.edit(t, e, asked)
		}
	}
	if last {
		d.Plan.Sweeps = d.Plan.Sweeps[1:]
	}
	d.Changed = true
	d.regrant(by.Now)
	return d
}

func (s Sweep) edit(t task.Task, by By) (task.Edit, error) {
	switch s.Kind {
	case SweepRetry:
		return t.Retry(s.FromCheckpoint, by.Now)
	case SweepCancel:
		return t.Cancel()
	case SweepResume:
	}
	return t.Resume()
}
