package storetest

import (
	"time"

	"pgregory.net/rapid"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/plan/strategy/window"
)

// drawStrategy returns a strategy for a plan of n tasks, and the plan's waves.
func drawStrategy(rt *rapid.T, n int) (strategy.Strategy, []plan.Wave) {
	s := strategy.Strategy{
		MaxConcurrency:  strategy.Count(rapid.IntRange(1, 4).Draw(rt, "concurrency")),
		MaxFailures:     strategy.Count(rapid.IntRange(0, 3).Draw(rt, "failures")),
		MaxSameFailures: rapid.SampledFrom([]int{0, 0, 1, 2}).Draw(rt, "same failures"),
		FailureAction:   rapid.SampledFrom([]strategy.Action{strategy.Stop, strategy.Pause, strategy.RollbackPlan}).Draw(rt, "action"),
		ConcurrencyMode: rapid.SampledFrom([]strategy.ConcurrencyMode{strategy.Soft, strategy.Strict}).Draw(rt, "mode"),
	}
	waves := drawWaves(rt, &s, n)
	if len(waves) > 0 && rapid.IntRange(0, 2).Draw(rt, "undoes waves") == 0 {
		s.FailureAction = strategy.RollbackWave
	}
	return s, waves
}

// drawWaves gives most plans of several tasks up to four waves, and some plans bakes and windows.
// The short bakes end during the run; no window opens or closes.
func drawWaves(rt *rapid.T, s *strategy.Strategy, n int) (waves []plan.Wave) {
	s.BakeTime, s.FinalBakeTime = drawBake(rt, "bake"), drawBake(rt, "final bake")
	if rapid.IntRange(0, 9).Draw(rt, "windows") == 0 {
		s.Windows = closed()
	}
	if n == 1 || rapid.IntRange(0, 3).Draw(rt, "waves") == 0 {
		return nil
	}
	for last := 0; last < n; {
		last += rapid.IntRange(1, 2).Draw(rt, "size")
		if last = min(last, n); len(waves) == 3 {
			last = n
		}
		waves = append(waves, plan.Wave{Last: last})
		s.Waves = append(s.Waves, strategy.Wave{
			MaxConcurrency: rapid.SampledFrom([]strategy.Amount{{}, {}, strategy.Count(2)}).Draw(rt, "concurrency of the wave"),
			MaxFailures:    rapid.SampledFrom([]strategy.Amount{{}, strategy.Count(0), strategy.Count(1)}).Draw(rt, "failures of the wave"),
			Canary:         rapid.IntRange(0, 7).Draw(rt, "canary") == 0,
			BakeTime:       drawBake(rt, "bake of the wave"),
			Approval:       rapid.IntRange(0, 5).Draw(rt, "approval") == 0,
		})
	}
	return waves
}

// drawBake returns a time that the store's clock passes during the run, or none, or one that only a
// tuning ends.
func drawBake(rt *rapid.T, what string) time.Duration {
	return rapid.SampledFrom([]time.Duration{0, 0, 0, 0, 0, time.Millisecond, 2 * time.Millisecond, time.Hour}).Draw(rt, what)
}

// closed are windows that do not open before a day that is far away.
func closed() []window.Window {
	far := window.OnDate(time.Now().UTC().Year()+3, time.May, 1)
	return []window.Window{{Kind: window.Allow, Zone: "UTC", Dates: []window.DateRange{far}}}
}

// drawTuning tunes the plan, or the wave n if that is not 0.
func drawTuning(rt *rapid.T, n int) strategy.Tuning {
	amount, bake := strategy.Count(rapid.IntRange(0, 3).Draw(rt, "amount")), drawBake(rt, "bake")
	approval := rapid.Bool().Draw(rt, "approval")
	tunings := []strategy.Tuning{
		{MaxFailures: amount},
		{MaxSameFailures: &amount.N},
		{MaxConcurrency: amount},
		{BakeTime: &bake},
		{FinalBakeTime: &bake},
		{Windows: []window.Window{}},
		{Windows: []window.Window{}},
		{Windows: closed()},
	}
	if n > 0 {
		waves := []strategy.WaveTuning{{MaxFailures: amount}, {MaxConcurrency: amount}, {BakeTime: &bake}, {Approval: &approval}}
		w := rapid.SampledFrom(waves).Draw(rt, "tuning of the wave")
		return strategy.Tuning{Waves: map[int]strategy.WaveTuning{n: w}}
	}
	return rapid.SampledFrom(tunings).Draw(rt, "tuning")
}
