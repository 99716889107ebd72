package plan

import (
	"time"

	"github.com/cutover-go/cutover/task"
)

// effect is what a command does to a task.
type effect uint8

const (
	inapplicable effect = iota
	already
	changes
)

// edit returns what the sweep does to a task that its filter selects. The plan is in a state that
// allows the command. The rules are those of the commands on one task, where the plan's own sweeps
// leave out what they are not about.
func (s *Sweep) edit(p *Plan, t *task.Task, now time.Time) (e task.Edit, does effect) {
	unheld := t.State == task.Running && t.Worker == ""
	asked := t.State == task.Running && t.Request.Stop() != task.Go
	if p.Undo.Covers(t.ID.Ordinal()) && (s.Kind == SweepResume || s.Kind == SweepRetry || s.Kind == SweepResumeTasks) {
		return e, inapplicable // what is being undone does not go on
	}
	switch s.Kind {
	case SweepResume:
		if t.State == task.Paused && !t.PausedIndividually {
			e, does = edited(t.Resume())
			e.Request = task.StartRequest // unlike a task that a person resumes by name
			return e, does
		}
		return e, inapplicable
	case SweepCancel:
		if t.State == task.Paused {
			return edited(t.Cancel())
		}
		return e, inapplicable
	case SweepRetry:
		switch {
		case unheld && t.Wait.Why == task.WaitBackoff && t.Wait.Until.After(p.Now):
			return edited(t.Wake(s.From, now))
		case unheld:
			return e, already
		}
		return edited(t.Retry(s.From, now))
	case SweepSkipTasks:
		switch {
		case t.State == task.Skipped:
			return e, already
		case p.State == RollbackFailed && t.State != task.RollbackFailed, p.State == Created && t.State != task.Pending:
			return e, inapplicable
		}
		return edited(t.Skip())
	case SweepPauseTasks:
		switch {
		case t.State == task.Paused && t.PausedIndividually, asked:
			return e, already
		case t.State == task.Paused:
			return task.Edit{ID: t.ID, Version: t.Version, Cause: task.ByPause, Control: alone(t.Control)}, changes
		}
		return edited(t.Pause())
	case SweepResumeTasks:
		if t.State == task.Running && !asked {
			return e, already
		}
		return edited(t.Resume())
	case SweepCancelTasks:
		if t.State == task.Canceled || asked && t.Request == task.CancelRequest {
			return e, already
		}
		return edited(t.Cancel())
	case SweepRollbackTasks:
		if t.State == task.RollingBack || t.State == task.RolledBack {
			return e, already
		}
		return edited(t.Rollback())
	}
	return e, inapplicable
}

func edited(e task.Edit, err error) (task.Edit, effect) {
	if err != nil {
		return task.Edit{}, inapplicable
	}
	return e, changes
}
