package task_test

import (
	"reflect"
	"testing"

	"github.com/cutover-go/cutover/task"
)

// Up to the limit, the loss of a worker releases the task and raises the number of losses, and
// changes nothing else.
func TestLoseWithinLimit(t *testing.T) {
	t.Parallel()
	for _, s := range []task.State{task.Running, task.RollingBack} {
		for before := range 3 {
			of := in(s, held, pauseAsked, losses(before), failure)
			got := of.Lose(3, noon())
			w := want(of, task.ByFailure, func(e *task.Edit) { e.Release, e.Losses = true, before+1 })
			if !reflect.DeepEqual(got, w) {
				t.Errorf("%s, loss %d: %+v\nwant %+v", s, before+1, got, w)
			}
		}
	}
}

func TestLoseOverLimit(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		task  task.Task
		limit int
		cause task.Cause
		to    task.State
		step  string
		text  string
	}{
		"running": {
			in(task.Running, held, losses(3)), 3, task.ByFailure, task.Failed,
			"SWITCHED", "its worker was lost 4 times without a new checkpoint",
		},
		"running, nothing saved": {
			in(task.Running, held, losses(3), noCheckpoint), 3, task.ByFailure, task.Failed,
			"", "its worker was lost 4 times without a new checkpoint",
		},
		"rolling back": {
			in(task.RollingBack, held, losses(3)), 3, task.ByUndoFailure, task.RollbackFailed,
			"SWITCHED", "its worker was lost 4 times without a new checkpoint",
		},
		"no loss allowed, cancel asked": {
			in(task.Running, held, cancelAsked), 0, task.ByFailure, task.Failed,
			"SWITCHED", "its worker was lost 1 times without a new checkpoint",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := tt.task.Lose(tt.limit, noon())
			w := want(tt.task, tt.cause, func(e *task.Edit) {
				e.State, e.Release, e.Request = tt.to, true, task.NoRequest
				e.Losses = tt.task.Losses + 1
				e.Failure = &task.FailureInfo{
					Reason: tt.text, ErrorCode: task.CodeWorkerLost, Timestamp: noon(),
					Step: tt.step, Attempt: 2, Retryable: true,
				}
				e.Attempts = tt.task.Tried(e.Failure)
			})
			if !reflect.DeepEqual(got, w) {
				t.Errorf("Lose = %+v, failure %+v\nwant %+v, failure %+v", got, got.Failure, w, w.Failure)
			}
		})
	}
}
