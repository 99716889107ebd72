package rules

import (
	"fmt"
	"iter"
	"maps"
	"math"
	"slices"

	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// Loaded are the rows of a plan that a store has read, and what steps make of them. It implements
// [Rows]. A store puts into it what [Needs] says, calls the steps, and writes what has changed.
type Loaded struct {
	p        *Plan
	tasks    map[uint32]*loadedTask
	ordinals []uint32 // of tasks, ascending
	queues   [Pending]loadedQueue
	// pending and undoable are the last positions of the windows that were read.
	pending, undoable uint32
	claims            map[uint32]*ClaimRow
	byID              map[string]uint32
	events            []Event
	err               error
}

type loadedTask struct {
	Task
	changed bool
}

// ClaimRow is a claim as a store keeps it.
type ClaimRow struct {
	// Number is what Task.Claim says.
	Number     uint32
	ID, Worker string
	// Held are the ordinals of the tasks that the claim holds, in the order in which it was
	// assigned them.
	Held []uint32
	// Ended is the value of Marks.Releases when the claim lost its last task, 0 while it has some.
	// So a store finds the KeptClaims latest.
	Ended uint32

	changed bool
}

var _ Rows = (*Loaded)(nil)

// NewLoaded returns rows of a plan that was read. Nothing is known of its queues but that those are
// empty that cannot have a task, as its counters say.
func NewLoaded(p *Plan) *Loaded {
	l := &Loaded{
		p: p, tasks: make(map[uint32]*loadedTask), undoable: math.MaxUint32,
		claims: make(map[uint32]*ClaimRow), byID: make(map[string]uint32),
	}
	filled := p.filled()
	for q := range Pending {
		l.queues[q].q, l.queues[q].all = q, !filled.Has(q)
	}
	return l
}

// Put adds a task that was read. It does nothing if the task is there already. Every task is put
// before the first step.
func (l *Loaded) Put(ordinal uint32, t Task) {
	if l.tasks[ordinal] != nil {
		return
	}
	l.tasks[ordinal] = &loadedTask{Task: t}
	if n := len(l.ordinals); n == 0 || l.ordinals[n-1] < ordinal {
		l.ordinals = append(l.ordinals, ordinal)
	} else {
		at, _ := slices.BinarySearch(l.ordinals, ordinal)
		l.ordinals = slices.Insert(l.ordinals, at, ordinal)
	}
	if q := t.Place().Queue; q != 0 {
		l.queues[q].add(ordinal, &t)
	}
}

// PutClaim adds a claim that was read: one that [Need] names, or that holds a task that was put.
func (l *Loaded) PutClaim(c ClaimRow) {
	c.Held, c.changed = slices.Clone(c.Held), false
	l.claims[c.Number], l.byID[c.ID] = &c, c.Number
}

// Known says how far a queue was read. Of the first seven queues every task was put up to the one
// with the ordinal last, in the order of the queue; of Pending and Undoable every task whose
// position is in the window, up to the position last. All says that it was read to its end.
func (l *Loaded) Known(q Queue, last uint32, all bool) {
	switch {
	case q == Pending && all:
		l.pending = math.MaxUint32
	case q == Pending:
		l.pending = last
	case q == Undoable && all:
		l.undoable = 0
	case q == Undoable:
		l.undoable = last
	case all:
		l.queues[q].all = true
	default:
		if t := l.tasks[last]; t != nil {
			l.queues[q].part, l.queues[q].last = true, t.turn(q, last)
		}
	}
}

// Err returns a *[MissingError] if a step asked for a task or claim that the rows before it name,
// and that was not put. The store writes nothing then.
func (l *Loaded) Err() error { return l.err }

// Tasks returns the tasks that steps have changed, in the order of their ordinals.
func (l *Loaded) Tasks() iter.Seq2[uint32, *Task] {
	return func(yield func(uint32, *Task) bool) {
		for _, ordinal := range l.ordinals {
			if t := l.tasks[ordinal]; t.changed && !yield(ordinal, &t.Task) {
				return
			}
		}
	}
}

// Claims returns the claims that are new or have changed, in the order of their numbers.
func (l *Loaded) Claims() iter.Seq[*ClaimRow] {
	return func(yield func(*ClaimRow) bool) {
		for _, n := range slices.Sorted(maps.Keys(l.claims)) {
			if c := l.claims[n]; c.changed && !yield(c) {
				return
			}
		}
	}
}

// Events returns the events of commits. The last one has the number LastEvent of the plan.
func (l *Loaded) Events() []Event { return l.events }

// MissingError is the error for a row that other rows name and that is not there. It matches
// [store.ErrCorrupt].
type MissingError struct {
	Plan task.PlanID
	// Table is "task" or "claim", Number the ordinal of the task or the number of the claim.
	Table  string
	Number uint32
}

func (e *MissingError) Error() string {
	return fmt.Sprintf("store: plan %s: corrupt: %s %d is missing", e.Plan, e.Table, e.Number)
}

// Is reports whether target is [store.ErrCorrupt].
func (e *MissingError) Is(target error) bool { return target == store.ErrCorrupt }

func (l *Loaded) lost(table string, number uint32) {
	if l.err == nil {
		l.err = &MissingError{l.p.ID, table, number}
	}
}

// Task implements Rows.
func (l *Loaded) Task(ordinal uint32) *Task {
	if t := l.tasks[ordinal]; t != nil {
		return &t.Task
	}
	l.lost("task", ordinal)
	return nil
}

// Changed implements Rows.
func (l *Loaded) Changed(ordinal uint32, t *Task, from Place) {
	l.tasks[ordinal].changed = true
	to := t.Place()
	if to == from {
		return
	}
	if from.Queue != 0 {
		l.queues[from.Queue].remove(ordinal)
	}
	if to.Queue != 0 {
		l.queues[to.Queue].add(ordinal, t)
	}
	if c := l.claim(from.Claim); c != nil {
		c.Held = slices.DeleteFunc(c.Held, func(o uint32) bool { return o == ordinal })
		if c.changed = true; len(c.Held) == 0 {
			c.Ended = l.p.Marks.Releases
		}
	}
	if c := l.claim(to.Claim); c != nil {
		c.Held, c.changed = append(c.Held, ordinal), true
	}
}

// claim returns a claim, nil for none.
func (l *Loaded) claim(number uint32) *ClaimRow {
	c := l.claims[number]
	if c == nil && number != 0 {
		l.lost("claim", number)
	}
	return c
}

// Log implements Rows.
func (l *Loaded) Log(e Event) { l.events = append(l.events, e) }

// Claim implements Rows.
func (l *Loaded) Claim(id string) (number uint32, known bool) {
	number, known = l.byID[id]
	return number, known
}

// Open implements Rows.
func (l *Loaded) Open(id, worker string) (number uint32) {
	l.p.Marks.Claims++
	number = l.p.Marks.Claims
	l.claims[number], l.byID[id] = &ClaimRow{Number: number, ID: id, Worker: worker, changed: true}, number
	return number
}

// Held implements Rows.
func (l *Loaded) Held(number uint32, to []uint32) []uint32 {
	if c := l.claim(number); c != nil {
		return append(to, c.Held...)
	}
	return to
}

// Worker implements Rows.
func (l *Loaded) Worker(number uint32) string {
	if c := l.claim(number); c != nil {
		return c.Worker
	}
	return ""
}

// undoable reports whether an undo round stops at the task.
func (t *Task) undoable() bool {
	return task.Control{State: t.State, Attempt: int(t.Attempt)}.Undoable()
}
