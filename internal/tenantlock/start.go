package tenantlock

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"time"

	"github.com/cutover-go/cutover/internal/wait"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// AbandonStart removes the mark of the start with that token, if the plan has it and has not begun
// to skip tasks under it, and returns the resulting plan. If the start has succeeded in the
// meantime, the plan's StartToken is token. If the mark was removed, the locks of the start are
// stale from then on.
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
	if err != nil || p.StartToken == token || p.Starting != nil && p.Starting.Token == token {
		return err
	}
	return m.client.EachTenant(ctx, id, func(first int, tenants []string) error {
		return eachBatch(ctx, startLocks(id, token, first, tenants), m.release)
	})
}

// NewToken returns a random token that is not 0.
func NewToken() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return binary.LittleEndian.Uint64(b[:]) | 1
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
func (m *Manager) renew(ctx context.Context, s Start) error { return m.mark(ctx, s, s.Token) }

// mark writes the mark of a start again, with that token.
func (m *Manager) mark(ctx context.Context, s Start, token uint64) error {
	_, _, err := m.client.Decide(ctx, s.Plan, func(p plan.Plan) (plan.Decision, error) {
		if p.Starting == nil || p.Starting.Token != s.Token && p.Starting.Token != token {
			return plan.Decision{}, startGivenUp(p)
		}
		return p.MarkStarting(token, m.startTTL, plan.By{Actor: s.Actor, Reason: s.Reason, Now: time.Now()})
	})
	return err
}

// startGivenUp returns the error of a start of p whose mark is gone.
func startGivenUp(p plan.Plan) error {
	return &plan.StateError{Plan: p.ID, Command: plan.ByStart.String(), PlanState: p.State, Why: "the start was given up"}
}
