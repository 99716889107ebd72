package canary

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cutover-go/cutover/checkpoint"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/executor/internal/setting"
)

// The names of the steps in checkpoints, failures and idempotency keys.
const (
	stepLook    = "GET_WEIGHT"
	stepRaise   = "RAISE_TO_"
	stepCheck   = "CHECK_AT_"
	stepPutBack = "PUT_BACK"
	// stepUndo names the undo entry.
	stepUndo = "RAISE_WEIGHT"
	// unhealthy is the checkpoint between a bad verdict and the put-back.
	unhealthy = "UNHEALTHY"
)

// Executor raises the weights of tenants. It is an [executor.TaskExecutor] and an
// [executor.Rollbacker].
type Executor struct {
	health Health
	weight setting.Setting[int]
	config Config
}

func settingOf(weights Weights) setting.Setting[int] {
	return setting.Setting[int]{
		Get: func(ctx context.Context, id string) (int, error) {
			w, err := weights.Weight(ctx, id)
			if err == nil && (w < 0 || w > 100) {
				err = executor.Fail(CodeWeightInvalid, fmt.Errorf("tenant %s has a weight of %d percent", id, w))
			}
			return w, err
		},
		Set:     func(ctx context.Context, c setting.Change[int]) error { return weights.SetWeight(ctx, Change(c)) },
		Service: "the weight service", Is: "has a weight of", Unit: " percent", NotConfirmed: CodeWeightNotConfirmed,
	}
}

// Execute raises the weight of run's tenant, step by step.
func (e *Executor) Execute(ctx context.Context, run *executor.Run) error {
	r := &release{Executor: e, run: run}
	begun, err := r.restore()
	if err != nil {
		return executor.Fail(executor.CodeCheckpointInvalid, err)
	}
	if !begun {
		if err := r.look(ctx); err != nil {
			return r.fail(ctx, stepLook, err)
		}
	}
	return r.next(ctx)
}

// Rollback returns the tenant to the weight at which this task first found it.
func (e *Executor) Rollback(ctx context.Context, run *executor.Run) error {
	var o origin
	switch ok, err := o.load(run); {
	case err != nil:
		return executor.Fail(executor.CodeCheckpointInvalid, err)
	case !ok:
		return nil // the task has changed nothing
	}
	err := e.restoreWeight(ctx, run, executor.UndoPrefix+stepUndo, o.Weight, o.weights())
	if err != nil {
		return &executor.Error{Step: executor.UndoPrefix + stepUndo, Err: err}
	}
	return nil
}

// restoreWeight sets the weight to what it was, if it is one of those that the task may have set.
// It makes the change even if there is nothing to change: see setting.Setting.Move.
func (e *Executor) restoreWeight(ctx context.Context, run *executor.Run, step string, to int, from []int) error {
	return e.try(ctx, step, func(ctx context.Context) error {
		now, err := e.weight.Look(ctx, run, append([]int{to}, from...)...)
		if err != nil {
			return err
		}
		return e.weight.Act(ctx, run, step, now, to)
	})
}

// try calls f as often as the configuration allows, each time within its timeout.
func (e *Executor) try(ctx context.Context, step string, f func(context.Context) error) error {
	return e.config.Retry.Do(ctx, func(int) error { return e.within(ctx, step, f) })
}

// within calls f within the timeout of one try. The error of an ended context gets the cause, or
// the code of a step that took too long, unless it has a code already.
func (e *Executor) within(ctx context.Context, step string, f func(context.Context) error) error {
	timed, cancel := context.WithTimeoutCause(ctx, e.config.Timeout,
		executor.Retryable(executor.CodeStepTimeout, fmt.Errorf("%s took longer than %s", step, e.config.Timeout)))
	defer cancel()
	err := f(timed)
	ended := errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
	var coded *executor.Error
	if cause := context.Cause(timed); ended && cause != nil && !errors.Is(err, cause) && !errors.As(err, &coded) {
		return fmt.Errorf("%w: %w", cause, err)
	}
	return err
}

// origin is the undo entry: the weight to which a rollback returns, and the steps with which the
// task began. A changed configuration must not redirect a task that has begun.
type origin struct {
	Weight int         `json:"foundWeight"`
	Steps  []savedStep `json:"steps"`
}

type savedStep struct {
	Weight     int   `json:"weight"`
	HoldMillis int64 `json:"holdMillis"`
}

func (s savedStep) hold() time.Duration { return time.Duration(s.HoldMillis) * time.Millisecond }

// newOrigin returns the origin of a task that finds the weight found: the steps above it or, if
// there are none, the weight found itself, so that it is held and checked as well.
func newOrigin(found int, steps []Step) origin {
	o := origin{Weight: found}
	for _, s := range steps {
		if s.Weight > found {
			o.Steps = append(o.Steps, savedStep{s.Weight, s.Hold.Milliseconds()})
		}
	}
	if len(o.Steps) == 0 {
		o.Steps = []savedStep{{found, steps[len(steps)-1].Hold.Milliseconds()}}
	}
	return o
}

// load reads the undo entry. ok is false if there is none.
func (o *origin) load(run *executor.Run) (ok bool, err error) {
	ok, err = run.Undo(stepUndo, o)
	if err == nil && ok && len(o.Steps) == 0 {
		err = fmt.Errorf("%w: the undo entry of step %q has no steps", checkpoint.ErrCorrupt, stepUndo)
	}
	return ok, err
}

// weights returns the weights that the task may have set.
func (o *origin) weights() []int {
	all := make([]int, len(o.Steps))
	for i, s := range o.Steps {
		all[i] = s.Weight
	}
	return all
}
