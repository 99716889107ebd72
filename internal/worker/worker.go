package worker

import (
	"context"
	"maps"
	"time"

	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/hook"
	"github.com/cutover-go/cutover/internal/capacity"
	"github.com/cutover-go/cutover/internal/guard"
	"github.com/cutover-go/cutover/internal/lease"
	"github.com/cutover-go/cutover/internal/quota"
	"github.com/cutover-go/cutover/internal/tenantlock"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// worker has the capacity for one task and runs tasks of one plan, one after the other. The commit
// that ends a task claims the next.
type worker struct {
	// Immutable after construction.
	pool  *Pool
	lease *lease.Lease
	plan  *capacity.Plan

	// Used only by the worker's goroutine.
	next task.Task // the task to run
	more bool      // next is set
	// claim is the phase of the lock under which next was claimed, 0 if there is none.
	claim uint32
	// batch and changes are reused for every commit. While an executor runs, only the goroutine
	// that saves uses them.
	batch   store.Batch
	changes [1]store.Change
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

// run runs the executor on one task and commits the outcome, even if the executor ends the
// goroutine.
func (w *worker) run(t task.Task) {
	w.more = false
	r := &run{worker: w, task: t, claim: w.claim, ctx: runContext{Context: w.lease.Context()}}
	w.claim = 0 // the next task is claimed without a lock
	if t.Checkpoint != nil {
		r.step = t.Checkpoint.Step
	}
	var good bool
	if r.began, good = w.pool.registry.Add(w.lease, r); !good {
		r.ctx.end(nil) // the claim was answered too late: another process may hold the task
		w.pool.registry.MarkUncertain(w.plan.ID)
		return
	}
	var ctx context.Context = &r.ctx
	if r.locked = r.lock(ctx); unstarted(r.locked) {
		w.finish(ctx, r, hook.Execution{}, r.locked) // the executor did not run
		return
	}
	x := hook.Execution{
		Plan: w.plan.ID, Task: t.ID, Tenant: t.Tenant.ID, ExecutorType: w.plan.ExecutorType,
		Attempt: t.Attempt, Step: r.step, Losses: t.Losses, Annotations: w.plan.Annotations, Rollback: r.undo(), Verify: r.proving(),
	}
	ctx = w.pool.hooks.OnExecuteStart(ctx, x)
	// Each run gets its own map, so that an executor that writes to it affects no other task.
	t.Tenant.Parameters = maps.Clone(task.Merge(w.plan.Parameters, t.Tenant.Parameters))
	executorRun := executor.NewRun(t, t.Checkpoint, t.Token, r)
	guard.Then(ctx, executorRun, r.execute, func(err error) { w.finish(ctx, r, x, err) })
}

// finish commits the outcome. If the commit claimed a task, the worker runs it next.
func (w *worker) finish(ctx context.Context, r *run, x hook.Execution, err error) {
	c, err := r.outcome(err)
	c, lost := r.commit(c, w.nextClaim(r))
	w.pool.registry.Remove(r)
	r.close()
	if !unstarted(err) {
		w.pool.hooks.OnExecuteEnd(ctx, x, hook.Outcome{
			State: c.State, Err: err, Failure: c.Failure, Lost: lost != nil, Wait: c.Wait, After: c.After, Elapsed: time.Since(r.began), Stopping: r.stopping(),
		})
	}
	if lost != nil {
		// According to the store this process may still hold the task, or a task that the commit
		// claimed.
		w.pool.registry.MarkUncertain(w.plan.ID)
		return
	}
	if c.State.Releases() {
		w.pool.releaser.Add(tenantlock.RunLock(w.owner(), r.task))
	}
	if !c.State.InFlight() {
		claim := r.claim
		if r.locked == nil {
			claim = 0 // its places were replaced
		}
		w.pool.releaser.AddPlaces(quota.Running(w.owner(), r.task, claim)...)
	}
	if w.batch.View.Breached {
		w.pool.queue.Enqueue(w.plan.ID)
	}
	switch {
	case len(w.batch.Claimed) > 0:
		w.next, w.more = w.batch.Claimed[0], true
	case w.batch.Claim.Max > 0 && w.batch.View.Counters.Held > 0:
		// This process may hold some of the held tasks: the store may have claimed a damaged task
		// for it, which it then could not return.
		w.pool.registry.MarkUncertain(w.plan.ID)
	}
}

// OwnerOf returns a plan as the owner of its tenants.
func OwnerOf(p *capacity.Plan) tenantlock.Owner {
	return tenantlock.Owner{Plan: p.ID, Start: p.StartToken, Created: p.Created, Waits: p.Waits(), Quotas: p.Strategy.Quotas}
}

func (w *worker) owner() tenantlock.Owner {
	return OwnerOf(w.plan)
}
