package tenantlock

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// Addition is an addition of tenants to a plan that was marked with the addition's token.
type Addition struct {
	Plan plan.ID
	// Start is the plan's StartToken, 0 if the plan was not started, or waits for its tenants: then
	// no tenant is locked.
	Start uint64
	Token uint64
	// First is the ordinal of the first of the tenants.
	First int
	// Tenants are their ids.
	Tenants []string
	// Deadline is as in [Start].
	Deadline time.Time
}

// KeepAddition renews the mark of an addition until stop is called. alive is as for a start.
func (m *Manager) KeepAddition(ctx context.Context, a Addition) (alive context.Context, stop func()) {
	return m.keepAlive(ctx, func(ctx context.Context) error {
		_, _, err := m.client.Decide(ctx, a.Plan, func(p plan.Plan) (plan.Decision, error) {
			if p.Adding == nil || p.Adding.Token != a.Token || p.Adding.GivenUp {
				return plan.Decision{}, GivenUp(p)
			}
			next := *p.Adding
			next.TTL = m.startTTL
			return next.Mark(p, plan.By{Now: time.Now()})
		})
		return err
	})
}

// GivenUp returns the error of an addition to p that another process has given up.
func GivenUp(p plan.Plan) error {
	return &plan.StateError{Plan: p.ID, Command: plan.ByAdd.String(), PlanState: p.State, Why: "the addition was given up"}
}

// LockAdded locks the tenants of an addition to a plan that was started. They must be stored, so
// that any process can release them if the addition is given up. The errors are those of
// [Manager.LockPlan].
func (m *Manager) LockAdded(ctx context.Context, a Addition) error {
	if a.Start == 0 {
		return nil
	}
	for from := 0; from < len(a.Tenants); from += cleanPage {
		page := a.Tenants[from:min(from+cleanPage, len(a.Tenants))]
		if err := m.lockPage(ctx, addLocks(a.Plan, a.Start, a.Token, a.First+from, page), a.Deadline); err != nil {
			return err
		}
	}
	return nil
}

// abandonAddition makes sure that the addition with that token is not completed any more, if the
// plan has its mark, and returns the resulting plan. The locks of the addition are stale from then
// on. first reports that no other process had given it up before.
func (m *Manager) abandonAddition(ctx context.Context, id plan.ID, token uint64) (p plan.Plan, first bool, err error) {
	_, p, err = m.client.Decide(ctx, id, func(p plan.Plan) (plan.Decision, error) {
		first = p.Adding != nil && p.Adding.Token == token && !p.Adding.GivenUp
		return plan.Adding{Token: token}.GiveUp(p, plan.By{Now: time.Now()}), nil
	})
	return p, first, err
}

// GiveUpAddition abandons an addition, releases its tenants and removes its mark, step by step. If
// it fails, any engine goes on. Engines may have finished before this process locked some of the
// tenants of a, which is then the only one that knows them.
func (m *Manager) GiveUpAddition(ctx context.Context, a Addition) error {
	_, first, err := m.abandonAddition(ctx, a.Plan, a.Token)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	for more := err == nil; more; {
		if more, err = m.DropAddition(ctx, a.Plan, a.Token); err != nil {
			return err
		}
	}
	if first || a.Start == 0 {
		return nil
	}
	for page := range slices.Chunk(a.Tenants, cleanPage) {
		err := eachBatch(ctx, page, func(ctx context.Context, batch []string) error { return m.ReleaseStale(ctx, a.Plan, batch) })
		if err != nil {
			return err
		}
	}
	return nil
}

// DropAddition does one step of GiveUpAddition: it releases up to a thousand tenants, the last
// ones. more reports whether steps are left.
func (m *Manager) DropAddition(ctx context.Context, id plan.ID, token uint64) (more bool, err error) {
	p, _, err := m.abandonAddition(ctx, id, token)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	if err != nil || p.Adding == nil || p.Adding.Token != token {
		return false, err
	}
	left := max(0, p.Adding.Tenants-cleanPage)
	if p.StartToken != 0 {
		tenants, err := m.client.Appended(ctx, id, p.TaskCount+left, cleanPage)
		if err != nil {
			return false, err
		}
		locks := addLocks(id, p.StartToken, token, p.TaskCount+left+1, tenants)
		if err := eachBatch(ctx, locks, m.release); err != nil {
			return false, err
		}
	}
	_, _, err = m.client.Decide(ctx, id, func(p plan.Plan) (plan.Decision, error) {
		return plan.Adding{Token: token}.Drop(p, left, plan.By{Now: time.Now()}), nil
	})
	return left > 0, err
}
