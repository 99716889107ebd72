package executortest

import (
	"errors"
	"fmt"
	"testing"

	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/task"
)

// Interrupted calls f once for every write of the run that f makes and every way
// to be interrupted there: stopped, crashed before it is stored, crashed after.
// f passes the option to [NewRun] or [Run.Again], goes on with [Run.Finish] or by
// hand, and checks what the world has come to. Each call is a subtest, and must
// not be made parallel.
//
//	executortest.Interrupted(t, func(t *testing.T, interruption executortest.Option) {
//		world := newWorld()
//		run, err := executortest.NewRun(t, interruption).Finish(newExecutor(world))
//		... // what must hold, whatever happened on the way
//	})
func Interrupted(t *testing.T, f func(t *testing.T, interruption Option)) {
	t.Helper()
	ways := []struct {
		name   string
		option func(n int) Option
	}{
		{"stopped at", func(n int) Option { return StopAt(n, task.StopPause) }},
		{"crashed before", CrashBefore},
		{"crashed after", CrashAfter},
	}
	for _, way := range ways {
		for n, more := 1, true; more; n++ {
			hit := false
			option := func(r *Run) {
				way.option(n)(r)
				r.cut.hit = &hit
			}
			ok := t.Run(fmt.Sprintf("%s write %d", way.name, n), func(t *testing.T) { f(t, option) })
			more = ok && hit
		}
	}
}

// Finish executes e and, when the run was stopped or crashed, goes on once from
// what was saved. It returns the last run and its error.
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
