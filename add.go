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
	"github.com/cutover-go/cutover/plan/strategy"
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
// some are, the error matches plan.ErrInvalid and names each of them; so does that of a list with
// faults in itself, before the plan is looked at. If the plan was started, AddTenants locks the
// tenants as [Engine.Start] does, with the same errors. Returns [ErrAdding] if another call is
// adding tenants to the plan.
func (e *Engine) AddTenants(ctx context.Context, id plan.ID, tenants []task.Tenant, opts ...CommandOption) (PlanResult, error) {
	c := commandOf(opts)
	return observe(ctx, e, c.as("AddTenants", id, 0), func(ctx context.Context) (PlanResult, error) {
		return add(ctx, e, id, tenants, c)
	}, PlanResult.report)
}

func add(ctx context.Context, e *Engine, id plan.ID, tenants []task.Tenant, c command) (PlanResult, error) {
	if err := plan.CheckTenants(tenants); err != nil {
		return PlanResult{}, err
	}
	if p, repeated, err := c.repeated(ctx, e.client, id); repeated || err != nil {
		return PlanResult{Plan: p, Repeated: repeated}, err
	}
	a := addition{Engine: e, command: c, id: id, tenants: tenants, deadline: time.Now().Add(startTimeout)}
	for {
		r, err := a.try(ctx)
		yield := new(tenantlock.YieldError)
		switch {
		case errors.As(err, &yield):
			a.command.Version = 0 // the try has compared it, and its marks raised the version
			err = e.locks.AwaitStart(ctx, yield.To, a.deadline)
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

// addition is a call of AddTenants.
type addition struct {
	*Engine
	command  command
	id       plan.ID
	tenants  []task.Tenant
	deadline time.Time
}

// try tries once to add the tenants. It returns errGrown, or a *tenantlock.YieldError if it has
// given way to a start.
func (a *addition) try(ctx context.Context) (PlanResult, error) {
	p, present, err := a.present(ctx)
	switch {
	case err != nil:
		return PlanResult{Plan: p}, err
	case len(present) == len(a.tenants):
		return PlanResult{Plan: p, Unchanged: true}, nil
	case len(present) > 0:
		return PlanResult{Plan: p}, plan.DuplicateTenants(a.tenants, present)
	}
	token := tenantlock.NewToken()
	if p, err = a.mark(ctx, p, token); err != nil {
		return PlanResult{Plan: p}, err
	}
	added := tenantlock.Addition{Plan: a.id, Start: p.StartToken, Token: token, First: p.TaskCount + 1, Deadline: a.deadline}
	if p.Strategy.Conflict == strategy.Wait {
		added.Start = 0 // the tasks lock their tenants themselves
	}
	for i := range a.tenants {
		added.Tenants = append(added.Tenants, a.tenants[i].ID)
	}
	if err = a.storeAndLock(ctx, p, added); err == nil {
		_, p, err = a.client.DecideAs(ctx, a.command.id, a.id, func(p plan.Plan) (plan.Decision, error) {
			return plan.Adding{Token: token}.Complete(p, a.command.By)
		})
	}
	if err == nil {
		return PlanResult{Plan: p}, nil
	}
	err = errors.Join(err, a.giveUp(ctx, added))
	if held := new(store.TenantHeldError); errors.As(err, &held) {
		a.locks.NameHoldersOf(ctx, a.id, added.Tenants, held)
	}
	return PlanResult{Plan: p}, err
}

// giveUp gives the addition up, even if the caller's context has ended.
func (a *addition) giveUp(ctx context.Context, added tenantlock.Addition) error {
	last, done := wait.WithGrace(ctx, giveUpGrace)
	defer done()
	return a.locks.GiveUpAddition(last, added)
}

// present returns the plan, and the places of those of the tenants that it has already.
func (a *addition) present(ctx context.Context) (p plan.Plan, places []int, err error) {
	if p, err = a.client.Plan(ctx, a.id); err != nil {
		return p, nil, err
	}
	at := make(map[string]int, len(a.tenants))
	for i := range a.tenants {
		at[a.tenants[i].ID] = i
	}
	err = a.client.EachTenant(ctx, a.id, func(_ int, page []string) error {
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

// mark marks the plan, which must have as many tasks as when it was read, as one to which tenants
// are being added. It gives up an addition that shows no sign of life.
func (a *addition) mark(ctx context.Context, was plan.Plan, token uint64) (plan.Plan, error) {
	if old := was.Adding; old != nil && old.Left(was.Idle) <= 0 {
		if err := a.locks.GiveUpAddition(ctx, tenantlock.Addition{Plan: was.ID, Token: old.Token}); err != nil {
			return was, err
		}
	}
	adding := plan.Adding{Token: token, Tenants: len(a.tenants), TTL: a.cfg.LeaseTTL, Actor: a.command.Actor}
	sent := false
	_, p, err := a.client.Decide(ctx, was.ID, func(p plan.Plan) (plan.Decision, error) {
		if err := a.command.Check(p); err != nil {
			return plan.Decision{}, err
		}
		switch {
		case p.Adding != nil && p.Adding.Token != token:
			return plan.Decision{}, fmt.Errorf("plan %s: %w", p.ID, ErrAdding)
		case p.TaskCount != was.TaskCount:
			return plan.Decision{}, errGrown
		}
		d, err := adding.Mark(p, a.command.By)
		sent = sent || err == nil
		return d, err
	})
	if err != nil && sent { // the mark may be there although the answer says otherwise
		err = errors.Join(err, a.giveUp(ctx, tenantlock.Addition{Plan: was.ID, Token: token}))
	}
	return p, err
}

// storeAndLock stores the tenants after the tasks of the plan and locks them, and keeps the
// addition alive while it does.
func (a *addition) storeAndLock(ctx context.Context, p plan.Plan, added tenantlock.Addition) error {
	alive, stop := a.locks.KeepAddition(ctx, added)
	defer stop()
	first, err := added.First, error(nil)
	for batch := range plan.Pages(a.tenants) {
		err = a.client.Do(alive, "append tenants", func() error {
			return a.client.Store.AppendTenants(alive, a.id, added.Token, first, batch)
		})
		if err != nil {
			break
		}
		first += len(batch)
	}
	if err == nil {
		err = a.locks.LockAdded(alive, added)
	}
	cause := context.Cause(alive)
	switch {
	case err == nil:
		return nil
	case cause != nil && ctx.Err() == nil:
		return cause
	case errors.Is(err, store.ErrConflict): // another process took this one for dead
		return tenantlock.GivenUp(p)
	}
	return err
}
