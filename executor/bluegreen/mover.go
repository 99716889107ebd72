package bluegreen

import (
	"context"
	"fmt"
	"strings"

	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/executor/internal/setting"
)

// The names of the steps and of the checkpoint after the switch.
const (
	stepInfo   = "GET_TENANT_INFO"
	stepSwitch = "SWITCH_GATEWAY"
	stepStatus = "UPDATE_STATUS"
	stepVerify = "VERIFY"
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
	colour  setting.Setting[string]
	status  setting.Setting[string]
	// target is the colour to move to, and targetStatus the status of a tenant that is there.
	target, targetStatus string
}

func newMover(tenants TenantService, gateway Gateway, target, targetStatus string) mover {
	return mover{
		tenants: tenants, target: target, targetStatus: targetStatus,
		colour: setting.Setting[string]{
			Get:     func(ctx context.Context, id string) (string, error) { return gateway.Current(ctx, id) },
			Set:     func(ctx context.Context, c setting.Change[string]) error { return gateway.Switch(ctx, Change(c)) },
			Service: "the gateway", Is: "is routed to", NotConfirmed: CodeSwitchNotConfirmed,
		},
		status: setting.Setting[string]{
			Get: func(ctx context.Context, id string) (string, error) {
				info, err := tenants.TenantInfo(ctx, id)
				return info.Status, err
			},
			Set:     func(ctx context.Context, c setting.Change[string]) error { return tenants.UpdateStatus(ctx, Change(c)) },
			Service: "the tenant service", Is: "has the status", NotConfirmed: CodeStatusNotConfirmed,
		},
	}
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
		_, err = m.colour.Look(ctx, run, s.Found, m.target)
		return err
	}
	colour, err := m.colour.Get(ctx, run.Tenant().ID)
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
	return m.colour.Move(ctx, run, stepSwitch, s.Found, m.target)
}

func (m mover) switchBack(ctx context.Context, run *executor.Run, s *state) error {
	return m.colour.Move(ctx, run, executor.UndoPrefix+stepSwitch, m.target, s.Found)
}

func (m mover) updateStatus(ctx context.Context, run *executor.Run, s *state) error {
	if _, err := m.colour.Look(ctx, run, m.target); err != nil {
		return err
	}
	return m.status.Move(ctx, run, stepStatus, s.Tenant.Status, m.targetStatus)
}

// restoreStatus is the first undo of a rollback. It checks the colour as well, and leaves the
// status alone if somebody else has moved the tenant.
func (m mover) restoreStatus(ctx context.Context, run *executor.Run, s *state) error {
	if _, err := m.colour.Look(ctx, run, m.target, s.Found); err != nil {
		return err
	}
	return m.status.Move(ctx, run, executor.UndoPrefix+stepStatus, m.targetStatus, s.Tenant.Status)
}

// verify looks whether the tenant still is where it was moved.
func (m mover) verify(ctx context.Context, run *executor.Run) error {
	if _, err := m.colour.Look(ctx, run, m.target); err != nil {
		return err
	}
	_, err := m.status.Look(ctx, run, m.targetStatus)
	return err
}
