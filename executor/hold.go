package executor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cutover-go/cutover/task"
)

// Hold is a wait that an executor keeps in its checkpoint, so that it neither ends early nor begins
// anew in whichever process the task goes on:
//
//	data.Hold = run.BeginHold(10 * time.Minute)
//	return run.SaveHold(ctx, "SWITCHED", data, data.Hold)
//
// and when it is called again:
//
//	if err := run.AwaitHold(data.Hold); err != nil {
//		return err
//	}
//
// The store's clock alone decides when a hold is over. The clocks of processes differ, so a time
// that one of them has written is not comparable with the clock of another.
type Hold struct {
	// Began and Until are when the hold began and when it ends, by the clock of the process that
	// began it. They are for people who read the checkpoint; only their difference is used.
	Began time.Time `json:"began"`
	Until time.Time `json:"until"`
	// Previous is the wait that the task had had before: see [Run.BeginHold].
	Previous time.Time `json:"previous,omitzero"`
}

// BeginHold returns a hold of d. The wait itself begins when the executor has returned the error of
// [Run.SaveHold] or [Run.AwaitHold] and the store has noted it. Until then the task's last wait is
// another one, which the hold records: a crash in between loses the wait, and not the knowledge
// that it is missing.
func (r *Run) BeginHold(d time.Duration) Hold {
	now := time.Now().UTC().Round(0) // without the monotonic clock, as it is read from a checkpoint
	return Hold{Began: now, Until: now.Add(max(0, d)), Previous: r.waited}
}

// SaveHold saves a checkpoint, whose data contains h, as [Run.Save] does, and returns the error
// with which the executor is to return: that of [Run.AwaitHold]. If the save says that the task is
// to stop, the error says both, and the wait begins nevertheless: it goes on while the task is
// paused. Any other error of the save is returned alone.
func (r *Run) SaveHold(ctx context.Context, step string, data any, h Hold) error {
	switch err := r.Save(ctx, step, data); {
	case err == nil:
		return r.AwaitHold(h)
	case errors.Is(err, ErrStopped):
		return fmt.Errorf("%w, in a hold: %w", err, ResumeAfter(h.Until.Sub(h.Began)))
	default:
		return err
	}
}

// AwaitHold returns nil if h is over. Otherwise the wait of h has not taken place, and AwaitHold
// returns the error of [ResumeAfter] for the whole of it, for the executor to return.
//
// A hold is over when the task has waited since it began. So it lasts at least as long as it says
// by the store's clock; longer if the process crashed just before the wait began, if an attempt
// ended during it, or if the task was paused or waited for a free worker when it was over. It
// begins anew if the task was paused in it, and then finds no place in a quota of its plan. A pause
// does not stop its clock.
func (r *Run) AwaitHold(h Hold) error {
	if !r.waited.IsZero() && !r.waited.Equal(h.Previous) {
		return nil
	}
	return ResumeAfter(h.Until.Sub(h.Began))
}

// waitedFor returns until when t waited last because its executor asked for it, by the store's
// clock; the zero time if the attempt or undo has not waited yet. No store hands out a task before
// that time, and no two waits of a task end at the same time.
func waitedFor(t task.Task) time.Time {
	if t.Wait.Why != task.WaitHold {
		return time.Time{}
	}
	return t.Wait.Until
}
