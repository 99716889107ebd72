package sqlitestore

import (
	"cmp"
	"container/heap"
	"context"
	"sync"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// agenda holds the time at which each plan is due. It is in memory: when the file is opened every
// plan is due, because nobody knows any more what the processes before were about to do.
type agenda struct {
	mu    sync.Mutex
	items map[plan.ID]*item
	queue queue // the items that have a due time
	stamp uint64
}

type item struct {
	id       plan.ID
	stamp    uint64
	due      time.Time
	hold     time.Time // the latest time of a reminder; Reschedule sets no later time
	creating bool
	place    int // index in the queue, -1 if not in it
}

// loadAgenda puts every plan of the file on the agenda, and ends what belonged to earlier
// processes.
func (s *Store) loadAgenda(c *conn) (err error) {
	tx, err := c.BeginImmediate()
	if err != nil {
		return c.opening("its plans cannot be read", err)
	}
	defer tx.End(&err)
	const count = "INSERT INTO meta VALUES ('opened', 1) ON CONFLICT DO UPDATE SET value = value + 1 RETURNING value"
	opened, err := c.number(count)
	if err == nil {
		err = c.exec("UPDATE cursor SET until = 0 WHERE until > 0")
	}
	if err != nil {
		return c.opening("its plans cannot be read", err)
	}
	// A stamp of an earlier process never equals one of this process.
	s.agenda.items, s.agenda.stamp = make(map[plan.ID]*item), uint64(opened)<<32
	err = c.each("SELECT id, stage, ttl FROM plan ORDER BY id", nil, func(r row) error {
		id, at := plan.ID(r.ColumnInt64(0)), stage(r.ColumnInt64(1))
		switch at {
		case complete:
			s.agenda.wake(id)
		case creating:
			s.agenda.expect(id, time.Duration(r.ColumnInt64(2))*time.Microsecond)
		case leaving:
			s.agenda.expect(id, 0)
		}
		return nil
	})
	if err != nil {
		return c.opening("its plans cannot be read", err)
	}
	return nil
}

// wake puts a plan on the agenda, if back is set, when the transaction is on the disk: an engine
// that looks at it earlier would not see what the job has written. For the subscriptions it is
// unread from the same transaction on.
func (s *Store) wake(tx *tx, id plan.ID, back bool) error {
	if !back {
		return nil
	}
	s.agenda.touch(id)
	tx.then(func() { s.agenda.wake(id) })
	return tx.exec(`INSERT INTO unread SELECT name, ?1, ?2 FROM subscription WHERE true
		ON CONFLICT DO UPDATE SET due = min(due, excluded.due)`, int64(id), time.Now().UnixMicro())
}

// touch gives a plan another stamp: what was decided from the one before has no effect.
func (a *agenda) touch(id plan.ID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.stamp++
	a.item(id).stamp = a.stamp
}

// stampOf returns the present entry of a plan.
func (a *agenda) stampOf(id plan.ID) (stamp uint64, creating, is bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	it := a.items[id]
	if it == nil {
		return 0, false, false
	}
	return it.stamp, it.creating, true
}

// wake makes a plan due now. A plan that is due already keeps its place in the queue.
func (a *agenda) wake(id plan.ID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	it := a.item(id)
	a.stamp++
	it.stamp, it.creating = a.stamp, false
	if now := time.Now(); it.place < 0 || it.due.After(now) {
		a.schedule(it, now)
	}
}

// expect makes a creation due when ttl has passed without another call for it.
func (a *agenda) expect(id plan.ID, ttl time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	it := a.item(id)
	a.stamp++
	it.stamp, it.creating = a.stamp, true
	a.schedule(it, time.Now().Add(ttl))
}

// abandoned reports whether a creation has had no call for its ttl.
func (a *agenda) abandoned(id plan.ID) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	it := a.items[id]
	return it != nil && it.creating && !it.due.After(time.Now())
}

func (a *agenda) drop(id plan.ID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if it := a.items[id]; it != nil {
		a.unschedule(it)
		delete(a.items, id)
	}
}

// item returns the item of a plan, and adds it if it is missing. The caller has the lock.
func (a *agenda) item(id plan.ID) *item {
	it := a.items[id]
	if it == nil {
		it = &item{id: id, place: -1}
		a.items[id] = it
	}
	return it
}

func (a *agenda) schedule(it *item, due time.Time) {
	it.due = due
	if it.place < 0 {
		heap.Push(&a.queue, it)
	} else {
		heap.Fix(&a.queue, it.place)
	}
}

func (a *agenda) unschedule(it *item) {
	if it.place >= 0 {
		heap.Remove(&a.queue, it.place)
	}
}

// Due implements store.Agenda.
func (s *Store) Due(ctx context.Context, limit int) ([]store.DuePlan, error) {
	if err := store.CheckDue(limit); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	a := &s.agenda
	a.mu.Lock()
	defer a.mu.Unlock()
	var plans []store.DuePlan
	var looked []*item
	for now := time.Now(); len(looked) < cmp.Or(limit, store.MaxPage) && len(a.queue) > 0 && !a.queue[0].due.After(now); {
		it := heap.Pop(&a.queue).(*item)
		looked = append(looked, it)
		plans = append(plans, store.DuePlan{ID: it.id, Stamp: it.stamp, Creating: it.creating, Late: now.Sub(it.due)})
	}
	for _, it := range looked {
		heap.Push(&a.queue, it)
	}
	return plans, nil
}

// Reschedule implements store.Agenda.
func (s *Store) Reschedule(ctx context.Context, id plan.ID, stamp uint64, after time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	a := &s.agenda
	a.mu.Lock()
	defer a.mu.Unlock()
	it := a.items[id]
	if it == nil || it.stamp != stamp {
		return nil
	}
	now := time.Now()
	if left := it.hold.Sub(now); left > 0 && (after < 0 || after > left) {
		after = left
		a.stamp++
		it.stamp = a.stamp
	}
	if after < 0 {
		a.unschedule(it)
	} else {
		a.schedule(it, now.Add(after))
	}
	return nil
}

// Remind implements store.Agenda.
func (s *Store) Remind(ctx context.Context, plans map[plan.ID]time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := store.CheckCount("plans", len(plans), store.MaxBatch); err != nil {
		return err
	}
	a := &s.agenda
	a.mu.Lock()
	defer a.mu.Unlock()
	for id, after := range plans {
		a.remind(id, time.Now().Add(max(0, after)))
	}
	return nil
}

// remind makes a plan due at the time due, or leaves it if it is due earlier. A Reschedule by an
// engine that read the agenda before the reminder has no effect, because the stamp changes: an
// engine that was frozen may make the call after the time due. Any other Reschedule is limited by
// hold.
func (a *agenda) remind(id plan.ID, due time.Time) {
	it := a.items[id]
	if it == nil || it.creating {
		return
	}
	if due.After(it.hold) {
		it.hold = due
	}
	a.stamp++
	it.stamp = a.stamp
	if it.place < 0 || it.due.After(due) {
		a.schedule(it, due)
	}
}

// queue is a heap of items, ordered by due time.
type queue []*item

func (q queue) Len() int { return len(q) }

func (q queue) Less(i, j int) bool {
	if c := q[i].due.Compare(q[j].due); c != 0 {
		return c < 0
	}
	return q[i].id < q[j].id
}

func (q queue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].place, q[j].place = i, j
}

func (q *queue) Push(x any) {
	it := x.(*item)
	it.place = len(*q)
	*q = append(*q, it)
}

func (q *queue) Pop() any {
	old := *q
	it := old[len(old)-1]
	old[len(old)-1] = nil
	*q = old[:len(old)-1]
	it.place = -1
	return it
}
