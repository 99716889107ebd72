package memstore

import (
	"container/heap"
	"time"

	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// waiters is a set of waiting tasks as a heap, the one that is due first at the top. The records
// hold their positions in it.
//
// Invariant: tasks.at(list[i]).pos == i.
type waiters struct {
	tasks *shelf
	list  []uint32
}

func (w *waiters) Len() int { return len(w.list) }

func (w *waiters) Less(i, j int) bool {
	a, b := w.tasks.at(w.list[i]).wait(), w.tasks.at(w.list[j]).wait()
	return a.until < b.until || a.until == b.until && w.list[i] < w.list[j]
}

func (w *waiters) Swap(i, j int) {
	w.list[i], w.list[j] = w.list[j], w.list[i]
	w.tasks.at(w.list[i]).pos, w.tasks.at(w.list[j]).pos = uint32(i), uint32(j)
}

// Push implements heap.Interface.
func (w *waiters) Push(x any) {
	ordinal := x.(uint32)
	w.tasks.at(ordinal).pos = uint32(len(w.list))
	w.list = append(w.list, ordinal)
}

// Pop implements heap.Interface.
func (w *waiters) Pop() any {
	last := w.list[len(w.list)-1]
	w.list = w.list[:len(w.list)-1]
	return last
}

// waiter is a waiting task and the time at which it is due; the zero waiter stands for none.
type waiter struct {
	ordinal uint32
	due     stamp
}

// first returns the task that is due first.
func (w *waiters) first() waiter {
	if len(w.list) == 0 {
		return waiter{}
	}
	return waiter{w.list[0], w.tasks.at(w.list[0]).wait().until}
}

// before reports whether w is due before other, or other is none.
func (w waiter) before(other waiter) bool {
	return w.ordinal != 0 && (other.ordinal == 0 || w.due < other.due)
}

// waitersOf returns the set of waiting tasks in the same state as r.
func (p *rollout) waitersOf(r *record) *waiters {
	w := &p.waiting
	switch {
	case r.state == task.RollingBack:
		w = &p.waitingUndos
	case r.request == task.ExemptRequest:
		w = &p.waitingExempt
	}
	w.tasks = &p.tasks
	return w
}

// park makes a task that no worker holds wait: it takes a slot until it is due, so it has started.
func (p *rollout) park(ordinal uint32, r *record) {
	p.leave(r)
	r.begun()
	p.plan.Counters.Unhold(r.request, 1)
	r.parked = true
	p.plan.Counters.Waiting++
	heap.Push(p.waitersOf(r), ordinal)
}

// unpark removes a waiting task from the set that it is in.
func (p *rollout) unpark(r *record) {
	heap.Remove(p.waitersOf(r), int(r.pos))
	r.parked = false
	p.plan.Counters.Waiting--
}

// due returns the waiting task that a claim takes now, or 0: the first one whose wait is over, of
// the undos, unless they are stopping, and, as far as the plan claims them, of the running tasks.
func (p *rollout) due(at stamp) uint32 {
	var next waiter
	if p.takes(task.ExemptRequest) {
		next = p.waitingExempt.first()
	}
	if undo := p.waitingUndos.first(); !p.plan.Undo.Stopping && undo.before(next) {
		next = undo
	}
	if running := p.waiting.first(); p.takes(task.NoRequest) && running.before(next) {
		next = running
	}
	if next.due > at {
		return 0
	}
	return next.ordinal
}

// nextDue returns when the first waiting task is due, the zero time if none waits.
func (p *rollout) nextDue() time.Time {
	if p.plan.Counters.Waiting == 0 {
		return time.Time{}
	}
	next := p.waitingUndos.first()
	for _, w := range []*waiters{&p.waiting, &p.waitingExempt} {
		if first := w.first(); first.before(next) {
			next = first
		}
	}
	return next.due.time()
}

// beginWait writes the wait of a task that its worker defers. If the wait is one before the next
// attempt, it begins the attempt.
func (p *rollout) beginWait(w *store.Change, ordinal uint32, r *record, at stamp) {
	r.setWait(waitRecord{why: w.Wait, until: at + stamp(w.After)})
	if w.Wait != task.WaitBackoff {
		return
	}
	r.attempt++
	r.losses = 0
	r.setElapsed(0)
	r.setFailure(ownFailure(w.Failure))
	p.log.add(entry{
		at: at, ordinal: ordinal, attempt: r.attempt, cause: taskCause(task.ByRetry),
		from: taskState(r.state), to: taskState(r.state), detail: failureDetail(r.failure()),
	})
}
