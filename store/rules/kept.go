package rules

import (
	"math"
	"slices"

	"github.com/cutover-go/cutover/task"
)

// Written tells that everything that steps have changed was written. Steps may follow, as long as
// nobody else changes the plan. Tasks for which keep is false are forgotten, and so are claims
// without tasks. A task in flight that no worker holds has to be kept: its queue counts as read. Of
// Undoable nothing is known any more.
func (l *Loaded) Written(keep func(ordinal uint32, t *Task) bool) {
	l.events, l.undoable = nil, math.MaxUint32
	l.ordinals = slices.DeleteFunc(l.ordinals, func(ordinal uint32) bool {
		t := l.tasks[ordinal]
		t.changed = false
		if keep(ordinal, &t.Task) {
			return false
		}
		delete(l.tasks, ordinal)
		return true
	})
	for number, c := range l.claims {
		if c.changed = false; c.Ended != 0 {
			delete(l.claims, number)
			delete(l.byID, c.ID)
		}
	}
}

// Ahead returns how many tasks are known to be pending from a position on, and up to which position
// that is known.
func (l *Loaded) Ahead(from uint32) (n int, last uint32) {
	i, _ := slices.BinarySearch(l.ordinals, from)
	for _, ordinal := range l.ordinals[i:] {
		if ordinal <= l.pending && l.tasks[ordinal].State == task.Pending {
			n++
		}
	}
	return n, l.pending
}
