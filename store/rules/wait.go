package rules

import (
	"time"

	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// waiter is a waiting task and the time at which it is due; the zero waiter stands for none.
type waiter struct {
	ordinal uint32
	due     Stamp
}

// before reports whether w is due before other, or other is none.
func (w waiter) before(other waiter) bool {
	return w.ordinal != 0 && (other.ordinal == 0 || w.due < other.due)
}

// firstWaiter returns the task that is due first in a queue of waiting tasks.
func firstWaiter(r Rows, q Queue) waiter {
	ordinal, _ := r.Next(q, 0, 0)
	if ordinal == 0 {
		return waiter{}
	}
	return waiter{ordinal, r.Task(ordinal).WaitUntil()}
}

// due returns the waiting task that a claim takes now, or 0: the first one whose wait is over, of
// the undos, unless they are stopping, and, as far as the plan claims them, of the running tasks.
func (s *step) due() uint32 {
	var next waiter
	if s.takes(task.ExemptRequest) {
		next = firstWaiter(s.r, WaitingExempt)
	}
	if !s.p.Undo.Stopping {
		if undo := firstWaiter(s.r, WaitingUndos); undo.before(next) {
			next = undo
		}
	}
	if s.takes(task.NoRequest) {
		if running := firstWaiter(s.r, Waiting); running.before(next) {
			next = running
		}
	}
	if next.due > s.at {
		return 0
	}
	return next.ordinal
}

// nextDue returns when the first waiting task is due, the zero time if none waits.
func (p *Plan) nextDue(r Rows) time.Time {
	if p.Counters.Waiting == 0 {
		return time.Time{}
	}
	next := firstWaiter(r, WaitingUndos)
	for q := Waiting; q <= WaitingExempt; q++ {
		if first := firstWaiter(r, q); first.before(next) {
			next = first
		}
	}
	return next.due.Time()
}

// beginWait writes the wait of a task that its worker defers. If the wait is one before the next
// attempt, it begins the attempt.
func (s *step) beginWait(w *store.Change, ordinal uint32, t *Task) {
	t.setWait(Wait{Why: w.Wait, Until: s.at + Stamp(w.After)})
	if w.Wait != task.WaitBackoff {
		return
	}
	t.Attempt++
	t.Losses = 0
	t.setElapsed(0)
	t.fail(w)
	s.log(Event{
		At: s.at, Ordinal: ordinal, Attempt: t.Attempt, Cause: task.ByRetry,
		From: t.State, To: t.State, Failure: t.failure(),
	})
}
