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
	case stop == task.Go:
		r.stopSince = time.Time{}
	case r.stopSince.IsZero():
		r.stopSince = time.Now()
	}
	switch {
	case stop == task.StopCancel && r.grace == nil:
		r.grace = time.AfterFunc(r.worker.pool.cancelGrace, func() { r.interrupt(executor.ErrCanceled) })
	case stop != task.StopCancel && r.grace != nil:
		r.grace.Stop() // the cancel was withdrawn
		r.grace = nil
	}
}

// stopping returns for how long the task has had to stop, for all that this process knows; 0 if it
// has not.
func (r *run) stopping() time.Duration {
	r.mu.Lock()
	since := r.stopSince
	r.mu.Unlock()
	if p := r.worker.pool; p.stopping.Load() && (since.IsZero() || p.stoppedAt.Before(since)) {
		since = p.stoppedAt
		if since.Before(r.began) {
			since = r.began
		}
	}
	if since.IsZero() {
		return 0
	}
	return time.Since(since)
}

// MarkLost implements lease.Run. This process does not hold the task any more: the executor's
// context is canceled, and nothing is written any more.
func (r *run) MarkLost() {
	r.lost.Store(true)
	r.ctx.end(executor.ErrLeaseLost)
}

func (r *run) isLost() bool { return r.lost.Load() || !r.worker.lease.Alive() }

// interrupt cancels the executor's context. The first cause counts, but a stop counts before a
// deadline of the plan: the task goes on later, or is canceled, and has not failed.
func (r *run) interrupt(cause error) {
	r.mu.Lock()
	if r.interrupted == nil || isLimit(r.interrupted) && !isLimit(cause) {
		r.interrupted = cause
	}
	r.mu.Unlock()
	r.ctx.end(cause)
}

// wasStopped reports whether the executor was asked to stop, or interrupted for another reason than
// a deadline of its plan. In both cases an error that it returns does not count as a failure.
func (r *run) wasStopped() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stopRequested || r.interrupted != nil && !isLimit(r.interrupted)
}

// close stops the run's timers and releases its context.
func (r *run) close() {
	r.limits.stop()
	r.mu.Lock()
	if r.grace != nil {
		r.grace.Stop()
	}
	r.mu.Unlock()
	r.ctx.end(nil)
}
