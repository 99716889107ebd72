package plan

import (
	"fmt"
	"slices"

	"github.com/cutover-go/cutover/task"
)

// The commands on one task. Each is decided from the plan and the task together, because the plan's
// state determines whether the command is allowed at all.

// RetryTask starts the next attempt of a failed or paused task. If a task waits for its next
// attempt, RetryTask ends the backoff, also if the task was paused meanwhile and has no slot yet.
// Any other running task that no worker holds counts as retried already. A task that a worker runs
// cannot be retried, even if it hangs: no other worker may touch it before that worker has released
// it. By.StayStopped makes the task exempt, also one that is retried already.
func (p Plan) RetryTask(t task.Task, from task.RetryFrom, by By) (Decision, error) {
	d := p.decide(by)
	switch d.Plan.State {
	case Running, Paused, Failed, Completed:
	case Created, Canceled, RollingBack, RolledBack, RollbackFailed:
		return d, d.taskNotApplicable(t, task.ByRetry, "")
	}
	// Nothing else is left to start in a completed plan, so it runs again in either case.
	rerun := d.Plan.State == Completed || d.Plan.State == Failed && !by.StayStopped
	switch {
	case d.Plan.Undo.Covers(t.ID.Ordinal()):
		return d, d.taskNotApplicable(t, task.ByRetry, beingUndone(d.Plan.undoneWave()))
	case rerun && d.Plan.undoesOpenWave():
		return d, d.taskNotApplicable(t, task.ByRetry, beingUndone(d.Plan.Wave))
	case t.State == task.Running && t.Worker != "":
		return d, d.taskNotApplicable(t, task.ByRetry, fmt.Sprintf("worker %q still runs attempt %d of it", t.Worker, t.Attempt))
	}
	e, does := retryTask(&d.Plan, &t, from, by.Now)
	if does == already && by.StayStopped && t.Request != task.ExemptRequest {
		e, does = edited(t.Exempt(by.Now))
	}
	if does == changes && by.StayStopped {
		e.Request = task.ExemptRequest
	}
	d, err := d.apply(t, task.ByRetry, e, does, by)
	if does != changes {
		return d, err
	}
	d.Events[len(d.Events)-1].StayStopped = by.StayStopped
	if rerun && t.State != task.Running {
		d.rerun(by)
	}
	return d, nil
}

// PauseTask stops one running task; the rest of the plan goes on. A task that the plan has paused
// stays paused when the plan is resumed.
func (p Plan) PauseTask(t task.Task, by By) (Decision, error) {
	d := p.decide(by)
	if !d.steerable() {
		return d, d.taskNotApplicable(t, task.ByPause, "")
	}
	e, does := pauseTask(&t)
	return d.apply(t, task.ByPause, e, does, by)
}

// ResumeTask continues one paused task, or withdraws a pause or cancel of the task that has not
// taken effect.
func (p Plan) ResumeTask(t task.Task, by By) (Decision, error) {
	d := p.decide(by)
	switch {
	case !d.steerable():
		return d, d.taskNotApplicable(t, task.ByResume, "")
	case d.Plan.Undo.Covers(t.ID.Ordinal()):
		return d, d.taskNotApplicable(t, task.ByResume, beingUndone(d.Plan.undoneWave()))
	case t.State == task.Running && t.Request.Stop() == task.Go:
		return d.unchanged()
	}
	e, does := edited(t.Resume())
	return d.apply(t, task.ByResume, e, does, by)
}

// CancelTask ends one task.
func (p Plan) CancelTask(t task.Task, by By) (Decision, error) {
	d := p.decide(by)
	e, does := cancelTask(&t)
	if does != already && !d.steerable() {
		return d, d.taskNotApplicable(t, task.ByCancel, "")
	}
	return d.apply(t, task.ByCancel, e, does, by)
}

// SkipTask decides that a pending or failed task is not to be done, also before the start of the
// plan, or that a failed undo is not to be finished.
func (p Plan) SkipTask(t task.Task, by By) (Decision, error) {
	d := p.decide(by)
	e, does := skipTask(&d.Plan, &t)
	switch {
	case does == already:
	case d.Plan.Starting != nil:
		return d, d.taskNotApplicable(t, task.BySkip, beingStarted)
	case !d.allows(SweepSkipTasks):
		return d, d.taskNotApplicable(t, task.BySkip, "")
	}
	d, err := d.apply(t, task.BySkip, e, does, by)
	if does == changes && d.undone() {
		d.move(BySkip, RolledBack, by)
	}
	return d, err
}

// RollbackTask undoes one task; its plan keeps its state.
func (p Plan) RollbackTask(t task.Task, by By) (Decision, error) {
	d := p.decide(by)
	e, does := rollbackTask(&t)
	switch {
	case does == already:
	case !d.allows(SweepRollbackTasks):
		return d, d.taskNotApplicable(t, task.ByRollback, d.hindrance(SweepRollbackTasks))
	case t.Attempt < 1:
		return d, d.taskNotApplicable(t, task.ByRollback, "it never ran")
	}
	return d.apply(t, task.ByRollback, e, does, by)
}

// HaltTasks stops the tasks, in flight without a worker, for which a stop is in force: running
// tasks, and undos of a rollback that was canceled. In a failed plan it pauses the tasks that were
// to start. It leaves all other tasks alone.
func (p Plan) HaltTasks(tasks []task.Task, by By) Decision {
	d := Decision{Plan: p}
	for _, t := range tasks {
		if e, err := p.halt(t, by); err == nil {
			d.edit(t, e, by)
		}
	}
	return d
}

// LoseTasks takes tasks from workers that are gone; limit is how many workers a task may lose
// between two checkpoints. A stop in force takes effect at once, and too many failures count as a
// breach at once.
func (p Plan) LoseTasks(tasks []task.Task, limit int, by By) Decision {
	d := Decision{Plan: p}
	for _, t := range tasks {
		d.edit(t, lose(&p, t, limit, by), by)
	}
	p = d.Plan
	d.Plan.Breached = p.Breached || p.State == Running &&
		slices.ContainsFunc(d.Edits, func(e task.Edit) bool { return e.State == task.Failed && p.Exceeds(e.ID.Ordinal(), e.Failure) })
	for d.step(by) {
	}
	return d
}

// lose takes t from its worker. If a stop is in force, the task stops here, where no worker runs
// it, and not at the first boundary of the next worker.
func lose(p *Plan, t task.Task, limit int, by By) task.Edit {
	e := t.Lose(limit, by.Now)
	freed := t
	freed.Control, freed.Worker = e.Control, ""
	if halted, err := p.halt(freed, by); err == nil {
		halted.Release = true
		return halted
	}
	return e
}

// halt stops t, which no worker holds, if a stop is in force.
func (p Plan) halt(t task.Task, by By) (task.Edit, error) {
	if t.State == task.RollingBack && p.Undo.Stopping {
		return t.StopUndo(by.Now)
	}
	stop := p.stopAt(t.ID.Ordinal())
	if stop == task.Go && p.State == Failed && t.Request == task.StartRequest {
		stop = task.StopPause
	}
	return t.Halt(stop)
}

// steerable reports whether the plan's state allows commands on its tasks.
func (d *Decision) steerable() bool {
	s := d.Plan.State
	return s == Running || s == Paused || s == Failed
}

// apply answers a command on t, or carries it out, as the rule of the command has it.
func (d Decision) apply(t task.Task, c task.Cause, e task.Edit, does effect, by By) (Decision, error) {
	switch does {
	case already:
		return d.unchanged()
	case inapplicable:
		return d, d.taskNotApplicable(t, c, "")
	case changes:
	}
	d.edit(t, e, by)
	d.regrant()
	return d, nil
}

func (d *Decision) taskNotApplicable(t task.Task, c task.Cause, why string) error {
	return &StateError{
		Plan: d.Plan.ID, Task: t.ID, Command: c.String(),
		PlanState: d.Plan.State, TaskState: t.State, Worker: t.Worker, Why: why,
	}
}
