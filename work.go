package cutover

import (
	"context"
	"errors"
	"maps"
	"time"

	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/hook"
	"github.com/cutover-go/cutover/internal/capacity"
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
	if j.locked = j.lockTenant(ctx); errors.Is(j.locked, errOldToken) {
		j.finish(ctx, hook.Execution{}, errOldToken) // no run yet, as the hooks see it
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
	var err error
	if j.kept, err = j.keepTenant(ctx); j.kept {
		return nil
	}
	var held []store.TenantLock
	if err == nil {
		held, err = j.e.lock(ctx, []store.TenantLock{j.tenantLock()}, lockPatience)
	}
	switch {
	case err == nil:
	case store.Temporary(err) || ctx.Err() != nil:
		j.interrupt(executor.ErrShutdown) // hand it back: the store is away
		return err
	default:
		return executor.Fail(task.CodeInternal, err)
	}
	if len(held) > 0 {
		return executor.Fail(task.CodeTenantHeld, &store.TenantHeldError{Held: held})
	}
	// Another plan may have worked on the tenant after this task was claimed.
	return errOldToken
}

// errOldToken ends a run whose tenant was not locked when its token was given: the task is
// handed back, to be claimed under a greater one while the lock stays.
var errOldToken = errors.New("cutover: the tenant was locked after the claim, so the task is claimed again")

// keepTenant reports whether the tenant was locked for this task when its token was given,
// and makes the lock one of this run. The lock of a start, or of a run before, was there:
// whoever took that and did not go on raised the tokens before this claim. One that was
// taken for a command may be younger than the claim: it tells nothing.
func (j *job) keepTenant(ctx context.Context) (kept bool, err error) {
	mine := j.tenantLock()
	var others []store.TenantLock
	err = j.e.client.Do(ctx, "reserve", func() error {
		others, err = j.e.store.Reserve(ctx, []store.TenantLock{mine})
		return err
	})
	if err != nil || len(others) == 0 {
		return false, err
	}
	old := others[0]
	if old.Plan != mine.Plan || old.Ordinal != mine.Ordinal || old.Start != mine.Start ||
		old.Phase != startPhase && old.Phase&runPhase == 0 {
		return false, nil
	}
	err = j.e.client.Do(ctx, "replace lock", func() (err error) {
		kept, err = j.e.store.Replace(ctx, old, mine)
		return err
	})
	return kept, err
}

func (j *job) tenantLock() store.TenantLock {
	return runLock(j.plan.ID, j.plan.StartToken, j.task)
}

// finish commits the outcome. The task that was claimed with it is the worker's
// next.
func (j *job) finish(ctx context.Context, x hook.Execution, err error) {
	w, err := j.outcome(err)
	w, lost := j.commit(w, j.nextClaim())
	j.e.jobs.remove(j)
	j.close()
	if !errors.Is(err, errOldToken) {
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
		j.e.releases.add(j.tenantLock())
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
