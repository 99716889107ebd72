package wire

import (
	"time"

	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/plan/strategy/window"
)

// Tuning is a change of a plan's strategy. What it leaves out stays as it is.
type Tuning struct {
	Reason         string `json:"reason"`
	MaxConcurrency Amount `json:"maxConcurrency"`
	MaxFailures    Amount `json:"maxFailures"`
	// MaxSameFailures of 0 removes the limit.
	MaxSameFailures *int             `json:"maxSameFailures"`
	FailureAction   *strategy.Action `json:"failureAction"`
	BakeTime        *Duration        `json:"bakeTime"`
	FirstBakeTime   *Duration        `json:"firstBakeTime"`
	FinalBakeTime   *Duration        `json:"finalBakeTime"`
	// Windows replace all windows; an empty list removes them.
	Windows []window.Window `json:"windows"`
	Waves   []WaveTuning    `json:"waves"`
}

// WaveTuning is a change of one wave.
type WaveTuning struct {
	// Wave is the number of the wave, from 1.
	Wave           int       `json:"wave"`
	MaxConcurrency Amount    `json:"maxConcurrency"`
	MaxFailures    Amount    `json:"maxFailures"`
	BakeTime       *Duration `json:"bakeTime"`
	Approval       *bool     `json:"approval"`
}

// Plan returns the tuning as package strategy has it. twice is the index of a wave that has two
// changes, -1 if none has.
func (t *Tuning) Plan() (p strategy.Tuning, twice int) {
	p = strategy.Tuning{
		MaxConcurrency: strategy.Amount(t.MaxConcurrency), MaxFailures: strategy.Amount(t.MaxFailures),
		MaxSameFailures: t.MaxSameFailures, FailureAction: t.FailureAction,
		BakeTime: (*time.Duration)(t.BakeTime), FirstBakeTime: (*time.Duration)(t.FirstBakeTime), FinalBakeTime: (*time.Duration)(t.FinalBakeTime),
		Windows: t.Windows,
	}
	twice = -1
	for i, w := range t.Waves {
		if p.Waves == nil {
			p.Waves = make(map[int]strategy.WaveTuning)
		}
		if _, has := p.Waves[w.Wave]; has {
			twice = i
		}
		p.Waves[w.Wave] = strategy.WaveTuning{
			MaxConcurrency: strategy.Amount(w.MaxConcurrency), MaxFailures: strategy.Amount(w.MaxFailures),
			BakeTime: (*time.Duration)(w.BakeTime), Approval: w.Approval,
		}
	}
	return p, twice
}

// Why returns the reason.
func (t *Tuning) Why() string { return t.Reason }

// Command is what every command may have.
type Command struct {
	Reason string `json:"reason"`
}

// Why returns the reason.
func (c *Command) Why() string { return c.Reason }

// PauseCommand is what a pause of all running plans may have.
type PauseCommand struct {
	Reason string `json:"reason"`
	DryRun bool   `json:"dryRun"`
}

// Why returns the reason.
func (c *PauseCommand) Why() string { return c.Reason }

// RetryCommand is what a retry may have. Without FromCheckpoint, attempts begin at the checkpoint.
type RetryCommand struct {
	Reason         string `json:"reason"`
	FromCheckpoint *bool  `json:"fromCheckpoint"`
}

// Why returns the reason.
func (r *RetryCommand) Why() string { return r.Reason }

// RetryTaskCommand is what the retry of a task may have. With StayStopped the task runs alone, and
// its plan stays as it is.
type RetryTaskCommand struct {
	Reason         string `json:"reason"`
	FromCheckpoint *bool  `json:"fromCheckpoint"`
	StayStopped    bool   `json:"stayStopped"`
}

// Why returns the reason.
func (r *RetryTaskCommand) Why() string { return r.Reason }
