package executor

import (
	"context"
	"errors"
	"time"

	"github.com/cutover-go/cutover/task"
)

// CodeStepTimeout is the code of a step that exceeded its Timeout and returned the error of its
// context, without a code of its own.
const CodeStepTimeout = "STEP_TIMEOUT"

// UndoPrefix is put before a step's Name and Action to name its undo, in checkpoints and in calls
// of [Run.IdempotencyKey].
const UndoPrefix = "UNDO_"

// Step is a named unit of the work of [Steps]. A pause or cancel takes effect
// before or after a step, never within it.
//
// S is the state that each step hands to the next. Do and Undo receive a pointer to it and may
// change it. It is saved after each step, so it survives a crash. Each call receives a copy decoded
// from JSON: what a failed Do has changed is dropped, just as in a crash.
type Step[S any] struct {
	// Name is the step's name in completedSteps, unique among the steps. A step whose Name changes
	// is another step: see Versions in [Steps].
	Name string
	// Action is what failedStep shows when the step fails. Default: Name.
	Action string
	// Done is the name of the checkpoint that is saved after success. Default: Name. After the last
	// step no checkpoint is saved: the task is done.
	Done string

	// Do carries out the step. It may be called again even if its effect has happened already:
	// after a crash, after a stop, or because of Retry. It must not call [Run.Save].
	Do func(ctx context.Context, run *Run, s *S) error
	// Undo undoes the step, whether or not Do has had its effect. It receives S as it was just
	// before the first call of Do. That state is saved in the undo log under Name, so it must fit
	// into an undo entry (4 KiB by default). Changes that Undo makes to S are dropped. If Undo
	// needs what only Do finds out, Do records it with [Run.SaveUndo] under a name that no step
	// has. A rollback skips a step without an Undo.
	Undo func(ctx context.Context, run *Run, s *S) error

	// Timeout bounds each try of Do and of Undo. Default: none. When it expires, a failure that is
	// the context's error and has no code gets the code STEP_TIMEOUT, which is retryable.
	Timeout time.Duration
	// Retry sets how often Do and Undo are tried within one attempt of the task. During a wait
	// between two tries a pause does not take effect; a cancel does, after its grace period.
	// Default: one try.
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

// Steps is a [TaskExecutor] and [Rollbacker] made of named steps, done in order and undone in
// reverse. It skips the steps that an earlier run has completed. Its checkpoints hold the position
// and, in the same JSON object, the fields of S:
//
//	{"completedSteps":["GET_TENANT_INFO"],"failedStep":"SWITCH_TO_BLUE", ...}
//
// The checkpoint after a step has the name in the step's Done. When a step fails, a checkpoint is
// saved under the step's Name, with its Action as failedStep. The undo of a step is a step of its
// own, with [UndoPrefix] before Name and Action; a step that has been undone moves from
// completedSteps to undoneSteps.
//
// # Versions
//
// A task may be begun by one version of a host and finished by another, older or
// newer:
//
//   - A step that was added is carried out when its turn comes, even if steps that follow it
//     are already done. Its Do must tolerate that. Steps may be reordered.
//   - A rollback undoes the steps in reverse of the order in which they were first begun,
//     whatever their order is now. The undo log records that order.
//   - A task that has done or begun a step that this version does not have, or that has to undo
//     a step whose Undo is gone, fails with a [*StepsChangedError] before anything is done. The
//     version that has the step can go on with the task. To retire a step, keep it, with its
//     Undo and a Do that does nothing, as long as there are tasks that have begun it.
//   - An older S preserves the members that only a newer S has, in the checkpoint and in the
//     undo log: those of objects at any depth, and those of list elements that neither change
//     nor move. An object that a type's own MarshalJSON writes is treated like any other.
type Steps[S any] struct {
	steps    []Step[S]
	undoable bool
}

// NewSteps returns an executor of the steps, or an *[InvalidError] that lists every fault. S must
// be a struct that has no method MarshalJSON, UnmarshalJSON, MarshalText or UnmarshalText, not even
// one promoted from an embedded type (the types of its fields may have them), and no field named
// completedSteps, undoneSteps, failedStep or beforeStep in JSON.
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

// find returns the step with that name, nil if there is none.
func (x *Steps[S]) find(name string) *Step[S] {
	for i := range x.steps {
		if x.steps[i].Name == name {
			return &x.steps[i]
		}
	}
	return nil
}

// Execute carries out the steps that are not done yet, in the order given to [NewSteps].
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

// cannotUndo reports whether e is x itself, and not an executor of a host that embeds x, and cannot
// undo.
func (x *Steps[S]) cannotUndo(e TaskExecutor) bool { return e == TaskExecutor(x) && !x.undoable }

// Rollback undoes every step that was ever begun, the last one begun first. If none of the steps
// has an Undo it fails with [task.CodeRollbackUnsupported].
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
