package bluegreen

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cutover-go/cutover/executor"
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

// Config is how an [Executor] works. The zero value is good.
type Config struct {
	// Colours are those that a plan may switch to. Default "blue" and "green".
	Colours []string
	// Target is the colour to switch to when the parameter [ParamTarget] does not
	// say. Default: the first of Colours.
	Target string
	// Status returns the tenant's status for a colour. Default: the colour in
	// capitals. It must always return the same for the same colour.
	Status func(colour string) string
	// Timeout bounds each step. Default 1 minute. The HTTP implementations bound
	// each of their calls as well.
	Timeout time.Duration
	// Retry says how often a step is tried within one attempt of the task. Default:
	// once. Set it where the network is known to be poor, or where the gateway
	// takes a moment to show a switch.
	Retry executor.Retry
}

// ErrInvalid is matched by every [*InvalidError].
var ErrInvalid = errors.New("bluegreen: invalid configuration")

// InvalidError names everything that is wrong with what a constructor was given.
// It matches [ErrInvalid].
type InvalidError struct {
	Faults []string
}

func (e *InvalidError) Error() string {
	return "bluegreen: invalid configuration: " + strings.Join(e.Faults, "; ")
}

// Is reports whether target is [ErrInvalid].
func (e *InvalidError) Is(target error) bool { return target == ErrInvalid }

// Executor moves tenants. It is an [executor.TaskExecutor] and an
// [executor.Rollbacker].
type Executor struct {
	byTarget map[string]*executor.Steps[state]
	target   string
}

// New returns an executor over a tenant service and a gateway, or a
// *[InvalidError] that names everything that is wrong.
func New(tenants TenantService, gateway Gateway, c Config) (*Executor, error) {
	faults := c.setDefaults()
	if nilcheck.IsNil(tenants) {
		faults = append(faults, "the tenant service is missing")
	}
	if nilcheck.IsNil(gateway) {
		faults = append(faults, "the gateway is missing")
	}
	e := &Executor{byTarget: map[string]*executor.Steps[state]{}, target: c.Target}
	for _, colour := range c.Colours {
		m := mover{tenants: tenants, gateway: gateway, target: colour, status: c.Status(colour)}
		steps, err := m.steps(c)
		if err != nil {
			faults = append(faults, fmt.Sprintf("Colours: %q: %v", colour, err))
		}
		e.byTarget[colour] = steps
	}
	if len(faults) > 0 {
		return nil, &InvalidError{Faults: faults}
	}
	return e, nil
}

// setDefaults fills in c and returns what is wrong with it.
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
	steps, err := e.steps(run)
	if err != nil {
		return err
	}
	return steps.Execute(ctx, run)
}

// Rollback returns the tenant to the colour and the status that it was found in.
func (e *Executor) Rollback(ctx context.Context, run *executor.Run) error {
	if len(run.UndoLog()) == 0 {
		return nil // it never came to a change
	}
	steps, err := e.steps(run)
	if err != nil {
		return err
	}
	return steps.Rollback(ctx, run)
}

// steps returns the steps to the target that this task began with, or is to begin
// with: a new default must not turn a task that is under way.
func (e *Executor) steps(run *executor.Run) (*executor.Steps[state], error) {
	target := e.target
	if param, ok := run.Param(ParamTarget); ok {
		target = param
	}
	var begun state
	if ok, err := run.Undo(stepSwitch, &begun); !ok || err != nil {
		_, _, _ = run.Restore(&begun) // what cannot be read the steps refuse
	}
	if begun.Target != "" {
		target = begun.Target
	}
	if steps, ok := e.byTarget[target]; ok {
		return steps, nil
	}
	return nil, executor.Fail(CodeTargetUnknown, fmt.Errorf("the target colour %.64q is not known", target))
}
