package rules

import (
	"slices"
	"time"

	"github.com/cutover-go/cutover/checkpoint"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// save stores a checkpoint, an undo entry or both.
func save(w *store.Change, t *Task, at Stamp) error {
	if w.UndoStep != "" {
		if err := recordUndo(w, t); err != nil {
			return err
		}
	}
	if w.Step != "" {
		t.Step, t.Data = w.Step, w.Data
		t.Losses = 0
	}
	t.Updated = at
	t.setElapsed(w.Elapsed)
	return nil
}

func recordUndo(w *store.Change, t *Task) error {
	var log checkpoint.UndoLog
	if t.More != nil {
		log = t.More.Undo
	}
	log, added, err := log.Record(checkpoint.Undo{Step: w.UndoStep, Data: w.UndoData})
	if added {
		t.extra().Undo = log
	}
	return err
}

// settle writes the consequences of a change of state by a worker into the task.
func (t *Task) settle(w *store.Change, cause task.Cause) {
	t.PausedIndividually = cause == task.ByPause && t.Request == task.PauseRequest
	t.Request = task.NoRequest
	if cause != task.ByPause {
		t.setWait(Wait{})
	}
	switch cause {
	case task.BySuccess:
		t.dropCheckpoint()
		t.setFailure(nil)
	case task.ByUndo:
		t.dropCheckpoint()
		t.dropUndo()
		t.setFailure(nil)
	case task.ByFailure, task.ByUndoFailure, task.ByCancel:
		if w.Failure != nil {
			t.fail(w)
		}
	case task.ByPause: // any failure is dropped, because the executor was asked to stop
	case task.ByClaim, task.BySkip, task.ByResume, task.ByRetry, task.ByRollback:
	}
}

// extra returns t.More, allocated if it is nil.
func (t *Task) extra() *More {
	if t.More == nil {
		t.More = new(More)
	}
	return t.More
}

func (t *Task) failure() *task.FailureInfo {
	if t.More == nil {
		return nil
	}
	return t.More.Failure
}

// setFailure stores f. The caller must not use f afterwards.
func (t *Task) setFailure(f *task.FailureInfo) {
	if f != nil || t.More != nil {
		t.extra().Failure = f
	}
}

// fail stores the failure of a change, and the attempts that come with it.
func (t *Task) fail(w *store.Change) {
	t.setFailure(ownFailure(w.Failure))
	t.setAttempts(w.Attempts)
}

// setAttempts stores attempts, unless they are nil.
func (t *Task) setAttempts(attempts []task.Attempt) {
	if attempts != nil {
		t.extra().Attempts = slices.Clone(attempts)
	}
}

// WaitUntil returns the end of the task's wait, 0 if it has none.
func (t *Task) WaitUntil() Stamp {
	if t.More == nil {
		return 0
	}
	return t.More.Wait.Until
}

func (t *Task) setWait(w Wait) {
	if t.More != nil || w != (Wait{}) {
		t.extra().Wait = w
	}
}

// setElapsed stores d in whole milliseconds.
func (t *Task) setElapsed(d time.Duration) { t.Elapsed = d.Truncate(time.Millisecond) }

func (t *Task) dropCheckpoint() { t.Step, t.Data = "", nil }

func (t *Task) dropUndo() {
	if t.More != nil {
		t.More.Undo = nil
	}
}

// ownFailure returns a copy of f whose strings are within their bounds.
func ownFailure(f *task.FailureInfo) *task.FailureInfo {
	if f == nil {
		return nil
	}
	c := f.Clip()
	return &c
}

// ifEnded returns t if s is an ended state, otherwise ended, the time at which the task ended
// before.
func (t Stamp) ifEnded(s task.State, ended Stamp) Stamp {
	if s.Ended() {
		return t
	}
	return ended
}
