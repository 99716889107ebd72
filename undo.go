package cutover

import (
	"errors"
	"fmt"

	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/plan"
)

// ErrCannotUndo is matched by every [*CannotUndoError].
var ErrCannotUndo = errors.New("cutover: the executor cannot undo its work")

// CannotUndoError is the error of a rollback that was refused because this process has the plan's
// executor, and the executor cannot undo: see executor.CanUndo. Nothing was changed. A process
// without the executor cannot tell: then every undo fails with task.CodeRollbackUnsupported. It
// matches [ErrCannotUndo].
type CannotUndoError struct {
	Plan         plan.ID
	ExecutorType string
}

func (e *CannotUndoError) Error() string {
	return fmt.Sprintf("plan %s: the executor %q cannot undo its work", e.Plan, e.ExecutorType)
}

// Is reports whether target is [ErrCannotUndo].
func (e *CannotUndoError) Is(target error) bool { return target == ErrCannotUndo }

// CanUndo reports whether rollbacks of plans with that executor type are accepted here: this
// process does not have the executor, or the executor can undo its work.
func (e *Engine) CanUndo(executorType string) bool { return e.cfg.canUndo(executorType) }

func (c *Config) canUndo(executorType string) bool {
	x, known := c.Executors[executorType]
	return !known || executor.CanUndo(x)
}

// undoable passes on the decision of a rollback, or refuses it if the plan's executor cannot undo.
func (c *Config) undoable(d plan.Decision, err error) (plan.Decision, error) {
	if err != nil || d.Unchanged || c.canUndo(d.Plan.ExecutorType) {
		return d, err
	}
	return plan.Decision{}, &CannotUndoError{Plan: d.Plan.ID, ExecutorType: d.Plan.ExecutorType}
}
