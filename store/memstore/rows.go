package memstore

import (
	"container/heap"

	"github.com/cutover-go/cutover/store/rules"
)

var _ rules.Rows = (*rollout)(nil)

// Task implements rules.Rows.
func (p *rollout) Task(ordinal uint32) *record { return p.tasks.at(ordinal) }

// Next implements rules.Rows. Everything is known.
func (p *rollout) Next(q rules.Queue, from, until uint32) (first uint32, known bool) {
	switch {
	case q == rules.Pending: // by far the most frequent one
		return p.nextPending(from, until), true
	case q == rules.Undoable:
		return p.nextUndo(from, until), true
	case q < rules.Waiting:
		return p.loose[q].first(), true
	}
	return p.waiters(q).first(), true
}

// Changed implements rules.Rows.
func (p *rollout) Changed(ordinal uint32, r *record, from rules.Place) {
	to := r.Place()
	if to == from {
		return
	}
	switch {
	case from.Claim != 0:
		p.drop(r, from.Claim)
	case from.Queue != 0:
		p.dequeue(r, from.Queue)
	}
	switch {
	case to.Claim != 0:
		p.claims.hold(to.Claim)
		r.Index = p.held.add(ordinal)
	case to.Queue != 0:
		p.enqueue(ordinal, to.Queue)
	}
}

// drop ends the hold of a task.
func (p *rollout) drop(r *record, claim uint32) {
	p.claims.release(claim)
	p.held.remove(r.Index)
}

func (p *rollout) dequeue(r *record, q rules.Queue) {
	if q < rules.Waiting {
		p.loose[q].remove(&p.tasks, r.Index)
	} else {
		heap.Remove(p.waiters(q), int(r.Index))
	}
}

func (p *rollout) enqueue(ordinal uint32, q rules.Queue) {
	if q < rules.Waiting {
		p.loose[q].push(&p.tasks, ordinal)
	} else {
		heap.Push(p.waiters(q), ordinal)
	}
}

// waiters returns the heap of a queue of waiting tasks.
func (p *rollout) waiters(q rules.Queue) *waiters {
	w := &p.waiting[q-rules.Waiting]
	w.tasks = &p.tasks
	return w
}

// Log implements rules.Rows.
func (p *rollout) Log(e rules.Event) {
	newest := p.log.newest()
	*newest = append(*newest, entry{
		at: e.At, ordinal: e.Ordinal, attempt: e.Attempt,
		cause: taskCause(e.Cause), from: taskState(e.From), to: taskState(e.To), detail: failureDetail(e.Failure),
	})
	p.log.last++
}

// Claim implements rules.Rows.
func (p *rollout) Claim(id string) (number uint32, known bool) { return p.claims.find(id) }

// Open implements rules.Rows.
func (p *rollout) Open(id, worker string) (number uint32) { return p.claims.add(id, worker) }

// Held implements rules.Rows.
func (p *rollout) Held(number uint32, to []uint32) []uint32 {
	if p.claims.at(number).held == 0 {
		return to
	}
	return p.held.which(func(ordinal uint32) bool { return p.tasks.at(ordinal).Claim == number }, to)
}

// Worker implements rules.Rows.
func (p *rollout) Worker(number uint32) string { return p.claims.at(number).worker }
