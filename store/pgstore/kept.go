package pgstore

import (
	"sync"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/rules"
	"github.com/cutover-go/cutover/task"
)

// keptPlans are plans as the last commit of this process has left them, with the rows of tasks that
// the next ones need: those in flight, and some that are pending. A commit that finds its plan here
// reads nothing. It writes only if the plan still has the revision that it was left with, which is
// drawn anew by everything that changes a plan; otherwise it reads.
type keptPlans struct {
	mu    sync.Mutex
	plans map[plan.ID]*rows
	off   bool // for tests
}

// Limits of what is kept.
const (
	maxKept      = 64      // plans
	maxKeptTasks = 20_000  // of a plan
	maxKeptBytes = 4 << 20 // of a plan, what its tasks have of any length
	maxKeptTask  = 4 << 10 // the same, of a task
	// readAhead is how many pending tasks are read together, if they are small.
	readAhead = 256
)

// take returns the rows of a plan, nil if there are none. They are the caller's.
func (k *keptPlans) take(id plan.ID) *rows {
	k.mu.Lock()
	defer k.mu.Unlock()
	r := k.plans[id]
	delete(k.plans, id)
	return r
}

// put keeps a plan. When there are too many, all others are forgotten: which of them is needed next
// is not known, and to read one again takes one commit.
func (k *keptPlans) put(id plan.ID, r *rows) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.plans == nil || len(k.plans) >= maxKept {
		k.plans = make(map[plan.ID]*rows)
	}
	k.plans[id] = r
}

// whole reports whether commits can be carried out without reading more than rows of tasks: no task
// in flight is without a worker, and none is to be undone.
func (r *rows) whole() bool {
	if r.p.s.kept.off || len(r.bad) > 0 || r.Err() != nil {
		return false
	}
	n := rules.Needs(&r.p.Plan, nil)
	return n.Queues == 0 && n.Undoable.Empty()
}

// changed reports whether steps have changed anything.
func (r *rows) changed() bool {
	for range r.Tasks() {
		return true
	}
	for range r.Claims() {
		return true
	}
	return len(r.Events()) > 0 || r.p.facts() != r.p.was.facts
}

// keep makes rows that were written those with which the next commit begins.
func (r *rows) keep() {
	p := r.p
	for _, w := range r.written {
		w.at.set(w.task)
	}
	r.written = r.written[:0]
	for c := range r.Claims() {
		if r.stored[c.Number] = array(c.Held); c.Ended != 0 {
			delete(r.stored, c.Number)
		}
	}
	p.remember()
	if !r.whole() {
		return
	}
	bytes := 0
	r.Written(func(ordinal uint32, t *rules.Task) bool {
		at := r.places[ordinal]
		keep := (t.State == task.Pending || t.Claim != 0) && at.size <= maxKeptTask
		if !keep {
			delete(r.places, ordinal)
			return false
		}
		bytes += at.size
		return true
	})
	if n := len(r.places); n > 0 && n <= maxKeptTasks && bytes <= maxKeptBytes {
		r.mean = bytes / n
		p.s.kept.put(p.ID, r)
	}
}

// sizeOf returns about how many bytes a task has of what has any length.
func sizeOf(t *rules.Task) int {
	n := len(t.Tenant) + len(t.Data)
	if m := t.More; m != nil {
		for _, words := range []map[string]string{m.Labels, m.Parameters} {
			for k, v := range words {
				n += len(k) + len(v)
			}
		}
		for i := range m.Undo {
			n += len(m.Undo[i].Data)
		}
	}
	return n
}

// missing returns what of a need is not here, and whether that is anything. good is false if it is
// more than tasks.
func (r *rows) missing(n *rules.Need, work []*store.Batch) (m rules.Need, some, good bool) {
	for _, b := range work {
		raises := b.Claim.Max > 0 && b.Claim.RaiseTokens
		for i := range b.Changes {
			raises = raises || b.Changes[i].RaiseTokens
		}
		if raises {
			return m, false, false // above all tokens of this moment
		}
	}
	for _, ordinal := range n.Tasks {
		if r.places[ordinal] == nil {
			m.Tasks = append(m.Tasks, ordinal)
		}
	}
	if w := n.Pending; !w.Empty() {
		if ahead, last := r.Ahead(w.From); ahead < n.First && last < w.Until {
			m.Pending = rules.Window{From: max(w.From, last+1), Until: w.Until}
			m.First = max(n.First, min(readAhead, (maxKeptBytes/4)/max(1, r.mean)))
		}
	}
	return m, len(m.Tasks) > 0 || !m.Pending.Empty(), true
}

// absorb makes what was read meanwhile known to the rules.
func (r *rows) absorb(n *rules.Need) {
	for _, list := range [][]func(){r.puts, r.known} {
		for _, put := range list {
			put()
		}
	}
	r.puts, r.known = nil, nil
	r.checkNamed(n)
}

// serverClock tells the server's time from the last time that it was read. It may be behind by the
// time that the answer took.
type serverClock struct {
	mu   sync.Mutex
	real int64     // microseconds: what the server said
	at   time.Time // when its answer arrived, by the clock of this process
}

// maxClock is how long a reading of the server's clock lasts.
const maxClock = time.Second

// read is called with every reading, in microseconds, that has just arrived. Of the readings of the
// last second the one counts whose answer took least, which is the one that is ahead. One that is
// behind by a quarter of a second or more is no slow answer: the server's clock was set back.
func (c *serverClock) read(real int64) {
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	age := now.Sub(c.at)
	if ours := c.real + age.Microseconds(); age < maxClock && real <= ours && ours-real < maxClock.Microseconds()/4 {
		return // the last answer took less
	}
	c.real, c.at = real, now
}

// now returns the server's time in microseconds, and how long ago the server told it.
func (c *serverClock) now() (real int64, age time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	age = time.Since(c.at)
	return c.real + age.Microseconds(), age
}
