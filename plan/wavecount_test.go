package plan_test

import (
	"testing"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/task"
)

// A wave's counters follow its tasks through every change of state.
func TestWaveCountersMove(t *testing.T) {
	t.Parallel()
	const n = task.State(task.NumStates)
	for from := range n {
		for to := range n {
			start := plan.WaveCounters{Failed: 2, Ended: 3, InFlight: 4, RollbackFailed: 5}
			want := start
			flying := map[task.State]int{task.Running: 1, task.RollingBack: 1}
			want.InFlight += flying[to] - flying[from]
			unfinished := map[task.State]int{task.RollbackFailed: 1}
			want.RollbackFailed += unfinished[to] - unfinished[from]
			if from.Ended() && !to.Ended() {
				want.Ended--
			}
			if !from.Ended() && to.Ended() {
				want.Ended++
			}
			if from == task.Failed && to != task.Failed {
				want.Failed--
			}
			if from != task.Failed && to == task.Failed {
				want.Failed++
			}
			got := start
			if got.Move(from, to); got != want {
				t.Errorf("%s to %s: %+v, want %+v", from, to, got, want)
			}
		}
	}
}

// The end of the open wave is the time of the step after which none of its tasks is left; what
// happens to it later, without beginning a task again, does not change it.
func TestTrackWaveEnd(t *testing.T) {
	t.Parallel()
	now := noon().Add(time.Minute)
	over := func(p plan.Plan) plan.Plan {
		ended(&p)
		return p
	}
	tests := map[string]struct {
		plan   plan.Plan
		before time.Time // WaveEndedAt
		want   time.Time
	}{
		"no wave is open":               {waved(0, 2, 4), noon(), time.Time{}},
		"tasks are left":                {waved(1, 2, 4), noon(), time.Time{}},
		"none is left now":              {over(waved(1, 2, 4)), time.Time{}, now},
		"none was left before":          {over(waved(1, 2, 4)), noon(), noon()},
		"without waves, tasks are left": {in(plan.Running, counts{task.Completed: 1, task.Paused: 1}), noon(), time.Time{}},
		"without waves, none is left":   {in(plan.Running, counts{task.Completed: 1, task.Failed: 1}), time.Time{}, now},
		"without waves, none was left":  {in(plan.Running, counts{task.Skipped: 2}), noon(), noon()},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := tt.plan
			p.WaveEndedAt = tt.before
			if p.TrackWaveEnd(now); !p.WaveEndedAt.Equal(tt.want) {
				t.Errorf("ended at %s, want %s", p.WaveEndedAt, tt.want)
			}
		})
	}
}
