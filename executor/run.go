package executor

import (
	"strconv"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/cutover-go/cutover/checkpoint"
	"github.com/cutover-go/cutover/task"
)

// Run is one run of an executor on one task: it holds what the executor may know about the task,
// and saves checkpoints and undo entries. It is safe for concurrent use. After the executor has
// returned, saves fail with [ErrReturned].
type Run struct {
	// Immutable after construction.
	id       task.ID
	tenant   task.Tenant
	attempt  int
	token    task.Token
	waited   time.Time // see waitedFor
	recorder Recorder

	// mu guards the fields below. It is not held while the recorder writes: saving is true instead,
	// and idle is signalled when the write is over. Goroutines that waited for a mutex would keep
	// the clock of a synctest bubble from advancing.
	mu       sync.Mutex
	idle     sync.Cond
	saving   bool
	returned bool
	refused  error                 // the error of the first refused save
	point    checkpoint.Checkpoint // Invariant: point.Step == "" if there is none.
	undo     checkpoint.UndoLog
	logger   *zap.Logger // nil until it is first needed
}

// NewRun returns the run of t under token, for engines and test kits; [End] ends it. c is the
// checkpoint to continue from, nil to start at the beginning. It is separate from t.Checkpoint
// because a retry from scratch starts without one. t.Tenant.Parameters holds the plan's parameters
// merged with the tenant's, t.Undo the undo log, and t.Wait the last wait that the task had.
func NewRun(t task.Task, c *checkpoint.Checkpoint, token task.Token, r Recorder) *Run {
	run := &Run{id: t.ID, tenant: t.Tenant, attempt: t.Attempt, token: token, waited: waitedFor(t), recorder: r, undo: t.Undo}
	run.idle.L = &run.mu
	if c != nil {
		run.point = *c
	}
	return run
}

// End ends a run after its executor has returned err, for engines and test kits. It waits for a
// save in progress. After that no save reaches the recorder: a goroutine that the executor left
// behind gets [ErrReturned]. End returns err or, if err is nil, the error of the first refused
// save, even if the executor ignored it.
func End(r *Run, err error) error {
	r.mu.Lock()
	for r.saving {
		r.idle.Wait()
	}
	r.returned = true
	r.mu.Unlock()
	return r.orRefused(err)
}

// ID returns the task's id.
func (r *Run) ID() task.ID { return r.id }

// Tenant returns the tenant that the task works on. Its maps are shared and must not be modified.
func (r *Run) Tenant() task.Tenant { return r.tenant }

// Params returns the plan's parameters overridden by the tenant's. The map is shared and must not
// be modified.
func (r *Run) Params() map[string]string { return r.tenant.Parameters }

// Param returns one of [Run.Params] and whether it is set.
func (r *Run) Param(key string) (string, bool) {
	v, ok := r.tenant.Parameters[key]
	return v, ok
}

// Attempt returns the number of the attempt, from 1. A take-over by another worker does not change
// it.
func (r *Run) Attempt() int { return r.attempt }

// Token returns the fencing token. It is greater at every claim of the task, and greater than the
// tokens of all earlier workers on the tenant, in any plan of the store. An outside system that
// remembers the greatest token it has seen can refuse a worker that was frozen, lost its task and
// woke up again.
func (r *Run) Token() task.Token { return r.token }

// IdempotencyKey returns a key for one effect of the task: the same at every repetition of step,
// across crashes, take-overs and retries, and different from the keys of every other task in the
// same store. An effect is repeated after a crash between the effect and its save; an outside
// system that drops a second request with the same key makes that harmless. An undo is a step of
// its own and needs its own name.
func (r *Run) IdempotencyKey(step string) string {
	b := make([]byte, 0, 17+len(step))
	b = strconv.AppendInt(b, int64(r.id), 10)
	b = append(b, '/')
	return string(append(b, step...))
}

// Logger returns a logger with the fields plan, task and tenant. Do not log payloads and secrets.
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

// Progress reports to the engine's hooks how far the task is. A report counts as progress for the
// plan's ProgressDeadline. Reports after the executor has returned are dropped.
func (r *Run) Progress(p Progress) {
	r.mu.Lock()
	returned := r.returned
	r.mu.Unlock()
	if !returned {
		r.recorder.Progress(p)
	}
}
