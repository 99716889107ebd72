package worker

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/task"
)

// deadlines interrupt an executor that takes longer than its plan allows: in all, or without a save
// or a report of progress. It is nil for a plan without such limits, so that its tasks do not pay
// for them.
type deadlines struct {
	began time.Time   // when the executor was called
	total *time.Timer // interrupts with ErrTimeout; nil without a TaskTimeout
	every time.Duration

	stalled *time.Timer // interrupts with ErrStalled; nil without a ProgressDeadline

	mu     sync.Mutex // guards the fields below
	saving bool       // a save is under way: waiting for the store is not the executor's fault
	over   bool
}

// startDeadlines begins to count the time of the executor.
func (r *run) startDeadlines() {
	s := &r.worker.plan.Strategy
	if s.TaskTimeout <= 0 && s.ProgressDeadline <= 0 {
		return
	}
	d := &deadlines{began: time.Now(), every: s.ProgressDeadline}
	if s.TaskTimeout > 0 {
		d.total = time.AfterFunc(max(0, s.TaskTimeout-r.task.Elapsed), func() { r.interrupt(executor.ErrTimeout) })
	}
	if s.ProgressDeadline > 0 {
		d.stalled = time.AfterFunc(s.ProgressDeadline, func() { r.interrupt(executor.ErrStalled) })
	}
	r.limits = d
}

// elapsed returns how long workers have run the attempt, for plans that limit it.
func (r *run) elapsed() time.Duration {
	if r.limits == nil || r.limits.total == nil {
		return r.task.Elapsed
	}
	return r.task.Elapsed + time.Since(r.limits.began)
}

// progress restarts the ProgressDeadline.
func (d *deadlines) progress() {
	if d == nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.stalled != nil && !d.saving && !d.over {
		d.stalled.Reset(d.every)
	}
}

// save suspends the ProgressDeadline until done is called.
func (d *deadlines) save() (done func()) {
	if d == nil || d.stalled == nil {
		return func() {}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.saving = true
	d.stalled.Stop()
	return func() {
		d.mu.Lock()
		d.saving = false
		d.mu.Unlock()
		d.progress()
	}
}

// stop ends all deadlines.
func (d *deadlines) stop() {
	if d == nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.over = true
	if d.total != nil {
		d.total.Stop()
	}
	if d.stalled != nil {
		d.stalled.Stop()
	}
}

// limit returns which deadline of the plan has interrupted the executor, and nil if none has.
func (r *run) limit() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if isLimit(r.interrupted) {
		return r.interrupted
	}
	return nil
}

func isLimit(cause error) bool {
	return errors.Is(cause, executor.ErrTimeout) || errors.Is(cause, executor.ErrStalled)
}

// exceeded returns the failure of an attempt that a deadline interrupted, whatever its executor
// returned. The executor may have named the step.
func (r *run) exceeded(limit, err error) *task.FailureInfo {
	s := &r.worker.plan.Strategy
	code, allowed := task.CodeTaskTimeout, s.TaskTimeout
	if errors.Is(limit, executor.ErrStalled) {
		code, allowed = task.CodeTaskStalled, s.ProgressDeadline
	}
	reason := fmt.Errorf("%w: %s allowed", limit, allowed)
	if !errors.Is(err, limit) {
		reason = fmt.Errorf("%w; then: %w", reason, err)
	}
	var named *executor.Error
	step := ""
	if errors.As(err, &named) {
		step = named.Step
	}
	return r.failure(&executor.Error{Code: code, Step: step, Retryable: true, Err: reason})
}
