//go:build crash

package crashtest

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
		entries []Entry
		want    Figures
	}{
		"a take-over": {
			entries: []Entry{
				{Kind: Started, Token: 1},
				{Kind: Effect, Token: 1, Step: 1},
				{Kind: Saved, Token: 1, Step: 1},
				{Kind: Effect, Token: 1, Step: 2},
				{Kind: Started, Token: 2, Step: 1},
				{Kind: Effect, Token: 2, Step: 2},
				{Kind: Saved, Token: 2, Step: 2},
				{Kind: Refused, Token: 1, Step: 2},
				{Kind: Done, Token: 2},
				{Kind: Ended, Token: 2, Note: "COMPLETED"},
			},
			want: Figures{doubles: 1, runs: 2},
		},
		"a stale save": {
			entries: []Entry{
				{Kind: Started, Token: 1},
				{Kind: Started, Token: 2},
				{Kind: Effect, Token: 1, Step: 1},
				{Kind: Saved, Token: 1, Step: 1},
			},
			want: Figures{stale: 1, runs: 2},
		},
		"a stale end": {
			entries: []Entry{
				{Kind: Started, Token: 1},
				{Kind: Started, Token: 2},
				{Kind: Done, Token: 1},
				{Kind: Ended, Token: 1, Note: "COMPLETED"},
			},
			want: Figures{stale: 1, runs: 2},
		},
		"a lost save": {
			entries: []Entry{
				{Kind: Started, Token: 1},
				{Kind: Effect, Token: 1, Step: 1},
				{Kind: Saved, Token: 1, Step: 1},
				{Kind: Started, Token: 2},
				{Kind: Effect, Token: 2, Step: 1},
			},
			want: Figures{Lost: 1, rerun: 1, doubles: 1, runs: 2},
		},
		"a lost end": {
			entries: []Entry{
				{Kind: Started, Token: 1},
				{Kind: Done, Token: 1},
				{Kind: Ended, Token: 1, Note: "COMPLETED"},
				{Kind: Started, Token: 2},
			},
			want: Figures{Lost: 1, runs: 2},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got Figures
			(&History{test.entries}).Count(&got)
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
