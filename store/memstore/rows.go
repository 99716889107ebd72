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
	switch q {
	case rules.Exempt, rules.Running, rules.Starting, rules.Undoing:
		return p.loose[q].first(), true
	case rules.Waiting, rules.WaitingExempt, rules.WaitingUndos:
		return p.waiters(q).first(), true
	case rules.Pending:
		return p.nextPending(from, until), true
	case rules.Undoable:
		return p.nextUndo(from, until), true
	}
	return 0, true
}

// Changed implements rules.Rows.
func (p *rollout) Changed(ordinal uint32, r *record, from rules.Place) {
	if to := r.Place(); to != from {
		p.leave(r, from)
		p.enter(ordinal, r, to)
	}
}

// leave removes a task from its place.
func (p *rollout) leave(r *record, from rules.Place) {
	switch q := from.Queue; q {
	case rules.Exempt, rules.Running, rules.Starting, rules.Undoing:
		p.loose[q].remove(&p.tasks, r.Index)
	case rules.Waiting, rules.WaitingExempt, rules.WaitingUndos:
		heap.Remove(p.waiters(q), int(r.Index))
	case rules.Pending, rules.Undoable:
	}
	if from.Claim != 0 {
		p.claims.release(from.Claim)
		last := p.held[len(p.held)-1]
		p.held[r.Index] = last
		p.tasks.at(last).Index = r.Index
		p.held = p.held[:len(p.held)-1]
	}
}

// enter adds a task to its place.
func (p *rollout) enter(ordinal uint32, r *record, to rules.Place) {
	switch q := to.Queue; q {
	case rules.Exempt, rules.Running, rules.Starting, rules.Undoing:
		p.loose[q].push(&p.tasks, ordinal)
	case rules.Waiting, rules.WaitingExempt, rules.WaitingUndos:
		heap.Push(p.waiters(q), ordinal)
	case rules.Pending, rules.Undoable:
	}
	if to.Claim != 0 {
		p.claims.hold(to.Claim)
		r.Index = uint32(len(p.held))
		p.held = append(p.held, ordinal)
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
	p.log.add(entry{
		at: e.At, ordinal: e.Ordinal, attempt: e.Attempt,
		cause: taskCause(e.Cause), from: taskState(e.From), to: taskState(e.To), detail: failureDetail(e.Failure),
	})
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
	for _, ordinal := range p.held {
		if p.tasks.at(ordinal).Claim == number {
			to = append(to, ordinal)
		}
	}
	return to
}

// Worker implements rules.Rows.
func (p *rollout) Worker(number uint32) string { return p.claims.at(number).worker }
