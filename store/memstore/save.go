package memstore

import (
	"fmt"

	"github.com/cutover-go/cutover/checkpoint"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// save stores a checkpoint, an undo entry or both.
func save(w *store.Change, r *record, at stamp) error {
	if w.UndoStep != "" {
		if err := recordUndo(w, r); err != nil {
			return err
		}
	}
	if w.Step != "" {
		r.step, r.data = w.Step, w.Data
		r.losses = 0
	}
	r.updated = at
	r.setElapsed(w.Elapsed)
	return nil
}

func recordUndo(w *store.Change, r *record) error {
	var log checkpoint.UndoLog
	if r.more != nil {
		log = r.more.undo
	}
	log, added, err := log.Record(checkpoint.Undo{Step: w.UndoStep, Data: w.UndoData})
	if added {
		r.extra().undo = log
	}
	return err
}

// illegal returns the error for a change that is impossible in the task's state.
func illegal(w *store.Change, s task.State) error {
	return &store.CorruptError{
		Key:    "task " + w.Task.String(),
		Reason: fmt.Sprintf("work of kind %d in state %s", w.Kind, s),
	}
}
