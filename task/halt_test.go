package task_test

import (
	"reflect"
	"testing"

	"github.com/cutover-go/cutover/task"
)

func TestHalt(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		task  task.Task
		plan  task.Stop
		cause task.Cause
		to    task.State
		alone bool
	}{
		"plan paused":                 {in(task.Running), task.StopPause, task.ByPause, task.Paused, false},
		"plan cancelled":              {in(task.Running), task.StopCancel, task.ByCancel, task.Canceled, false},
		"pause asked":                 {in(task.Running, pauseAsked), task.Go, task.ByPause, task.Paused, true},
		"exempt, plan cancelled":      {in(task.Running, exempt), task.StopCancel, task.ByCancel, task.Canceled, false},
		"to start, plan paused":       {in(task.Running, toStart), task.StopPause, task.ByPause, task.Paused, false},
		"cancel asked":                {in(task.Running, cancelAsked), task.Go, task.ByCancel, task.Canceled, false},
		"pause asked, plan paused":    {in(task.Running, pauseAsked), task.StopPause, task.ByPause, task.Paused, true},
		"pause asked, plan cancelled": {in(task.Running, pauseAsked), task.StopCancel, task.ByCancel, task.Canceled, false},
		"cancel asked, plan paused":   {in(task.Running, cancelAsked), task.StopPause, task.ByCancel, task.Canceled, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := tt.task.Halt(tt.plan)
			w := want(tt.task, tt.cause, func(e *task.Edit) {
				e.State, e.PausedIndividually, e.Request = tt.to, tt.alone, task.NoRequest
			})
			if err != nil || !reflect.DeepEqual(got, w) {
				t.Errorf("Halt = %+v, %v\nwant %+v", got, err, w)
			}
		})
	}
}

func TestHaltRefuses(t *testing.T) {
	t.Parallel()
	_, err := in(task.Running).Halt(task.Go)
	refused(t, in(task.Running), task.ByPause, err)
	_, err = in(task.Running, exempt).Halt(task.StopPause)
	refused(t, in(task.Running, exempt), task.ByPause, err)
	// A worker itself ends its task, after its executor has returned. Until then no other worker
	// may begin.
	_, err = in(task.Running, held).Halt(task.StopPause)
	refused(t, in(task.Running), task.ByPause, err)
	_, err = in(task.Running, held, pauseAsked).Halt(task.StopCancel)
	refused(t, in(task.Running), task.ByCancel, err)

	for _, s := range states() {
		if s == task.Running {
			continue
		}
		_, err := in(s).Halt(task.StopPause)
		refused(t, in(s), task.ByPause, err)
		_, err = in(s).Halt(task.StopCancel)
		refused(t, in(s), task.ByCancel, err)
	}
}
