package cutover

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/cutover-go/cutover/hook"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// ErrUnknownExecutor is the error for a spec whose executor type this process does not have.
var ErrUnknownExecutor = errors.New("cutover: unknown executor type")

// creationTTL is the maximum time between two store calls of one creation. When more time has
// passed, any engine may remove what the creation wrote.
const creationTTL = 30 * time.Second

// Create creates a plan with one task per tenant, in state CREATED. It is atomic at any size:
// nothing of the plan is visible before it is complete, and if this process dies before that, an
// engine removes what was written.
//
// A faulty spec is refused before anything is written, with plan.ErrInvalid, [ErrUnknownExecutor]
// or both. If a plan with the idempotency key of spec exists, Create returns that plan if its spec
// was the same, and store.ErrKeyReused if not. While another call of Create with the key is under
// way, Create returns store.ErrCreating; a later call returns the plan of the other call.
// Suspicious values of the strategy are logged to Config.Logger; to see them, and what the plan
// will do wave by wave, before it is created, call Spec.Arrange.
func (e *Engine) Create(ctx context.Context, spec plan.Spec, opts ...CreateOption) (plan.Plan, error) {
	o := createOptionsOf(opts)
	return observe(ctx, e, o.command.as("Create", 0, 0), func(ctx context.Context) (plan.Plan, error) {
		a, err := checkSpec(ctx, e, spec, o)
		if err != nil {
			return plan.Plan{}, err
		}
		return createOrFind(ctx, e, a, o)
	}, func(p plan.Plan) hook.CommandResult { return hook.CommandResult{Plan: p} })
}

// checkedSpec is a spec without faults.
type checkedSpec struct {
	spec     plan.Spec
	arranged plan.Arrangement
	hash     string // see digest
}

// checkSpec looks at a spec, and returns it with how its tenants are arranged, or its faults. It
// logs what is suspicious.
func checkSpec(ctx context.Context, e *Engine, spec plan.Spec, o createOptions) (checkedSpec, error) {
	if o.existed != nil {
		*o.existed = false
	}
	look := inspect(ctx, spec)
	arranged, faults := look.spec.Arrange(time.Now())
	if err := look.end(ctx); err != nil {
		return checkedSpec{}, err
	}
	if o.needsKey && spec.IdempotencyKey == "" {
		faults = errors.Join(faults, errNoKey())
	}
	if _, known := e.cfg.Executors[spec.ExecutorType]; !known && !o.elsewhere {
		faults = errors.Join(faults, fmt.Errorf("%w: %.64q is none of %q; see ExecutorElsewhere", ErrUnknownExecutor,
			spec.ExecutorType, slices.Sorted(maps.Keys(e.cfg.Executors))))
	}
	if faults != nil {
		return checkedSpec{}, faults
	}
	for _, w := range append(arranged.Warnings, cannotUndo(e, spec)...) {
		e.cfg.Logger.Warn("suspicious strategy", zap.String("plan", spec.Name), zap.String("field", w.Field), zap.String("problem", w.Problem))
	}
	return checkedSpec{spec: spec, arranged: arranged, hash: look.hash()}, nil
}

// createOrFind creates a plan, or returns the one that has its key.
func createOrFind(ctx context.Context, e *Engine, a checkedSpec, o createOptions) (plan.Plan, error) {
	a.spec = annotated(ctx, e, a.spec)
	send := sendInTurn
	if a.spec.TenantSeq != nil {
		send = sendAhead
	}
	c, err := create(ctx, e.client.Store, e.client.Do, a, send, o.command.Actor)
	if err != nil {
		return plan.Plan{}, err
	}
	p, err := e.client.Plan(ctx, c.ID)
	if o.existed != nil {
		*o.existed = c.Exists && err == nil
	}
	return p, err
}

// cannotUndo warns of a strategy that undoes, if the executor of this process cannot.
func cannotUndo(e *Engine, spec plan.Spec) []plan.Fault {
	action := spec.Strategy.FailureAction
	if action != strategy.RollbackPlan && action != strategy.RollbackWave || e.CanUndo(spec.ExecutorType) {
		return nil
	}
	problem := fmt.Sprintf("%s will fail: the executor %.64q cannot undo its work", action, spec.ExecutorType)
	return []plan.Fault{{Field: "Strategy.FailureAction", Problem: problem}}
}

// caller makes a call of the store until it has an answer, or once.
type caller func(ctx context.Context, op string, call func() error) error

// create stores a plan and its tenants.
func create(
	ctx context.Context, to Transaction, do caller, a checkedSpec, send sender, actor string,
) (c store.Creation, err error) {
	mark, spec := rand.Text(), &a.spec
	err = do(ctx, "begin create", func() (err error) {
		c, err = to.BeginCreate(ctx, store.Create{
			Plan: plan.Plan{
				Name: spec.Name, ExecutorType: spec.ExecutorType, Parameters: maps.Clone(spec.Parameters),
				Annotations: maps.Clone(spec.Annotations), Strategy: a.arranged.Strategy, TaskCount: a.arranged.TaskCount, IdempotencyKey: spec.IdempotencyKey,
				Control: plan.Control{Waves: a.arranged.Waves},
			},
			Mark:  mark,
			Hash:  a.hash,
			Actor: actor,
			TTL:   creationTTL,
		})
		return err
	})
	if errors.Is(err, store.ErrKeyReused) || errors.Is(err, store.ErrCreating) {
		err = fmt.Errorf("idempotency key %.128q: %w", spec.IdempotencyKey, err)
	}
	if err != nil || c.Exists {
		return c, err
	}
	first := 1
	err = send(a.arranged.Pages(), func(tenants []task.Tenant) error {
		err := do(ctx, "add tenants", func() error { return to.AddTenants(ctx, c, first, tenants) })
		first += len(tenants)
		return err
	})
	if over := ctx.Err(); over != nil && errors.Is(err, plan.ErrSequenceChanged) {
		err = over // a sequence that cannot go on ends the context, and then itself
	}
	if err != nil {
		return c, err
	}
	return c, do(ctx, "finish create", func() error { return to.FinishCreate(ctx, c) })
}
