package strategy_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/cutover-go/cutover/plan/strategy"
)

func TestActionNames(t *testing.T) {
	t.Parallel()
	for a, name := range map[strategy.Action]string{strategy.Stop: "Stop", strategy.Pause: "Pause", strategy.RollbackPlan: "RollbackPlan"} {
		if a.String() != name {
			t.Errorf("action %d is %s, want %s", a, a, name)
		}
		if got, err := strategy.ParseAction(name); err != nil || got != a {
			t.Errorf("ParseAction(%s) = %s, %v", name, got, err)
		}
	}
	if got := strategy.Action(200).String(); got != "Action(200)" {
		t.Errorf("an action that does not exist is %s", got)
	}
	for _, name := range []string{"", "stop", "PAUSE", "Action(200)"} {
		if got, err := strategy.ParseAction(name); err == nil {
			t.Errorf("ParseAction(%q) = %s, want an error", name, got)
		}
	}
}

func TestConcurrencyModeNames(t *testing.T) {
	t.Parallel()
	for m, name := range map[strategy.ConcurrencyMode]string{strategy.Soft: "Soft", strategy.Strict: "Strict"} {
		if m.String() != name {
			t.Errorf("mode %d is %s, want %s", m, m, name)
		}
		if got, err := strategy.ParseConcurrencyMode(name); err != nil || got != m {
			t.Errorf("ParseConcurrencyMode(%s) = %s, %v", name, got, err)
		}
	}
	if got := strategy.ConcurrencyMode(200).String(); got != "ConcurrencyMode(200)" {
		t.Errorf("a mode that does not exist is %s", got)
	}
	for _, name := range []string{"", "soft", "STRICT", "ConcurrencyMode(200)"} {
		if got, err := strategy.ParseConcurrencyMode(name); !errors.Is(err, strategy.ErrInvalid) {
			t.Errorf("ParseConcurrencyMode(%q) = %s, %v, want an error", name, got, err)
		}
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		strategy strategy.Strategy
		want     []strategy.Fault
	}{
		"zero": {strategy.Strategy{}, nil},
		"bounds": {strategy.Strategy{
			MaxConcurrency: strategy.Percent(100),
			MaxFailures:    strategy.Percent(0),
			FailureAction:  strategy.Pause,
		}, nil},
		"zero counts": {strategy.Strategy{MaxConcurrency: strategy.Count(0), MaxFailures: strategy.Count(0)}, nil},
		"number without a kind": {
			strategy.Strategy{MaxConcurrency: strategy.Amount{N: 5}, MaxFailures: strategy.Amount{Kind: 9, N: 5}},
			[]strategy.Fault{
				{Field: "MaxConcurrency", Problem: "5 is neither a count nor a percentage"},
				{Field: "MaxFailures", Problem: "5 is neither a count nor a percentage"},
			},
		},
		"huge count": {strategy.Strategy{MaxConcurrency: strategy.Count(1 << 40)}, nil},
		"negative concurrency": {
			strategy.Strategy{MaxConcurrency: strategy.Count(-1)},
			[]strategy.Fault{{Field: "MaxConcurrency", Problem: "-1 is negative"}},
		},
		"tolerance over all": {
			strategy.Strategy{MaxFailures: strategy.Percent(101)},
			[]strategy.Fault{{Field: "MaxFailures", Problem: "101% is more than 100%"}},
		},
		"all at once": {
			strategy.Strategy{
				MaxConcurrency:  strategy.Percent(-5),
				MaxFailures:     strategy.Count(-2),
				FailureAction:   200,
				ConcurrencyMode: 200,
			},
			[]strategy.Fault{
				{Field: "MaxConcurrency", Problem: "-5% is negative"},
				{Field: "MaxFailures", Problem: "-2 is negative"},
				{Field: "FailureAction", Problem: "Action(200) is not an action"},
				{Field: "ConcurrencyMode", Problem: "ConcurrencyMode(200) is not a mode"},
			},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := tt.strategy.Faults(); !slices.Equal(got, tt.want) {
				t.Errorf("Faults = %q, want %q", got, tt.want)
			}
		})
	}
}

func TestWarnings(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		strategy strategy.Strategy
		tasks    int
		want     []strategy.Fault
	}{
		"zero":           {strategy.Strategy{}, 3, nil},
		"zero, one task": {strategy.Strategy{}, 1, nil},
		"no failures":    {strategy.Strategy{MaxFailures: strategy.Count(0)}, 3, nil},
		"zero percent": {
			strategy.Strategy{MaxConcurrency: strategy.Percent(0), MaxFailures: strategy.Percent(0)},
			3,
			[]strategy.Fault{{Field: "MaxConcurrency", Problem: "0% of 3 tasks is less than one; it counts as 1"}},
		},
		"zero at once": {
			strategy.Strategy{MaxConcurrency: strategy.Count(0)},
			3,
			[]strategy.Fault{{Field: "MaxConcurrency", Problem: "0 of 3 tasks is less than one; it counts as 1"}},
		},
		"percents that come out": {strategy.Strategy{MaxConcurrency: strategy.Percent(10), MaxFailures: strategy.Percent(10)}, 10, nil},
		"all at once":            {strategy.Strategy{MaxConcurrency: strategy.Percent(100)}, 3, nil},
		"percents that vanish": {
			strategy.Strategy{MaxConcurrency: strategy.Percent(10), MaxFailures: strategy.Percent(10)},
			9,
			[]strategy.Fault{
				{Field: "MaxConcurrency", Problem: "10% of 9 tasks is less than one; it counts as 1"},
				{Field: "MaxFailures", Problem: "10% of 9 tasks is less than one; no failure is tolerated"},
			},
		},
		"tolerates all": {
			strategy.Strategy{MaxFailures: strategy.Count(3)},
			3,
			[]strategy.Fault{{Field: "MaxFailures", Problem: "3 of 3 tasks tolerates that all of them fail"}},
		},
		"tolerates more than all": {
			strategy.Strategy{MaxFailures: strategy.Count(50)},
			3,
			[]strategy.Fault{{Field: "MaxFailures", Problem: "50 of 3 tasks tolerates that all of them fail"}},
		},
		"strict, one by one": {strategy.Strategy{ConcurrencyMode: strategy.Strict}, 3, nil},
		"strict, as many as it can": {
			strategy.Strategy{MaxConcurrency: strategy.Count(3), MaxFailures: strategy.Count(2), ConcurrencyMode: strategy.Strict}, 9, nil,
		},
		"strict, more than it can": {
			strategy.Strategy{MaxConcurrency: strategy.Percent(50), MaxFailures: strategy.Count(2), ConcurrencyMode: strategy.Strict},
			9,
			[]strategy.Fault{{Field: "MaxConcurrency", Problem: "50% of 9 tasks is never reached: Strict has 3 in flight at most"}},
		},
		"waits between attempts of which there is one": {
			strategy.Strategy{Retry: strategy.Retry{Attempts: 1, First: time.Second}},
			3,
			[]strategy.Fault{{Field: "Retry", Problem: "First and Max have no effect: without more Attempts nothing is tried again"}},
		},
		"waits between attempts that nobody counted": {
			strategy.Strategy{Retry: strategy.Retry{Max: time.Minute}},
			3,
			[]strategy.Fault{{Field: "Retry", Problem: "First and Max have no effect: without more Attempts nothing is tried again"}},
		},
		"two attempts":          {strategy.Strategy{Retry: strategy.Retry{Attempts: 2, First: time.Second, Max: time.Minute}}, 3, nil},
		"tolerates all but one": {strategy.Strategy{MaxFailures: strategy.Count(2)}, 3, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := tt.strategy.Warnings(tt.tasks); !slices.Equal(got, tt.want) {
				t.Errorf("Warnings = %q, want %q", got, tt.want)
			}
		})
	}
}

// A wave that is the first and the last has a bake time for each; one of its own counts before all.
func TestBakeOfTheOnlyWave(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		strategy strategy.Strategy
		want     time.Duration
	}{
		"none":      {strategy.Strategy{}, 0},
		"the usual": {strategy.Strategy{BakeTime: time.Minute}, time.Minute},
		"the first": {strategy.Strategy{BakeTime: time.Minute, FirstBakeTime: time.Hour}, time.Hour},
		"the last":  {strategy.Strategy{BakeTime: time.Minute, FirstBakeTime: time.Hour, FinalBakeTime: time.Second}, time.Second},
		"its own":   {strategy.Strategy{FinalBakeTime: time.Second, Waves: []strategy.Wave{{BakeTime: 2 * time.Second}}}, 2 * time.Second},
	}
	for name, tt := range tests {
		if got := tt.strategy.Bake(1, 1); got != tt.want {
			t.Errorf("%s: bakes for %s, want %s", name, got, tt.want)
		}
	}
}

func TestSequential(t *testing.T) {
	t.Parallel()
	tests := []struct {
		concurrency strategy.Amount
		tasks       int
		want        bool
	}{
		{strategy.Amount{}, 100, true},
		{strategy.Count(0), 100, true},
		{strategy.Percent(0), 100, true},
		{strategy.Count(1), 100, true},
		{strategy.Count(2), 100, false},
		{strategy.Count(2), 1, true},
		{strategy.Percent(10), 19, true},
		{strategy.Percent(10), 20, false},
	}
	for _, tt := range tests {
		s := strategy.Strategy{MaxConcurrency: tt.concurrency}
		if got := s.Sequential(tt.tasks); got != tt.want {
			t.Errorf("%s of %d tasks at once: sequential %t", tt.concurrency, tt.tasks, got)
		}
	}
}
