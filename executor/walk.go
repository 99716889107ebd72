package executor

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/cutover-go/cutover/checkpoint"
)

// failureSaveTimeout bounds the save of a failure after the task's own time is over.
const failureSaveTimeout = 5 * time.Second

// walk is one run on its way through the steps. The state stays encoded, so that a step receives
// the same state whether this process ran the previous step or a process that has crashed.
type walk[S any] struct {
	*Steps[S]
	run *Run
	position
	state kept[S]
	begun []string // the steps with an undo entry, in the order in which they were first begun
}

// todo returns the steps that are not done yet.
func (w *walk[S]) todo() []Step[S] {
	return slices.DeleteFunc(slices.Clone(w.steps), func(s Step[S]) bool {
		return slices.Contains(w.Completed, s.Name)
	})
}

// toUndo returns the steps that were begun and are not undone, the one begun last first. It follows
// the undo log, because another version may have done the steps in another order.
func (w *walk[S]) toUndo() ([]Step[S], error) {
	var todo []Step[S]
	var changed StepsChangedError
	for _, name := range slices.Backward(w.begun) {
		if slices.Contains(w.Undone, name) {
			continue
		}
		s := w.find(name)
		if s.Undo == nil {
			changed.NoUndo = append(changed.NoUndo, name)
		}
		todo = append(todo, *s)
	}
	if err := changed.orNil(); err != nil {
		return nil, Fail(CodeCheckpointInvalid, err)
	}
	for _, s := range w.steps {
		if err := w.ownEntry(s); err != nil {
			return nil, &Error{Code: CodeCheckpointInvalid, Step: s.Name, Err: err}
		}
	}
	return todo, nil
}

// ownEntry returns an error if an undo entry has the step's name but was not recorded by [Steps]:
// such an entry does not hold what the step's Undo needs.
func (w *walk[S]) ownEntry(s Step[S]) error {
	if _, ok := w.run.UndoLog().Get(s.Name); ok && s.Undo != nil && !slices.Contains(w.begun, s.Name) {
		return fmt.Errorf("%w: the undo entry of step %q was not recorded by steps", checkpoint.ErrCorrupt, s.Name)
	}
	return nil
}

func (w *walk[S]) do(ctx context.Context, s Step[S], last bool) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err := w.saveUndo(ctx, s); err != nil {
		return inStep(s.Name, err)
	}
	err := w.try(ctx, s, s.Action, func(ctx context.Context) (err error) {
		w.state, err = w.state.change(func(state *S) error { return w.run.orRefused(s.Do(ctx, w.run, state)) })
		return err
	})
	if err != nil {
		return w.fail(ctx, s.Name, s.Action, err)
	}
	w.Completed = append(w.Completed, s.Name)
	if last {
		return nil
	}
	return inStep(s.Name, w.save(ctx, s.Done, ""))
}

// saveUndo records the state before s. A step without an Undo needs no entry.
func (w *walk[S]) saveUndo(ctx context.Context, s Step[S]) error {
	if s.Undo == nil {
		return nil
	}
	if err := w.ownEntry(s); err != nil {
		return err
	}
	entry, err := undoEntry(s.Name, w.state.raw)
	if err != nil {
		return err
	}
	return w.run.SaveUndo(ctx, s.Name, entry)
}

func (w *walk[S]) undo(ctx context.Context, s Step[S], last bool) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	name, action := UndoPrefix+s.Name, UndoPrefix+s.Action
	err := w.try(ctx, s, action, func(ctx context.Context) error {
		var before S
		if _, err := w.run.Undo(s.Name, &before); err != nil {
			return err
		}
		return w.run.orRefused(s.Undo(ctx, w.run, &before))
	})
	if err != nil {
		return w.fail(ctx, name, action, err)
	}
	w.Completed = slices.DeleteFunc(w.Completed, func(done string) bool { return done == s.Name })
	w.Undone = append(w.Undone, s.Name)
	if last {
		return nil
	}
	return inStep(name, w.save(ctx, name, ""))
}

// save stores the position and the state of the walk under name.
func (w *walk[S]) save(ctx context.Context, name, failed string) error {
	at := w.position
	at.Failed = failed
	data, err := at.join(w.state.raw)
	if err != nil {
		return err
	}
	return w.run.Save(ctx, name, data)
}

// try calls f as often as s.Retry allows, each time within s.Timeout.
func (w *walk[S]) try(ctx context.Context, s Step[S], action string, f func(context.Context) error) error {
	return s.Retry.Do(ctx, func(n int) error {
		note := action
		if n > 1 {
			note = fmt.Sprintf("%s, try %d of %d", action, n, s.Retry.Attempts)
		}
		w.run.Progress(Progress{Done: int64(len(w.Completed)), Total: int64(len(w.steps)), Note: note})
		return s.call(ctx, f)
	})
}

// call calls f once, within s.Timeout. It returns a panic as a [*PanicError]. If f returns the
// error of an ended context, without a code, call adds the context's cause.
func (s Step[S]) call(ctx context.Context, f func(context.Context) error) (err error) {
	if s.Timeout > 0 {
		took := fmt.Errorf("step %s took longer than %s", s.Name, s.Timeout)
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, s.Timeout, Retryable(CodeStepTimeout, took))
		defer cancel()
	}
	defer func() {
		if v := recover(); v != nil {
			err = &PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	err = f(ctx)
	ended := errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
	if cause := context.Cause(ctx); ended && cause != nil && !errors.Is(err, cause) && !hasCode(err) {
		err = fmt.Errorf("%w: %w", cause, err)
	}
	return err
}

// fail saves a checkpoint with action as the failed step, and returns the failure. It saves nothing
// if the step asks to be resumed later, if a save within it returned ErrStopped, ErrLost or
// ErrReturned, or if the context ended for a reason other than ErrTimeout or ErrStalled, because
// then the step itself has not failed.
func (w *walk[S]) fail(ctx context.Context, name, action string, err error) error {
	failure := inStep(name, err)
	if _, later := ResumeIn(err); later {
		return failure
	}
	for _, refused := range []error{ErrStopped, ErrLost, ErrReturned} {
		if errors.Is(err, refused) {
			return failure
		}
	}
	if ctx.Err() != nil {
		if cause := context.Cause(ctx); !errors.Is(cause, ErrTimeout) && !errors.Is(cause, ErrStalled) {
			return failure
		}
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), failureSaveTimeout)
		defer cancel()
	}
	switch saved := w.save(ctx, name, action); {
	case saved == nil || errors.Is(saved, ErrStopped):
	case errors.Is(saved, ErrLost):
		return saved
	default:
		w.run.Logger().Warn("The failed step could not be recorded", zap.String("step", name), zap.Error(saved))
	}
	return failure
}

// inStep adds the step's name to err; it returns nil for nil. The code and whether to retry are
// those of [FailureOf], so that errors.As finds them in the first [*Error] of a failed step.
func inStep(name string, err error) error {
	if err == nil {
		return nil
	}
	e := classify(err)
	e.Step = name
	return &e
}
