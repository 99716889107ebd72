package planrecord

import (
	"cmp"
	"time"

	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/plan/strategy/window"
)

// strategyRecord is the stored form of a strategy. All times are in milliseconds.
type strategyRecord struct {
	MaxConcurrency   string          `json:"maxConcurrency"`
	MaxFailures      string          `json:"maxFailures"`
	MaxSameFailures  int             `json:"maxSameFailures,omitempty"`
	FailureAction    string          `json:"failureAction"`
	Mode             string          `json:"concurrencyMode"`
	Attempts         int             `json:"attempts"`
	FirstWait        int64           `json:"firstWait"`
	MaxWait          int64           `json:"maxWait"`
	MinSuccessTime   int64           `json:"minSuccessTime"`
	TaskTimeout      int64           `json:"taskTimeout"`
	ProgressDeadline int64           `json:"progressDeadline"`
	BakeTime         int64           `json:"bakeTime"`
	FirstBakeTime    int64           `json:"firstBakeTime"`
	FinalBakeTime    int64           `json:"finalBakeTime"`
	Windows          []window.Window `json:"windows,omitempty"`
	Waves            []waveRecord    `json:"waves,omitempty"`
	Conflict         string          `json:"conflict,omitempty"` // empty: Reject
	Quotas           []quotaRecord   `json:"quotas,omitempty"`
}

// quotaRecord is the stored form of a quota.
type quotaRecord struct {
	Label string `json:"label"`
	Max   int    `json:"max"`
}

// waveRecord is the stored form of the rules of a wave.
type waveRecord struct {
	Name           string `json:"name,omitempty"`
	MaxConcurrency string `json:"maxConcurrency"`
	MaxFailures    string `json:"maxFailures"`
	Canary         bool   `json:"canary,omitempty"`
	BakeTime       int64  `json:"bakeTime,omitempty"`
	Approval       bool   `json:"approval,omitempty"`
}

func strategyOf(s *strategy.Strategy) strategyRecord {
	r := strategyRecord{
		MaxConcurrency: formatAmount(s.MaxConcurrency), MaxFailures: formatAmount(s.MaxFailures), MaxSameFailures: s.MaxSameFailures,
		FailureAction: s.FailureAction.String(), Mode: s.ConcurrencyMode.String(),
		Attempts: s.Retry.Attempts, FirstWait: s.Retry.First.Milliseconds(), MaxWait: s.Retry.Max.Milliseconds(),
		MinSuccessTime: s.MinSuccessTime.Milliseconds(), TaskTimeout: s.TaskTimeout.Milliseconds(),
		ProgressDeadline: s.ProgressDeadline.Milliseconds(),
		BakeTime:         s.BakeTime.Milliseconds(), FirstBakeTime: s.FirstBakeTime.Milliseconds(), FinalBakeTime: s.FinalBakeTime.Milliseconds(),
		Windows: s.Windows,
	}
	if s.Conflict != strategy.Reject {
		r.Conflict = s.Conflict.String()
	}
	for _, q := range s.Quotas {
		r.Quotas = append(r.Quotas, quotaRecord(q))
	}
	for _, w := range s.Waves {
		r.Waves = append(r.Waves, waveRecord{
			Name: w.Name, MaxConcurrency: formatAmount(w.MaxConcurrency), MaxFailures: formatAmount(w.MaxFailures),
			Canary: w.Canary, BakeTime: w.BakeTime.Milliseconds(), Approval: w.Approval,
		})
	}
	return r
}

func (r *strategyRecord) fill(s *strategy.Strategy) (err error) {
	if err := parseAmounts(amountText{r.MaxConcurrency, &s.MaxConcurrency}, amountText{r.MaxFailures, &s.MaxFailures}); err != nil {
		return err
	}
	if s.FailureAction, err = strategy.ParseAction(r.FailureAction); err != nil {
		return err
	}
	s.MaxSameFailures = r.MaxSameFailures
	s.Retry = strategy.Retry{Attempts: r.Attempts, First: millis(r.FirstWait), Max: millis(r.MaxWait)}
	s.MinSuccessTime, s.TaskTimeout, s.ProgressDeadline = millis(r.MinSuccessTime), millis(r.TaskTimeout), millis(r.ProgressDeadline)
	s.BakeTime, s.FirstBakeTime, s.FinalBakeTime = millis(r.BakeTime), millis(r.FirstBakeTime), millis(r.FinalBakeTime)
	s.Windows = r.Windows
	for _, q := range r.Quotas {
		s.Quotas = append(s.Quotas, strategy.Quota(q))
	}
	for _, w := range r.Waves {
		wave := strategy.Wave{Name: w.Name, Canary: w.Canary, BakeTime: millis(w.BakeTime), Approval: w.Approval}
		if err := parseAmounts(amountText{w.MaxConcurrency, &wave.MaxConcurrency}, amountText{w.MaxFailures, &wave.MaxFailures}); err != nil {
			return err
		}
		s.Waves = append(s.Waves, wave)
	}
	if r.Conflict != "" {
		if s.Conflict, err = strategy.ParseConflict(r.Conflict); err != nil {
			return err
		}
	}
	s.ConcurrencyMode, err = strategy.ParseConcurrencyMode(r.Mode)
	return err
}

func millis(n int64) time.Duration { return time.Duration(n) * time.Millisecond }

// unset is the stored form of an amount that is unset. It is a word, because a missing value means
// damage and not the default.
const unset = "unset"

func formatAmount(a strategy.Amount) string { return cmp.Or(a.String(), unset) }

// amountText is an amount and its stored form.
type amountText struct {
	text   string
	amount *strategy.Amount
}

func parseAmounts(list ...amountText) (err error) {
	for _, a := range list {
		if a.text == unset {
			continue
		}
		if *a.amount, err = strategy.ParseAmount(a.text); err != nil {
			return err
		}
	}
	return nil
}
