package canary

import (
	"context"
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

// Executor raises the weights of tenants. It is an [executor.TaskExecutor], an
// [executor.Rollbacker] and an [executor.Verifier].
type Executor struct {
	health Health
	weight setting.Setting[int]
	try    setting.Try
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
	r, begun, err := e.restore(run)
	if err != nil {
		return err
	}
	if !begun {
		if err := r.look(ctx); err != nil {
			return r.fail(ctx, stepLook, err)
		}
	}
	return r.next(ctx)
}

// Verify checks the health once more at the last weight, when the plan's MinSuccessTime has passed
// since it was good there. It counts the checks anew, with the same limits: a bad tenant gets the
// weight back at which this task found it. If the check decides nothing, the task goes back to the
// last step, checks there until it passes, and has to prove itself again.
func (e *Executor) Verify(ctx context.Context, run *executor.Run) error {
	r, _, err := e.restore(run)
	switch {
	case err != nil:
		return err
	case r.Verdict != nil: // of a check by an earlier run that has crashed
		return r.putBack(ctx)
	case len(r.origin.Steps) == 0 || r.Raised < len(r.origin.Steps):
		return executor.Fail(executor.CodeCheckpointInvalid, fmt.Errorf("%w: the release to verify has not come to its last step", checkpoint.ErrCorrupt))
	}
	r.Hold, r.Checks = nil, tally{}
	return r.check(ctx)
}

// restore returns the release of run's task as it was saved last. begun is false if it was not.
func (e *Executor) restore(run *executor.Run) (r *release, begun bool, err error) {
	r = &release{Executor: e, run: run}
	if begun, err = r.restore(); err != nil {
		return nil, false, executor.Fail(executor.CodeCheckpointInvalid, err)
	}
	return r, begun, nil
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
	return e.try.Do(ctx, step, func(ctx context.Context) error {
		now, err := e.weight.Look(ctx, run, append([]int{to}, from...)...)
		if err != nil {
			return err
		}
		return e.weight.Act(ctx, run, step, now, to)
	})
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

// saved rounds up, so that no hold is shorter than it says.
func (s Step) saved() savedStep {
	return savedStep{s.Weight, (s.Hold + time.Millisecond - 1).Milliseconds()}
}

func (s savedStep) hold() time.Duration { return time.Duration(s.HoldMillis) * time.Millisecond }

// newOrigin returns the origin of a task that finds the weight found: the steps above it or, if
// there are none, the weight found itself, so that it is held and checked as well.
func newOrigin(found int, steps []Step) origin {
	o := origin{Weight: found}
	for _, s := range steps {
		if s.Weight > found {
			o.Steps = append(o.Steps, s.saved())
		}
	}
	if len(o.Steps) == 0 {
		o.Steps = []savedStep{Step{found, steps[len(steps)-1].Hold}.saved()}
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
