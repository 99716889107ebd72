package executor

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/cutover-go/cutover/checkpoint"
)

// Save stores the point from which the task continues: step names the last completed step, and data
// is whatever the executor needs to continue, encoded as JSON. It replaces the previous checkpoint.
// Saving the same again is harmless.
//
// A [json.RawMessage] is stored unchanged and must not be modified afterwards; nil is stored as
// null.
//
// An error that matches [ErrStopped] means that the checkpoint was stored and the task is to stop
// here: clean up and return it. After any other error assume that nothing was stored; the run can
// no longer succeed: if the executor returns nil nevertheless, the run fails with the first such
// error. It also fails if encoding the data panics and the executor recovers. A pause takes effect
// only in a save.
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
	var saved checkpoint.Checkpoint
	defer func() { r.endSave(saved) }()
	c := checkpoint.Checkpoint{Step: step, Data: raw}
	if err = r.recorder.Save(ctx, c); err == nil || errors.Is(err, ErrStopped) {
		saved = c
	}
	return err
}

// Restore decodes the data of the current checkpoint, the one saved last, into the value that data
// points to, and returns the checkpoint's step. ok is false if there is no checkpoint: the task
// starts at the beginning. If data is nil, Restore decodes nothing. Data that does not fit is an
// error that matches [checkpoint.ErrCorrupt].
func (r *Run) Restore(data any) (step string, ok bool, err error) {
	r.mu.Lock()
	c := r.point
	r.mu.Unlock()
	if c.Step == "" {
		return "", false, nil
	}
	return c.Step, true, decode("checkpoint", c.Step, c.Data, data)
}

// SaveUndo records what is needed to undo step. Call it before the effect: an entry written after
// the effect is missing exactly when a crash comes between the two. The first entry of a step wins,
// even across retries: a further call with newer data is harmless and stores nothing. Errors are as
// for [Run.Save].
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
	defer r.endSave(checkpoint.Checkpoint{})
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

// heeded calls save and returns its error. If the error means that something was not stored
// although the task is still this run's, heeded records it: the first such error becomes the run's
// failure even if the executor ignores it. The same holds for a save that does not return, because
// a MarshalJSON may panic or end its goroutine.
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

// orRefused returns err or, if err is nil, the error of the first refused save.
func (r *Run) orRefused(err error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return cmp.Or(err, r.refused)
}

// Undo decodes the undo entry of step into the value that data points to. ok is false if there is
// none: the task never reached that step.
func (r *Run) Undo(step string, data any) (ok bool, err error) {
	raw, ok := r.UndoLog().Get(step)
	if !ok {
		return false, nil
	}
	return true, decode("undo entry", step, raw, data)
}

// UndoLog returns all undo entries in the order in which they were recorded. The result is shared
// and must not be modified.
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

// endSave ends a save. saved is the checkpoint that it stored, without a step if it stored none.
func (r *Run) endSave(saved checkpoint.Checkpoint) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if saved.Step != "" {
		r.point = saved
	}
	r.saving = false
	r.idle.Broadcast()
}

// encode encodes data as JSON. It returns a json.RawMessage unchecked: the recorder checks all
// data.
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
