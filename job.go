package cutover

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strconv"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/cutover-go/cutover/checkpoint"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/internal/tenantlock"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// job is one task in this process's hands, from its claim to the commit that
// releases it. It is the executor.Recorder of the task's Run.
type job struct {
	// Immutable after construction.
	*worker
	task   task.Task // as it was claimed
	began  time.Time // set by jobs.add
	cancel context.CancelCauseFunc

	// Owned by whoever saves, like the worker's batch: the Run lets one save at a
	// time through, and none after the executor has returned.
	seq  uint32
	step string // the last checkpoint's
	// locked is what came of locking the tenant, kept that it was when the token was given.
	locked error
	kept   bool

	mu          sync.Mutex // guards what follows
	told        bool       // a save answered that the task is to stop
	lost        bool
	interrupted error       // the cause with which we cancelled the context
	grace       *time.Timer // of a cancel
}

// undo tells an undo from the work itself.
func (j *job) undo() bool { return j.task.State == task.RollingBack }

// Save implements executor.Recorder. The write is not bound to the executor's
// context: an executor that is being interrupted may still save where it is.
func (j *job) Save(_ context.Context, c checkpoint.Checkpoint) error {
	if err := j.e.cfg.Limits.Check(c); err != nil {
		return err
	}
	err := j.save(store.Saved{Step: c.Step, Data: c.Data})
	if err == nil || errors.Is(err, executor.ErrStopped) {
		j.step = c.Step
	}
	return err
}

// SaveUndo implements executor.Recorder.
func (j *job) SaveUndo(_ context.Context, u checkpoint.Undo) error {
	if err := j.e.cfg.Limits.CheckUndo(u); err != nil {
		return err
	}
	return j.save(store.Saved{UndoStep: u.Step, UndoData: u.Data})
}

// Progress implements executor.Recorder.
func (j *job) Progress(p executor.Progress) {
	j.e.cfg.Hooks.OnProgress(j.task.ID, p)
}

// Logger implements executor.Logging.
func (j *job) Logger() *zap.Logger {
	return j.e.log.With(
		zap.Int64("plan", int64(j.task.ID.Plan())), zap.Int64("task", int64(j.task.ID)),
		zap.String("tenant", j.task.Tenant.ID), zap.Int("attempt", j.task.Attempt))
}

func (j *job) save(s store.Saved) error {
	w, err := j.commit(store.Change{Kind: store.Save, Saved: s}, store.Claim{})
	if err != nil {
		return err
	}
	j.e.cfg.Hooks.OnSave(j.task.ID, s.Step, len(s.Data)+len(s.UndoData))
	if w.Stop == task.Go && !j.e.draining.Load() {
		return nil
	}
	j.mu.Lock()
	j.told = true
	j.mu.Unlock()
	j.hear(w.Stop)
	return &executor.StopError{Stop: w.Stop, Shutdown: w.Stop == task.Go}
}

// commit writes one change of the task, again and again while the store is away
// and the lease holds. Any error means that the task is lost: executor.ErrLost.
func (j *job) commit(w store.Change, claim store.Claim) (store.Change, error) {
	j.seq++
	w.Task, w.Token, w.Seq = j.task.ID, j.task.Token, j.seq
	j.works[0] = w
	j.batch.Plan, j.batch.Changes, j.batch.Claim = j.task.ID.Plan(), j.works[:], claim
	if j.isLost() {
		j.lose() // for good: a renewal that comes late may revive the lease, not the run
		return w, executor.ErrLost
	}
	err := j.e.store.Commit(j.lease.ctx, &j.batch)
	if err != nil {
		// A claim that goes with it may yet be carried out, whatever is answered next.
		j.e.jobs.doubt(j.task.ID.Plan())
	}
	if store.Temporary(err) {
		j.e.client.Fault("commit", err)
		err = j.e.client.Retry(j.lease.ctx, "commit", 0, func() error {
			if !j.lease.alive() {
				return executor.ErrLost
			}
			return j.e.store.Commit(j.lease.ctx, &j.batch)
		})
	}
	if err == nil {
		err = j.works[0].Err
	}
	if err != nil {
		j.e.client.Fault("commit", err)
		if errors.Is(err, store.ErrFenced) {
			j.e.jobs.concerned.Raise() // perhaps not this task alone is lost, but the lease
		}
		j.lose()
		return w, executor.ErrLost
	}
	if w.Kind != store.Save { // a save has no event
		j.e.committed(&j.batch)
	}
	return j.works[0], nil
}

func (j *job) isLost() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.lost || !j.lease.alive()
}

// lose notes that the task belongs to somebody else: nothing is written any more.
func (j *job) lose() {
	j.mu.Lock()
	j.lost = true
	j.mu.Unlock()
	j.cancel(executor.ErrLeaseLost)
}

// interrupt cancels the executor's context.
func (j *job) interrupt(cause error) {
	j.mu.Lock()
	if j.interrupted == nil {
		j.interrupted = cause
	}
	j.mu.Unlock()
	j.cancel(cause)
}

// hear is told, by a save or a heartbeat, what is in force. A cancel interrupts
// the executor after a grace period; a pause never does.
func (j *job) hear(stop task.Stop) {
	j.mu.Lock()
	defer j.mu.Unlock()
	switch {
	case stop == task.StopCancel && j.grace == nil:
		j.grace = time.AfterFunc(j.e.cfg.CancelGrace, func() { j.interrupt(executor.ErrCanceled) })
	case stop != task.StopCancel && j.grace != nil:
		j.grace.Stop() // the cancel was withdrawn
		j.grace = nil
	}
}

// close frees what the job holds of this process.
func (j *job) close() {
	j.mu.Lock()
	if j.grace != nil {
		j.grace.Stop()
	}
	j.mu.Unlock()
	j.cancel(nil)
}

// outcome turns what the executor returned into the change to commit. An error of
// the executor's own may panic when it is read; it counts as a panic then, and
// nobody reads it again.
func (j *job) outcome(err error) (w store.Change, readable error) {
	defer func() {
		if v := recover(); v != nil {
			readable = &executor.PanicError{Value: fmt.Sprintf("reading the executor's error: %v", v), Stack: debug.Stack()}
			w = j.work(readable)
		}
	}()
	return j.work(err), err
}

// work is outcome for an error that can be read. It reads every error completely.
func (j *job) work(err error) store.Change {
	j.mu.Lock()
	interrupted := j.told || j.interrupted != nil
	j.mu.Unlock()
	w := store.Change{Kind: store.Complete}
	if err == nil {
		if j.undo() {
			w.Kind = store.Undone
		}
		return w
	}
	failure, stopped := j.failure(err), errors.Is(err, executor.ErrStopped)
	j.logPanic(err)
	switch {
	case errors.Is(err, tenantlock.ErrOldToken) && !interrupted:
		w.Kind = store.Yield
	case interrupted && j.undo():
		w.Kind, w.Failure = store.Yield, task.RollbackStopped(j.task.Attempt, j.step, time.Now())
	case interrupted && stopped:
		w.Kind = store.Yield
	case interrupted:
		w.Kind, w.Failure = store.Yield, failure
	case j.undo():
		w.Kind, w.Failure = store.UndoFail, failure
	default:
		w.Kind, w.Failure = store.Fail, failure
	}
	// It may have locked its tenant, now or when the store did not answer.
	w.RaiseTokens = w.Kind == store.Yield && !j.kept && (j.undo() || j.task.Attempt > 1)
	return w
}

func (j *job) failure(err error) *task.FailureInfo {
	info := executor.FailureOf(err, time.Now(), j.task.Attempt, j.step)
	return &info
}

// logPanic logs the stack of an executor's panic: the failure has room for its
// value only.
func (j *job) logPanic(err error) {
	var p *executor.PanicError
	if errors.As(err, &p) {
		j.Logger().Error("the executor panicked", zap.String("value", fmt.Sprint(p.Value)), zap.ByteString("stack", p.Stack))
	}
}

// nextClaim asks for one more task of the same plan, unless other plans wait for
// this worker's slot.
func (j *job) nextClaim() store.Claim {
	if j.e.draining.Load() || j.e.capacity.Contended(j.task.ID.Plan()) {
		return store.Claim{}
	}
	// One claim goes with one finished run, so that names it.
	var id [32]byte
	b := strconv.AppendUint(id[:0], uint64(j.task.Token), 36)
	b = strconv.AppendInt(append(b, '.'), int64(j.task.ID), 36)
	return store.Claim{ID: string(b), Worker: j.lease.name, Max: 1}
}
