package plan

import (
	"errors"
	"fmt"
	"slices"

	"github.com/cutover-go/cutover/task"
)

// MaxSweeps is the maximum number of sweeps of a plan. They are carried out one after the other.
// One place is kept for the plan's own sweep, so that no number of commands on tasks can keep a
// plan from being resumed or canceled.
const MaxSweeps = 16

// Reach counts the tasks that a filter selects, by what a command does to them. The command decides
// again when it comes to each task.
type Reach struct {
	// Matched is the number of tasks that the filter selects: the sum of all others.
	Matched int
	// Changing is the number of tasks that the command changes.
	Changing int
	// Unchanged is the number of tasks that are already as the command asks.
	Unchanged int
	// NotApplicable counts the tasks to which the command does not apply, by their states.
	NotApplicable map[task.State]int
}

// Count counts a task for the command that a sweep carries out, if its filter selects the task.
func (r *Reach) Count(s *Sweep, p *Plan, t *task.Task) {
	if !p.Selects(&s.Filter, t) {
		return
	}
	_, does := s.edit(p, t, p.Now)
	r.add(does, t.State, 1)
}

// CountStates counts the tasks in the states for which that is enough to know what the command
// does, from the plan's counters. It returns the states whose tasks are still to be counted one by
// one. The filter has to select tasks by their states only.
func (r *Reach) CountStates(s *Sweep, p *Plan) (left []task.State) {
	left = s.States()
	for i := range task.NumStates {
		t := task.Task{Control: task.Control{State: task.State(i), Attempt: 1}}
		if n := p.Counters.Of(t.State); n > 0 && !slices.Contains(left, t.State) && s.Filter.Matches(&t) {
			_, does := s.edit(p, &t, p.Now)
			r.add(does, t.State, n)
		}
	}
	return left
}

func (r *Reach) add(does effect, s task.State, n int) {
	r.Matched += n
	switch does {
	case changes:
		r.Changing += n
	case already:
		r.Unchanged += n
	case inapplicable:
		if r.NotApplicable == nil {
			r.NotApplicable = make(map[task.State]int)
		}
		r.NotApplicable[s] += n
	}
}

// ErrSweepsFull is matched by every *SweepsFullError.
var ErrSweepsFull = errors.New("plan: too many commands on many tasks are under way")

// SweepsFullError is the error of a command on many tasks that is refused because too many are
// under way in the plan. It matches [ErrSweepsFull].
type SweepsFullError struct {
	Plan ID
	// TaskCount is the number of tasks of the plan.
	TaskCount int
	// Sweeps are the commands under way. The first is being carried out.
	Sweeps []Sweep
}

func (e *SweepsFullError) Error() string {
	msg := fmt.Sprintf("plan %s: %d commands on many tasks are under way, and no more are accepted", e.Plan, len(e.Sweeps))
	if len(e.Sweeps) > 0 {
		s := &e.Sweeps[0]
		msg += fmt.Sprintf("; the first, %s of %s by %q, is at task %d of %d", s.Kind, &s.Filter, s.Actor, s.After, e.TaskCount)
	}
	return msg
}

// Is reports whether target is [ErrSweepsFull].
func (e *SweepsFullError) Is(target error) bool { return target == ErrSweepsFull }

// Queue accepts a command on the tasks that a filter selects: s has its Kind, Filter and From.
// reach counts these tasks as they were read; if it has none that changes, the decision is
// Unchanged. The error is an *[InvalidError], a *[StateError] or a *[SweepsFullError].
//
// A retry makes a failed or completed plan run again. It acknowledges no failures. If the filter
// selects pending tasks for a skip or a cancel, no pending task of the plan begins before the
// command has ended: one of those selected might otherwise begin before it is reached.
func (s Sweep) Queue(p Plan, reach Reach, by By) (Decision, error) {
	if err := p.CheckFilter(s.Filter); err != nil {
		return Decision{Plan: p}, err
	}
	d := p.decide(by)
	switch {
	case !d.allows(s.Kind):
		return d, d.notApplicable(s.Kind, d.hindrance(s.Kind))
	case reach.Changing == 0:
		return d.unchanged()
	}
	if d.Plan.queued() >= MaxSweeps-1 {
		return d, &SweepsFullError{Plan: p.ID, TaskCount: p.TaskCount, Sweeps: d.Plan.Sweeps}
	}
	s.Filter = s.Filter.Clone()
	s.After, s.Last, s.Changed, s.Held = 0, d.Plan.TaskCount, 0, 0
	s.Actor, s.Reason = by.Actor, by.Reason
	d.Plan.Sweeps = append(d.Plan.Sweeps[:len(d.Plan.Sweeps):len(d.Plan.Sweeps)], s)
	command := len(d.Events) // the event of the command; the plan may have more to tell
	if s.Kind == SweepRetry {
		d.rerun(by)
	} else {
		d.note(s.Kind.cause(), d.Plan.State, d.Plan.State, by)
	}
	d.Events[command].Filter = s.Filter.String()
	d.regrant()
	return d, nil
}

// queued counts the sweeps of commands on tasks: those that are not the plan's own.
func (c *Control) queued() (n int) {
	for i := range c.Sweeps {
		n += one(!c.Sweeps[i].Kind.own())
	}
	return n
}

// allows reports whether the plan's state allows commands of a kind on its tasks.
func (d *Decision) allows(k SweepKind) bool {
	p := &d.Plan
	switch k {
	case SweepRetry:
		return (d.steerable() || p.State == Completed) && (p.State == Paused || !p.undoesOpenWave())
	case SweepPauseTasks, SweepResumeTasks, SweepCancelTasks:
		return d.steerable()
	case SweepSkipTasks:
		return d.steerable() || p.State == RollbackFailed || p.State == Created && p.Starting == nil
	case SweepRollbackTasks:
		return (d.steerable() || p.State == Completed || p.State == Canceled || p.State == RollbackFailed) && !p.Undo.Stopping
	case SweepResume, SweepCancel:
	}
	return false
}

// hindrance says why the plan does not allow a command, if its state alone does not.
func (d *Decision) hindrance(k SweepKind) string {
	switch p := &d.Plan; {
	case k == SweepSkipTasks && p.Starting != nil:
		return beingStarted
	case k == SweepRollbackTasks && p.Undo.Stopping:
		return undosStopping
	case k == SweepRetry && p.undoesOpenWave():
		return beingUndone(p.Wave)
	}
	return ""
}
