//go:build crash

package crash

import (
	"slices"
	"testing"
	"time"

	"github.com/cutover-go/cutover/internal/crashtest"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/task"
)

// TestWavesSeeFaults checks that replayWaves reports what begins or opens too early, and nothing
// else.
func TestWavesSeeFaults(t *testing.T) {
	t.Parallel()
	c := crashtest.Commission{Name: "t", Tenants: 9, Concurrency: 4, Waves: true}
	p := plan.Plan{ID: 1, TaskCount: 9, Strategy: c.Spec().Strategy}
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
	second := append(slices.Clone(first), of(plan.ByBake, 1, crashtest.ShortWait), of(plan.ByWave, 2, crashtest.ShortWait))
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
		"not baked":           {append(slices.Clone(first), of(plan.ByWave, 2, crashtest.ShortWait)), 1},
		"baked too early":     {append(slices.Clone(first), of(plan.ByBake, 1, crashtest.ShortWait-1), of(plan.ByWave, 2, 0)), 1},
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
