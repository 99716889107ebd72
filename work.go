package cutover

import (
	"context"
	"errors"
	"time"

	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// planInfo is what a worker has to know of a plan; none of it ever changes once
// the plan was started.
type planInfo struct {
	id         plan.ID
	typeName   string
	executor   executor.TaskExecutor
	parameters map[string]string
	startToken uint64
}

// start gives the task, and whatever the commits that end it claim, to a worker.
// The caller has taken a slot for it.
func (e *Engine) start(l *lease, info *planInfo, t task.Task) {
	e.slots.workers.Go(func() { e.work(l, info, t) })
}

// work runs one task after the other. Tasks are claimed by the commit that ends
// the one before.
func (e *Engine) work(l *lease, info *planInfo, t task.Task) {
	var more, returned bool
	defer func() {
		if !returned && more {
			e.start(l, info, t) // the executor ended this goroutine
			return
		}
		e.slots.free()
		e.slots.attend(info.id)
	}()
	for {
		e.run(l, info, t, func(next task.Task, ok bool) { t, more = next, ok })
		if !more {
			returned = true
			return
		}
	}
}

// run runs the executor over one task and commits the outcome. then is called
// once, also if the executor ends the goroutine.
func (e *Engine) run(l *lease, info *planInfo, t task.Task, then func(next task.Task, ok bool)) {
	ctx, cancel := context.WithCancelCause(l.ctx)
	j := &job{e: e, lease: l, info: info, task: t, began: time.Now(), cancel: cancel}
	if t.Checkpoint != nil {
		j.step = t.Checkpoint.Step
	}
	e.jobs.add(j)
	x := Execution{
		Plan: info.id, Task: t.ID, Tenant: t.Tenant.ID, ExecutorType: info.typeName,
		Attempt: t.Attempt, Rollback: j.undo(),
	}
	ctx = e.cfg.Hooks.ExecuteStart(ctx, x)
	t.Tenant.Parameters = task.Merge(info.parameters, t.Tenant.Parameters)
	r := executor.NewRun(t, t.Checkpoint, t.Token, j)
	executor.GuardThen(ctx, r, j.execute, func(err error) {
		then(j.finish(ctx, x, err))
	})
}

// execute calls the executor for the work or its undo.
func (j *job) execute(ctx context.Context, r *executor.Run) error {
	if !j.undo() {
		return j.info.executor.Execute(ctx, r)
	}
	rollbacker, ok := j.info.executor.(executor.Rollbacker)
	if !ok {
		return executor.Fail(task.CodeRollbackUnsupported, errors.New("the executor cannot undo its work"))
	}
	lock := lockOf(j.info.id, j.info.startToken, j.task, j.task.Attempt, true)
	held, err := j.e.lock(ctx, []store.TenantLock{lock})
	if err != nil {
		j.interrupt(executor.ErrShutdown) // hand it back: the store is away
		return err
	}
	if len(held) > 0 {
		return executor.Fail(task.CodeTenantHeld, &store.TenantHeldError{Held: held})
	}
	return rollbacker.Rollback(ctx, r)
}

// finish commits the outcome and returns the task that was claimed with it.
func (j *job) finish(ctx context.Context, x Execution, err error) (task.Task, bool) {
	w, lost := j.commit(j.outcome(err), j.nextClaim())
	j.e.jobs.remove(j)
	j.close()
	j.e.cfg.Hooks.ExecuteEnd(ctx, x, Outcome{State: w.State, Err: err, Lost: lost != nil, Elapsed: time.Since(j.began)})
	if lost != nil {
		return task.Task{}, false
	}
	if w.State.Releases() {
		j.e.releases.add(lockOf(j.info.id, j.info.startToken, j.task, j.task.Attempt, j.undo()))
	}
	if j.batch.View.Breached {
		j.e.slots.attend(j.info.id)
	}
	if len(j.batch.Claimed) == 0 {
		return task.Task{}, false
	}
	return j.batch.Claimed[0], true
}
