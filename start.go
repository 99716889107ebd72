package cutover

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// ErrStarting says that the start of the plan is already under way.
var ErrStarting = errors.New("cutover: the plan is being started")

// startTTL is how long a start of this process may rest between two signs of life
// before any engine may undo it. It is written into the start's mark: other processes
// may have other leases.
func (e *Engine) startTTL() time.Duration { return e.cfg.LeaseTTL }

// Start makes a plan run. It first takes the lock of every tenant, all or none:
// store.ErrTenantHeld names those that other plans work on, up to 100 of them.
// [ErrStarting] if another call is doing the same just now.
func (e *Engine) Start(ctx context.Context, id plan.ID) (PlanAnswer, error) {
	by := commandBy(ctx)
	token := newToken()
	d, p, err := e.decide(ctx, id, func(p plan.Plan) (plan.Decision, error) {
		if p.StartLeft() > 0 {
			return plan.Decision{}, fmt.Errorf("plan %s: %w", id, ErrStarting)
		}
		return p.MarkStarting(token, e.startTTL(), by)
	})
	if err != nil || d.AlreadySo {
		return PlanAnswer{Plan: p, AlreadySo: d.AlreadySo}, err
	}
	if err := e.lockAll(ctx, id, by.Actor, token); err != nil {
		// The mark must go even if the caller's patience is at its end.
		return PlanAnswer{Plan: p}, errors.Join(err, e.giveUpStart(context.WithoutCancel(ctx), id, token))
	}
	_, p, err = e.decide(ctx, id, func(p plan.Plan) (plan.Decision, error) {
		if p.Starting != nil && p.Starting.Token != token {
			return plan.Decision{}, fmt.Errorf("plan %s: %w", id, ErrStarting)
		}
		return p.Start(by)
	})
	return PlanAnswer{Plan: p}, err
}

// newToken returns a random token that is not 0.
func newToken() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return binary.LittleEndian.Uint64(b[:]) | 1
}

// lockAll takes the locks of all tenants of a plan that was marked as starting.
func (e *Engine) lockAll(ctx context.Context, id plan.ID, actor string, token uint64) error {
	var held []store.TenantLock
	alive := time.Now()
	err := e.eachTenants(ctx, id, func(first int, tenants []string) error {
		if time.Since(alive) > e.startTTL()/3 {
			if err := e.renewStart(ctx, id, actor, token); err != nil {
				return err
			}
			alive = time.Now()
		}
		others, err := e.lockPage(ctx, startLocks(id, token, first, tenants))
		if len(held) < maxHeldNamed {
			held = append(held, others...)
		}
		return err
	})
	if err == nil && len(held) > 0 {
		err = &store.TenantHeldError{Held: held[:min(len(held), maxHeldNamed)]}
	}
	return err
}

// lockPage takes the locks, several batches at a time, and returns those that other
// plans hold.
func (e *Engine) lockPage(ctx context.Context, locks []store.TenantLock) (held []store.TenantLock, err error) {
	type answer struct {
		held []store.TenantLock
		err  error
	}
	answers := make([]answer, (len(locks)+store.MaxBatch-1)/store.MaxBatch)
	var batches sync.WaitGroup
	for i := range answers {
		batch := locks[i*store.MaxBatch : min(len(locks), (i+1)*store.MaxBatch)]
		batches.Go(func() { answers[i].held, answers[i].err = e.lock(ctx, batch) })
	}
	batches.Wait()
	for _, a := range answers {
		held = append(held, a.held...)
		err = errors.Join(err, a.err)
	}
	return held, err
}

// startLocks returns the locks that a start takes of tenants, the first of them with that
// ordinal.
func startLocks(id plan.ID, token uint64, first int, tenants []string) []store.TenantLock {
	locks := make([]store.TenantLock, len(tenants))
	for i, tenant := range tenants {
		locks[i] = startLock(id, token, first+i, tenant)
	}
	return locks
}

// renewStart shows that the start is still alive, by writing its mark again.
func (e *Engine) renewStart(ctx context.Context, id plan.ID, actor string, token uint64) error {
	_, _, err := e.decide(ctx, id, func(p plan.Plan) (plan.Decision, error) {
		if p.Starting == nil || p.Starting.Token != token {
			return plan.Decision{}, &plan.TooLateError{
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
	return e.eachTenants(ctx, id, func(first int, tenants []string) error {
		for batch := range slices.Chunk(startLocks(id, token, first, tenants), store.MaxBatch) {
			if err := e.command(ctx, "release", func() error { return e.store.Release(ctx, batch) }); err != nil {
				return err
			}
		}
		return nil
	})
}

// unmarkStart takes away the mark with that token, if it is there, and returns the
// plan as it is then. Its StartToken is token if the start has succeeded meanwhile.
func (e *Engine) unmarkStart(ctx context.Context, id plan.ID, token uint64) (plan.Plan, error) {
	_, p, err := e.decide(ctx, id, func(p plan.Plan) (plan.Decision, error) {
		if p.Starting == nil || p.Starting.Token != token {
			return plan.Decision{}, nil
		}
		return p.UnmarkStarting(plan.By{Now: time.Now()}), nil
	})
	return p, err
}
