package canary_test

import (
	"errors"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/executor/canary"
)

func TestBadInputIsRefusedWithEveryFault(t *testing.T) {
	t.Parallel()
	var noWeights *canary.HTTPWeights
	many := make([]int, 21)
	for i := range many {
		many[i] = i + 1
	}
	for name, c := range map[string]struct {
		weights canary.Weights
		health  canary.Health
		config  canary.Config
		want    []string
	}{
		"nothing": {nil, nil, canary.Config{}, []string{"the weights are missing", "the health service is missing"}},
		"nil":     {noWeights, well{}, canary.Config{}, []string{"the weights are missing"}},
		"empty":   {&odd{}, well{}, canary.Config{Steps: []canary.Step{}}, []string{"Steps: there are none"}},
		"many":    {&odd{}, well{}, canary.Config{Steps: canary.Steps(time.Hour, many...)}, []string{"Steps: there are more than 20"}},
		"everything": {&odd{}, well{}, canary.Config{
			Steps: []canary.Step{
				{50, time.Minute}, {25, time.Minute}, {25, time.Minute}, {101, 0}, {-5, -time.Hour}, {0, time.Microsecond}, {7, 367 * 24 * time.Hour},
			},
			Interval: -time.Second, Timeout: -1, Retry: executor.Retry{Attempts: -1, First: -1},
		}, []string{
			"Steps[1]: the weight 25 is not above the one before, 50",
			"Steps[2]: the weight 25 is not above the one before, 25",
			"Steps[3]: the weight 101 is not 1 to 100 percent",
			"Steps[3]: the hold of 0s is not 1 ms to 366 days",
			"Steps[4]: the weight -5 is not 1 to 100 percent",
			"Steps[4]: the weight -5 is not above the one before, 101",
			"Steps[4]: the hold of -1h0m0s is not 1 ms to 366 days",
			"Steps[5]: the weight 0 is not 1 to 100 percent",
			"Steps[5]: the hold of 1µs is not 1 ms to 366 days",
			"Steps[6]: the hold of 8808h0m0s is not 1 ms to 366 days",
			"Interval: -1s is not 1 ms to 366 days",
			"Timeout is negative",
			"Retry.Attempts is negative",
			"Retry.First or Retry.Max is negative",
		}},
	} {
		_, err := canary.New(c.weights, c.health, c.config)
		var invalid *canary.InvalidError
		if !errors.Is(err, canary.ErrInvalid) || !errors.As(err, &invalid) {
			t.Errorf("%s: %v", name, err)
		} else if !slices.Equal(invalid.Faults, c.want) {
			t.Errorf("%s: %q", name, invalid.Faults)
		}
	}
}

func TestBadAddressesAreRefused(t *testing.T) {
	t.Parallel()
	var none *http.Transport
	c := canary.HTTPConfig{Timeout: -1, Transport: none}
	_, weights := canary.NewHTTPWeights("ftp://user:secret@/?q", c)
	_, health := canary.NewHTTPHealth("ftp://user:secret@/?q", c)
	for _, err := range []error{weights, health} {
		var invalid *canary.InvalidError
		if !errors.As(err, &invalid) || len(invalid.Faults) != 6 {
			t.Errorf("%v", err)
		}
	}
}

// TestHeadersThatCannotBeSentAreRefused tries headers with which every call would fail, or every
// change would carry the same token. No fault contains a value.
func TestHeadersThatCannotBeSentAreRefused(t *testing.T) {
	t.Parallel()
	_, err := canary.NewHTTPWeights("http://weights.test", canary.HTTPConfig{Header: http.Header{
		"Authorization": {"Bearer secret\n"}, "cutover-token": {"7"}, "Idempotency-Key": {"k"}, "X Y": {"1"}, "": {"2"}, "X-Ok": {"\tä"}, "X-Nul": {"a", "\x00"},
	}})
	var invalid *canary.InvalidError
	if !errors.As(err, &invalid) {
		t.Fatal(err)
	}
	want := []string{
		`HTTPConfig.Header: "" is no name of a header`,
		"HTTPConfig.Header: the value of Authorization has a line break or another control character",
		"HTTPConfig.Header: Idempotency-Key is the executor's own",
		`HTTPConfig.Header: "X Y" is no name of a header`,
		"HTTPConfig.Header: the value of X-Nul has a line break or another control character",
		"HTTPConfig.Header: Cutover-Token is the executor's own",
	}
	if !slices.Equal(invalid.Faults, want) {
		t.Errorf("%q", invalid.Faults)
	}
}

func TestTheStepsAreCopied(t *testing.T) {
	t.Parallel()
	steps := canary.Steps(time.Minute, 5, 50)
	l := newLab(t, canary.Config{Steps: steps})
	steps[0].Weight = 99
	finish(t, l)
	l.wantSet(t, 5, 50)
}

func TestVerdictsHaveNames(t *testing.T) {
	t.Parallel()
	for v := canary.Passed; v <= canary.Inconclusive; v++ {
		if got, err := canary.ParseVerdict(v.String()); got != v || err != nil {
			t.Errorf("%s: %s, %v", v, got, err)
		}
	}
	for _, name := range []string{"", "Verdict(0)", "Passed", "error"} {
		if got, err := canary.ParseVerdict(name); got != 0 || err == nil {
			t.Errorf("%q: %s", name, got)
		}
	}
}
