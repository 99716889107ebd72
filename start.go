package cutover

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/cutover-go/cutover/internal/tenantlock"
	"github.com/cutover-go/cutover/internal/wait"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// ErrStarting says that the start of the plan is already under way.
var ErrStarting = errors.New("cutover: the plan is being started")

const (
	// startTimeout is how long a start waits, all in all, for others that are in its way.
	startTimeout = time.Minute
	// giveUpGrace is how much longer than its caller a command may take to release what it has
	// locked in vain. Any engine releases what it leaves.
	giveUpGrace = 40 * time.Millisecond
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
	deadline := time.Now().Add(startTimeout)
	for {
		a, err := e.tryStart(ctx, id, by, deadline)
		yield := new(tenantlock.YieldError)
		if !errors.As(err, &yield) {
			return a, err
		}
		if err := e.locks.AwaitStart(ctx, yield.To, deadline); err != nil {
			return PlanResult{Plan: a.Plan}, err
		}
	}
}

// tryStart tries once to start a plan. A *tenantlock.YieldError says that it has given way.
func (e *Engine) tryStart(ctx context.Context, id plan.ID, by plan.By, deadline time.Time) (PlanResult, error) {
	token := newToken()
	d, p, err := e.client.Decide(ctx, id, func(p plan.Plan) (plan.Decision, error) {
		if p.StartLeft() > 0 && p.Starting.Token != token {
			return plan.Decision{}, fmt.Errorf("plan %s: %w", id, ErrStarting)
		}
		return p.MarkStarting(token, e.cfg.LeaseTTL, by)
	})
	if err != nil || d.Unchanged {
		return PlanResult{Plan: p, Unchanged: d.Unchanged}, err
	}
	start := tenantlock.Start{Plan: id, Token: token, Actor: by.Actor, Deadline: deadline}
	if err = e.locks.LockPlan(ctx, start); err == nil {
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
	// The mark must be removed even if the caller waits no longer.
	last, done := wait.WithGrace(ctx, giveUpGrace)
	defer done()
	err = errors.Join(err, e.locks.GiveUpStart(last, id, token))
	if held := new(store.TenantHeldError); errors.As(err, &held) {
		e.locks.NameHolders(ctx, id, held)
	}
	return PlanResult{Plan: p}, err
}

// newToken returns a random token that is not 0.
func newToken() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return binary.LittleEndian.Uint64(b[:]) | 1
}
