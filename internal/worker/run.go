package worker

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/cutover-go/cutover/checkpoint"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/internal/quota"
	"github.com/cutover-go/cutover/internal/tenantlock"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// run is one run of a task by this process, from the claim to the commit that releases it. It
// implements executor.Recorder for the task's executor.Run, and lease.Run for heartbeats.
type run struct {
	// Immutable after construction.
	worker *worker
	task   task.Task  // as it was claimed
	claim  uint32     // the phase of the lock under which it was claimed, 0 if there is none
	began  time.Time  // set by Registry.Add
	limits *deadlines // set when the executor is called, nil if the plan limits nothing

	// Used by the goroutine that saves, like the worker's batch: executor.Run passes on one save at
	// a time, and none after the executor has returned.
	seq  uint32
	step string // step of the last checkpoint
	// locked is the error of locking the tenant, or nil. kept reports that a later attempt or an
	// undo had the tenant's lock when its token was given.
	locked error
	kept   bool

	ctx runContext // that of the executor

	lost atomic.Bool // this process does not hold the task any more

	mu            sync.Mutex  // guards the fields below
	stopRequested bool        // a save returned that the task has to stop
	stopSince     time.Time   // since when this process knows that the task has to stop, zero if it has not
	interrupted   error       // the cause with which the context was canceled
	grace         *time.Timer // started by a cancel; interrupts the executor when it fires
}

// ID implements lease.Run.
func (r *run) ID() task.ID { return r.task.ID }

// Token implements lease.Run.
func (r *run) Token() task.Token { return r.task.Token }

// undo reports whether the run is an undo, not the work itself.
func (r *run) undo() bool { return r.task.State == task.RollingBack }

// lock locks the tenant for this run and takes the task's places in the quotas of its plan. The
// places come last: a task that finds none waits for them, and has its tenant all the same.
func (r *run) lock(ctx context.Context) error {
	if err := r.lockTenant(ctx); err != nil || len(r.worker.plan.Strategy.Quotas) == 0 || ctx.Err() != nil || r.undoImpossible() {
		return err
	}
	err := r.worker.pool.quotas.Hold(ctx, r.worker.owner(), r.task, r.claim)
	full := new(quota.FullError)
	switch {
	case err == nil || errors.Is(err, tenantlock.ErrOldToken):
	case errors.As(err, &full):
		return fmt.Errorf("%w: %w", err, executor.ResumeAfter(placePause+rand.N(placePause)))
	case store.Temporary(err) || ctx.Err() != nil:
		r.interrupt(executor.ErrShutdown) // yield the task: the store is unreachable
	default:
		return executor.Fail(task.CodeInternal, discreet{err, "the task's places in quotas cannot be taken"})
	}
	return err
}

// placePause is how long a task that finds no place in a quota waits at least before it looks
// again; at most twice as long.
const placePause = 900 * time.Millisecond

// unstarted reports whether an error of lock means that the task is to be claimed again, now or
// later, before anything is done.
func unstarted(err error) bool {
	if err == nil {
		return false
	}
	full := new(quota.FullError)
	return errors.Is(err, tenantlock.ErrOldToken) || errors.As(err, &full)
}

// undoImpossible reports whether the run is an undo that the executor cannot do. Such an undo fails
// before it does anything.
func (r *run) undoImpossible() bool {
	_, can := r.worker.plan.Executor.(executor.Rollbacker)
	return r.undo() && !can
}

// lockTenant locks the tenant for this run. The tenant of a first attempt was locked when the plan
// was started, unless the task was added later, and no process finds that lock stale while the task
// needs it.
func (r *run) lockTenant(ctx context.Context) error {
	owner := r.worker.owner()
	if owner.StartLocked(r.task) || r.undoImpossible() {
		return nil
	}
	err := r.worker.pool.locks.LockRun(ctx, owner, r.task, r.claim)
	switch {
	case err == nil:
		r.kept = true
	case errors.Is(err, tenantlock.ErrOldToken):
	case errors.Is(err, store.ErrTenantHeld) && owner.Waits && !r.undo() && r.task.Attempt <= 1:
		r.worker.pool.client.Fault("vacate", r.worker.pool.quotas.Leave(ctx, owner, r.task))
		return executor.ResumeAfter(heldPause)
	case errors.Is(err, store.ErrTenantHeld):
		return executor.Fail(task.CodeTenantHeld, discreet{err, "another plan works on the tenant"})
	case store.Temporary(err) || ctx.Err() != nil:
		r.interrupt(executor.ErrShutdown) // yield the task: the store is unreachable
	default:
		return executor.Fail(task.CodeInternal, discreet{err, "the tenant cannot be locked"})
	}
	return err
}

// heldPause is how long a task waits for its tenant if another plan was faster between the claim
// and the start of the work.
const heldPause = time.Second

// discreet is an error whose text names no other plan. The text is stored with the task, for all
// who may view its plan, and they need not be allowed to view the other one. Hooks get the error.
type discreet struct {
	error
	text string
}

func (d discreet) Error() string { return d.text }
func (d discreet) Unwrap() error { return d.error }

// execute calls the executor for the work or its undo.
func (r *run) execute(ctx context.Context, x *executor.Run) error {
	if r.locked != nil {
		return r.locked
	}
	r.startDeadlines()
	if r.proving() {
		return r.verify(ctx, x)
	}
	do := r.worker.plan.Executor.Execute
	if r.undo() {
		rollbacker, ok := r.worker.plan.Executor.(executor.Rollbacker)
		if !ok {
			return executor.Fail(task.CodeRollbackUnsupported, errors.New("the executor cannot undo its work"))
		}
		do = rollbacker.Rollback
	}
	return do(ctx, x)
}

// verify checks that the work of a task that has finished earlier is still good, if the executor
// can tell.
func (r *run) verify(ctx context.Context, x *executor.Run) error {
	if verifier, can := r.worker.plan.Executor.(executor.Verifier); can {
		return verifier.Verify(ctx, x)
	}
	return nil
}

// Save implements executor.Recorder. The write goes on after the end of the executor's context, so
// that an executor that is being interrupted can still save a checkpoint.
func (r *run) Save(_ context.Context, c checkpoint.Checkpoint) error {
	if err := r.worker.pool.limits.Check(c); err != nil {
		return err
	}
	err := r.save(store.Saved{Step: c.Step, Data: c.Data})
	if err == nil || errors.Is(err, executor.ErrStopped) {
		r.step = c.Step
	}
	return err
}

// SaveUndo implements executor.Recorder.
func (r *run) SaveUndo(_ context.Context, u checkpoint.Undo) error {
	if err := r.worker.pool.limits.CheckUndo(u); err != nil {
		return err
	}
	return r.save(store.Saved{UndoStep: u.Step, UndoData: u.Data})
}

// Progress implements executor.Recorder.
func (r *run) Progress(p executor.Progress) {
	r.limits.progress()
	r.worker.pool.hooks.OnProgress(r.task.ID, p)
}

// Logger implements executor.Logging.
func (r *run) Logger() *zap.Logger {
	return r.worker.pool.log.With(
		zap.Int64("plan", int64(r.task.ID.Plan())), zap.Int64("task", int64(r.task.ID)),
		zap.String("tenant", r.task.Tenant.ID), zap.Int("attempt", r.task.Attempt))
}

func (r *run) save(s store.Saved) error {
	saved := r.limits.save()
	c, err := r.commit(store.Change{Kind: store.Save, Saved: s, Elapsed: r.elapsed()}, store.Claim{})
	saved()
	if err != nil {
		return err
	}
	r.worker.pool.hooks.OnSave(r.task.ID, s.Step, len(s.Data)+len(s.UndoData))
	if c.Stop == task.Go && !r.worker.pool.stopping.Load() {
		return nil
	}
	r.mu.Lock()
	r.stopRequested = true
	r.mu.Unlock()
	r.ApplyStop(c.Stop)
	return &executor.StopError{Stop: c.Stop, Shutdown: c.Stop == task.Go}
}

// commit commits one change of the task, with the claim next, and repeats it while the store is
// unreachable and the lease is alive. The only error is executor.ErrLost: the task is lost.
func (r *run) commit(c store.Change, next store.Claim) (store.Change, error) {
	w, pool := r.worker, r.worker.pool
	r.seq++
	c.Task, c.Token, c.Seq = r.task.ID, r.task.Token, r.seq
	w.changes[0] = c
	w.batch.Plan, w.batch.Changes, w.batch.Claim = r.task.ID.Plan(), w.changes[:], next
	if r.isLost() {
		r.MarkLost() // even if a late renewal extends the lease, the run stays lost
		return c, executor.ErrLost
	}
	err := pool.store.Commit(w.lease.Context(), &w.batch)
	if err != nil {
		// The store may yet carry out the claim in this batch, whatever the next try returns.
		pool.registry.MarkUncertain(w.batch.Plan)
	}
	if store.Temporary(err) {
		pool.client.Fault("commit", err)
		err = pool.client.Retry(w.lease.Context(), "commit", 0, func() error {
			if !w.lease.Alive() {
				return executor.ErrLost
			}
			return pool.store.Commit(w.lease.Context(), &w.batch)
		})
	}
	if err == nil {
		err = w.changes[0].Err
	}
	if err != nil {
		pool.client.Fault("commit", err)
		if errors.Is(err, store.ErrFenced) {
			pool.registry.HeartbeatSoon() // perhaps the whole lease is lost, not only this task
		}
		r.MarkLost()
		return c, executor.ErrLost
	}
	if c.Kind != store.Save { // a save causes no event
		pool.committed(&w.batch)
	}
	return w.changes[0], nil
}

// nextClaim returns a claim of one more task of the same plan, or an empty claim if the pool stops
// or other plans wait for this worker's capacity.
func (w *worker) nextClaim(ended *run) store.Claim {
	if w.pool.stopping.Load() || w.pool.queue.Contended(w.plan.ID) {
		return store.Claim{}
	}
	// A finished run makes at most one claim, so its token and task identify the claim.
	var id [32]byte
	b := strconv.AppendUint(id[:0], uint64(ended.task.Token), 36)
	b = strconv.AppendInt(append(b, '.'), int64(ended.task.ID), 36)
	// In a plan that waits for its tenants, or has quotas, pending tasks are chosen before a claim.
	return store.Claim{ID: string(b), Worker: w.lease.Name(), Max: 1, Chosen: w.plan.Chooses()}
}
