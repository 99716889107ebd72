package rules

import (
	"cmp"
	"math"
	"slices"

	"github.com/cutover-go/cutover/task"
)

// loadedQueue is what is known of a queue.
type loadedQueue struct {
	q     Queue
	turns []turn // of the tasks that were put, in order
	all   bool   // they are all there are
	part  bool   // there are no others up to last
	last  turn
}

// turn is a task's place in a queue.
type turn struct {
	key     int64
	ordinal uint32
}

func (a turn) compare(b turn) int {
	return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.ordinal, b.ordinal))
}

// turn returns the place of a task in a queue.
func (t *Task) turn(q Queue, ordinal uint32) turn {
	switch q {
	case Undoing:
		return turn{-int64(ordinal), ordinal}
	case Waiting, WaitingExempt, WaitingUndos:
		return turn{int64(t.WaitUntil()), ordinal}
	case Running, Exempt, Starting, Pending, Undoable:
	}
	return turn{int64(ordinal), ordinal}
}

func (l *loadedQueue) add(ordinal uint32, t *Task) {
	at := t.turn(l.q, ordinal)
	i, _ := slices.BinarySearchFunc(l.turns, at, turn.compare)
	l.turns = slices.Insert(l.turns, i, at)
}

func (l *loadedQueue) remove(ordinal uint32) {
	l.turns = slices.DeleteFunc(l.turns, func(t turn) bool { return t.ordinal == ordinal })
}

// first returns the first task of the queue, or 0. A task that steps have added may be behind some
// that were not read.
func (l *loadedQueue) first() (ordinal uint32, known bool) {
	switch {
	case len(l.turns) == 0:
		return 0, l.all
	case l.all || l.part && l.turns[0].compare(l.last) <= 0:
		return l.turns[0].ordinal, true
	}
	return 0, false
}

// Next implements Rows.
func (l *Loaded) Next(q Queue, from, until uint32) (first uint32, known bool) {
	switch {
	case q < Pending:
		return l.queues[q].first()
	case q == Pending:
		return l.nextPending(from, until)
	case l.p.Sequential():
		return l.nextTurn(from, until)
	}
	return l.nextUndoable(from, until)
}

func (l *Loaded) nextPending(from, until uint32) (first uint32, known bool) {
	i, _ := slices.BinarySearch(l.ordinals, from)
	for _, ordinal := range l.ordinals[i:] {
		if ordinal > min(until, l.pending) {
			break
		}
		if l.tasks[ordinal].State == task.Pending {
			return ordinal, true
		}
	}
	if l.pending < until {
		return l.pending, false
	}
	return 0, true
}

func (l *Loaded) nextUndoable(from, until uint32) (first uint32, known bool) {
	i, _ := slices.BinarySearch(l.ordinals, from+1)
	for _, ordinal := range slices.Backward(l.ordinals[:i]) {
		if ordinal < max(until, l.undoable) {
			break
		}
		if l.tasks[ordinal].undoable() {
			return ordinal, true
		}
	}
	return l.passed(until)
}

// nextTurn does it for a sequential plan, by Released.
func (l *Loaded) nextTurn(from, until uint32) (first uint32, known bool) {
	var at uint32
	for _, ordinal := range l.ordinals {
		t := l.tasks[ordinal]
		if t.Released <= from && t.Released >= max(until, l.undoable, at) && t.undoable() {
			first, at = ordinal, t.Released
		}
	}
	if first != 0 {
		return first, true
	}
	return l.passed(until)
}

// passed is the answer if the window of undoable tasks has none.
func (l *Loaded) passed(until uint32) (last uint32, known bool) {
	switch {
	case l.undoable <= until:
		return 0, true
	case l.undoable == math.MaxUint32:
		return 0, false
	}
	return l.undoable, false
}
