package plan_test

import (
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/plan/strategy/window"
)

// drawWorld returns a plan of up to that many tasks, often with waves.
func drawWorld(t *rapid.T, most int) *world {
	s, tasks := drawStrategy(t), rapid.IntRange(1, most).Draw(t, "tasks")
	s.Windows = drawWindows(t)
	bake := rapid.SampledFrom([]time.Duration{0, 0, time.Second, 2 * time.Hour})
	s.BakeTime, s.FirstBakeTime, s.FinalBakeTime = bake.Draw(t, "bake"), bake.Draw(t, "first bake"), bake.Draw(t, "final bake")
	if rapid.IntRange(0, 2).Draw(t, "waves") == 0 {
		return newWorld(t, tasks, s)
	}
	lasts := rapid.SliceOfNDistinct(rapid.IntRange(1, tasks), 0, 3, rapid.ID).Draw(t, "lasts")
	if !slices.Contains(lasts, tasks) {
		lasts = append(lasts, tasks)
	}
	slices.Sort(lasts)
	for range lasts {
		s.Waves = append(s.Waves, drawWave(t))
	}
	if rapid.IntRange(0, 2).Draw(t, "undoes waves") == 0 {
		s.FailureAction = strategy.RollbackWave
	}
	return newWorld(t, tasks, s, lasts...)
}

func drawStrategy(t *rapid.T) strategy.Strategy {
	return strategy.Strategy{
		MaxConcurrency:  strategy.Count(rapid.IntRange(0, 6).Draw(t, "concurrency")),
		MaxFailures:     strategy.Count(rapid.SampledFrom([]int{0, 0, 1, 2, 6}).Draw(t, "tolerance")),
		MaxSameFailures: rapid.SampledFrom([]int{0, 0, 1, 2}).Draw(t, "same failures"),
		FailureAction:   drawAction(t),
		ConcurrencyMode: rapid.SampledFrom([]strategy.ConcurrencyMode{strategy.Soft, strategy.Strict}).Draw(t, "mode"),
	}
}

func drawAction(t *rapid.T) strategy.Action {
	return rapid.SampledFrom([]strategy.Action{strategy.Stop, strategy.Pause, strategy.RollbackPlan}).Draw(t, "action")
}

// drawAmount returns an amount, or none.
func drawAmount(t *rapid.T, of string) strategy.Amount {
	return rapid.SampledFrom([]strategy.Amount{
		{}, {}, strategy.Count(0), strategy.Count(1), strategy.Count(3), strategy.Percent(34), strategy.Percent(100),
	}).Draw(t, of)
}

func drawWave(t *rapid.T) strategy.Wave {
	w := strategy.Wave{
		MaxConcurrency: drawAmount(t, "wave concurrency"),
		Canary:         rapid.IntRange(0, 3).Draw(t, "canary") == 0,
		BakeTime:       rapid.SampledFrom([]time.Duration{0, 0, 0, 3 * time.Second, time.Hour}).Draw(t, "wave bake"),
		Approval:       rapid.IntRange(0, 3).Draw(t, "approval") == 0,
	}
	if !w.Canary {
		w.MaxFailures = drawAmount(t, "wave tolerance")
	}
	return w
}

// drawWindows returns no windows, or some that open every day or, because of a change of the
// clocks, on other times of some days. The history begins shortly before one.
func drawWindows(t *rapid.T) []window.Window {
	at := func(hour int) window.TimeOfDay { return window.TimeOfDay{Hour: hour} }
	return rapid.SampledFrom([][]window.Window{
		nil, nil, nil,
		{{Kind: window.Allow, Zone: "UTC", From: at(13), To: at(14)}},
		{{Kind: window.Deny, Zone: "Europe/Berlin", Days: window.On(time.Sunday)}},
		{{Kind: window.Allow, Zone: "America/New_York", From: at(1), To: at(3)}, {Kind: window.Deny, Zone: "UTC", From: at(6), To: at(7)}},
	}).Draw(t, "windows")
}

// drawTuning returns a change of some fields, for a plan with that many waves.
func drawTuning(t *rapid.T, waves int) strategy.Tuning {
	tuning := strategy.Tuning{MaxConcurrency: drawAmount(t, "tuned concurrency"), MaxFailures: drawAmount(t, "tuned tolerance")}
	if rapid.IntRange(0, 3).Draw(t, "tunes same failures") == 0 {
		same := rapid.IntRange(0, 2).Draw(t, "tuned same failures")
		tuning.MaxSameFailures = &same
	}
	if rapid.IntRange(0, 3).Draw(t, "tunes times") == 0 {
		bake, action := rapid.SampledFrom([]time.Duration{0, time.Minute, time.Hour}).Draw(t, "tuned bake"), drawAction(t)
		tuning.BakeTime, tuning.FailureAction = &bake, &action
		if tuning.Windows = drawWindows(t); tuning.Windows == nil && rapid.Bool().Draw(t, "always open") {
			tuning.Windows = []window.Window{}
		}
	}
	if tuning.FailureAction != nil && waves > 0 && rapid.IntRange(0, 2).Draw(t, "tunes to undo waves") == 0 {
		*tuning.FailureAction = strategy.RollbackWave
	}
	if waves > 0 && rapid.Bool().Draw(t, "tunes a wave") {
		w := strategy.WaveTuning{MaxConcurrency: drawAmount(t, "tuned wave concurrency"), MaxFailures: drawAmount(t, "tuned wave tolerance")}
		if rapid.Bool().Draw(t, "tunes the gates") {
			bake, approval := rapid.SampledFrom([]time.Duration{0, time.Minute}).Draw(t, "tuned wave bake"), rapid.Bool().Draw(t, "tuned approval")
			w.BakeTime, w.Approval = &bake, &approval
		}
		tuning.Waves = map[int]strategy.WaveTuning{rapid.IntRange(1, waves).Draw(t, "tuned wave"): w}
	}
	return tuning
}

// hours are times that pass between two steps.
func hours() []time.Duration {
	return []time.Duration{time.Second, time.Minute, 59 * time.Minute, time.Hour, 2 * time.Hour, 11 * time.Hour, 26 * time.Hour}
}
