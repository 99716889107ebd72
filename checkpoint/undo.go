package checkpoint

import (
	"encoding/json"
	"fmt"
)

// UndoLog holds a task's undo entries in the order in which they were recorded.
//
// Invariant: no two entries have the same step.
type UndoLog []Undo

// Get returns what was recorded for step.
func (l UndoLog) Get(step string) (json.RawMessage, bool) {
	for _, u := range l {
		if u.Step == step {
			return u.Data, true
		}
	}
	return nil, false
}

// Record returns l with u added, unless l has an entry for that step already: a step that runs
// again after a crash finds what its first run changed, so what it would record now is not the
// state to return to. added reports whether u was added. l itself is not changed. If the log is
// full, the error matches [ErrTooLarge].
func (l UndoLog) Record(u Undo) (log UndoLog, added bool, err error) {
	if _, ok := l.Get(u.Step); ok {
		return l, false, nil
	}
	if len(l) >= MaxUndoEntries {
		return l, false, fmt.Errorf("%w: more than %d undo entries", ErrTooLarge, MaxUndoEntries)
	}
	return append(l[:len(l):len(l)], u), true, nil
}
