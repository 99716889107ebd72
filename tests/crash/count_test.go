//go:build crash

package crash

import (
	"slices"
	"testing"
	"time"

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

// TestWavesSeeFaults checks that replayWaves reports what begins or opens too early, and nothing
// else.
func TestWavesSeeFaults(t *testing.T) {
	t.Parallel()
	c := commission{Name: "t", Tenants: 9, Concurrency: 4, Waves: true}
	p := plan.Plan{ID: 1, TaskCount: 9, Strategy: c.spec().Strategy}
	for _, last := range []int{2, 5, 7, 9} {
		p.Waves = append(p.Waves, plan.Wave{Last: last})
	}
	at := time.Unix(1e9, 0)
	of := func(cause plan.Cause, wave int, after time.Duration) plan.Event {
		return plan.Event{Plan: 1, Cause: cause.String(), Wave: wave, At: at.Add(after)}
	}
	work := func(ordinal int, to task.State) plan.Event {
		e := plan.Event{Plan: 1, Task: task.NewID(1, ordinal), To: to.String(), At: at}
		if to == task.Running {
			e.Cause = task.ByClaim.String()
		}
		return e
	}
	begin := func(ordinal int) plan.Event { return work(ordinal, task.Running) }
	end := func(ordinal int) plan.Event { return work(ordinal, task.Completed) }
	first := []plan.Event{of(plan.ByWave, 1, 0), begin(1), end(1), begin(2), end(2)}
	second := append(slices.Clone(first), of(plan.ByBake, 1, shortWait), of(plan.ByWave, 2, shortWait))
	third := append(slices.Clone(second), end(3), end(4), end(5))
	for name, tt := range map[string]struct {
		events []plan.Event
		faults int
	}{
		"in turn":             {append(slices.Clone(third), of(plan.ByApprove, 3, 0), of(plan.ByWave, 3, 0), begin(6)), 0},
		"not approved of":     {append(slices.Clone(third), of(plan.ByWave, 3, 0)), 1},
		"two canaries":        {[]plan.Event{of(plan.ByWave, 1, 0), begin(1), begin(2)}, 1},
		"another wave":        {append(slices.Clone(first), begin(3)), 1},
		"a wave is left out":  {append(slices.Clone(second), end(3), end(4), end(5), of(plan.ByWave, 4, 0)), 1},
		"tasks are left":      {append(slices.Clone(second), of(plan.ByApprove, 3, 0), of(plan.ByWave, 3, 0)), 1},
		"not baked":           {append(slices.Clone(first), of(plan.ByWave, 2, shortWait)), 1},
		"baked too early":     {append(slices.Clone(first), of(plan.ByBake, 1, shortWait-1), of(plan.ByWave, 2, 0)), 1},
		"above the slots":     {append(slices.Clone(second), begin(3), begin(4)), 1},
		"above the tolerance": {append(slices.Clone(second), work(3, task.Failed), work(4, task.Failed), begin(5)), 1},
		"within it":           {append(slices.Clone(second), work(3, task.Failed), begin(4)), 0},
	} {
		r, err := replayWaves(p, tt.events)
		if err != nil || len(r.faults) != tt.faults {
			t.Errorf("%s: %d faults, want %d: %v, %v", name, len(r.faults), tt.faults, r.faults, err)
		}
	}
}

// TestWaveUndosSeeFaults checks that replayWaveUndo reports what is undone too early, twice, or
// outside of the wave, and nothing else.
func TestWaveUndosSeeFaults(t *testing.T) {
	t.Parallel()
	at := func(ordinal int, from, to task.State) plan.Event {
		return plan.Event{Plan: 1, Task: task.NewID(1, ordinal), From: from.String(), To: to.String()}
	}
	undo := func(ordinal int) plan.Event { return at(ordinal, task.Completed, task.RollingBack) }
	over := plan.Event{Plan: 1, Wave: undoneWave, Cause: plan.ByUndo.String()}
	failed := at(3, task.RollingBack, task.RollbackFailed)
	for name, tt := range map[string]struct {
		events []plan.Event
		faults int
	}{
		"in order":              {[]plan.Event{undo(5), undo(4), undo(3), over}, 0},
		"beside another wave":   {[]plan.Event{at(6, task.Pending, task.Running), undo(4), undo(3), over}, 0},
		"another wave":          {[]plan.Event{undo(4), undo(3), undo(2), over}, 1},
		"while it runs":         {[]plan.Event{at(5, task.Pending, task.Running), undo(4), at(5, task.Running, task.Canceled), undo(3), undo(5), over}, 1},
		"twice":                 {[]plan.Event{undo(4), undo(3), failed, at(3, task.RollbackFailed, task.RollingBack), over}, 1},
		"without an end":        {[]plan.Event{undo(4), undo(3)}, 1},
		"with two ends":         {[]plan.Event{undo(4), undo(3), over, over}, 1},
		"of one task, of three": {[]plan.Event{undo(4), over}, 1},
	} {
		if got := replayWaveUndo(tt.events); len(got) != tt.faults {
			t.Errorf("%s: %d faults, want %d: %v", name, len(got), tt.faults, got)
		}
	}
}
