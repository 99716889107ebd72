package cutover

import (
	"context"
	"errors"
	"maps"
	"time"

	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/hook"
	"github.com/cutover-go/cutover/internal/capacity"
	"github.com/cutover-go/cutover/internal/tenantlock"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// worker has the capacity for one task and runs one task of a plan after the other. Each is claimed
// by the commit that ends the one before.
type worker struct {
	e     *Engine
	lease *lease
	plan  *capacity.Plan

	// next is the task to run; more says that there is one.
	next task.Task
	more bool
	// batch and works are used again for every commit.
	batch store.Batch
	works [1]store.Change
}

// start gives the task to a worker. The caller has taken capacity for it.
func (e *Engine) start(l *lease, p *capacity.Plan, t task.Task) {
	w := &worker{e: e, lease: l, plan: p, next: t, more: true}
	e.workers.Go(w.work)
}

func (w *worker) work() {
	defer func() {
		if w.more {
			w.e.workers.Go(w.work) // the executor ended this goroutine
			return
		}
		w.e.capacity.Release(1)
		w.e.capacity.Enqueue(w.plan.ID)
	}()
	for w.more {
		w.run(w.next)
	}
}

// run runs the executor over one task and commits the outcome, also if the
// executor ends the goroutine.
func (w *worker) run(t task.Task) {
	w.more = false
	ctx, cancel := context.WithCancelCause(w.lease.ctx)
	j := &job{worker: w, task: t, cancel: cancel}
	if t.Checkpoint != nil {
		j.step = t.Checkpoint.Step
	}
	if !w.e.jobs.add(j) {
		cancel(nil) // the claim was answered too late: somebody else may have the task
		w.e.jobs.doubt(w.plan.ID)
		return
	}
	if j.locked = j.lockTenant(ctx); errors.Is(j.locked, tenantlock.ErrOldToken) {
		j.finish(ctx, hook.Execution{}, tenantlock.ErrOldToken) // no run yet, as the hooks see it
		return
	}
	x := hook.Execution{
		Plan: w.plan.ID, Task: t.ID, Tenant: t.Tenant.ID, ExecutorType: w.plan.ExecutorType,
		Attempt: t.Attempt, Rollback: j.undo(),
	}
	ctx = w.e.cfg.Hooks.OnExecuteStart(ctx, x)
	// A map of its own: an executor that writes to it harms no other task.
	t.Tenant.Parameters = maps.Clone(task.Merge(w.plan.Parameters, t.Tenant.Parameters))
	r := executor.NewRun(t, t.Checkpoint, t.Token, j)
	executor.GuardThen(ctx, r, j.execute, func(err error) { j.finish(ctx, x, err) })
}

// execute calls the executor for the work or its undo.
func (j *job) execute(ctx context.Context, r *executor.Run) error {
	if j.locked != nil {
		return j.locked
	}
	do := j.plan.Executor.Execute
	if j.undo() {
		rollbacker, ok := j.plan.Executor.(executor.Rollbacker)
		if !ok {
			return executor.Fail(task.CodeRollbackUnsupported, errors.New("the executor cannot undo its work"))
		}
		do = rollbacker.Rollback
	}
	return do(ctx, r)
}

// lockTenant takes the tenant's lock for this run. The lock of a first attempt was
// taken when the plan was started, and nobody finds that one stale.
func (j *job) lockTenant(ctx context.Context) error {
	if !j.undo() && j.task.Attempt == 1 {
		return nil
	}
	if _, can := j.plan.Executor.(executor.Rollbacker); j.undo() && !can {
		return nil // it ends before it does anything
	}
	err := j.e.locks.LockRun(ctx, j.plan.ID, j.plan.StartToken, j.task)
	switch {
	case err == nil:
		j.kept = true
	case errors.Is(err, tenantlock.ErrOldToken):
	case errors.Is(err, store.ErrTenantHeld):
		return executor.Fail(task.CodeTenantHeld, err)
	case store.Temporary(err) || ctx.Err() != nil:
		j.interrupt(executor.ErrShutdown) // hand it back: the store is away
	default:
		return executor.Fail(task.CodeInternal, err)
	}
	return err
}

func (j *job) tenantLock() store.TenantLock {
	return tenantlock.RunLock(j.plan.ID, j.plan.StartToken, j.task)
}

// finish commits the outcome. The task that was claimed with it is the worker's
// next.
func (j *job) finish(ctx context.Context, x hook.Execution, err error) {
	w, err := j.outcome(err)
	w, lost := j.commit(w, j.nextClaim())
	j.e.jobs.remove(j)
	j.close()
	if !errors.Is(err, tenantlock.ErrOldToken) {
		j.e.cfg.Hooks.OnExecuteEnd(ctx, x, hook.Outcome{
			State: w.State, Err: err, Failure: w.Failure, Lost: lost != nil, Elapsed: time.Since(j.began),
		})
	}
	if lost != nil {
		// The task itself, or one claimed with its end, may still count as ours.
		j.e.jobs.doubt(j.task.ID.Plan())
		return
	}
	if w.State.Releases() {
		j.e.releaser.Add(j.tenantLock())
	}
	if j.batch.View.Breached {
		j.e.capacity.Enqueue(j.plan.ID)
	}
	switch {
	case len(j.batch.Claimed) > 0:
		j.next, j.more = j.batch.Claimed[0], true
	case j.batch.Claim.Max > 0 && j.batch.View.Counters.Held > 0:
		// Some of what is held may be ours: taken for us by a store that could not tell
		// of it, because what goes with the task is damaged.
		j.e.jobs.doubt(j.plan.ID)
	}
}
