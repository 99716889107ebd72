package ops

import (
	"errors"
	"time"

	"github.com/cutover-go/cutover/ops/internal/wire"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/task"
)

// planCommands are the commands on a plan, with the functions that decide them. The actions that an
// answer lists come from these functions, so that they cannot differ from what the commands do.
//
//nolint:gochecknoglobals // a constant table
var planCommands = [...]struct {
	action Action
	decide func(plan.Plan, plan.By) (plan.Decision, error)
}{
	{Start, decideStart},
	{Pause, plan.Plan.Pause},
	{Resume, plan.Plan.Resume},
	{Cancel, plan.Plan.Cancel},
	{Retry, func(p plan.Plan, by plan.By) (plan.Decision, error) { return p.RetryFailed(task.FromCheckpoint, by) }},
	{Rollback, plan.Plan.Rollback},
	{Tune, decideTuning},
	{Add, decideAddition},
	{Approve, func(p plan.Plan, by plan.By) (plan.Decision, error) { return p.Approve(0, by) }},
	{Note, func(p plan.Plan, by plan.By) (plan.Decision, error) { by.Reason = "any"; return plan.Note(p, by) }},
	{Delete, func(p plan.Plan, _ plan.By) (plan.Decision, error) { return plan.Decision{}, plan.CheckRemoval(p) }},
	{Reject, func(p plan.Plan, by plan.By) (plan.Decision, error) { return p.Reject(0, by) }},
	{Skip, decideExclusion},
}

// decideStart decides on a start. One that is under way is not begun again.
func decideStart(p plan.Plan, by plan.By) (plan.Decision, error) {
	if p.StartLeft() > 0 {
		return plan.Decision{Unchanged: true}, nil
	}
	return p.MarkStarting(1, 0, by)
}

// decideTuning decides on a tuning without saying which. The empty tuning has a fault, which shows
// that others are possible.
func decideTuning(p plan.Plan, by plan.By) (plan.Decision, error) {
	d, err := p.Tune(strategy.Tuning{}, by)
	if errors.Is(err, plan.ErrInvalid) {
		return d, nil
	}
	return d, err
}

// planActions returns the commands that the caller may give and that would change the plan now.
func (c *call) planActions(p *plan.Plan) []string {
	possible := []string{}
	by := plan.By{Now: time.Now()}
	for i := range planCommands {
		command := &planCommands[i]
		if !c.caller.May(command.action, p) || command.action == Rollback && !c.engine.CanUndo(p.ExecutorType) {
			continue
		}
		if d, err := command.decide(*p, by); err != nil || d.Unchanged {
			continue
		}
		if command.action == Approve && c.own(p) {
			continue
		}
		possible = append(possible, string(command.action))
	}
	return possible
}

// planDocument returns the document of a plan, as the caller may see it.
func (c *call) planDocument(p *plan.Plan) wire.Plan {
	w := wire.PlanOf(p, c.planActions(p), c.data(p))
	if c.undoes(p) {
		addWaveActions(&w, p)
	}
	return w
}

// undoes reports whether the caller may have work of the plan undone.
func (c *call) undoes(p *plan.Plan) bool {
	return c.caller.May(Rollback, p) && c.engine.CanUndo(p.ExecutorType)
}

// addWaveActions adds the commands on single waves that would change the plan now.
func addWaveActions(w *wire.Plan, p *plan.Plan) {
	by := plan.By{Now: time.Now()}
	for i := range min(p.Wave, len(w.Waves)) { // later ones have not opened
		wave := &w.Waves[i]
		if d, err := p.RollbackWave(wave.Wave, by); err == nil && !d.Unchanged {
			wave.Actions = []string{string(Rollback)}
		}
	}
}

// taskCommands are the commands on a task, with their causes in the state machine and the functions
// that decide them.
//
//nolint:gochecknoglobals // a constant table
var taskCommands = [...]struct {
	action Action
	cause  task.Cause
	decide func(plan.Plan, task.Task, plan.By) (plan.Decision, error)
}{
	{Retry, task.ByRetry, func(p plan.Plan, t task.Task, by plan.By) (plan.Decision, error) {
		return p.RetryTask(t, task.FromCheckpoint, by)
	}},
	{Pause, task.ByPause, plan.Plan.PauseTask},
	{Resume, task.ByResume, plan.Plan.ResumeTask},
	{Cancel, task.ByCancel, plan.Plan.CancelTask},
	{Skip, task.BySkip, plan.Plan.SkipTask},
	{Rollback, task.ByRollback, plan.Plan.RollbackTask},
}

// taskActions returns the commands that the caller may give and that would change the task now.
func (c *call) taskActions(p *plan.Plan, t *task.Task) []string {
	possible := []string{}
	by := plan.By{Now: time.Now()}
	for i := range taskCommands {
		command := &taskCommands[i]
		if !reachable(t.State, command.cause) || !c.caller.May(command.action, p) ||
			command.action == Rollback && !c.engine.CanUndo(p.ExecutorType) {
			continue
		}
		if d, err := command.decide(*p, *t, by); err == nil && !d.Unchanged {
			possible = append(possible, string(command.action))
		}
	}
	return possible
}

// reachable reports whether a command may change a task in s at all, which saves most decisions.
// Tasks that are running or paused can change without leaving their state.
func reachable(s task.State, c task.Cause) bool {
	_, leaves := s.Next(c)
	return leaves || s == task.Running || s == task.Paused
}
