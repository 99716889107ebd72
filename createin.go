package cutover

import (
	"context"
	"fmt"

	"github.com/cutover-go/cutover/hook"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// MaxTenantsIn is the maximum number of tenants of a plan that [CreateIn] creates: the transaction
// is open while they are written.
const MaxTenantsIn = 100_000

// Transaction is a transaction of the host's, in the database that has the plans: what
// pgstore.Store.Tx returns. Its methods are those of store.Creator.
type Transaction interface {
	BeginCreate(ctx context.Context, c store.Create) (store.Creation, error)
	AddTenants(ctx context.Context, c store.Creation, first int, tenants []task.Tenant) error
	FinishCreate(ctx context.Context, c store.Creation) error
}

// CreateIn creates a plan like [Engine.Create], within a transaction of the host's: the plan exists
// if and only if the host commits the transaction. Nobody sees it before; then engines find it
// within their PollInterval.
//
// It returns the plan's id or, if a plan with the idempotency key of spec exists, that plan's id.
// If another creation with the key is under way, it waits for its end, as long as the database lets
// it. Nothing is tried again: after an error of the store the transaction can only be rolled back.
// The spec is refused, with plan.ErrInvalid, if it has more than MaxTenantsIn tenants.
//
// Hooks are told of the command when it has written the plan, before the host commits.
func CreateIn(ctx context.Context, e *Engine, tx Transaction, spec plan.Spec, opts ...CreateOption) (plan.ID, error) {
	o := createOptionsOf(opts)
	return observe(ctx, e, o.command.as("CreateIn", 0, 0), func(ctx context.Context) (plan.ID, error) {
		if n := len(spec.Tenants); n > MaxTenantsIn {
			return 0, tooManyIn("Tenants", n)
		}
		a, err := checkSpec(ctx, e, spec, o)
		if err != nil {
			return 0, err
		}
		if n := a.arranged.TaskCount; n > MaxTenantsIn {
			return 0, tooManyIn("TenantSeq", n)
		}
		a.spec = annotated(ctx, e, spec)
		once := func(_ context.Context, _ string, call func() error) error { return call() }
		c, err := create(ctx, tx, once, a, sendInTurn, o.command.Actor)
		if err != nil {
			return 0, err
		}
		if o.existed != nil {
			*o.existed = c.Exists
		}
		return c.ID, nil
	}, func(id plan.ID) hook.CommandResult { return hook.CommandResult{Plan: plan.Plan{ID: id}} })
}

func tooManyIn(field string, n int) error {
	return &plan.InvalidError{Total: 1, Faults: []plan.Fault{{
		Field: field, Problem: fmt.Sprintf("are %d, and a transaction of the host's takes at most %d", n, MaxTenantsIn),
	}}}
}
