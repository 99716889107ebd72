package ops

import (
	"context"
	"strconv"
	"strings"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/ops/internal/wire"
	"github.com/cutover-go/cutover/plan"
)

// body is the body of a command.
type body[T any] interface {
	*T
	Why() string
}

// prepare reads the body of a command and returns its options.
func prepare[T any, B body[T]](c *call) (B, []cutover.CommandOption, error) {
	b := B(new(T))
	f, err := c.decode(b)
	if err != nil {
		return nil, nil, err
	}
	opts := c.options(b.Why(), f)
	return b, opts, c.reasoned(b.Why(), f)
}

// prepareForNone reads the body of a command that is not about one plan, so that no version can be
// meant.
func prepareForNone[T any, B body[T]](c *call) (B, error) {
	b := B(new(T))
	f, err := c.decode(b)
	if err != nil {
		return nil, err
	}
	c.options(b.Why(), f)
	c.noVersion(f)
	return b, c.reasoned(b.Why(), f)
}

// noVersion adds the fault of a version that is none of a plan.
func (c *call) noVersion(f *faults) {
	if c.seen != 0 {
		f.add("If-Match", "is for a command on one plan")
	}
}

// reasoned returns the problem of the faults of a command, to which it adds that of a missing
// reason; nil if there are none. Spaces are no reason.
func (c *call) reasoned(reason string, f *faults) error {
	if strings.TrimSpace(reason) == "" && !c.command.DryRun && c.cfg.ReasonFor(c.command.Action) {
		f.add("reason", "is required")
		if f.total == 1 {
			return faulty(codeReason, 1, f.list...)
		}
	}
	return f.err()
}

// planCommand serves a command on a plan that has only a reason.
func planCommand(give func(Engine, context.Context, plan.ID, ...cutover.CommandOption) (cutover.PlanResult, error)) serveFunc {
	return onPlan(func(c *call, id plan.ID, _ *wire.Command, opts []cutover.CommandOption) (cutover.PlanResult, error) {
		return give(c.engine, c.r.Context(), id, opts...)
	})
}

// onPlan serves a command on a plan.
func onPlan[T any, B body[T]](give func(c *call, id plan.ID, b B, opts []cutover.CommandOption) (cutover.PlanResult, error)) serveFunc {
	return func(c *call) (answer, error) {
		p, err := c.plan(c.command.Action)
		if err != nil {
			return answer{}, err
		}
		b, opts, err := prepare[T, B](c)
		if err != nil {
			return answer{}, err
		}
		r, err := give(c, p.ID, b, opts)
		if err != nil {
			return answer{}, err
		}
		c.command.Unchanged, c.command.Repeated = r.Unchanged, r.Repeated
		w := c.planDocument(&r.Plan)
		w.Unchanged, w.Repeated = r.Unchanged, r.Repeated
		return answer{body: w}, nil
	}
}

// retryPlan retries the failed tasks of a plan.
func retryPlan(c *call, id plan.ID, b *wire.RetryCommand, opts []cutover.CommandOption) (cutover.PlanResult, error) {
	return c.engine.RetryFailed(c.r.Context(), id, from(b.FromCheckpoint), opts...)
}

// from returns where the attempts of a retry begin.
func from(checkpoint *bool) cutover.RetryFrom {
	if checkpoint != nil && !*checkpoint {
		return cutover.FromScratch
	}
	return cutover.FromCheckpoint
}

// tunePlan changes the strategy of a plan.
func tunePlan(c *call, id plan.ID, b *wire.Tuning, opts []cutover.CommandOption) (cutover.PlanResult, error) {
	t, twice := b.Plan()
	if twice >= 0 {
		return cutover.PlanResult{}, faulty(codeInvalid, 1, wire.Fault{
			Field: "waves[" + strconv.Itoa(twice) + "].wave", Problem: "is that of another entry",
		})
	}
	r, err := c.engine.Tune(c.r.Context(), id, t, opts...)
	return r, named(err, b.Faults)
}
