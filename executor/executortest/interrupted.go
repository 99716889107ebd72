package executortest

import (
	"errors"
	"fmt"
	"iter"

	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/task"
)

// Interruptions yields every way to interrupt a run at every write that it makes: a stop at the
// write, a crash before it is stored, a crash after it. The loop body creates a run with the
// option, continues it with [Run.Finish] or by hand, and checks the result. For each way, the last
// iteration is for a write that the run does not reach.
//
//	for name, interruption := range executortest.Interruptions() {
//		t.Run(name, func(t *testing.T) {
//			world := newWorld()
//			run, err := executortest.NewRun(t, interruption).Finish(newExecutor(world))
//			... // what must hold, whatever happened on the way
//		})
//	}
//
// The loop needs to know how far each run came, so its body must not use a parallel subtest.
func Interruptions() iter.Seq2[string, Option] {
	ways := []struct {
		name   string
		option func(n int) Option
	}{
		{"stopped at", func(n int) Option { return StopAt(n, task.StopPause) }},
		{"crashed before", CrashBefore},
		{"crashed after", CrashAfter},
	}
	return func(yield func(string, Option) bool) {
		for _, way := range ways {
			for n, hit := 1, true; hit; n++ {
				made := false
				hit = false
				option := func(r *Run) {
					way.option(n)(r)
					made, r.cut.hit = true, &hit
				}
				if !yield(fmt.Sprintf("%s write %d", way.name, n), option) {
					return
				}
				if !made {
					panic("executortest: no run was made with the option; is the subtest parallel?")
				}
			}
		}
	}
}

// Finish executes e and, if the run was stopped or crashed, executes e once more from what was
// saved. It returns the last run and its error.
func (r *Run) Finish(e executor.TaskExecutor) (*Run, error) {
	r.t.Helper()
	err := r.Execute(e)
	if !interrupted(err) {
		return r, err
	}
	last := r.Again()
	return last, last.Execute(e)
}

// FinishRollback is [Run.Finish] for e's Rollback.
func (r *Run) FinishRollback(e executor.TaskExecutor) (*Run, error) {
	r.t.Helper()
	err := r.Rollback(e)
	if !interrupted(err) {
		return r, err
	}
	last := r.Again()
	return last, last.Rollback(e)
}

func interrupted(err error) bool {
	return errors.Is(err, ErrCrashed) || errors.Is(err, executor.ErrStopped)
}
