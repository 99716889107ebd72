package tenantlock

import (
	"context"
	"time"

	"github.com/cutover-go/cutover/internal/wait"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// AbandonStart removes the mark of the start with that token, if the plan has it, and returns the
// resulting plan. If the start has succeeded in the meantime, the plan's StartToken is token. If
// the mark was removed, the locks of the start are stale from then on.
func (m *Manager) AbandonStart(ctx context.Context, id plan.ID, token uint64) (plan.Plan, error) {
	_, p, err := m.client.Decide(ctx, id, func(p plan.Plan) (plan.Decision, error) {
		if p.Starting == nil || p.Starting.Token != token {
			return plan.Decision{}, nil
		}
		return p.UnmarkStarting(plan.By{Now: time.Now()}), nil
	})
	return p, err
}

// GiveUpStart abandons a start and then releases the locks that it has taken. The order matters: as
// long as the mark is there, the process that made it may still start the plan. Locks that stay
// behind, because the store is unreachable, are stale without the mark.
func (m *Manager) GiveUpStart(ctx context.Context, id plan.ID, token uint64) error {
	p, err := m.AbandonStart(ctx, id, token)
	if err != nil || p.StartToken == token {
		return err
	}
	return m.client.EachTenant(ctx, id, func(first int, tenants []string) error {
		return eachBatch(ctx, startLocks(id, token, first, tenants), m.release)
	})
}

// keepAlive renews the mark of a start or an addition until stop is called. The context alive ends,
// with a cause, when the mark can no longer be renewed, for instance because another process has
// given the start up.
func (m *Manager) keepAlive(ctx context.Context, renew func(context.Context) error) (alive context.Context, stop func()) {
	alive, cancel := context.WithCancelCause(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			if wait.For(alive, m.startTTL/3); alive.Err() != nil {
				return
			}
			switch err := renew(alive); {
			case err == nil:
			case store.Temporary(err):
				m.client.Fault("renew mark", err)
			default:
				cancel(err)
			}
		}
	}()
	return alive, func() {
		cancel(nil)
		<-done
	}
}

// renew shows that a start is alive by writing its mark again. It fails if the start was given up.
func (m *Manager) renew(ctx context.Context, s Start) error {
	_, _, err := m.client.Decide(ctx, s.Plan, func(p plan.Plan) (plan.Decision, error) {
		if p.Starting == nil || p.Starting.Token != s.Token {
			return plan.Decision{}, &plan.StateError{
				Plan: s.Plan, Command: plan.ByStart.String(), PlanState: p.State, Why: "the start was given up",
			}
		}
		return p.MarkStarting(s.Token, m.startTTL, plan.By{Actor: s.Actor, Now: time.Now()})
	})
	return err
}
