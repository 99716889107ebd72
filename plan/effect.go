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

// edit returns what the sweep does to a task that its filter selects, in a plan whose state allows
// the command. The plan's own sweeps change paused tasks only.
func (s *Sweep) edit(p *Plan, t *task.Task, now time.Time) (e task.Edit, does effect) {
	if p.Undo.Covers(t.ID.Ordinal()) && (s.Kind == SweepResume || s.Kind == SweepRetry || s.Kind == SweepResumeTasks) {
		return e, inapplicable // what is being undone does not go on
	}
	switch s.Kind {
	case SweepResume:
		if t.State == task.Paused && !t.PausedIndividually {
			return resumed(t)
		}
		return e, inapplicable
	case SweepCancel:
		if t.State == task.Paused {
			return edited(t.Cancel())
		}
		return e, inapplicable
	case SweepRetry:
		return retryTask(p, t, s.From, now)
	case SweepSkipTasks:
		return skipTask(p, t)
	case SweepPauseTasks:
		return pauseTask(t)
	case SweepResumeTasks:
		if t.State == task.Running && t.Request.Stop() == task.Go {
			return e, already
		}
		return resumed(t)
	case SweepCancelTasks:
		return cancelTask(t)
	case SweepRollbackTasks:
		return rollbackTask(t)
	}
	return e, inapplicable
}

// The functions below are the rules of the commands on tasks, whether one task is named or a filter
// selects many. The plan is in a state that allows the command.

// retryTask also ends a backoff. A task that is RUNNING without a worker for another reason counts
// as retried already.
func retryTask(p *Plan, t *task.Task, from task.RetryFrom, now time.Time) (task.Edit, effect) {
	switch {
	case t.State != task.Running || t.Worker != "":
		return edited(t.Retry(from, now))
	case t.Wait.Why == task.WaitBackoff && t.Wait.Until.After(p.Now):
		return edited(t.Wake(from, now))
	}
	return task.Edit{}, already
}

// pauseTask also keeps a task paused that its plan has paused: the plan's resume then leaves it.
func pauseTask(t *task.Task) (task.Edit, effect) {
	switch {
	case t.State == task.Paused && t.PausedIndividually, t.State == task.Running && t.Request.Stop() != task.Go:
		return task.Edit{}, already
	case t.State == task.Paused:
		e := task.Edit{ID: t.ID, Version: t.Version, Cause: task.ByPause, Control: t.Control}
		e.PausedIndividually = true
		return e, changes
	}
	return edited(t.Pause())
}

func cancelTask(t *task.Task) (task.Edit, effect) {
	if t.State == task.Canceled || t.State == task.Running && t.Request == task.CancelRequest {
		return task.Edit{}, already
	}
	return edited(t.Cancel())
}

// skipTask skips only pending tasks before the start of the plan, and only failed undos after a
// rollback that failed.
func skipTask(p *Plan, t *task.Task) (task.Edit, effect) {
	switch {
	case t.State == task.Skipped:
		return task.Edit{}, already
	case p.State == RollbackFailed && t.State != task.RollbackFailed, p.State == Created && t.State != task.Pending:
		return task.Edit{}, inapplicable
	}
	return edited(t.Skip())
}

func rollbackTask(t *task.Task) (task.Edit, effect) {
	if t.State == task.RollingBack || t.State == task.RolledBack {
		return task.Edit{}, already
	}
	return edited(t.Rollback())
}

// resumed resumes one of many tasks. Unlike a task that a person resumes by name, a paused one does
// not start if the plan stops before a worker takes it.
func resumed(t *task.Task) (e task.Edit, does effect) {
	e, does = edited(t.Resume())
	if t.State == task.Paused {
		e.Request = task.StartRequest
	}
	return e, does
}

func edited(e task.Edit, err error) (task.Edit, effect) {
	if err != nil {
		return task.Edit{}, inapplicable
	}
	return e, changes
}
