package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// join creates and starts the plan, or finds the one that another process has created. If two
// processes do this at the same time, one of them is refused, and tries again a second later.
func join(ctx context.Context, engine *cutover.Engine, o options) (plan.Plan, error) {
	spec := plan.Spec{
		Name: "worker example " + o.key, ExecutorType: moveType, IdempotencyKey: o.key,
		Tenants:  tenants(o.tenants),
		Strategy: strategy.Strategy{MaxConcurrency: strategy.Count(12)},
	}
	for {
		p, err := engine.Create(ctx, spec)
		if err == nil && p.State == plan.Created {
			var a cutover.PlanResult
			a, err = engine.Start(ctx, p.ID)
			p = a.Plan
		}
		switch {
		case err == nil:
			fmt.Printf("-- plan %s: %d tenants, %s at a time; now %s\n", p.ID, p.TaskCount, p.Strategy.MaxConcurrency, p.State)
			return p, nil
		case !errors.Is(err, store.ErrCreating) && !errors.Is(err, cutover.ErrStarting):
			return p, err
		}
		fmt.Println("-- another process is making the plan")
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return p, context.Cause(ctx)
		}
	}
}

func tenants(n int) []task.Tenant {
	list := make([]task.Tenant, n)
	for i := range list {
		list[i].ID = fmt.Sprintf("tenant-%03d", i+1)
	}
	return list
}

// show prints the plan's outcome.
func show(p plan.Plan) {
	fmt.Printf("-- plan %s is %s: %d of %d tasks completed, %d failed\n", p.ID, p.State,
		p.Counters.Of(task.Completed), p.TaskCount, p.Counters.Of(task.Failed))
}
