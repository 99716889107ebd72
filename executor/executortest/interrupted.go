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
// saved. Whenever e asks to be continued later, Finish does so at once, and the interruption is
// that of all these runs together. It returns the last run and its error.
func (r *Run) Finish(e executor.TaskExecutor) (*Run, error) {
	r.t.Helper()
	return r.finish(func(r *Run) error { return r.Execute(e) })
}

// FinishRollback is [Run.Finish] for e's Rollback.
func (r *Run) FinishRollback(e executor.TaskExecutor) (*Run, error) {
	r.t.Helper()
	return r.finish(func(r *Run) error { return r.Rollback(e) })
}

// maxRuns bounds the runs of one Finish, for executors that wait for ever.
const maxRuns = 1000

func (r *Run) finish(call func(*Run) error) (*Run, error) {
	r.t.Helper()
	for range maxRuns {
		err := call(r)
		_, later := executor.ResumeIn(err)
		switch {
		case interrupted(err):
			r = r.Again()
		case later:
			r = r.Again(r.rest())
		default:
			return r, err
		}
	}
	r.t.Fatalf("executortest: after %d runs the executor still asks to be continued later", maxRuns)
	return nil, nil
}

// rest returns an option for the run after r: the interruption of r, if r has not come so far.
func (r *Run) rest() Option {
	return func(next *Run) {
		if r.cut.at > r.writes {
			next.cut = r.cut
			next.cut.at -= r.writes
		}
	}
}

func interrupted(err error) bool {
	return errors.Is(err, ErrCrashed) || errors.Is(err, executor.ErrStopped)
}
