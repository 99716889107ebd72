package worker

import (
	"time"

	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/task"
)

// ApplyStop implements lease.Run. It is also called with the stop that a save returned. A cancel
// interrupts the executor after a grace period; a pause never does.
func (r *run) ApplyStop(stop task.Stop) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case stop == task.StopCancel && r.grace == nil:
		r.grace = time.AfterFunc(r.worker.pool.cancelGrace, func() { r.interrupt(executor.ErrCanceled) })
	case stop != task.StopCancel && r.grace != nil:
		r.grace.Stop() // the cancel was withdrawn
		r.grace = nil
	}
}

// MarkLost implements lease.Run. This process does not hold the task any more: the executor's
// context is canceled, and nothing is written any more.
func (r *run) MarkLost() {
	r.mu.Lock()
	r.lost = true
	r.mu.Unlock()
	r.cancel(executor.ErrLeaseLost)
}

func (r *run) isLost() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.lost || !r.worker.lease.Alive()
}

// interrupt cancels the executor's context. The first cause counts.
func (r *run) interrupt(cause error) {
	r.mu.Lock()
	if r.interrupted == nil {
		r.interrupted = cause
	}
	r.mu.Unlock()
	r.cancel(cause)
}

// wasStopped reports whether the executor was asked to stop, or interrupted. In both cases an error
// that it returns does not count as a failure.
func (r *run) wasStopped() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stopRequested || r.interrupted != nil
}

// close stops the run's timer and releases its context.
func (r *run) close() {
	r.mu.Lock()
	if r.grace != nil {
		r.grace.Stop()
	}
	r.mu.Unlock()
	r.cancel(nil)
}
