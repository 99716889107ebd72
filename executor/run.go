package executor

import (
	"cmp"
	"strconv"
	"sync"

	"go.uber.org/zap"

	"github.com/cutover-go/cutover/checkpoint"
	"github.com/cutover-go/cutover/task"
)

// Run is one run of an executor over one task: what the executor knows of the
// task, and where it saves. It may be used by several goroutines at once, until
// the executor returns.
type Run struct {
	// Immutable after construction.
	id       task.ID
	tenant   task.Tenant
	attempt  int
	token    task.Token
	recorder Recorder

	// mu guards what follows. It is never held while the recorder writes: saving
	// stands for that, and idle is signalled when it is over. A mutex held instead
	// would keep the clock of a synctest bubble from going on.
	mu       sync.Mutex
	idle     sync.Cond
	saving   bool
	returned bool
	refused  error                 // the first save that was refused
	point    checkpoint.Checkpoint // Invariant: point.Step == "" if there is none.
	undo     checkpoint.UndoLog
	logger   *zap.Logger // nil until somebody asks for it
}

// NewRun returns the run of t under token, for engines and test kits; [End] is its end. c is where
// it goes on, nil for the beginning; it is taken apart from t.Checkpoint because a retry from
// scratch has none. t.Tenant.Parameters holds the plan's parameters merged with the tenant's. The
// undo log is t.Undo.
func NewRun(t task.Task, c *checkpoint.Checkpoint, token task.Token, r Recorder) *Run {
	run := &Run{id: t.ID, tenant: t.Tenant, attempt: t.Attempt, token: token, recorder: r, undo: t.Undo}
	run.idle.L = &run.mu
	if c != nil {
		run.point = *c
	}
	return run
}

// End ends a run after its executor has returned err, for engines and test kits. It waits for a
// save that is under way; from then on none reaches the recorder: a goroutine that the executor
// left behind gets [ErrReturned]. It returns what the run has come to: err, or in place of nil
// the error of the first save that was refused, whatever the executor made of it.
func End(r *Run, err error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.saving {
		r.idle.Wait()
	}
	r.returned = true
	return cmp.Or(err, r.refused)
}

// ID returns the task's id.
func (r *Run) ID() task.ID { return r.id }

// Tenant returns what the task works on. Its maps are shared: read only.
func (r *Run) Tenant() task.Tenant { return r.tenant }

// Params returns the plan's parameters overridden by the tenant's. The map is
// shared: read only.
func (r *Run) Params() map[string]string { return r.tenant.Parameters }

// Param returns one of [Run.Params] and whether it is there.
func (r *Run) Param(key string) (string, bool) {
	v, ok := r.tenant.Parameters[key]
	return v, ok
}

// Attempt returns the number of the attempt, from 1. A take-over by another
// worker keeps it.
func (r *Run) Attempt() int { return r.attempt }

// Token returns the fencing token: greater at every claim of the task, and greater than
// those of whoever worked on the tenant before, in any plan of the store. An outside
// system that remembers the greatest it has seen can refuse a worker that was
// frozen, lost its task and woke up again.
func (r *Run) Token() task.Token { return r.token }

// IdempotencyKey returns a key for one effect of the task: the same at every
// repeat of step, over crashes, take-overs and retries, and no other task's in
// the same store. An outside system that drops a second request with the same
// key makes it harmless that an effect is repeated after a crash between it and
// its save. An undo is a step of its own and needs its own name.
func (r *Run) IdempotencyKey(step string) string {
	b := make([]byte, 0, 17+len(step))
	b = strconv.AppendInt(b, int64(r.id), 10)
	b = append(b, '/')
	return string(append(b, step...))
}

// Logger returns a logger with plan, task and tenant on it. Do not log payloads
// and secrets.
func (r *Run) Logger() *zap.Logger {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.logger == nil {
		if l, ok := r.recorder.(Logging); ok {
			r.logger = l.Logger()
		}
		if r.logger == nil {
			r.logger = zap.NewNop()
		}
	}
	return r.logger
}

// Progress reports how far the task is. It also keeps a task that saves rarely
// from counting as stalled. Reports after the executor has returned are dropped.
func (r *Run) Progress(p Progress) {
	r.mu.Lock()
	returned := r.returned
	r.mu.Unlock()
	if !returned {
		r.recorder.Progress(p)
	}
}
