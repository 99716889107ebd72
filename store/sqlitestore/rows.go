package sqlitestore

import (
	"maps"
	"slices"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store/internal/instant"
	"github.com/cutover-go/cutover/store/rules"
	"github.com/cutover-go/cutover/task"
)

// rows answers the rules from the tables, and writes what steps have changed when they have ended.
// Those of the writer remember tasks that workers hold, and claims, from one transaction to the
// next: nobody else changes them.
//
// The rules cannot be told that a query failed: rows keeps the first error in err, and the step is
// then rolled back, whatever it has done since.
type rows struct {
	c       *conn
	p       *rollout
	tasks   map[uint32]*taskRow
	ahead   map[uint32]*taskRow // pending tasks that were read before they are asked for; nil: not the writer's
	dirty   []uint32            // ordinals of tasks that are to be written
	flushed []uint32            // of those that were, since forget
	claims  claims
	recent  recents
	events  []rules.Event
	rests   []int64 // the numbers of the events that leave the plan at rest
	err     error
}

var _ rules.Rows = (*rows)(nil)

// taskRow is a task, with the key that it has in the table queue.
type taskRow struct {
	rules.Task
	due    int64
	dirty  bool
	recent bool // the table recent has changes of it
}

// What is remembered of a plan: so many tasks, without those whose checkpoints and undo logs are
// longer than this.
const (
	maxRemembered = 1024
	maxLength     = 4096
)

// window is how many tasks one look for a pending or an undoable task examines.
const window = 1000

func newRows(c *conn, p *rollout) *rows {
	return &rows{c: c, p: p, tasks: make(map[uint32]*taskRow)}
}

func (r *rows) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

// Task implements rules.Rows.
func (r *rows) Task(ordinal uint32) *rules.Task {
	t, err := r.read(ordinal)
	if err != nil {
		r.fail(err)
	}
	return &t.Task
}

// read returns a task, an empty one together with an error.
func (r *rows) read(ordinal uint32) (*taskRow, error) {
	if t := r.tasks[ordinal]; t != nil {
		return t, nil
	}
	if t := r.ahead[ordinal]; t != nil {
		r.tasks[ordinal] = t
		delete(r.ahead, ordinal)
		return t, nil
	}
	t := &taskRow{}
	if err := r.c.task(r.p.ID, ordinal, &t.Task); err != nil {
		return &taskRow{}, err
	}
	found, err := r.fillRecent(ordinal, &t.Task)
	if err != nil {
		return &taskRow{}, err
	}
	if found != nil {
		t.recent = true
		delete(r.recent.unread, ordinal)
	}
	t.due = dueOf(&t.Task)
	r.tasks[ordinal] = t
	return t, nil
}

// dueOf returns the key that orders a task in its queue before the ordinal does.
func dueOf(t *rules.Task) int64 {
	if t.Waiting {
		return instant.MicrosOf(t.WaitUntil())
	}
	return 0
}

// Next implements rules.Rows.
func (r *rows) Next(q rules.Queue, from, until uint32) (first uint32, known bool) {
	switch {
	case q == rules.Pending:
		return r.nextPending(from, until)
	case q == rules.Undoable && r.p.Sequential():
		return r.nextReleased(from, until)
	case q == rules.Undoable:
		return r.nextUndoable(from, until)
	case q == rules.Undoing:
		return r.first("SELECT ordinal FROM queue WHERE plan = ? AND queue = ? ORDER BY ordinal DESC LIMIT 1", q), true
	}
	return r.first("SELECT ordinal FROM queue WHERE plan = ? AND queue = ? ORDER BY due, ordinal LIMIT 1", q), true
}

func (r *rows) first(sql string, q rules.Queue) uint32 {
	n, err := r.c.number(sql, int64(r.p.ID), int(q))
	if err != nil {
		r.fail(err)
	}
	return uint32(n)
}

// nextUndoable looks at a window of tasks downwards.
func (r *rows) nextUndoable(from, until uint32) (first uint32, known bool) {
	r.flushTasks()
	last := until
	if from >= until+window {
		last = from - window + 1
	}
	err := r.c.each("SELECT ordinal, state, attempt FROM task WHERE plan = ? AND ordinal BETWEEN ? AND ? AND attempt > 0 ORDER BY ordinal DESC",
		[]any{int64(r.p.ID), last, from}, func(s row) error {
			if o := uint32(s.ColumnInt64(0)); undoable(s.ColumnInt64(1), s.ColumnInt(2)) && !r.holds(o) {
				first = o
				return errFound
			}
			return nil
		})
	return r.found(first, last, until, err)
}

// nextReleased looks at a window of ends of holds, downwards. Of a task only the last one counts.
func (r *rows) nextReleased(from, until uint32) (first uint32, known bool) {
	r.flushTasks()
	looked, last := 0, from
	err := r.c.each(`SELECT r.released, r.ordinal, t.state, t.attempt, t.released FROM release AS r JOIN task AS t ON t.plan = r.plan AND t.ordinal = r.ordinal
		WHERE r.plan = ? AND r.released BETWEEN ? AND ? ORDER BY r.released DESC LIMIT ?`, []any{int64(r.p.ID), until, from, window}, func(s row) error {
		looked++
		last = uint32(s.ColumnInt64(0))
		if o := uint32(s.ColumnInt64(1)); s.ColumnInt64(4) == int64(last) && undoable(s.ColumnInt64(2), s.ColumnInt(3)) && !r.holds(o) {
			first = o
			return errFound
		}
		return nil
	})
	if looked < window {
		last = until
	}
	return r.found(first, last, until, err)
}

// found returns the answer of Next after a look down to last.
func (r *rows) found(first, last, until uint32, err error) (uint32, bool) {
	if err != nil && !isFound(err) {
		r.fail(err)
	}
	if first == 0 && last > until {
		return last, false
	}
	return first, true
}

func undoable(state int64, attempt int) bool {
	return state >= 0 && state < int64(task.NumStates) && (task.Control{State: task.State(state), Attempt: attempt}).Undoable()
}

// Changed implements rules.Rows.
func (r *rows) Changed(ordinal uint32, _ *rules.Task, from rules.Place) {
	t := r.tasks[ordinal]
	if t == nil {
		return // reading it failed
	}
	if m := t.More; m != nil {
		m.Wait.Until = instant.Stamp(instant.MicrosOf(m.Wait.Until))
	}
	r.p.pending.changed(ordinal, t.State == task.Pending)
	to, due := t.Place(), dueOf(&t.Task)
	if from != to || due != t.due {
		r.move(ordinal, from, to, t.due, due)
		t.due = due
	}
	if from.Claim != 0 && from.Claim != to.Claim && r.p.Sequential() {
		r.exec("INSERT INTO release VALUES (?, ?, ?)", int64(r.p.ID), t.Released, ordinal)
	}
	if !t.dirty {
		t.dirty = true
		r.dirty = append(r.dirty, ordinal)
	}
}

// move takes a task out of its place and puts it into another.
func (r *rows) move(ordinal uint32, from, to rules.Place, left, due int64) {
	if from.Queue != 0 {
		r.exec("DELETE FROM queue WHERE plan = ? AND queue = ? AND due = ? AND ordinal = ?", int64(r.p.ID), int(from.Queue), left, ordinal)
	}
	if to.Queue != 0 {
		r.exec("INSERT INTO queue VALUES (?, ?, ?, ?)", int64(r.p.ID), int(to.Queue), due, ordinal)
	}
	if from.Claim != to.Claim {
		if from.Claim != 0 {
			r.leave(from.Claim, ordinal)
		}
		if to.Claim != 0 {
			r.enter(to.Claim, ordinal)
		}
	}
}

func (r *rows) exec(sql string, args ...any) {
	if err := r.c.exec(sql, args...); err != nil {
		r.fail(err)
	}
}

// Log implements rules.Rows.
func (r *rows) Log(e rules.Event) { r.events = append(r.events, e) }

// flushTasks writes the tasks that were changed, so that queries find them as they are, but for
// those that stay in the table recent: workers hold these.
func (r *rows) flushTasks() {
	slices.Sort(r.dirty) // neighbors are in the same page of the file
	held := r.dirty[:0]
	for _, ordinal := range r.dirty {
		t := r.tasks[ordinal]
		if t.Claim != 0 && t.fitsRecent(r.claim(t.Claim).worker) {
			held = append(held, ordinal)
			continue
		}
		if t.dirty = false; t.recent {
			t.recent, r.recent.settled = false, append(r.recent.settled, ordinal)
		}
		if t.Claim != 0 {
			if c := r.claim(t.Claim); !c.stored {
				c.needed = true
				r.claims.change(t.Claim, c)
			}
		}
		if err := r.c.saveTask(r.p.ID, ordinal, &t.Task); err != nil {
			r.fail(err)
		}
		r.flushed = append(r.flushed, ordinal)
	}
	r.dirty = held
}

// forget ends what is remembered of tasks that nobody holds, or that are too long or too many.
func (r *rows) forget() {
	for _, ordinal := range r.flushed {
		if t := r.tasks[ordinal]; t != nil && !t.recent && (t.Claim == 0 || t.length() > maxLength) {
			delete(r.tasks, ordinal)
		}
	}
	if r.flushed = r.flushed[:0]; len(r.tasks) > maxRemembered {
		maps.DeleteFunc(r.tasks, func(_ uint32, t *taskRow) bool { return !t.recent })
	}
}

// length returns the number of bytes of what executors have saved.
func (t *taskRow) length() int {
	n := len(t.Data)
	if t.More != nil {
		for i := range t.More.Undo {
			n += len(t.More.Undo[i].Data)
		}
	}
	return n
}

// flush writes everything that steps have changed, with their events, of which the plan keeps so
// many. own are the events of a command. It returns the first error of the steps.
func (r *rows) flush(own []plan.Event, at rules.Stamp, keep int) error {
	r.flushTasks()
	r.flushRecent()
	if r.err != nil {
		return r.err
	}
	if err := r.allUndone(); err != nil {
		return err
	}
	if err := r.c.appendEvents(r.p, r.events, own, at, r.rests); err != nil {
		return err
	}
	if err := r.c.trim(r.p, keep, len(r.events)); err != nil {
		return err
	}
	r.events, r.rests = r.events[:0], r.rests[:0]
	r.forget()
	return r.c.save(r.p)
}
