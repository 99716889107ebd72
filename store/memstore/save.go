package memstore

import (
	"errors"
	"fmt"

	"github.com/cutover-go/cutover/checkpoint"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// save stores a checkpoint, an undo entry or both.
func save(w *store.Work, r *record, at stamp) error {
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
	return nil
}

func recordUndo(w *store.Work, r *record) error {
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

// illegal says that a worker reported what cannot be.
func illegal(w *store.Work, s task.State) error {
	return &store.CorruptError{
		Key:    "task " + w.Task.String(),
		Reason: fmt.Sprintf("work of kind %d in state %s", w.Kind, s),
	}
}

// maxID is the most bytes of the id of a command or a claim.
const maxID = 64

// checkID names what is wrong with the id of a command or a claim.
func checkID(id string) error {
	switch {
	case id == "":
		return errors.New("memstore: no id")
	case len(id) > maxID:
		return fmt.Errorf("memstore: an id of %d bytes, the limit is %d", len(id), maxID)
	}
	return nil
}

// checkCount refuses calls that are too large.
func checkCount(what string, n, limit int) error {
	if n < 0 || n > limit {
		return fmt.Errorf("memstore: %d %s in one call, the limit is %d", n, what, limit)
	}
	return nil
}

func checkBatch(b *store.Batch) error {
	if err := checkCount("changes", len(b.Works), store.MaxBatch); err != nil {
		return err
	}
	if b.Claim.Max == 0 {
		return nil
	}
	if err := checkCount("tasks claimed", b.Claim.Max, store.MaxBatch); err != nil {
		return err
	}
	if b.Claim.Worker == "" {
		return errors.New("memstore: a claim for nobody")
	}
	return checkID(b.Claim.ID)
}
