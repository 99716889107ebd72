package task_test

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/cutover-go/cutover/checkpoint"
	"github.com/cutover-go/cutover/task"
)

func noon() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

// in returns a task in state s in its second attempt, changed by the options.
func in(s task.State, options ...func(*task.Task)) task.Task {
	t := task.Task{
		ID:         task.NewID(7, 3),
		Tenant:     task.Tenant{ID: "acme"},
		Control:    task.Control{State: s, Attempt: 2},
		Version:    11,
		Token:      99,
		Checkpoint: &checkpoint.Checkpoint{Step: "SWITCHED", Data: []byte(`{}`)},
		Undo:       checkpoint.UndoLog{{Step: "SWITCH", Data: []byte(`{}`)}},
	}
	for _, o := range options {
		o(&t)
	}
	return t
}

func held(t *task.Task)               { t.Worker = "w1" }
func pauseAsked(t *task.Task)         { t.Request = task.PauseRequest }
func cancelAsked(t *task.Task)        { t.Request = task.CancelRequest }
func exempt(t *task.Task)             { t.Request = task.ExemptRequest }
func toStart(t *task.Task)            { t.Request = task.StartRequest }
func pausedIndividually(t *task.Task) { t.PausedIndividually = true }
func neverRan(t *task.Task)           { t.Attempt, t.Checkpoint, t.Undo = 0, nil, nil }
func noCheckpoint(t *task.Task)       { t.Checkpoint = nil }
func failure(t *task.Task)            { t.Failure = &task.FailureInfo{ErrorCode: "GATEWAY_TIMEOUT"} }

func losses(n int) func(*task.Task) { return func(t *task.Task) { t.Losses = n } }

// want returns the edit of t that cause makes: the task's own control, changed by change.
func want(t task.Task, cause task.Cause, change func(*task.Edit)) task.Edit {
	e := task.Edit{ID: t.ID, Version: t.Version, Cause: cause, Control: t.Control}
	change(&e)
	return e
}

// refused checks that err reports that cause does not apply to t.
func refused(t *testing.T, of task.Task, cause task.Cause, err error) {
	t.Helper()
	var illegal *task.IllegalError
	if !errors.Is(err, task.ErrIllegal) || !errors.As(err, &illegal) {
		t.Fatalf("%s in %s: %v, want ErrIllegal", cause, of.State, err)
	}
	if illegal.ID != of.ID || illegal.State != of.State || illegal.Cause != cause {
		t.Errorf("%s in %s: the error is about %+v", cause, of.State, illegal)
	}
}

// commandCase is a command on a task; a nil change means that it is refused.
type commandCase struct {
	task   task.Task
	change func(*task.Edit)
}

func check(t *testing.T, cause task.Cause, tests map[string]commandCase, command func(task.Task) (task.Edit, error)) {
	t.Helper()
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := command(tt.task)
			if tt.change == nil {
				refused(t, tt.task, cause, err)
				if !reflect.DeepEqual(got, task.Edit{}) {
					t.Errorf("refused with the edit %+v", got)
				}
				return
			}
			if w := want(tt.task, cause, tt.change); err != nil || !reflect.DeepEqual(got, w) {
				t.Errorf("%+v, %v\nwant %+v", got, err, w)
			}
		})
	}
}

// refusals returns a case for every state except those in which the command applies.
func refusals(applies ...task.State) map[string]commandCase {
	cases := map[string]commandCase{}
	for _, s := range states() {
		cases["in "+s.String()] = commandCase{task: in(s)}
	}
	for _, s := range applies {
		delete(cases, "in "+s.String())
	}
	return cases
}

func TestRetryFromCheckpoint(t *testing.T) {
	t.Parallel()
	again := func(e *task.Edit) {
		e.State, e.Attempt, e.RetriedAt = task.Running, 3, noon()
		e.Request, e.PausedIndividually, e.Losses, e.Failure = task.StartRequest, false, 0, nil
	}
	tests := refusals(task.Failed, task.Paused)
	tests["failed"] = commandCase{in(task.Failed, failure, losses(2)), again}
	tests["failed without checkpoint"] = commandCase{in(task.Failed, failure, noCheckpoint), again}
	tests["paused"] = commandCase{in(task.Paused), again}
	tests["paused alone"] = commandCase{in(task.Paused, pausedIndividually, losses(1)), again}
	check(t, task.ByRetry, tests, func(of task.Task) (task.Edit, error) { return of.Retry(task.FromCheckpoint, noon()) })
}

func TestRetryFromScratch(t *testing.T) {
	t.Parallel()
	again := func(e *task.Edit) {
		e.State, e.Attempt, e.RetriedAt = task.Running, 3, noon()
		e.Request, e.PausedIndividually, e.Losses, e.Failure = task.StartRequest, false, 0, nil
		e.DropCheckpoint = true // but never DropUndo
	}
	tests := refusals(task.Failed, task.Paused)
	tests["failed"] = commandCase{in(task.Failed, failure, losses(2)), again}
	tests["paused alone"] = commandCase{in(task.Paused, pausedIndividually), again}
	check(t, task.ByRetry, tests, func(of task.Task) (task.Edit, error) { return of.Retry(task.FromScratch, noon()) })
}

func TestExempt(t *testing.T) {
	t.Parallel()
	exempted := func(e *task.Edit) { e.Request, e.RetriedAt = task.ExemptRequest, noon() }
	tests := refusals(task.Running)
	tests["held"] = commandCase{task: in(task.Running, held)}
	tests["held by no worker"] = commandCase{in(task.Running, failure), exempted}
	tests["to start"] = commandCase{in(task.Running, toStart), exempted}
	check(t, task.ByRetry, tests, func(of task.Task) (task.Edit, error) { return of.Exempt(noon()) })
}

func TestPause(t *testing.T) {
	t.Parallel()
	tests := refusals(task.Running)
	tests["held"] = commandCase{in(task.Running, held), func(e *task.Edit) { e.Request = task.PauseRequest }}
	tests["held, pause asked"] = commandCase{in(task.Running, held, pauseAsked), func(*task.Edit) {}}
	tests["held, cancel asked"] = commandCase{in(task.Running, held, cancelAsked), func(*task.Edit) {}}
	tests["held, exempt"] = commandCase{in(task.Running, held, exempt), func(e *task.Edit) { e.Request = task.PauseRequest }}
	atOnce := func(e *task.Edit) { e.State, e.PausedIndividually, e.Request = task.Paused, true, task.NoRequest }
	tests["held by no worker"] = commandCase{in(task.Running), atOnce}
	tests["lost while pause was asked"] = commandCase{in(task.Running, pauseAsked), atOnce}
	tests["exempt, held by no worker"] = commandCase{in(task.Running, exempt), atOnce}
	tests["to start"] = commandCase{in(task.Running, toStart), atOnce}
	check(t, task.ByPause, tests, task.Task.Pause)
}

func TestResume(t *testing.T) {
	t.Parallel()
	tests := refusals(task.Paused)
	tests["paused"] = commandCase{in(task.Paused), func(e *task.Edit) { e.State = task.Running }}
	tests["paused alone"] = commandCase{
		in(task.Paused, pausedIndividually),
		func(e *task.Edit) { e.State, e.PausedIndividually = task.Running, false },
	}
	withdrawn := func(e *task.Edit) { e.Request = task.NoRequest }
	tests["withdraws a pause"] = commandCase{in(task.Running, held, pauseAsked), withdrawn}
	tests["withdraws a cancel"] = commandCase{in(task.Running, held, cancelAsked), withdrawn}
	tests["exempt"] = commandCase{task: in(task.Running, exempt)}
	tests["to start"] = commandCase{task: in(task.Running, toStart)}
	tests["withdraws the pause of a lost task"] = commandCase{in(task.Running, pauseAsked), withdrawn}
	check(t, task.ByResume, tests, task.Task.Resume)
}

func TestCancel(t *testing.T) {
	t.Parallel()
	lost := func(e *task.Edit) { e.State, e.PausedIndividually, e.Request = task.Canceled, false, task.NoRequest }
	tests := refusals(task.Pending, task.Running, task.Paused, task.Failed)
	tests["pending"] = commandCase{in(task.Pending, neverRan), lost}
	tests["paused alone"] = commandCase{in(task.Paused, pausedIndividually), lost}
	tests["failed keeps its failure"] = commandCase{in(task.Failed, failure), lost}
	tests["held by no worker"] = commandCase{in(task.Running, pauseAsked), lost}
	asked := func(e *task.Edit) { e.Request = task.CancelRequest }
	tests["held"] = commandCase{in(task.Running, held), asked}
	tests["held, pause asked"] = commandCase{in(task.Running, held, pauseAsked), asked}
	check(t, task.ByCancel, tests, task.Task.Cancel)
}

func TestSkip(t *testing.T) {
	t.Parallel()
	skipped := func(e *task.Edit) { e.State, e.Failure = task.Skipped, nil }
	tests := refusals(task.Pending, task.Failed, task.RollbackFailed)
	tests["pending"] = commandCase{in(task.Pending, neverRan), skipped}
	tests["failed"] = commandCase{in(task.Failed, failure), skipped}
	tests["failed undo"] = commandCase{in(task.RollbackFailed, failure), skipped}
	check(t, task.BySkip, tests, task.Task.Skip)
}

func TestRollback(t *testing.T) {
	t.Parallel()
	undone := func(e *task.Edit) { e.State, e.PausedIndividually, e.Losses = task.RollingBack, false, 0 }
	tests := refusals(task.Completed, task.Failed, task.Paused, task.Canceled, task.RollbackFailed)
	for _, s := range []task.State{task.Completed, task.Failed, task.Canceled, task.RollbackFailed} {
		tests[s.String()+" that ran"] = commandCase{in(s, failure, losses(3)), undone}
		tests[s.String()+" that never ran"] = commandCase{task: in(s, neverRan)}
	}
	tests["paused alone"] = commandCase{in(task.Paused, pausedIndividually), undone}
	check(t, task.ByRollback, tests, task.Task.Rollback)
}
