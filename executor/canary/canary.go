package canary

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/executor/internal/setting"
	"github.com/cutover-go/cutover/internal/nilcheck"
)

// Type is the name to register the executor under.
const Type = "CANARY_RELEASE"

// The codes of this package's own failures; doc.go has the table.
const (
	CodeHealthFailed       = "HEALTH_FAILED"
	CodeHealthInconclusive = "HEALTH_INCONCLUSIVE"
	CodeHealthMissing      = "HEALTH_MISSING"
	CodeWeightNotConfirmed = "WEIGHT_NOT_CONFIRMED"
	CodeWeightInvalid      = "WEIGHT_INVALID"
)

// Step is a weight and how long to hold it before the health is checked.
type Step struct {
	// Weight is the share of the tenant's traffic, from 1 to 100 percent.
	Weight int
	// Hold is at least 1 ms and at most 366 days.
	Hold time.Duration
}

// Steps returns a step for each of the weights, all with the same hold.
func Steps(hold time.Duration, weights ...int) []Step {
	steps := make([]Step, len(weights))
	for i, w := range weights {
		steps[i] = Step{Weight: w, Hold: hold}
	}
	return steps
}

// Limits are how many checks of each kind are tolerated at one step; one more puts the weight back.
// None is a negative number.
type Limits struct {
	// Failed is the limit of failed checks. Default: none is tolerated.
	Failed int
	// Inconclusive is the limit of inconclusive checks. Default 3.
	Inconclusive int
	// Missing is the limit of checks that could not be made. Default 3.
	Missing int
}

// Config configures an [Executor]. The zero value is ready to use.
type Config struct {
	// Steps are the weights to set, each greater than the one before, at most 20. Weights that are
	// not above the one found at the start are left out; if none is above, the weight found is held
	// and checked. A task keeps the steps with which it began. nil means the default: 5, 25, 50 and
	// 100 percent, each held for 5 minutes.
	Steps []Step
	// Interval is the time between two checks at one step, at least 1 ms and at most 366 days. No
	// worker is kept meanwhile. Default 30 s.
	Interval time.Duration
	Limits   Limits
	// Timeout bounds each try of a change of the weight, and each check. Default 1 minute. The HTTP
	// implementations also bound each of their calls.
	Timeout time.Duration
	// Retry sets how often a change of the weight, forward, back or by a rollback, is tried within
	// one attempt of the task. Default: once. Set it where the network is unreliable, so that a
	// weight is put back in any case.
	Retry executor.Retry
}

const (
	defaultHold     = 5 * time.Minute
	defaultInterval = 30 * time.Second
	defaultTimeout  = time.Minute
	defaultLimit    = 3
	// maxSteps lets the steps fit into an undo entry.
	maxSteps = 20
	// maxHold is the longest wait that a store offers.
	maxHold = 366 * 24 * time.Hour
)

// ErrInvalid is matched by every [*InvalidError].
var ErrInvalid = errors.New("canary: invalid configuration")

// InvalidError lists every fault of a constructor's arguments. It matches [ErrInvalid].
type InvalidError struct {
	Faults []string
}

func (e *InvalidError) Error() string {
	return "canary: invalid configuration: " + strings.Join(e.Faults, "; ")
}

// Is reports whether target is [ErrInvalid].
func (e *InvalidError) Is(target error) bool { return target == ErrInvalid }

// New returns an executor that uses weights and a health service, or an *[InvalidError] that lists
// every fault.
func New(weights Weights, health Health, c Config) (*Executor, error) {
	c = c.withDefaults()
	faults := c.faults()
	if nilcheck.IsNil(weights) {
		faults = append(faults, "the weights are missing")
	}
	if nilcheck.IsNil(health) {
		faults = append(faults, "the health service is missing")
	}
	if len(faults) > 0 {
		return nil, &InvalidError{Faults: faults}
	}
	try := setting.Try{Timeout: c.Timeout, Retry: c.Retry}
	return &Executor{health: health, weight: settingOf(weights), try: try, config: c}, nil
}

func (c Config) withDefaults() Config {
	if c.Steps == nil {
		c.Steps = Steps(defaultHold, 5, 25, 50, 100)
	} else {
		c.Steps = append([]Step{}, c.Steps...)
	}
	for _, d := range []struct {
		value *time.Duration
		or    time.Duration
	}{{&c.Interval, defaultInterval}, {&c.Timeout, defaultTimeout}} {
		if *d.value == 0 {
			*d.value = d.or
		}
	}
	c.Limits.Failed = max(0, c.Limits.Failed)
	c.Limits.Inconclusive = limitOr(c.Limits.Inconclusive)
	c.Limits.Missing = limitOr(c.Limits.Missing)
	return c
}

func limitOr(limit int) int {
	if limit == 0 {
		return defaultLimit
	}
	return max(0, limit)
}

// faults returns what is wrong with c, after its defaults.
func (c Config) faults() []string {
	var faults []string
	if len(c.Steps) == 0 {
		faults = append(faults, "Steps: there are none")
	}
	if len(c.Steps) > maxSteps {
		faults = append(faults, fmt.Sprintf("Steps: there are more than %d", maxSteps))
	}
	before := 0
	for i, s := range c.Steps {
		if s.Weight < 1 || s.Weight > 100 {
			faults = append(faults, fmt.Sprintf("Steps[%d]: the weight %d is not 1 to 100 percent", i, s.Weight))
		}
		if i > 0 && s.Weight <= before {
			faults = append(faults, fmt.Sprintf("Steps[%d]: the weight %d is not above the one before, %d", i, s.Weight, before))
		}
		before = s.Weight
		if !validWait(s.Hold) {
			faults = append(faults, fmt.Sprintf("Steps[%d]: the hold of %s is not 1 ms to 366 days", i, s.Hold))
		}
	}
	if !validWait(c.Interval) {
		faults = append(faults, fmt.Sprintf("Interval: %s is not 1 ms to 366 days", c.Interval))
	}
	if c.Timeout < 0 {
		faults = append(faults, "Timeout is negative")
	}
	var retry *executor.InvalidError
	if errors.As(c.Retry.Check(), &retry) {
		faults = append(faults, retry.Faults...)
	}
	return faults
}

func validWait(d time.Duration) bool { return d >= time.Millisecond && d <= maxHold }
