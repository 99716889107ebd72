//go:build crash

package crash

import (
	"slices"
	"testing"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/task"
)

// TestFiguresSeeFaults checks that history.count counts stale writes, lost writes and repeated
// effects, and that a clean take-over counts only as a repeated effect.
func TestFiguresSeeFaults(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		entries []entry
		want    figures
	}{
		"a take-over": {
			entries: []entry{
				{Kind: started, Token: 1},
				{Kind: effect, Token: 1, Step: 1},
				{Kind: saved, Token: 1, Step: 1},
				{Kind: effect, Token: 1, Step: 2},
				{Kind: started, Token: 2, Step: 1},
				{Kind: effect, Token: 2, Step: 2},
				{Kind: saved, Token: 2, Step: 2},
				{Kind: refused, Token: 1, Step: 2},
				{Kind: done, Token: 2},
				{Kind: ended, Token: 2, Note: "COMPLETED"},
			},
			want: figures{doubles: 1, runs: 2},
		},
		"a stale save": {
			entries: []entry{
				{Kind: started, Token: 1},
				{Kind: started, Token: 2},
				{Kind: effect, Token: 1, Step: 1},
				{Kind: saved, Token: 1, Step: 1},
			},
			want: figures{stale: 1, runs: 2},
		},
		"a stale end": {
			entries: []entry{
				{Kind: started, Token: 1},
				{Kind: started, Token: 2},
				{Kind: done, Token: 1},
				{Kind: ended, Token: 1, Note: "COMPLETED"},
			},
			want: figures{stale: 1, runs: 2},
		},
		"a lost save": {
			entries: []entry{
				{Kind: started, Token: 1},
				{Kind: effect, Token: 1, Step: 1},
				{Kind: saved, Token: 1, Step: 1},
				{Kind: started, Token: 2},
				{Kind: effect, Token: 2, Step: 1},
			},
			want: figures{lost: 1, rerun: 1, doubles: 1, runs: 2},
		},
		"a lost end": {
			entries: []entry{
				{Kind: started, Token: 1},
				{Kind: done, Token: 1},
				{Kind: ended, Token: 1, Note: "COMPLETED"},
				{Kind: started, Token: 2},
			},
			want: figures{lost: 1, runs: 2},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got figures
			(&history{test.entries}).count(&got)
			if got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

// TestUndosSeeFaults checks that replayUndos reports the undos that begin too early, and no others.
func TestUndosSeeFaults(t *testing.T) {
	t.Parallel()
	const (
		first  = task.ID(1_000_001)
		second = task.ID(1_000_002)
	)
	at := func(id task.ID, from, to task.State) plan.Event {
		return plan.Event{Plan: 1, Task: id, From: from.String(), To: to.String()}
	}
	begun := plan.Event{Plan: 1, From: plan.Completed.String(), To: plan.RollingBack.String()}
	undo := func(id task.ID) plan.Event { return at(id, task.Completed, task.RollingBack) }
	done := []plan.Event{
		at(second, task.Pending, task.Running), at(second, task.Running, task.Completed),
		at(first, task.Pending, task.Running), at(first, task.Running, task.Completed), begun,
	}
	tests := map[string]struct {
		events []plan.Event
		faults int
	}{
		"in turn":     {[]plan.Event{undo(first), at(first, task.RollingBack, task.RolledBack), undo(second)}, 0},
		"out of turn": {[]plan.Event{undo(second)}, 1},
		"at once":     {[]plan.Event{undo(first), undo(second)}, 1},
		"after a failure": {
			[]plan.Event{undo(first), at(first, task.RollingBack, task.RollbackFailed), undo(second)}, 0,
		},
		"after the failure of the round before": {
			[]plan.Event{undo(first), at(first, task.RollingBack, task.RollbackFailed), begun, undo(second)}, 1,
		},
		"while a task runs": {[]plan.Event{at(second, task.Completed, task.Running), undo(first)}, 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := replayUndos(slices.Concat(done, test.events), true).faults; len(got) != test.faults {
				t.Errorf("%d faults, want %d: %v", len(got), test.faults, got)
			}
		})
	}
}
