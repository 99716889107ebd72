package agenda

import (
	"cmp"
	"container/heap"
	"slices"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// entry is the place of a plan in a queue, or in none.
type entry struct {
	*item
	at    time.Time // when it is due
	queue string
	place int // its index in the queue, from 1; 0 if it is in none
}

func (e *entry) queued() bool { return e.place > 0 }

// put puts an entry into a queue, by the time when it is due.
func (a *Agenda) put(e *entry, name string, at time.Time) {
	if e.queue != name {
		a.take(e)
	}
	e.at, e.queue = at, name
	if e.queued() {
		heap.Fix(a.queues[name], e.place-1)
		return
	}
	if a.queues[name] == nil {
		a.queues[name] = new(queue)
	}
	heap.Push(a.queues[name], e)
}

// take takes an entry out of its queue.
func (a *Agenda) take(e *entry) {
	if !e.queued() {
		return
	}
	heap.Remove(a.queues[e.queue], e.place-1)
	if len(*a.queues[e.queue]) == 0 && e.queue != everybody {
		delete(a.queues, e.queue)
	}
}

// Due returns up to limit plans that are due for an engine with these executor types, see
// store.Agenda.
func (a *Agenda) Due(executors []string, limit int) (plans []store.DuePlan) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now()
	first := make(map[plan.ID]*entry)
	for _, name := range append([]string{everybody}, executors...) {
		for _, e := range a.queues[name].due(now, limit) {
			if known := first[e.id]; known == nil || e.at.Before(known.at) {
				first[e.id] = e
			}
		}
	}
	for _, e := range first {
		plans = append(plans, store.DuePlan{ID: e.id, Stamp: e.stamp, Creating: e.creating, Late: now.Sub(e.at)})
	}
	slices.SortFunc(plans, func(p, q store.DuePlan) int { return cmp.Or(cmp.Compare(q.Late, p.Late), cmp.Compare(p.ID, q.ID)) })
	return plans[:min(len(plans), limit)]
}

// queue is a heap of entries, ordered by the time when they are due.
type queue []*entry

// due returns the first entries that are due, at most limit.
func (q *queue) due(now time.Time, limit int) (found []*entry) {
	for q != nil && len(*q) > 0 && len(found) < limit && !(*q)[0].at.After(now) {
		found = append(found, heap.Pop(q).(*entry))
	}
	for _, e := range found {
		heap.Push(q, e)
	}
	return found
}

func (q *queue) Len() int { return len(*q) }

func (q *queue) Less(i, j int) bool {
	x, y := (*q)[i], (*q)[j]
	return cmp.Or(x.at.Compare(y.at), cmp.Compare(x.id, y.id)) < 0
}

func (q *queue) Swap(i, j int) {
	x, y := (*q)[i], (*q)[j]
	(*q)[i], (*q)[j] = y, x
	x.place, y.place = j+1, i+1
}

func (q *queue) Push(x any) {
	*q = append(*q, x.(*entry))
	x.(*entry).place = len(*q)
}

func (q *queue) Pop() any {
	old := *q
	last := old[len(old)-1]
	old[len(old)-1] = nil
	*q = old[:len(old)-1]
	last.place = 0
	return last
}
