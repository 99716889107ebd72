package cutover

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cutover-go/cutover/internal/tenantlock"
	"github.com/cutover-go/cutover/internal/wait"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// ErrAdding is the error of [Engine.AddTenants] while another call is adding tenants to the same
// plan.
var ErrAdding = errors.New("cutover: other tenants are being added to the plan")

// AddTenants adds tenants to a plan that is not over: CREATED, RUNNING, PAUSED or FAILED. All of
// them become tasks in one step, or none does: if this process dies before, an engine removes what
// was written.
//
// The new tasks are the last ones of the plan. They belong to its last wave if that has not opened
// yet, otherwise to a new wave, which has only the plan's own rules. In a plan without waves they
// may begin at once. Percentages of the strategy are then of all tenants. While tenants are being
// added the plan does not end, and it cannot be started.
//
// If all of the tenants are in the plan already, nothing is changed, and the result says so. If
// some are, or the tenants have other faults, the error matches plan.ErrInvalid and names each. If
// the plan was started, AddTenants locks the tenants as [Engine.Start] does, with the same errors.
// Returns [ErrAdding] if another call is adding tenants to the plan.
func (e *Engine) AddTenants(ctx context.Context, id plan.ID, tenants []task.Tenant, opts ...CommandOption) (PlanResult, error) {
	if err := plan.CheckTenants(tenants); err != nil {
		return PlanResult{}, err
	}
	c := commandOf(opts)
	if p, repeated, err := e.repeated(ctx, c, id); repeated || err != nil {
		return PlanResult{Plan: p, Repeated: repeated}, err
	}
	deadline := time.Now().Add(startTimeout)
	for {
		r, err := e.tryAdd(ctx, id, tenants, c, deadline)
		yield := new(tenantlock.YieldError)
		switch {
		case errors.As(err, &yield):
			c.Version = 0 // the try has compared it, and its marks raised the version
			err = e.locks.AwaitStart(ctx, yield.To, deadline)
		case errors.Is(err, errGrown):
			err = nil
		default:
			return r, err
		}
		if err != nil {
			return r, err
		}
	}
}

// errGrown means that tenants were added to the plan after it was searched for the new ones.
var errGrown = errors.New("cutover: the plan has more tenants than before")

// tryAdd tries once to add tenants. It returns errGrown, or a *tenantlock.YieldError if it has
// given way to a start.
func (e *Engine) tryAdd(ctx context.Context, id plan.ID, tenants []task.Tenant, c command, deadline time.Time) (PlanResult, error) {
	p, present, err := e.present(ctx, id, tenants)
	switch {
	case err != nil:
		return PlanResult{Plan: p}, err
	case len(present) == len(tenants):
		return PlanResult{Plan: p, Unchanged: true}, nil
	case len(present) > 0:
		return PlanResult{Plan: p}, plan.DuplicateTenants(tenants, present)
	}
	token := newToken()
	p, err = e.markAdding(ctx, p, token, len(tenants), c.By)
	if err != nil {
		return PlanResult{Plan: p}, err
	}
	a := tenantlock.Addition{
		Plan: id, Start: p.StartToken, Token: token, First: p.TaskCount + 1, Tenants: idsOf(tenants), Deadline: deadline,
	}
	if err = e.storeAndLock(ctx, a, tenants); err == nil {
		_, p, err = e.client.DecideAs(ctx, c.id, id, func(p plan.Plan) (plan.Decision, error) {
			return plan.Adding{Token: token}.Complete(p, c.By)
		})
	}
	if err == nil {
		return PlanResult{Plan: p}, nil
	}
	// The mark has to be removed even if the caller's context has ended.
	last, done := wait.WithGrace(ctx, giveUpGrace)
	defer done()
	return PlanResult{Plan: p}, errors.Join(err, e.locks.GiveUpAddition(last, id, token))
}

// present returns a plan, and the places in the list of those tenants that it has already.
func (e *Engine) present(ctx context.Context, id plan.ID, tenants []task.Tenant) (p plan.Plan, places []int, err error) {
	if p, err = e.client.Plan(ctx, id); err != nil {
		return p, nil, err
	}
	at := make(map[string]int, len(tenants))
	for i := range tenants {
		at[tenants[i].ID] = i
	}
	err = e.client.EachTenant(ctx, id, func(_ int, page []string) error {
		for _, tenant := range page {
			if i, is := at[tenant]; is {
				places = append(places, i)
			}
		}
		return nil
	})
	slices.Sort(places)
	return p, places, err
}

// markAdding marks a plan, which must have as many tasks as when it was read, as one to which n
// tenants are being added. It gives up an addition that shows no sign of life.
func (e *Engine) markAdding(ctx context.Context, was plan.Plan, token uint64, n int, by plan.By) (plan.Plan, error) {
	if a := was.Adding; a != nil && a.Left(was.Idle) <= 0 {
		if err := e.locks.GiveUpAddition(ctx, was.ID, a.Token); err != nil {
			return was, err
		}
	}
	_, p, err := e.client.Decide(ctx, was.ID, func(p plan.Plan) (plan.Decision, error) {
		if err := by.Check(p); err != nil {
			return plan.Decision{}, err
		}
		switch {
		case p.Adding != nil && p.Adding.Token != token:
			return plan.Decision{}, fmt.Errorf("plan %s: %w", p.ID, ErrAdding)
		case p.TaskCount != was.TaskCount:
			return plan.Decision{}, errGrown
		}
		return plan.Adding{Token: token, Tenants: n, TTL: e.cfg.LeaseTTL, Actor: by.Actor}.Mark(p, by)
	})
	return p, err
}

// storeAndLock stores the tenants of an addition after the plan's tasks and locks them, and keeps
// the addition alive while it does.
func (e *Engine) storeAndLock(ctx context.Context, a tenantlock.Addition, tenants []task.Tenant) error {
	alive, stop := e.locks.KeepAddition(ctx, a)
	defer stop()
	first, err := a.First, error(nil)
	for batch := range slices.Chunk(tenants, store.MaxBatch) {
		err = e.client.Do(alive, "append tenants", func() error {
			return e.client.Store.AppendTenants(alive, a.Plan, a.Token, first, batch)
		})
		if err != nil {
			break
		}
		first += len(batch)
	}
	if err == nil {
		err = e.locks.LockAdded(alive, a)
	}
	if cause := context.Cause(alive); err != nil && cause != nil && ctx.Err() == nil {
		return cause
	}
	return err
}

func idsOf(tenants []task.Tenant) []string {
	ids := make([]string, len(tenants))
	for i := range tenants {
		ids[i] = tenants[i].ID
	}
	return ids
}
