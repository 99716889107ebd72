package canary

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"go.uber.org/zap"

	"github.com/cutover-go/cutover/checkpoint"
	"github.com/cutover-go/cutover/executor"
)

// state is the data of the checkpoints.
type state struct {
	Completed []string `json:"completedSteps"`
	Failed    string   `json:"failedStep,omitempty"`
	// Weight is the weight that the tenant has, as far as this task knows.
	Weight int `json:"weight"`
	// Raised is the number of steps whose weights are set, and Passed reports that the last of them
	// is over: the next weight may be on its way.
	Raised int  `json:"raised"`
	Passed bool `json:"passed,omitempty"`
	// Hold is the wait before the next check; nil if it is over.
	Hold   *executor.Hold `json:"hold,omitempty"`
	Checks tally          `json:"checks,omitzero"`
	// Verdict is why the weight is to be put back, and PutBackIn the attempt that did so, 0 for
	// none.
	Verdict   *verdict `json:"verdict,omitempty"`
	PutBackIn int      `json:"putBackInAttempt,omitempty"`
}

// release is one run of a task on its way up.
//
// Invariant: between two saves there is at most one change of the weight.
type release struct {
	*Executor
	run    *executor.Run
	origin origin
	state
}

// restore reads the checkpoint and the undo entry. begun is false if there is no checkpoint.
func (r *release) restore() (begun bool, err error) {
	recorded, err := r.origin.load(r.run)
	if err != nil {
		return false, err
	}
	step, begun, err := r.run.Restore(&r.state)
	if err == nil && begun && (!recorded || !r.fits(r.origin)) {
		err = fmt.Errorf("%w: the checkpoint of step %q is not one of a canary release", checkpoint.ErrCorrupt, step)
	}
	r.Failed = ""
	return begun, err
}

// fits reports whether s can be the state of a release with the steps of o.
func (s state) fits(o origin) bool {
	over := s.Passed && s.Raised == len(o.Steps) // a release that is over saves nothing any more
	return s.Completed != nil && s.Raised >= 0 && s.Raised <= len(o.Steps) && !over
}

// look finds out the weight and records it. If an earlier attempt has recorded it, look only checks
// that the tenant is where that attempt may have left it.
func (r *release) look(ctx context.Context) error {
	recorded := len(r.origin.Steps) > 0
	err := r.try.Do(ctx, stepLook, func(ctx context.Context) (err error) {
		if recorded {
			r.Weight, err = r.weight.Look(ctx, r.run, append(r.origin.weights(), r.origin.Weight)...)
		} else {
			r.Weight, err = r.weight.Get(ctx, r.run.Tenant().ID)
		}
		return err
	})
	if err != nil {
		return err
	}
	if !recorded {
		r.origin = newOrigin(r.Weight, r.config.Steps)
		if err := r.run.SaveUndo(ctx, stepUndo, r.origin); err != nil {
			return err
		}
	}
	r.Completed = []string{stepLook}
	return r.save(ctx, stepLook)
}

// next does what the task is to do up to the next hold or the end.
func (r *release) next(ctx context.Context) error {
	if r.Verdict != nil {
		if r.PutBackIn == 0 || r.PutBackIn == r.run.Attempt() {
			return r.putBack(ctx)
		}
		r.startOver()
		r.Verdict, r.PutBackIn = nil, 0
	}
	if r.Raised > 0 && !r.Passed {
		if r.Hold != nil {
			if err := r.run.AwaitHold(*r.Hold); err != nil {
				return err
			}
			r.Hold = nil
		}
		if err := r.check(ctx); err != nil || r.Raised == len(r.origin.Steps) {
			return err
		}
	}
	return r.raise(ctx)
}

// raise sets the next weight and begins its hold. If the tenant has that weight and had another one
// at the last save, an earlier run of this task has set it and crashed: it is not set again.
func (r *release) raise(ctx context.Context) error {
	from, to := r.Weight, r.origin.Steps[r.Raised].Weight
	name := stepRaise + strconv.Itoa(to)
	r.report(name)
	err := r.try.Do(ctx, name, func(ctx context.Context) error {
		now, err := r.weight.Look(ctx, r.run, from, to)
		if err != nil || now == to && from != to {
			return err
		}
		return r.weight.Act(ctx, r.run, name, from, to)
	})
	if err != nil {
		return r.fail(ctx, name, err)
	}
	hold := r.run.BeginHold(r.origin.Steps[r.Raised].hold())
	r.Weight, r.Hold, r.Checks, r.Passed = to, &hold, tally{}, false
	r.Raised++
	r.complete(name)
	return r.run.SaveHold(ctx, name, r.state, hold)
}

// putBack sets the weight found at the start again and returns the failure. What the verdict says
// is saved already, so that it is carried out whatever happens.
func (r *release) putBack(ctx context.Context) error {
	if r.PutBackIn == 0 {
		r.report(stepPutBack)
		err := r.restoreWeight(ctx, r.run, stepPutBack, r.origin.Weight, []int{r.Weight})
		if err != nil {
			return r.fail(ctx, stepPutBack, fmt.Errorf("the weight of %d percent could not be put back: %w; it is to be put back because %s", r.Weight, err, r.Verdict.Reason))
		}
		r.startOver()
		r.PutBackIn, r.Failed = r.run.Attempt(), r.Verdict.Step
		if err := r.save(ctx, stepPutBack); err != nil {
			return err
		}
	}
	return r.Verdict.failure(r.origin.Weight)
}

// complete notes that a step is completed; a check that is repeated by a retry completes it again.
func (r *release) complete(name string) {
	if !slices.Contains(r.Completed, name) {
		r.Completed = append(r.Completed, name)
	}
}

// startOver forgets the steps that are undone by a put-back.
func (r *release) startOver() {
	r.Completed, r.Weight = []string{stepLook}, r.origin.Weight
	r.Raised, r.Hold, r.Checks, r.Passed = 0, nil, tally{}, false
}

func (r *release) save(ctx context.Context, step string) error {
	return r.run.Save(ctx, step, r.state)
}

// fail saves where the task failed, and returns the failure. If the task is to stop, is lost or is
// being interrupted, it has not failed here, and fail only returns err.
func (r *release) fail(ctx context.Context, step string, err error) error {
	failure := &executor.Error{Step: step, Err: err}
	for _, refused := range []error{executor.ErrStopped, executor.ErrLost, executor.ErrReturned} {
		if errors.Is(err, refused) {
			return err
		}
	}
	if ctx.Err() != nil || r.Completed == nil {
		return failure
	}
	r.Failed = step
	switch saved := r.save(ctx, step); {
	case saved == nil || errors.Is(saved, executor.ErrStopped):
	case errors.Is(saved, executor.ErrLost):
		return saved
	default:
		r.run.Logger().Warn("The failed step could not be recorded", zap.String("step", step), zap.Error(saved))
	}
	return failure
}

func (r *release) report(note string) {
	r.run.Progress(executor.Progress{Done: int64(r.Raised), Total: int64(len(r.origin.Steps)), Note: note})
}
