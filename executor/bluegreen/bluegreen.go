package bluegreen

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/executor/internal/setting"
	"github.com/cutover-go/cutover/internal/nilcheck"
)

const (
	// Type is the name to register the executor under.
	Type = "BLUE_GREEN_SWITCH"
	// ParamTarget is the parameter of a plan or a tenant that names the colour to
	// switch to. Default: [Config.Target].
	ParamTarget = "targetColour"
)

// The codes of this package's own failures; doc.go has the table.
const (
	CodeTargetUnknown      = "TARGET_UNKNOWN"
	CodeColourUnknown      = "COLOUR_UNKNOWN"
	CodeSwitchNotConfirmed = "SWITCH_NOT_CONFIRMED"
	CodeStatusNotConfirmed = "STATUS_NOT_CONFIRMED"
)

// Config configures an [Executor]. The zero value is ready to use.
type Config struct {
	// Colours are the colours that a plan may switch to. Default: "blue" and "green".
	Colours []string
	// Target is the colour to switch to if the parameter [ParamTarget] is not set. Default: the
	// first of Colours.
	Target string
	// Status returns the tenant's status for a colour, always the same for the same colour.
	// Default: the colour in capitals.
	Status func(colour string) string
	// Timeout bounds each try of a step. Default 1 minute. The HTTP implementations also bound each
	// of their calls.
	Timeout time.Duration
	// Retry sets how often a step is tried within one attempt of the task. Default: once. Set it
	// where the network is unreliable, or where the gateway takes a moment to show a switch.
	Retry executor.Retry
}

// ErrInvalid is matched by every [*InvalidError].
var ErrInvalid = errors.New("bluegreen: invalid configuration")

// InvalidError lists every fault of a constructor's arguments. It matches [ErrInvalid].
type InvalidError struct {
	Faults []string
}

func (e *InvalidError) Error() string {
	return "bluegreen: invalid configuration: " + strings.Join(e.Faults, "; ")
}

// Is reports whether target is [ErrInvalid].
func (e *InvalidError) Is(target error) bool { return target == ErrInvalid }

// Executor moves tenants. It is an [executor.TaskExecutor], an [executor.Rollbacker] and an
// [executor.Verifier].
type Executor struct {
	byTarget map[string]way
	target   string
	try      setting.Try
}

// way is how tenants get to one target.
type way struct {
	mover
	*executor.Steps[state]
}

// New returns an executor that uses a tenant service and a gateway, or an *[InvalidError] that
// lists every fault.
func New(tenants TenantService, gateway Gateway, c Config) (*Executor, error) {
	faults := c.setDefaults()
	if nilcheck.IsNil(tenants) {
		faults = append(faults, "the tenant service is missing")
	}
	if nilcheck.IsNil(gateway) {
		faults = append(faults, "the gateway is missing")
	}
	e := &Executor{byTarget: map[string]way{}, target: c.Target, try: setting.Try{Timeout: c.Timeout, Retry: c.Retry}}
	for _, colour := range c.Colours {
		m := newMover(tenants, gateway, colour, c.Status(colour))
		steps, err := m.steps(c)
		if err != nil {
			faults = append(faults, fmt.Sprintf("Colours: %q: %v", colour, err))
		}
		e.byTarget[colour] = way{m, steps}
	}
	if len(faults) > 0 {
		return nil, &InvalidError{Faults: faults}
	}
	return e, nil
}

// setDefaults fills in the defaults of c and returns what is wrong with c.
func (c *Config) setDefaults() (faults []string) {
	if len(c.Colours) == 0 {
		c.Colours = []string{"blue", "green"}
	}
	if c.Target == "" {
		c.Target = c.Colours[0]
	}
	if c.Status == nil {
		c.Status = strings.ToUpper
	}
	if c.Timeout == 0 {
		c.Timeout = time.Minute
	}
	if slices.Contains(c.Colours, "") {
		faults = append(faults, "Colours: one is empty")
	}
	if !slices.Contains(c.Colours, c.Target) {
		faults = append(faults, fmt.Sprintf("Target: %q is none of Colours", c.Target))
	}
	return faults
}

// Execute moves the tenant of run's task.
func (e *Executor) Execute(ctx context.Context, run *executor.Run) error {
	w, err := e.way(run)
	if err != nil {
		return err
	}
	return w.Execute(ctx, run)
}

// Rollback returns the tenant to the colour and the status in which this task first found it.
func (e *Executor) Rollback(ctx context.Context, run *executor.Run) error {
	if len(run.UndoLog()) == 0 {
		return nil // the task has changed nothing
	}
	w, err := e.way(run)
	if err != nil {
		return err
	}
	return w.Rollback(ctx, run)
}

// Verify checks that the tenant still has the colour and the status that this task gave it, when
// the plan's MinSuccessTime has passed. It changes nothing.
func (e *Executor) Verify(ctx context.Context, run *executor.Run) error {
	w, err := e.way(run)
	if err != nil {
		return err
	}
	run.Progress(executor.Progress{Note: stepVerify})
	err = e.try.Do(ctx, stepVerify, func(ctx context.Context) error { return w.verify(ctx, run) })
	if err != nil {
		return &executor.Error{Step: stepVerify, Err: err}
	}
	return nil
}

// way returns the way to the target of the task. A task that has begun keeps its target, because a
// changed default must not redirect it.
func (e *Executor) way(run *executor.Run) (way, error) {
	target := e.target
	if param, ok := run.Param(ParamTarget); ok {
		target = param
	}
	var begun state
	if ok, err := run.Undo(stepSwitch, &begun); !ok || err != nil {
		_, _, _ = run.Restore(&begun) // the steps will refuse data that cannot be decoded
	}
	if begun.Target != "" {
		target = begun.Target
	}
	if w, ok := e.byTarget[target]; ok {
		return w, nil
	}
	return way{}, executor.Fail(CodeTargetUnknown, fmt.Errorf("the target colour %.64q is not known", target))
}
