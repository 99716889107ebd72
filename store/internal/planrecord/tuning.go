package planrecord

import (
	"time"

	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/plan/strategy/window"
)

// tuning is the stored form of strategy.Tuning. What was not tuned is left out.
type tuning struct {
	MaxConcurrency string             `json:"maxConcurrency"`
	MaxFailures    string             `json:"maxFailures"`
	MaxSame        *int               `json:"maxSameFailures,omitempty"`
	FailureAction  string             `json:"failureAction,omitempty"`
	BakeTime       *int64             `json:"bakeTime,omitempty"`
	FirstBakeTime  *int64             `json:"firstBakeTime,omitempty"`
	FinalBakeTime  *int64             `json:"finalBakeTime,omitempty"`
	Windows        []window.Window    `json:"windows,omitzero"` // an empty list means always open
	Waves          map[int]waveTuning `json:"waves,omitempty"`
}

// waveTuning is the stored form of strategy.WaveTuning.
type waveTuning struct {
	MaxConcurrency string `json:"maxConcurrency"`
	MaxFailures    string `json:"maxFailures"`
	BakeTime       *int64 `json:"bakeTime,omitempty"`
	Approval       *bool  `json:"approval,omitempty"`
}

func tuningOf(t *strategy.Tuning) *tuning {
	if t.IsZero() {
		return nil
	}
	r := &tuning{
		MaxConcurrency: formatAmount(t.MaxConcurrency), MaxFailures: formatAmount(t.MaxFailures), MaxSame: t.MaxSameFailures,
		BakeTime: inMillis(t.BakeTime), FirstBakeTime: inMillis(t.FirstBakeTime), FinalBakeTime: inMillis(t.FinalBakeTime),
		Windows: t.Windows,
	}
	if t.FailureAction != nil {
		r.FailureAction = t.FailureAction.String()
	}
	for n, w := range t.Waves {
		if r.Waves == nil {
			r.Waves = make(map[int]waveTuning)
		}
		r.Waves[n] = waveTuning{formatAmount(w.MaxConcurrency), formatAmount(w.MaxFailures), inMillis(w.BakeTime), w.Approval}
	}
	return r
}

func (r *tuning) fill(t *strategy.Tuning) error {
	if err := parseAmounts(amountText{r.MaxConcurrency, &t.MaxConcurrency}, amountText{r.MaxFailures, &t.MaxFailures}); err != nil {
		return err
	}
	t.BakeTime, t.FirstBakeTime, t.FinalBakeTime = fromMillis(r.BakeTime), fromMillis(r.FirstBakeTime), fromMillis(r.FinalBakeTime)
	t.Windows, t.MaxSameFailures = r.Windows, r.MaxSame
	for n, w := range r.Waves {
		if t.Waves == nil {
			t.Waves = make(map[int]strategy.WaveTuning)
		}
		wave := strategy.WaveTuning{BakeTime: fromMillis(w.BakeTime), Approval: w.Approval}
		if err := parseAmounts(amountText{w.MaxConcurrency, &wave.MaxConcurrency}, amountText{w.MaxFailures, &wave.MaxFailures}); err != nil {
			return err
		}
		t.Waves[n] = wave
	}
	if r.FailureAction == "" {
		return nil
	}
	action, err := strategy.ParseAction(r.FailureAction)
	t.FailureAction = &action
	return err
}

// inMillis and fromMillis convert times that may be missing.
func inMillis(d *time.Duration) *int64 {
	if d == nil {
		return nil
	}
	n := d.Milliseconds()
	return &n
}

func fromMillis(n *int64) *time.Duration {
	if n == nil {
		return nil
	}
	d := millis(*n)
	return &d
}
