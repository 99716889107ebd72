package executortest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/cutover-go/cutover/checkpoint"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/internal/guard"
	"github.com/cutover-go/cutover/task"
)

// ErrCrashed is the error of [Run.Execute], [Run.Rollback] and [Run.Verify] after a simulated
// crash.
var ErrCrashed = errors.New("executortest: crashed")

// ErrUnsupported is the error of [Run.Rollback] for an executor that is no [executor.Rollbacker],
// and of [Run.Verify] for one that is no [executor.Verifier].
var ErrUnsupported = errors.New("executortest: the executor cannot do that")

// Run is a run of a task that is kept in memory. Pass its embedded Run to an executor, or call
// [Run.Execute].
type Run struct {
	*executor.Run

	t      testing.TB
	limits checkpoint.Limits
	cut    cut

	mu       sync.Mutex
	task     task.Task // with everything that has been saved
	writes   int
	crashed  bool
	saved    []checkpoint.Checkpoint
	progress []executor.Progress
	waits    []time.Duration
	clock    time.Time // the store's: it stands still but for the waits
}

// NewRun returns a run of task 1 of plan 1 from the beginning, unless the options say otherwise.
func NewRun(t testing.TB, options ...Option) *Run {
	t.Helper()
	r := &Run{t: t, clock: time.Unix(1_000_000_000, 0)}
	r.task = task.Task{ID: task.NewID(1, 1), Tenant: task.Tenant{ID: "tenant1"}}
	r.task.State, r.task.Attempt, r.task.Token = task.Running, 1, 1
	r.apply(options)
	return r
}

func (r *Run) apply(options []Option) {
	r.t.Helper()
	for _, o := range options {
		o(r)
	}
	r.Run = executor.NewRun(r.task, r.task.Checkpoint, r.task.Token, recorder{r})
}

// Again returns the next run of the same task, as after a pause, a crash, a wait or a retry from
// the checkpoint. It continues from what r saved, under a new token, and is interrupted only by its
// own options, not by those of r. If r asked with [executor.ResumeAfter] to be continued later, the
// wait is over.
func (r *Run) Again(options ...Option) *Run {
	r.t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	next := &Run{t: r.t, limits: r.limits, task: r.task, saved: slices.Clone(r.saved), waits: slices.Clone(r.waits), clock: r.clock}
	next.task.Token++
	next.apply(options)
	return next
}

// FromScratch is [Run.Again] without the checkpoint: a retry from scratch, or a rollback after
// success. The undo log is kept.
func (r *Run) FromScratch(options ...Option) *Run {
	r.t.Helper()
	return r.Again(append([]Option{func(n *Run) { n.task.Checkpoint = nil }}, options...)...)
}

// Execute runs e as the engine does and returns its error. The error of [executor.ResumeAfter] is
// no failure: the wait is recorded, see [Run.Waits], and [Run.Again] returns the run after it.
func (r *Run) Execute(e executor.TaskExecutor) error {
	r.t.Helper()
	return r.guard(e.Execute)
}

// Rollback runs e's Rollback as the engine does and returns its error.
func (r *Run) Rollback(e executor.TaskExecutor) error {
	r.t.Helper()
	back, ok := e.(executor.Rollbacker)
	if !ok {
		return ErrUnsupported
	}
	return r.guard(back.Rollback)
}

// Verify runs e's Verify as the engine does when a MinSuccessTime is over, and returns its error.
// Call it on the run after one whose Execute returned nil: see [Run.Again]. If the error asks to be
// continued later, the engine calls Execute then.
func (r *Run) Verify(e executor.TaskExecutor) error {
	r.t.Helper()
	v, ok := e.(executor.Verifier)
	if !ok {
		return ErrUnsupported
	}
	return r.guard(v.Verify)
}

func (r *Run) guard(f func(context.Context, *executor.Run) error) error {
	err := guard.Run(r.t.Context(), r.Run, f)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.crashed {
		return ErrCrashed
	}
	r.defers(err)
	return err
}

// defers does what the store does with the task's wait when the executor has returned err.
func (r *Run) defers(err error) {
	after, later := executor.ResumeIn(err)
	switch {
	case errors.Is(err, executor.ErrLost):
	case later:
		r.clock = r.clock.Add(after + time.Microsecond) // no two waits end at the same time
		r.waits = append(r.waits, after)
		r.task.Wait = task.Wait{Why: task.WaitHold, Until: r.clock}
	case !errors.Is(err, executor.ErrStopped):
		r.task.Wait = task.Wait{} // the attempt has ended
	}
}

// Task returns the task with everything that was saved.
func (r *Run) Task() task.Task {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.task
}

// Saved returns every checkpoint that was saved by this run and the runs before it, the oldest
// first.
func (r *Run) Saved() []checkpoint.Checkpoint {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.saved)
}

// Waits returns the waits that this run and the runs before it asked for, the oldest first. A wait
// that a crash prevented is not one of them.
func (r *Run) Waits() []time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.waits)
}

// Reports returns the progress reports of this run.
func (r *Run) Reports() []executor.Progress {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.progress)
}
