package strategy_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/cutover-go/cutover/plan/strategy"
)

func TestPreview(t *testing.T) {
	t.Parallel()
	s := strategy.Strategy{
		MaxConcurrency: strategy.Percent(10), MaxFailures: strategy.Percent(10), BakeTime: time.Hour, FinalBakeTime: time.Minute,
		Waves: []strategy.Wave{
			{Name: "canary", Canary: true},
			{Name: "half", MaxConcurrency: strategy.Percent(50), Approval: true, BakeTime: time.Second},
			{},
		},
	}
	got := s.Preview(5, 20, 75)
	want := []strategy.WavePreview{
		{Name: "canary", First: 1, Last: 5, Tasks: 5, MaxSlots: 1, MaxFailed: 10, Strict: true, BakeTime: time.Hour, WorstCase: 1},
		// 10% of 20 tasks are tolerated, and 10 more are in flight when the third of them fails.
		{Name: "half", First: 6, Last: 25, Tasks: 20, MaxSlots: 10, MaxFailed: 10, WaveMaxFailed: 2, BakeTime: time.Second, Approval: true, WorstCase: 12},
		// 2 failed in the wave before. The wave tolerates 7, which leaves the plan below its 10.
		{First: 26, Last: 100, Tasks: 75, MaxSlots: 7, MaxFailed: 10, WaveMaxFailed: 7, BakeTime: time.Minute, WorstCase: 16},
	}
	if len(got) != len(want) {
		t.Fatalf("%+v", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("wave %d\n%+v, want\n%+v", i+1, got[i], want[i])
		}
	}
}

// The scenario's words about 10% of 25 and of 3 tenants hold for plans and for waves: concurrency
// and sizes round down, but to 1 at least, and a tolerance to 0.
func TestRoundingOfWaves(t *testing.T) {
	t.Parallel()
	ten := strategy.Percent(10)
	tests := []struct {
		plan, wave  strategy.Amount // of concurrency, and of failures
		sizes       []int
		slots, fail []int // of each wave
	}{
		{ten, strategy.Amount{}, []int{25}, []int{2}, []int{2}},
		{ten, strategy.Amount{}, []int{3}, []int{1}, []int{0}},
		{ten, strategy.Amount{}, []int{25, 3}, []int{2, 1}, []int{2, 0}},
		{strategy.Percent(100), ten, []int{25, 3}, []int{2, 1}, []int{2, 0}},
		{strategy.Count(2), strategy.Count(30), []int{25, 3}, []int{2, 2}, []int{25, 3}},
		{strategy.Count(5), strategy.Amount{}, []int{25, 3}, []int{5, 3}, []int{5, 3}},
		{strategy.Amount{}, ten, []int{25, 3}, []int{1, 1}, []int{2, 0}},
		{strategy.Percent(100), strategy.Count(0), []int{25, 3}, []int{1, 1}, []int{0, 0}},
		{strategy.Percent(34), strategy.Percent(33), []int{3, 4}, []int{1, 1}, []int{0, 1}},
	}
	for _, tt := range tests {
		s := strategy.Strategy{MaxConcurrency: tt.plan, MaxFailures: tt.plan}
		for range tt.sizes {
			s.Waves = append(s.Waves, strategy.Wave{MaxConcurrency: tt.wave, MaxFailures: tt.wave})
		}
		for i, w := range s.Preview(tt.sizes...) {
			if w.MaxSlots != tt.slots[i] || w.WaveMaxFailed != tt.fail[i] {
				t.Errorf("plan %s, waves %s of %d: wave %d has %d slots and tolerates %d, want %d and %d",
					tt.plan, tt.wave, tt.sizes, i+1, w.MaxSlots, w.WaveMaxFailed, tt.slots[i], tt.fail[i])
			}
		}
	}
}

// A plan in which people do not interfere, and whose tasks fail as they like, never has more
// failures than the preview says for the wave that it has come to; and some history has as many.
func TestPreviewKnowsTheWorstCase(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := drawStrategy(t)
		sizes := rapid.SliceOfN(rapid.IntRange(1, 3), 1, 2).Draw(t, "sizes")
		for range sizes {
			s.Waves = append(s.Waves, drawWave(t))
		}
		for i, w := range s.Preview(sizes...) {
			worst := 0
			everyHistory(func(choose func() bool) { worst = max(worst, rollOut(&s, sizes, i+1, choose)) })
			if worst != w.WorstCase {
				t.Fatalf("%d fail in the worst of all histories, up to %+v", worst, w)
			}
		}
	})
}

// everyHistory calls f with every sequence of choices that f makes.
func everyHistory(f func(choose func() bool)) {
	var made []bool
	for {
		at := 0
		f(func() bool {
			if at == len(made) {
				made = append(made, true)
			}
			at++
			return made[at-1]
		})
		made = made[:at]
		for len(made) > 0 && !made[len(made)-1] {
			made = made[:len(made)-1]
		}
		if len(made) == 0 {
			return
		}
		made[len(made)-1] = false
	}
}

func drawWave(t *rapid.T) (w strategy.Wave) {
	if w.Canary = rapid.IntRange(0, 3).Draw(t, "canary") == 0; !w.Canary {
		w.MaxFailures = rapid.SampledFrom([]strategy.Amount{{}, strategy.Count(0), strategy.Count(2), strategy.Percent(50)}).Draw(t, "wave failures")
	}
	w.MaxConcurrency = rapid.SampledFrom([]strategy.Amount{{}, strategy.Count(1), strategy.Count(2), strategy.Percent(50)}).Draw(t, "wave concurrency")
	return w
}

// rollOut begins and ends the tasks of the first waves of a plan, as the caller chooses, until none
// can begin any more, and returns how many failed.
func rollOut(s *strategy.Strategy, sizes []int, waves int, choose func() bool) (failed int) {
	r := strategy.Rollout{Waves: make([]strategy.Tally, len(sizes)), Now: noon()}
	for i, n := range sizes {
		r.Waves[i].Tasks = n
	}
	for wave := range waves {
		r.Open = wave + 1
		own, pending, inFlight := &r.Waves[wave], sizes[wave], 0
		for pending > 0 || inFlight > 0 {
			d := s.Decide(r)
			begins := pending > 0 && !d.Breach && inFlight < d.MaxSlots &&
				d.Admits(failed, d.MaxFailed, inFlight) && d.Admits(own.Failed, s.Tolerated(wave+1, *own), inFlight)
			switch {
			case begins && (inFlight == 0 || choose()):
				pending--
				inFlight++
				continue
			case inFlight == 0:
				return failed // nothing begins any more
			}
			inFlight--
			if choose() {
				failed++
				own.Failed++
			}
		}
		if s.Decide(r).Breach {
			return failed
		}
	}
	return failed
}
