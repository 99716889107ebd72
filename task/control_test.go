package task_test

import (
	"errors"
	"maps"
	"testing"

	"github.com/cutover-go/cutover/task"
)

func TestStopForTakesTheStronger(t *testing.T) {
	t.Parallel()
	tests := map[task.Request]map[task.Stop]task.Stop{
		task.NoRequest: {
			task.Go: task.Go, task.StopPause: task.StopPause, task.StopCancel: task.StopCancel,
		},
		task.PauseRequest: {
			task.Go: task.StopPause, task.StopPause: task.StopPause, task.StopCancel: task.StopCancel,
		},
		task.CancelRequest: {
			task.Go: task.StopCancel, task.StopPause: task.StopCancel, task.StopCancel: task.StopCancel,
		},
		task.ExemptRequest: {
			task.Go: task.Go, task.StopPause: task.Go, task.StopCancel: task.StopCancel,
		},
		task.StartRequest: {
			task.Go: task.Go, task.StopPause: task.StopPause, task.StopCancel: task.StopCancel,
		},
	}
	for request, byPlan := range tests {
		for plan, want := range byPlan {
			c := task.Control{State: task.Running, Request: request}
			if got := c.StopFor(plan); got != want {
				t.Errorf("request %s under a plan's %s is %s, want %s", request, plan, got, want)
			}
		}
	}
}

func TestUndoable(t *testing.T) {
	t.Parallel()
	ran := map[task.State]bool{
		task.Completed: true, task.Failed: true, task.Paused: true, task.Canceled: true, task.RollbackFailed: true,
	}
	for _, s := range states() {
		if got := in(s).Undoable(); got != ran[s] {
			t.Errorf("%s that ran: undoable %t", s, got)
		}
		if in(s, neverRan).Undoable() {
			t.Errorf("%s that never ran is undoable", s)
		}
		// A plan's rollback undoes exactly what a rollback of the task would.
		if _, err := in(s).Rollback(); (err == nil) != in(s).Undoable() {
			t.Errorf("%s: undoable %t, but Rollback answers %v", s, in(s).Undoable(), err)
		}
	}
}

func TestMerge(t *testing.T) {
	t.Parallel()
	type m = map[string]string
	tests := map[string]struct{ base, over, want m }{
		"nothing":       {nil, nil, nil},
		"base only":     {m{"a": "1"}, nil, m{"a": "1"}},
		"over only":     {nil, m{"a": "1"}, m{"a": "1"}},
		"both":          {m{"a": "1", "b": "2"}, m{"b": "3", "c": "4"}, m{"a": "1", "b": "3", "c": "4"}},
		"empty value":   {m{"a": "1"}, m{"a": ""}, m{"a": ""}},
		"empty is none": {m{"a": "1"}, m{}, m{"a": "1"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			base, over := maps.Clone(tt.base), maps.Clone(tt.over)
			if got := task.Merge(tt.base, tt.over); !maps.Equal(got, tt.want) {
				t.Errorf("Merge = %v, want %v", got, tt.want)
			}
			if !maps.Equal(tt.base, base) || !maps.Equal(tt.over, over) {
				t.Errorf("Merge changed its arguments to %v and %v", tt.base, tt.over)
			}
		})
	}
}

func TestIllegalErrorText(t *testing.T) {
	t.Parallel()
	_, err := in(task.Completed, neverRan).Rollback()
	if got, want := err.Error(), "task 7000003: rollback does not apply in state COMPLETED: it never ran"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	_, err = in(task.Skipped).Skip()
	if got, want := err.Error(), "task 7000003: skip does not apply in state SKIPPED"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if errors.Is(err, errors.ErrUnsupported) {
		t.Error("it matches any error")
	}
}
