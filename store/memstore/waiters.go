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

// first returns the task that is due first and the time at which it is due, 0 and 0 if none waits.
func (w *waiters) first() (ordinal uint32, due stamp) {
	if len(w.list) == 0 {
		return 0, 0
	}
	return w.list[0], w.tasks.at(w.list[0]).wait().until
}

// waitersOf returns the set of waiting tasks in the same state as r.
func (p *rollout) waitersOf(r *record) *waiters {
	w := &p.waiting
	if r.state == task.RollingBack {
		w = &p.waitingUndos
	}
	w.tasks = &p.tasks
	return w
}

// park makes a task that no worker holds wait: it takes a slot until it is due.
func (p *rollout) park(ordinal uint32, r *record) {
	p.leave(r)
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

// due returns the waiting task that a claim takes now, or 0.
func (p *rollout) due(at stamp) uint32 {
	undo, when := p.waitingUndos.first()
	if work, earlier := p.waiting.first(); work != 0 && p.plan.State.ClaimsRunning() && (undo == 0 || earlier < when) {
		undo, when = work, earlier
	}
	if undo == 0 || when > at {
		return 0
	}
	return undo
}

// nextDue returns when the first waiting task is due, the zero time if none waits.
func (p *rollout) nextDue() time.Time {
	work, due := p.waiting.first()
	if undo, earlier := p.waitingUndos.first(); undo != 0 && (work == 0 || earlier < due) {
		due = earlier
	}
	return due.time()
}

// await writes the wait of a task that its worker defers. If the wait is one before the next
// attempt, it begins the attempt.
func (p *rollout) await(w *store.Change, ordinal uint32, r *record, at stamp) {
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
