package cutover

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cutover-go/cutover/internal/tenantlock"
	"github.com/cutover-go/cutover/internal/wait"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store"
)

// ErrStarting is the error of [Engine.Start] while another call is already starting the plan.
var ErrStarting = errors.New("cutover: the plan is being started")

const (
	// startTimeout is how long one call of Start waits, in total, for other starts that are in its
	// way.
	startTimeout = time.Minute
	// giveUpGrace is how long a failed command may go on after its context has ended, to release
	// the locks that it took. If it does not manage to, any engine releases them later.
	giveUpGrace = 40 * time.Millisecond
)

// Start makes a plan run. It first locks every tenant of the plan, all or none, unless the plan's
// strategy waits for tenants (strategy.Wait). If other plans work on some of the tenants it returns
// a *store.TenantHeldError, which names up to 100 of those tenants and matches store.ErrTenantHeld.
// Returns [ErrStarting] if another call is starting the same plan.
//
// If the strategy is to skip such tenants (strategy.Skip), they are skipped instead: their tasks
// become SKIPPED, with a Failure that says which plan worked on the tenant. The error is only
// returned if every task would be skipped, and nothing is skipped then. If this process dies, or
// cannot reach the store, an engine finishes such a start after the process's LeaseTTL, whatever
// the error was.
//
// Of several concurrent starts over the same tenants, the start of the plan with the smallest id
// goes on. The others release the locks that they have taken and wait until that start has ended;
// if that start was given up, they go on. No start fails because of another start that is given up,
// unless it has waited for a minute.
func (e *Engine) Start(ctx context.Context, id plan.ID, opts ...CommandOption) (PlanResult, error) {
	c := commandOf(opts)
	return observe(ctx, e, c.as("Start", id, 0), func(ctx context.Context) (PlanResult, error) {
		return start(ctx, e, id, starting{command: c, deadline: time.Now().Add(startTimeout)})
	}, PlanResult.report)
}

// starting is a command to start a plan.
type starting struct {
	command
	deadline time.Time // until when it waits for other starts
	// finishes means that an engine finishes the start of another process. Nobody learns that it
	// was given up, so it is not if this engine ends, or does not reach the store: another engine
	// goes on, or this one does later.
	finishes bool
}

// goesOn reports whether a start that failed is left to engines.
func (c *starting) goesOn(ctx context.Context, err error) bool {
	return c.finishes && (store.Temporary(err) || ctx.Err() != nil)
}

// start makes a plan run.
func start(ctx context.Context, e *Engine, id plan.ID, c starting) (PlanResult, error) {
	if p, repeated, err := c.repeated(ctx, e.client, id); repeated || err != nil {
		return PlanResult{Plan: p, Repeated: repeated}, err
	}
	for {
		a, err := tryStart(ctx, e, id, c)
		c.Version = 0 // the first try has compared it, and the marks of this start raise the version
		yield := new(tenantlock.YieldError)
		if !errors.As(err, &yield) {
			return a, err
		}
		if err := e.locks.AwaitStart(ctx, yield.To, c.deadline); err != nil {
			return PlanResult{Plan: a.Plan}, err
		}
	}
}

// tryStart tries once to start a plan. It returns a *tenantlock.YieldError if it has given way to
// another start.
func tryStart(ctx context.Context, e *Engine, id plan.ID, c starting) (PlanResult, error) {
	token, sent := tenantlock.NewToken(), false
	d, p, err := e.client.Decide(ctx, id, func(p plan.Plan) (plan.Decision, error) {
		if err := c.Check(p); err != nil {
			return plan.Decision{}, err
		}
		if p.StartLeft() > 0 && p.Starting.Token != token {
			return plan.Decision{}, fmt.Errorf("plan %s: %w", id, ErrStarting)
		}
		d, err := p.MarkStarting(token, e.cfg.LeaseTTL, c.By)
		sent = sent || err == nil && !d.Unchanged
		return d, err
	})
	if err != nil && sent && !c.goesOn(ctx, err) { // the mark may be there although the answer says otherwise
		last, done := wait.WithGrace(ctx, giveUpGrace)
		defer done()
		_, left := e.locks.AbandonStart(last, id, token)
		return PlanResult{Plan: p}, errors.Join(err, left)
	}
	if err != nil || d.Unchanged {
		return PlanResult{Plan: p, Unchanged: d.Unchanged}, err
	}
	start := tenantlock.Start{
		Plan: id, Token: d.Plan.Starting.Token, Actor: c.Actor, Reason: c.Reason, Skipping: d.Plan.Starting.Skipping, Deadline: c.deadline,
	}
	err = lockFor(ctx, e, p, &start)
	token = start.Token // another one if the start went on from tasks that were skipped, or gave way
	if err == nil {
		_, p, err = e.client.DecideAs(ctx, c.id, id, func(p plan.Plan) (plan.Decision, error) {
			if p.Starting != nil && p.Starting.Token != token {
				return plan.Decision{}, fmt.Errorf("plan %s: %w", id, ErrStarting)
			}
			return p.Start(c.By)
		})
	}
	if err == nil || c.goesOn(ctx, err) {
		return PlanResult{Plan: p}, err
	}
	// The mark has to be removed even if the caller's context has ended.
	last, done := wait.WithGrace(ctx, giveUpGrace)
	defer done()
	err = errors.Join(err, e.locks.GiveUpStart(last, id, token))
	if held := new(store.TenantHeldError); errors.As(err, &held) {
		e.locks.NameHolders(ctx, id, held)
	}
	return PlanResult{Plan: p}, err
}

// lockFor locks the tenants of a plan for its start, as its strategy says.
func lockFor(ctx context.Context, e *Engine, p plan.Plan, s *tenantlock.Start) error {
	switch p.Strategy.Conflict {
	case strategy.Wait:
		return nil
	case strategy.Skip:
		return e.locks.LockOrSkip(ctx, s)
	case strategy.Reject:
	}
	return e.locks.LockPlan(ctx, *s)
}

// finishStart finishes a start that shows no sign of life, of a plan that skips tenants.
func finishStart(ctx context.Context, e *Engine, p plan.Plan) error {
	by := plan.By{Actor: p.Starting.Actor, Reason: p.Starting.Reason, Now: time.Now()}
	_, err := start(ctx, e, p.ID, starting{command{By: by}, time.Now().Add(startTimeout), true})
	if errors.Is(err, ErrStarting) || errors.Is(err, plan.ErrNotApplicable) {
		return nil // another process has finished it, or is at it; or the plan was canceled
	}
	return err
}
