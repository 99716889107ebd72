package cutover

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/cutover-go/cutover/internal/wait"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// ErrStarting says that the start of the plan is already under way.
var ErrStarting = errors.New("cutover: the plan is being started")

// startTTL is how long a start of this process may rest between two signs of life
// before any engine may undo it. It is written into the start's mark: other processes
// may have other leases.
func (e *Engine) startTTL() time.Duration { return e.cfg.LeaseTTL }

const (
	// startPatience is how long a start waits, all in all, for others that are in its way.
	startPatience = time.Minute
	// giveUpPatience is what a start that was cancelled still may take to give itself up.
	// What it leaves is cleaned up by any engine.
	giveUpPatience = 40 * time.Millisecond
)

// Start makes a plan run. It first takes the lock of every tenant, all or none:
// store.ErrTenantHeld names those that other plans work on, up to 100 of them.
// [ErrStarting] if another call is doing the same just now.
//
// Of several starts over the same tenants at once that of the plan with the smallest id
// goes on. The others free what they have taken and wait until it has come to an end:
// if it was given up, they go on. None fails because of a start that is given up, unless
// it has waited for a minute.
func (e *Engine) Start(ctx context.Context, id plan.ID, opts ...CommandOption) (PlanResult, error) {
	by := commandBy(opts)
	deadline := time.Now().Add(startPatience)
	for {
		a, err := e.tryStart(ctx, id, by, deadline)
		yield := new(yieldError)
		if !errors.As(err, &yield) {
			return a, err
		}
		if err := e.awaitStart(ctx, yield.to, deadline); err != nil {
			return PlanResult{Plan: a.Plan}, err
		}
	}
}

// yieldError says that a start gives way to that of a plan with a smaller id.
type yieldError struct {
	// to is a lock of the other start.
	to store.TenantLock
}

func (e *yieldError) Error() string {
	return fmt.Sprintf("cutover: tenant %q is being taken by the start of plan %s", e.to.Tenant, e.to.Plan)
}

// tryStart tries once to start a plan. A *yieldError says that it has given way.
func (e *Engine) tryStart(ctx context.Context, id plan.ID, by plan.By, deadline time.Time) (PlanResult, error) {
	token := newToken()
	d, p, err := e.client.Decide(ctx, id, func(p plan.Plan) (plan.Decision, error) {
		if p.StartLeft() > 0 && p.Starting.Token != token {
			return plan.Decision{}, fmt.Errorf("plan %s: %w", id, ErrStarting)
		}
		return p.MarkStarting(token, e.startTTL(), by)
	})
	if err != nil || d.Unchanged {
		return PlanResult{Plan: p, Unchanged: d.Unchanged}, err
	}
	if err = e.lockAll(ctx, id, by.Actor, token, deadline); err == nil {
		_, p, err = e.client.Decide(ctx, id, func(p plan.Plan) (plan.Decision, error) {
			if p.Starting != nil && p.Starting.Token != token {
				return plan.Decision{}, fmt.Errorf("plan %s: %w", id, ErrStarting)
			}
			return p.Start(by)
		})
	}
	if err == nil {
		return PlanResult{Plan: p}, nil
	}
	// The mark must go even if the caller's patience is at its end.
	last, done := wait.WithGrace(ctx, giveUpPatience)
	defer done()
	err = errors.Join(err, e.giveUpStart(last, id, token))
	if held := new(store.TenantHeldError); errors.As(err, &held) {
		e.nameHolders(ctx, id, held)
	}
	return PlanResult{Plan: p}, err
}

// newToken returns a random token that is not 0.
func newToken() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return binary.LittleEndian.Uint64(b[:]) | 1
}

// awaitStart waits until the start that has a lock has come to an end.
// store.ErrTenantHeld if that takes too long.
func (e *Engine) awaitStart(ctx context.Context, of store.TenantLock, deadline time.Time) error {
	for pause := firstWait; ; pause = min(2*pause, longestWait) {
		p, err := e.client.Plan(ctx, of.Plan)
		switch {
		case errors.Is(err, store.ErrNotFound):
			return nil
		case err != nil:
			return err
		case p.Starting == nil || p.Starting.Token != of.Start || p.StartLeft() <= 0:
			return nil
		case !time.Now().Before(deadline):
			return &store.TenantHeldError{Held: []store.TenantLock{of}}
		}
		if wait.For(ctx, pause); ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// keepStart shows that a start is still alive, until stop is called. The context ends,
// with a cause, when the start was given up by somebody else.
func (e *Engine) keepStart(ctx context.Context, id plan.ID, actor string, token uint64) (alive context.Context, stop func()) {
	alive, cancel := context.WithCancelCause(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			if wait.For(alive, e.startTTL()/3); alive.Err() != nil {
				return
			}
			if err := e.renewStart(alive, id, actor, token); err != nil && !store.Temporary(err) {
				cancel(err)
			}
		}
	}()
	return alive, func() {
		cancel(nil)
		<-done
	}
}

// renewStart shows that the start is still alive, by writing its mark again.
func (e *Engine) renewStart(ctx context.Context, id plan.ID, actor string, token uint64) error {
	_, _, err := e.client.Decide(ctx, id, func(p plan.Plan) (plan.Decision, error) {
		if p.Starting == nil || p.Starting.Token != token {
			return plan.Decision{}, &plan.StateError{
				Plan: id, Command: plan.ByStart.String(), PlanState: p.State, Why: "the start was given up",
			}
		}
		return p.MarkStarting(token, e.startTTL(), plan.By{Actor: actor, Now: time.Now()})
	})
	return err
}

// giveUpStart takes the mark of a start away and then frees what it has locked. In
// this order: as long as the mark is there, whoever made it may still start the plan.
// Locks that stay behind, because the store is away, are stale without the mark.
func (e *Engine) giveUpStart(ctx context.Context, id plan.ID, token uint64) error {
	p, err := e.unmarkStart(ctx, id, token)
	if err != nil || p.StartToken == token {
		return err
	}
	return e.client.EachTenant(ctx, id, func(first int, tenants []string) error {
		return eachBatch(ctx, startLocks(id, token, first, tenants), e.release)
	})
}

// unmarkStart takes away the mark with that token, if it is there, and returns the
// plan as it is then. Its StartToken is token if the start has succeeded meanwhile.
func (e *Engine) unmarkStart(ctx context.Context, id plan.ID, token uint64) (plan.Plan, error) {
	_, p, err := e.client.Decide(ctx, id, func(p plan.Plan) (plan.Decision, error) {
		if p.Starting == nil || p.Starting.Token != token {
			return plan.Decision{}, nil
		}
		return p.UnmarkStarting(plan.By{Now: time.Now()}), nil
	})
	return p, err
}
