package pgstore

import (
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/cutover-go/cutover/store/internal/instant"
	"github.com/cutover-go/cutover/store/rules"
	"github.com/cutover-go/cutover/task"
)

// rows are what a step has of the tasks and claims of a plan.
type rows struct {
	*rules.Loaded
	p      *rollout
	places map[uint32]*place
	// written are the tasks that flush has written.
	written []written
	// mean is about how many bytes a task that is kept has of any length.
	mean int
	// stored are the tasks that claims hold, as they are stored, by the claim's number.
	stored map[uint32]string
	// bad says of tasks, by ordinal, what is wrong with them.
	bad map[uint32]error
	// ends are the ordinals of the tasks of which the claims are read; nil: all that are named.
	ends []int32
	// repeated are the ordinals of the tasks that claims hold which were sent before.
	repeated []int32
	// sequential reports that undo rounds follow the order of releases.
	sequential bool
	// puts and known are called when everything is read, and the plan as well: they put what was
	// read into Loaded, and tell how far that was.
	puts, known []func()
	// queued are the rows of the table queue that were read.
	queued queueCount
}

// place is where a task was when it was read, and what it had.
type place struct {
	queue    rules.Queue
	due      int64
	released uint32
	data     []byte
	undos    int
	rare     bool // it had a failure, an undo log or past attempts
	size     int  // see sizeOf
}

// written is a task that is written, and its place.
type written struct {
	task *rules.Task
	at   *place
}

// set makes a task's place what it is when the task is as t.
func (at *place) set(t *rules.Task) {
	*at = place{queue: t.Place().Queue, due: dueOf(t), released: t.Released, data: t.Data, rare: hasRare(t.More), size: sizeOf(t)}
	if t.More != nil {
		at.undos = len(t.More.Undo)
	}
}

const (
	// window is how many tasks one look for a pending or an undoable task examines.
	window = 1000
	// atLeast is how many tasks of a queue are read: a claim may let more of them wait than it
	// takes.
	atLeast = 64
)

// newRows returns rows of a plan that was read.
func newRows(p *rollout) *rows {
	r := expectRows(p, p.Sequential())
	r.Loaded = rules.NewLoaded(&p.Plan)
	return r
}

// expectRows returns rows of a plan that may still have to be read: they are settled then.
func expectRows(p *rollout, sequential bool) *rows {
	return &rows{p: p, places: make(map[uint32]*place), stored: make(map[uint32]string), bad: make(map[uint32]error), sequential: sequential}
}

// Changed implements rules.Rows: what is stored has no more than microseconds.
func (r *rows) Changed(ordinal uint32, t *rules.Task, from rules.Place) {
	if m := t.More; m != nil {
		m.Wait.Until = instant.Stamp(instant.MicrosOf(m.Wait.Until))
	}
	r.Loaded.Changed(ordinal, t, from)
}

// put adds a task that was read, or notes what is wrong with it.
func (r *rows) put(row *taskRow) error {
	ordinal := uint32(row.ordinal)
	if r.places[ordinal] != nil {
		return nil
	}
	var t rules.Task
	if err := row.fill(&t); err != nil {
		err = r.p.s.damaged(r.p.ID, ordinal, err.Error())
		r.bad[ordinal] = err
		return err
	}
	at := &place{}
	at.set(&t)
	r.places[ordinal] = at
	r.puts = append(r.puts, func() { r.Put(ordinal, t) })
	return nil
}

// hasRare reports whether a task has what few tasks have, beside the labels and parameters of its
// tenant and what are numbers.
func hasRare(m *rules.More) bool {
	return m != nil && (m.Failure != nil || len(m.Attempts) > 0 || len(m.Undo) > 0)
}

// dueOf returns the key that orders a task in its queue before the ordinal does.
func dueOf(t *rules.Task) int64 {
	if t.Waiting {
		return instant.MicrosOf(t.WaitUntil())
	}
	return 0
}

// loadRows reads what a step needs in one round trip.
func (t *tx) loadRows(p *rollout, n *rules.Need) (*rows, error) {
	r := expectRows(p, p.Sequential())
	r.queue(t, n)
	if err := t.flush(); err != nil {
		return nil, err
	}
	return r, t.settle(r, n)
}

// settle makes what was read known to the rules, with the tasks of claims that were sent before:
// these are read now.
func (t *tx) settle(r *rows, n *rules.Need) error {
	if len(r.repeated) > 0 {
		r.tasks(t, func(*taskRow) error { return nil }, nil,
			"SELECT "+taskColumns+" FROM @.task AS t WHERE t.plan = $1 AND t.ordinal = ANY ($2::int[])", int64(r.p.ID), r.repeated)
		if err := t.flush(); err != nil {
			return err
		}
	}
	r.settle(n)
	return r.complete(n)
}

// queue adds the statements that read what a step needs.
func (r *rows) queue(t *tx, n *rules.Need) {
	r.readTasks(t, n)
	r.readClaims(t, n)
	for q := rules.Exempt; q < rules.Pending; q++ {
		if n.Queues.Has(q) {
			r.readQueue(t, q, max(n.First, atLeast))
		}
	}
	if !n.Pending.Empty() {
		r.readPending(t, n)
	}
	if !n.Undoable.Empty() {
		r.readUndoable(t, n)
	}
}

// settle makes what was read known to the rules.
func (r *rows) settle(n *rules.Need) {
	r.Loaded = rules.NewLoaded(&r.p.Plan)
	r.absorb(n)
}

// checkNamed notes which of the tasks that are named were not found.
func (r *rows) checkNamed(n *rules.Need) {
	for _, ordinal := range n.Tasks {
		if r.places[ordinal] == nil && r.bad[ordinal] == nil {
			r.bad[ordinal] = r.p.s.damaged(r.p.ID, ordinal, "the row is missing")
		}
	}
}

// readTasks reads the tasks that are named. Those that are damaged do not keep the others from
// being changed.
func (r *rows) readTasks(t *tx, n *rules.Need) {
	if len(n.Tasks) == 0 {
		return
	}
	named := ordinalsOf(n.Tasks)
	ends := r.ends
	if ends == nil {
		ends = named
	}
	t.each(func(from pgx.Rows) error {
		var row taskRow
		var claim []string
		if err := row.scan(from, &claim); err != nil {
			return err
		}
		if err := r.put(&row); err != nil && r.bad[uint32(row.ordinal)] == nil {
			return err
		}
		if claim == nil {
			return nil
		}
		if held, _ := ordinalsIn(claim[2]); !slices.Contains(held, uint32(row.ordinal)) {
			return t.s.corrupt("claim", r.p.ID, "claim %d does not hold task %d", row.claim, row.ordinal)
		}
		return r.putClaim(row.claim, claim)
	}, "SELECT "+taskColumns+`, CASE WHEN t.claim <> 0 AND t.ordinal = ANY ($3::int[]) THEN (
		SELECT `+claimArray+` FROM @.claim AS c WHERE c.plan = t.plan AND c.number = t.claim) END
		FROM @.task AS t WHERE t.plan = $1 AND t.ordinal = ANY ($2::int[])`, int64(r.p.ID), named, ends)
}

func ordinalsOf(list []uint32) []int32 {
	ordinals := make([]int32, len(list))
	for i, o := range list {
		ordinals[i] = int32(o)
	}
	return ordinals
}

// tasks adds a query for tasks that belong to a queue or a window: none of them may be damaged.
func (r *rows) tasks(t *tx, read func(row *taskRow) error, more []any, sql string, args ...any) {
	t.each(func(from pgx.Rows) error {
		var row taskRow
		if err := row.scan(from, more...); err != nil {
			return err
		}
		if err := r.put(&row); err != nil {
			return err
		}
		return read(&row)
	}, sql, args...)
}

func (r *rows) readQueue(t *tx, q rules.Queue, first int) {
	order := "q.due, q.ordinal"
	if q == rules.Undoing {
		order = "q.ordinal DESC"
	}
	read, last, due := 0, uint32(0), int64(0)
	r.tasks(t, func(row *taskRow) error {
		read++
		r.queued.add(q, read == first)
		last = uint32(row.ordinal)
		if at := r.places[last]; at.queue != q || at.due != due {
			return t.s.damaged(r.p.ID, last, "it is in the table queue, and should not be")
		}
		return nil
	}, []any{&due}, "SELECT "+taskColumns+", q.due FROM (SELECT q.ordinal, q.due FROM @.queue AS q WHERE q.plan = $1 AND q.queue = $2 ORDER BY "+order+
		" LIMIT $3) AS q JOIN @.task AS t ON t.plan = $1 AND t.ordinal = q.ordinal ORDER BY "+order, int64(r.p.ID), int16(q), first)
	r.known = append(r.known, func() { r.Known(q, last, read < first) })
}

func (r *rows) readPending(t *tx, n *rules.Need) {
	w := n.Pending
	last := min(w.Until, w.From+window-1)
	read, at := 0, uint32(0)
	r.tasks(t, func(row *taskRow) error { read, at = read+1, uint32(row.ordinal); return nil }, nil,
		"SELECT "+taskColumns+" FROM @.task AS t WHERE t.plan = $1 AND t.ordinal BETWEEN $2 AND $3 AND t.state = 0 ORDER BY t.ordinal LIMIT $4",
		int64(r.p.ID), int32(w.From), int32(last), n.First)
	r.known = append(r.known, func() {
		if read == n.First {
			last = at
		}
		r.Known(rules.Pending, last, last == w.Until)
	})
}

// undoables are the states of tasks at which an undo round stops.
func undoables() (states []int16) {
	for s := range task.State(task.NumStates) {
		if (task.Control{State: s, Attempt: 1}).Undoable() {
			states = append(states, int16(s))
		}
	}
	return states
}

func (r *rows) readUndoable(t *tx, n *rules.Need) {
	if r.sequential {
		r.readReleased(t, n)
		return
	}
	w := n.Undoable
	last := w.Until
	if w.From >= w.Until+window {
		last = w.From - window + 1
	}
	read, at := 0, uint32(0)
	r.tasks(t, func(row *taskRow) error { read, at = read+1, uint32(row.ordinal); return nil }, nil,
		"SELECT "+taskColumns+` FROM @.task AS t WHERE t.plan = $1 AND t.ordinal BETWEEN $2 AND $3 AND t.attempt > 0 AND t.state = ANY ($4::smallint[])
		ORDER BY t.ordinal DESC LIMIT $5`, int64(r.p.ID), int32(last), int32(w.From), undoables(), n.First)
	r.known = append(r.known, func() {
		if read == n.First {
			last = at
		}
		r.Known(rules.Undoable, last, last == w.Until)
	})
}

// readReleased looks at a window of ends of holds, downwards. Of a task only the last one counts.
func (r *rows) readReleased(t *tx, n *rules.Need) {
	const look = "SELECT released, ordinal FROM @.release WHERE plan = $1 AND released BETWEEN $2 AND $3 ORDER BY released DESC LIMIT $4"
	w := n.Undoable
	var looked int
	var last *int64
	args := []any{int64(r.p.ID), int64(w.Until), int64(w.From), window}
	t.one(nil, []any{&looked, &last}, "SELECT count(*), min(released) FROM ("+look+") AS r", args...)
	read, at := 0, uint32(0)
	r.tasks(t, func(row *taskRow) error { read, at = read+1, uint32(row.released); return nil }, nil,
		"SELECT "+taskColumns+" FROM ("+look+`) AS r JOIN @.task AS t ON t.plan = $1 AND t.ordinal = r.ordinal AND t.released = r.released
		WHERE t.attempt > 0 AND t.state = ANY ($5::smallint[]) ORDER BY t.released DESC LIMIT $6`, append(args, undoables(), n.First)...)
	r.known = append(r.known, func() {
		switch {
		case read == n.First:
			r.Known(rules.Undoable, at, at == w.Until)
		case looked == window:
			r.Known(rules.Undoable, uint32(*last), uint32(*last) == w.Until)
		default:
			r.Known(rules.Undoable, w.Until, true)
		}
	})
}
