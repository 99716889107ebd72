package executor

import (
	"context"
	"errors"
	"time"

	"github.com/cutover-go/cutover/task"
)

// CodeStepTimeout is the code of a step that took longer than its Timeout and
// gave its failure no code of its own.
const CodeStepTimeout = "STEP_TIMEOUT"

// UndoPrefix before a step's Name and Action names its undo, in checkpoints and
// for [Run.IdempotencyKey].
const UndoPrefix = "UNDO_"

// Step is a named unit of the work of [Steps]. A pause or cancel takes effect
// before or after a step, never within it.
//
// S is the state that the steps hand on. Do and Undo get a pointer to it and may
// change it. It survives a crash because it is saved after each step, and each
// call gets what JSON keeps of it: what a failed Do has changed is dropped, just as
// in a crash.
type Step[S any] struct {
	// Name is the step's name in completedSteps, unique among the steps. Changing
	// it makes another step of it, see [Steps] on versions.
	Name string
	// Action is what failedStep shows when the step fails. Default: Name.
	Action string
	// Done is the name of the checkpoint that is saved after success. Default:
	// Name. The last step saves none: the task is done.
	Done string

	// Do does the step. It may be called again for what is already done: after a
	// crash, after a stop, by Retry. It must not call [Run.Save].
	Do func(ctx context.Context, run *Run, s *S) error
	// Undo takes the step back, whether Do has had its effect or not. It gets S as
	// it was just before the first Do, which is saved in the undo log under Name
	// for that purpose and must be within its limit, 4 KiB by default. What it
	// changes in S is dropped. What Do finds out later and Undo needs, Do records
	// with [Run.SaveUndo] under a name that is no step's. A step without an Undo is
	// passed over by a rollback.
	Undo func(ctx context.Context, run *Run, s *S) error

	// Timeout bounds each try of Do and of Undo. Default: none. Its end makes a
	// failure without a code STEP_TIMEOUT, which is retryable.
	Timeout time.Duration
	// Retry says how often Do and Undo are tried within one attempt of the task.
	// While it waits no pause takes effect; a cancel does, after its grace period.
	// Default: once.
	Retry Retry
}

func (s Step[S]) withDefaults() Step[S] {
	if s.Action == "" {
		s.Action = s.Name
	}
	if s.Done == "" {
		s.Done = s.Name
	}
	return s
}

// Steps is a [TaskExecutor] and [Rollbacker] made of named steps, done in order
// and undone in reverse. It skips what an earlier run has done. Its checkpoints
// show where it is and carry S's fields beside:
//
//	{"completedSteps":["GET_TENANT_INFO"],"failedStep":"SWITCH_TO_BLUE", ...}
//
// After a step the checkpoint is named by its Done. When a step fails, one is
// saved under the step's Name, with its Action as failedStep. The undo of a step
// counts as a step with [UndoPrefix] before its names; what is undone moves from
// completedSteps to undoneSteps.
//
// # Versions
//
// A task may be begun by one version of a host and finished by another, older or
// newer:
//
//   - A step that was added is done when its turn comes, after what is done already.
//     Its Do must bear that. Steps may change places.
//   - Undone is in the reverse of the order in which the steps were first begun, which
//     the undo log tells, whatever their order is now.
//   - A step that was done or begun and is not there any more, or has lost its Undo
//     when it is to be undone, is refused with a [*StepsChangedError] before anything
//     is done: the task fails, and the version that has the step can go on with it.
//     To retire a step, keep it with a Do that does nothing and with its Undo for as
//     long as there are tasks that have begun it.
//   - Members of a newer S that an older one does not have stay in the checkpoint and
//     in the undo log: those of objects at any depth, and in lists those of the elements
//     that stay as and where they were. What a type with a MarshalJSON of its own
//     writes is an object like any other.
type Steps[S any] struct {
	steps    []Step[S]
	undoable bool
}

// NewSteps returns an executor of the steps, or an *[InvalidError] that
// names everything that is wrong with them. S must be a struct without a MarshalJSON,
// UnmarshalJSON, MarshalText or UnmarshalText of its own, also by embedding (its fields
// may have them), and without fields named completedSteps, undoneSteps, failedStep or
// beforeStep in JSON.
func NewSteps[S any](steps ...Step[S]) (*Steps[S], error) {
	x := &Steps[S]{}
	for _, s := range steps {
		x.steps = append(x.steps, s.withDefaults())
		x.undoable = x.undoable || s.Undo != nil
	}
	if faults := x.faults(); len(faults) > 0 {
		return nil, &InvalidError{Faults: faults}
	}
	return x, nil
}

// find returns the step of that name, nil if there is none.
func (x *Steps[S]) find(name string) *Step[S] {
	for i := range x.steps {
		if x.steps[i].Name == name {
			return &x.steps[i]
		}
	}
	return nil
}

// Execute does the steps that are not done, in the order in which they stand.
func (x *Steps[S]) Execute(ctx context.Context, run *Run) error {
	w, err := x.restore(run)
	if err != nil {
		return err
	}
	w.Undone = nil
	todo := w.todo()
	for i, s := range todo {
		if err := w.do(ctx, s, i == len(todo)-1); err != nil {
			return err
		}
	}
	return nil
}

// Rollback undoes, the last one first, the steps that were ever begun. If none of
// the steps has an Undo it fails with [task.CodeRollbackUnsupported].
func (x *Steps[S]) Rollback(ctx context.Context, run *Run) error {
	if !x.undoable {
		return Fail(task.CodeRollbackUnsupported, errors.New("executor: none of the steps can be undone"))
	}
	w, err := x.restore(run)
	if err != nil {
		return err
	}
	todo, err := w.toUndo()
	if err != nil {
		return err
	}
	for i, s := range todo {
		if err := w.undo(ctx, s, i == len(todo)-1); err != nil {
			return err
		}
	}
	return nil
}
