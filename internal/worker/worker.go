package worker

import (
	"context"
	"errors"
	"maps"
	"sync/atomic"
	"time"

	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/hook"
	"github.com/cutover-go/cutover/internal/capacity"
	"github.com/cutover-go/cutover/internal/guard"
	"github.com/cutover-go/cutover/internal/lease"
	"github.com/cutover-go/cutover/internal/tenantlock"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// worker has the capacity for one task and runs one task of a plan after the other. Each is claimed
// by the commit that ends the one before.
type worker struct {
	// Immutable after construction.
	pool  *Pool
	lease *lease.Lease
	plan  *capacity.Plan

	// Owned by the worker's goroutine.
	next task.Task // to be run
	more bool      // next is set
	// batch and changes are used again for every commit. While an executor runs, they belong to
	// whoever saves.
	batch   store.Batch
	changes [1]store.Change

	current atomic.Pointer[run] // nil between two tasks
}

func (w *worker) work() {
	defer func() {
		if w.more {
			w.pool.Go(w.work) // the executor ended this goroutine
			return
		}
		w.pool.ended(w)
	}()
	for w.more {
		w.run(w.next)
	}
}

// run runs the executor over one task and commits the outcome, also if the executor ends the
// goroutine.
func (w *worker) run(t task.Task) {
	w.more = false
	ctx, cancel := context.WithCancelCause(w.lease.Context())
	r := &run{worker: w, task: t, cancel: cancel}
	if t.Checkpoint != nil {
		r.step = t.Checkpoint.Step
	}
	var good bool
	if r.began, good = w.pool.registry.Add(w.lease, r); !good {
		cancel(nil) // the claim was answered too late: somebody else may have the task
		w.pool.registry.MarkUncertain(w.plan.ID)
		return
	}
	w.current.Store(r)
	if r.locked = r.lockTenant(ctx); errors.Is(r.locked, tenantlock.ErrOldToken) {
		w.finish(ctx, r, hook.Execution{}, r.locked) // no run yet, as the hooks see it
		return
	}
	x := hook.Execution{
		Plan: w.plan.ID, Task: t.ID, Tenant: t.Tenant.ID, ExecutorType: w.plan.ExecutorType,
		Attempt: t.Attempt, Rollback: r.undo(),
	}
	ctx = w.pool.hooks.OnExecuteStart(ctx, x)
	// A map of its own: an executor that writes to it harms no other task.
	t.Tenant.Parameters = maps.Clone(task.Merge(w.plan.Parameters, t.Tenant.Parameters))
	executorRun := executor.NewRun(t, t.Checkpoint, t.Token, r)
	guard.Then(ctx, executorRun, r.execute, func(err error) { w.finish(ctx, r, x, err) })
}

// finish commits the outcome. The task that was claimed with it is the worker's next.
func (w *worker) finish(ctx context.Context, r *run, x hook.Execution, err error) {
	c, err := r.outcome(err)
	c, lost := r.commit(c, w.nextClaim(r))
	w.current.Store(nil)
	w.pool.registry.Remove(r)
	r.close()
	if !errors.Is(err, tenantlock.ErrOldToken) {
		w.pool.hooks.OnExecuteEnd(ctx, x, hook.Outcome{
			State: c.State, Err: err, Failure: c.Failure, Lost: lost != nil, Elapsed: time.Since(r.began),
		})
	}
	if lost != nil {
		// The task itself, or one claimed with its end, may still count as ours.
		w.pool.registry.MarkUncertain(w.plan.ID)
		return
	}
	if c.State.Releases() {
		w.pool.releaser.Add(tenantlock.RunLock(w.plan.ID, w.plan.StartToken, r.task))
	}
	if w.batch.View.Breached {
		w.pool.queue.Enqueue(w.plan.ID)
	}
	switch {
	case len(w.batch.Claimed) > 0:
		w.next, w.more = w.batch.Claimed[0], true
	case w.batch.Claim.Max > 0 && w.batch.View.Counters.Held > 0:
		// Some of what is held may be ours: taken for us by a store that could not tell of it,
		// because what goes with the task is damaged.
		w.pool.registry.MarkUncertain(w.plan.ID)
	}
}
