package bluegreen

import (
	"context"
	"fmt"
	"strings"

	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/task"
)

// The names of the steps and of the checkpoint after the switch.
const (
	stepInfo   = "GET_TENANT_INFO"
	stepSwitch = "SWITCH_GATEWAY"
	stepStatus = "UPDATE_STATUS"
	switched   = "SWITCHED"
)

// state is what each step hands to the next, and what an undo restores.
type state struct {
	Tenant TenantInfo `json:"tenant,omitzero"`
	// Found is the colour before the first switch.
	Found  string `json:"foundColour,omitempty"`
	Target string `json:"targetColour,omitempty"`
}

// mover moves tenants to one target.
type mover struct {
	tenants TenantService
	gateway Gateway
	target  string
	status  string // the status of a tenant at the target
}

func (m mover) steps(c Config) (*executor.Steps[state], error) {
	return executor.NewSteps(
		executor.Step[state]{
			Name: stepInfo, Do: m.look, Timeout: c.Timeout, Retry: c.Retry,
		},
		executor.Step[state]{
			Name: stepSwitch, Action: "SWITCH_TO_" + strings.ToUpper(m.target), Done: switched,
			Do: m.switchOver, Undo: m.switchBack, Timeout: c.Timeout, Retry: c.Retry,
		},
		executor.Step[state]{
			Name: stepStatus, Do: m.updateStatus, Undo: m.restoreStatus, Timeout: c.Timeout, Retry: c.Retry,
		},
	)
}

// look finds out where the tenant is. If an earlier attempt has begun the switch, look takes what
// that attempt recorded, because what it would find now may be the effect of that attempt.
func (m mover) look(ctx context.Context, run *executor.Run, s *state) error {
	info, err := m.tenants.TenantInfo(ctx, run.Tenant().ID)
	if err != nil {
		return err
	}
	var first state
	begun, err := run.Undo(stepSwitch, &first)
	if err != nil {
		return err
	}
	if begun {
		*s = first
		_, err = m.colour(ctx, run, s.Found, m.target)
		return err
	}
	colour, err := m.gateway.Current(ctx, run.Tenant().ID)
	if err != nil {
		return err
	}
	if colour == "" {
		return executor.Fail(CodeColourUnknown, fmt.Errorf("the gateway routes tenant %s nowhere", run.Tenant().ID))
	}
	*s = state{Tenant: info, Found: colour, Target: m.target}
	return nil
}

func (m mover) switchOver(ctx context.Context, run *executor.Run, s *state) error {
	return m.route(ctx, run, stepSwitch, s.Found, m.target)
}

func (m mover) switchBack(ctx context.Context, run *executor.Run, s *state) error {
	return m.route(ctx, run, executor.UndoPrefix+stepSwitch, m.target, s.Found)
}

// route switches the gateway and checks the result. It sends the change even if the tenant is there
// already: an earlier change without an answer may still be under way, and a gateway that remembers
// tokens refuses the earlier change only after it has seen a newer token.
func (m mover) route(ctx context.Context, run *executor.Run, step, from, to string) error {
	if _, err := m.colour(ctx, run, from, to); err != nil {
		return err
	}
	if err := m.gateway.Switch(ctx, change(run, step, from, to)); err != nil {
		return err
	}
	colour, err := m.colour(ctx, run, from, to)
	if err != nil || colour == to {
		return err
	}
	return executor.Retryable(CodeSwitchNotConfirmed,
		fmt.Errorf("the gateway agreed to switch tenant %s to %s and still routes it to %s", run.Tenant().ID, to, colour))
}

func (m mover) updateStatus(ctx context.Context, run *executor.Run, s *state) error {
	if _, err := m.colour(ctx, run, m.target); err != nil {
		return err
	}
	return m.setStatus(ctx, run, stepStatus, s.Tenant.Status, m.status)
}

// restoreStatus is the first undo of a rollback. It checks the colour as well, and leaves the
// status alone if somebody else has moved the tenant.
func (m mover) restoreStatus(ctx context.Context, run *executor.Run, s *state) error {
	if _, err := m.colour(ctx, run, m.target, s.Found); err != nil {
		return err
	}
	return m.setStatus(ctx, run, executor.UndoPrefix+stepStatus, m.status, s.Tenant.Status)
}

// setStatus does for the tenant service what route does for the gateway.
func (m mover) setStatus(ctx context.Context, run *executor.Run, step, from, to string) error {
	if _, err := m.statusOf(ctx, run, from, to); err != nil {
		return err
	}
	if err := m.tenants.UpdateStatus(ctx, change(run, step, from, to)); err != nil {
		return err
	}
	status, err := m.statusOf(ctx, run, from, to)
	if err != nil || status == to {
		return err
	}
	return executor.Retryable(CodeStatusNotConfirmed,
		fmt.Errorf("the tenant service agreed to set tenant %s to %s and still says %s", run.Tenant().ID, to, status))
}

// colour returns the tenant's colour, and an error unless it is one of allowed.
func (m mover) colour(ctx context.Context, run *executor.Run, allowed ...string) (string, error) {
	colour, err := m.gateway.Current(ctx, run.Tenant().ID)
	if err != nil {
		return "", err
	}
	return colour, oneOf("is routed to", run, colour, allowed)
}

// statusOf returns the tenant's status, and an error unless it is one of allowed.
func (m mover) statusOf(ctx context.Context, run *executor.Run, allowed ...string) (string, error) {
	info, err := m.tenants.TenantInfo(ctx, run.Tenant().ID)
	if err != nil {
		return "", err
	}
	return info.Status, oneOf("has the status", run, info.Status, allowed)
}

func oneOf(what string, run *executor.Run, value string, allowed []string) error {
	for _, a := range allowed {
		if value == a {
			return nil
		}
	}
	return executor.Fail(task.CodeTenantMovedOn, fmt.Errorf("tenant %s %s %.64q, and this task left it at %s: somebody else has moved it on",
		run.Tenant().ID, what, value, strings.Join(allowed, " or ")))
}

func change(run *executor.Run, step, from, to string) Change {
	return Change{TenantID: run.Tenant().ID, From: from, To: to, Token: run.Token(), Key: run.IdempotencyKey(step)}
}
