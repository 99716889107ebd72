package executor

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/cutover-go/cutover/checkpoint"
)

// Save stores where the task goes on from: step names the last thing that is
// done, data is whatever the executor needs to go on, encoded as JSON. It takes
// the place of the checkpoint before. Saving the same again is harmless.
//
// A [json.RawMessage] is stored as it is and must not be changed afterwards; nil
// is stored as null.
//
// An error that matches [ErrStopped] says that the checkpoint was stored and the
// task is to stop here: clean up and return it. With any other error nothing may
// be taken as stored, and the run cannot succeed any more: if the executor returns
// nil all the same, the run fails with the first such error. So it does if the data
// panics while it is encoded and the executor recovers. Save is the only
// place where a pause takes effect.
func (r *Run) Save(ctx context.Context, step string, data any) error {
	return r.heeded(step, func() error { return r.save(ctx, step, data) })
}

func (r *Run) save(ctx context.Context, step string, data any) error {
	raw, err := encode(step, data)
	if err != nil {
		return err
	}
	if err = r.beginSave(); err != nil {
		return err
	}
	defer r.endSave()
	c := checkpoint.Checkpoint{Step: step, Data: raw}
	if err = r.recorder.Save(ctx, c); err == nil || errors.Is(err, ErrStopped) {
		r.mu.Lock()
		r.point = c
		r.mu.Unlock()
	}
	return err
}

// Restore decodes the data of the current checkpoint, which is the one saved
// last, into the value that data points to, and returns its step. ok is false
// if there is none: the task starts at the beginning. A nil data asks for the
// step alone. Data that does not fit is an error that matches
// [checkpoint.ErrCorrupt].
func (r *Run) Restore(data any) (step string, ok bool, err error) {
	r.mu.Lock()
	c := r.point
	r.mu.Unlock()
	if c.Step == "" {
		return "", false, nil
	}
	return c.Step, true, decode("checkpoint", c.Step, c.Data, data)
}

// SaveUndo records what has to be known to take step back. Call it before the
// effect: an entry written after it is missing exactly when a crash came between.
// The first entry of a step wins, also over retries, so it may be called again
// with what the world looks like now; nothing is stored then. Errors are as for
// [Run.Save].
func (r *Run) SaveUndo(ctx context.Context, step string, data any) error {
	return r.heeded(step, func() error { return r.saveUndo(ctx, step, data) })
}

func (r *Run) saveUndo(ctx context.Context, step string, data any) error {
	raw, err := encode(step, data)
	if err != nil {
		return err
	}
	if err = r.beginSave(); err != nil {
		return err
	}
	defer r.endSave()
	u := checkpoint.Undo{Step: step, Data: raw}
	log, added, err := r.UndoLog().Record(u)
	if err != nil || !added {
		return err
	}
	if err = r.recorder.SaveUndo(ctx, u); err == nil || errors.Is(err, ErrStopped) {
		r.mu.Lock()
		r.undo = log
		r.mu.Unlock()
	}
	return err
}

// heeded returns what save does. The first error that says that something was not
// stored, although the task is still this run's, counts as the run's failure, whether
// the executor heeds it or not. So does a save that does not return: a MarshalJSON may
// panic, or end its goroutine.
func (r *Run) heeded(step string, save func() error) error {
	returned := false
	defer func() {
		if !returned {
			r.noteRefusal(fmt.Errorf("%w: the save of step %q did not return", checkpoint.ErrInvalid, step))
		}
	}()
	err := save()
	returned = true
	r.noteRefusal(err)
	return err
}

func (r *Run) noteRefusal(err error) {
	if err == nil || errors.Is(err, ErrStopped) || errors.Is(err, ErrLost) || errors.Is(err, ErrReturned) {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.refused == nil {
		r.refused = err
	}
}

// orRefused returns err, or in place of nil the error of the first save that was
// refused.
func (r *Run) orRefused(err error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return cmp.Or(err, r.refused)
}

// Undo decodes what was recorded for step into the value that data points to.
// ok is false if nothing was: the task never came to that step.
func (r *Run) Undo(step string, data any) (ok bool, err error) {
	raw, ok := r.UndoLog().Get(step)
	if !ok {
		return false, nil
	}
	return true, decode("undo entry", step, raw, data)
}

// UndoLog returns all undo entries in the order in which they were recorded.
// Read only.
func (r *Run) UndoLog() checkpoint.UndoLog {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.undo
}

// beginSave waits until no other save is under way.
func (r *Run) beginSave() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.saving {
		r.idle.Wait()
	}
	if r.returned {
		return ErrReturned
	}
	r.saving = true
	return nil
}

func (r *Run) endSave() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.saving = false
	r.idle.Broadcast()
}

// encode leaves it to the recorder to check raw messages: it checks all data.
func encode(step string, data any) (json.RawMessage, error) {
	if raw, ok := data.(json.RawMessage); ok && raw != nil {
		return raw, nil
	}
	raw, err := json.Marshal(data)
	if err != nil {
		return nil, fmt.Errorf("%w: the data of step %q: %w", checkpoint.ErrInvalid, step, err)
	}
	return raw, nil
}

func decode(what, step string, raw json.RawMessage, data any) error {
	if data == nil {
		return nil
	}
	if err := json.Unmarshal(raw, data); err != nil {
		return fmt.Errorf("%w: the %s of step %q: %w", checkpoint.ErrCorrupt, what, step, err)
	}
	return nil
}
