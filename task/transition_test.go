package task_test

import (
	"testing"

	"github.com/cutover-go/cutover/task"
)

// rule is one row of the intended state machine.
type rule struct {
	from  task.State
	cause task.Cause
}

// machine is the state machine written out a second time. Every pair of state and cause that is not
// in it leads nowhere.
func machine() map[rule]task.State {
	return map[rule]task.State{
		{task.Pending, task.ByClaim}:  task.Running,
		{task.Pending, task.BySkip}:   task.Skipped,
		{task.Pending, task.ByCancel}: task.Canceled,

		{task.Running, task.BySuccess}: task.Completed,
		{task.Running, task.ByFailure}: task.Failed,
		{task.Running, task.ByPause}:   task.Paused,
		{task.Running, task.ByCancel}:  task.Canceled,

		{task.Paused, task.ByResume}:   task.Running,
		{task.Paused, task.ByRetry}:    task.Running,
		{task.Paused, task.ByCancel}:   task.Canceled,
		{task.Paused, task.ByRollback}: task.RollingBack,

		{task.Failed, task.ByRetry}:    task.Running,
		{task.Failed, task.BySkip}:     task.Skipped,
		{task.Failed, task.ByCancel}:   task.Canceled,
		{task.Failed, task.ByRollback}: task.RollingBack,

		{task.Completed, task.ByRollback}: task.RollingBack,
		{task.Canceled, task.ByRollback}:  task.RollingBack,

		{task.RollingBack, task.ByUndo}:        task.RolledBack,
		{task.RollingBack, task.ByUndoFailure}: task.RollbackFailed,

		{task.RollbackFailed, task.ByRollback}: task.RollingBack,
		{task.RollbackFailed, task.BySkip}:     task.Skipped,
	}
}

func TestNext(t *testing.T) {
	t.Parallel()
	want := machine()
	for _, from := range states() {
		for _, cause := range causes() {
			to, ok := from.Next(cause)
			wantTo, wantOK := want[rule{from, cause}]
			if !wantOK {
				wantTo = from
			}
			if to != wantTo || ok != wantOK {
				t.Errorf("%s by %s leads to %s, %t, want %s, %t", from, cause, to, ok, wantTo, wantOK)
			}
		}
	}
}

func TestTransitionsListsTheMachine(t *testing.T) {
	t.Parallel()
	want := machine()
	rows := task.Transitions()
	if len(rows) != len(want) {
		t.Errorf("%d rows, want %d", len(rows), len(want))
	}
	for _, row := range rows {
		if to, ok := want[rule{row.From, row.Cause}]; !ok || to != row.To {
			t.Errorf("%s by %s to %s is no row", row.From, row.Cause, row.To)
		}
	}
	rows[0] = task.Transition{}
	if task.Transitions()[0] == rows[0] {
		t.Error("a caller can change the machine")
	}
}

// Skipped and rolled back are final; every other state has a transition to another.
func TestDeadEnds(t *testing.T) {
	t.Parallel()
	ways := map[task.State]int{}
	for _, row := range task.Transitions() {
		ways[row.From]++
	}
	for _, s := range states() {
		dead := s == task.Skipped || s == task.RolledBack
		if (ways[s] == 0) != dead {
			t.Errorf("%s has %d ways on", s, ways[s])
		}
	}
}
