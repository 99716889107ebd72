package rules

import (
	"maps"
	"slices"

	"github.com/cutover-go/cutover/checkpoint"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// StateOf returns the state of a task as callers see it: if the plan cancels its pending tasks, a
// pending task is shown as canceled.
func (p *Plan) StateOf(t *Task) task.State {
	if t.State == task.Pending && p.State.CancelsPending() {
		return task.Canceled
	}
	return t.State
}

// StopOf returns the stop that is in force for a task.
func (p *Plan) StopOf(ordinal uint32, t *Task) task.Stop {
	if !t.State.InFlight() {
		return task.Go
	}
	return p.StopFor(int(ordinal), task.Control{State: t.State, Request: t.Request})
}

// Holding returns a task that a worker holds.
func (p *Plan) Holding(ordinal uint32, t *Task, worker string) store.Holding {
	return store.Holding{Task: task.NewID(p.ID, int(ordinal)), Token: t.Token, Worker: worker, Stop: p.StopOf(ordinal, t)}
}

// Export sets c to a task as callers see it. worker is who holds it, if t.Claim says that somebody
// does. The copy shares no memory with t.
func (p *Plan) Export(ordinal uint32, t *Task, worker string, c *task.Task) {
	*c = task.Task{
		ID:     task.NewID(p.ID, int(ordinal)),
		Tenant: task.Tenant{ID: t.Tenant},
		Control: task.Control{
			State: p.StateOf(t), Attempt: int(t.Attempt), Request: t.Request,
			PausedIndividually: t.PausedIndividually, Losses: int(t.Losses), Elapsed: t.Elapsed,
		},
		Version:   uint64(t.Version),
		Token:     t.Token,
		StartedAt: t.Started.Time(), UpdatedAt: t.Updated.Time(), EndedAt: t.Ended.Time(),
		Waiting: t.Waiting,
		Worker:  worker,
	}
	if t.Step != "" {
		c.Checkpoint = &checkpoint.Checkpoint{Step: t.Step, Data: slices.Clone(t.Data)}
	}
	if m := t.More; m != nil {
		c.Tenant.Labels, c.Tenant.Parameters = maps.Clone(m.Labels), maps.Clone(m.Parameters)
		c.Undo, c.Attempts = ownUndo(m.Undo), slices.Clone(m.Attempts)
		c.Failure, c.RetriedAt = ownFailure(m.Failure), m.Retried
		c.Wait = task.Wait{Why: m.Wait.Why, Until: m.Wait.Until.Time()}
	}
}

func ownUndo(l checkpoint.UndoLog) checkpoint.UndoLog {
	if len(l) == 0 {
		return nil
	}
	own := slices.Clone(l)
	for i := range own {
		own[i].Data = slices.Clone(own[i].Data)
	}
	return own
}

// Snapshot returns the plan as callers see it, but for Idle. The copy shares no memory with p. It
// asks r for the first tasks of the queues that are Waiting, if the counters say that there are
// some.
func (p *Plan) Snapshot(r Rows, now Stamp) plan.Plan {
	c := p.Plan
	c.Control = ownControl(c.Control)
	c.Parameters, c.Annotations = maps.Clone(c.Parameters), maps.Clone(c.Annotations)
	c.Now, c.NextDue = now.Time(), p.nextDue(r)
	c.WaveCounters = slices.Clone(c.WaveCounters)
	c.FailureGroups = slices.Clone(c.FailureGroups)
	return c
}

// ownControl returns a copy of c that shares no memory with c.
func ownControl(c plan.Control) plan.Control {
	c.Sweeps = slices.Clone(c.Sweeps)
	for i := range c.Sweeps {
		c.Sweeps[i].Filter = c.Sweeps[i].Filter.Clone()
	}
	c.Waves = slices.Clone(c.Waves)
	c.Approved = slices.Clone(c.Approved)
	c.Undone = slices.Clone(c.Undone)
	c.Tuning.Windows = slices.Clone(c.Tuning.Windows)
	c.Tuning.Waves = maps.Clone(c.Tuning.Waves)
	if c.Starting != nil {
		s := *c.Starting
		c.Starting = &s
	}
	if c.Adding != nil {
		a := *c.Adding
		c.Adding = &a
	}
	return c
}

// view sets v to the view of the plan that a commit returns.
func (s *step) view(v *store.View) {
	p := s.p
	v.State, v.Version = p.State, p.Version
	v.Counters = p.Counters
	v.Breached, v.UndosExhausted = p.Breached, p.UndosExhausted
	v.Claimable = s.claimable()
	v.Now, v.NextDue = s.now, p.nextDue(s.r)
}

// claimable reports whether a further claim would find a task. Where too little was loaded to tell,
// the counters decide: then the claim looks further.
func (s *step) claimable() bool {
	s.unknown = 0
	ordinal := s.next(false, nil)
	if s.unknown == Pending {
		return s.p.Counters.Of(task.Pending) > s.p.PendingBeyond()
	}
	return ordinal != 0 || s.unknown != 0
}
