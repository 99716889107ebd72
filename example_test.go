package cutover_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/task"
)

// The smallest program: one executor, one plan, run to its end.
func Example() {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()

	move := executor.Func(func(ctx context.Context, run *executor.Run) error {
		// Switch run.Tenant().ID over here. The saved checkpoint survives a crash.
		return run.Save(ctx, "SWITCHED", map[string]string{"to": "blue"})
	})
	engine, err := cutover.New(memstore.New(), cutover.Config{
		Executors: executor.Registry{"MOVE": move},
	})
	if err != nil {
		panic(err)
	}
	go engine.Run(ctx) //nolint:errcheck // it ends with the program

	p, err := engine.Create(ctx, plan.Spec{
		Name: "to blue", ExecutorType: "MOVE", Tenants: plan.Tenants("ada", "bob", "cleo"),
	})
	if err != nil {
		panic(err)
	}
	if _, err := engine.Start(ctx, p.ID); err != nil {
		panic(err)
	}
	p, err = engine.Wait(ctx, p.ID)
	fmt.Println(p.State, p.Counters.Of(task.Completed), err)
	// Output: COMPLETED 3 <nil>
}

// One tenant fails and the plan stops; the failure has the reason, and a retry goes on from the
// checkpoint.
func ExampleEngine_RetryTask() {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	healthy := false
	engine, err := cutover.New(memstore.New(), cutover.Config{Executors: executor.Registry{
		"MOVE": executor.Func(func(context.Context, *executor.Run) error {
			if !healthy {
				return executor.Retryable("GATEWAY_TIMEOUT", errors.New("Gateway API timeout"))
			}
			return nil
		}),
	}})
	if err != nil {
		panic(err)
	}
	go engine.Run(ctx) //nolint:errcheck // it ends with the program

	p, err := engine.Create(ctx, plan.Spec{
		Name: "to blue", ExecutorType: "MOVE", Tenants: plan.Tenants("ada"),
		Strategy: strategy.Strategy{MaxConcurrency: strategy.Percent(10)},
	})
	if err != nil {
		panic(err)
	}
	if _, err := engine.Start(ctx, p.ID); err != nil {
		panic(err)
	}
	if p, err = engine.Wait(ctx, p.ID); err != nil {
		panic(err)
	}
	t, err := engine.Task(ctx, task.NewID(p.ID, 1))
	if err != nil {
		panic(err)
	}
	fmt.Println(p.State, t.State, t.Failure.ErrorCode)

	healthy = true
	if _, err := engine.RetryTask(ctx, t.ID, cutover.FromCheckpoint, cutover.By("alice")); err != nil {
		panic(err)
	}
	p, err = engine.Wait(ctx, p.ID)
	fmt.Println(p.State, err)
	// Output:
	// FAILED FAILED GATEWAY_TIMEOUT
	// COMPLETED <nil>
}

// An operator's page draws every tenant of a plan: one letter each.
func ExampleEngine_States() {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	engine, err := cutover.New(memstore.New(), cutover.Config{Executors: executor.Registry{
		"MOVE": executor.Func(func(_ context.Context, run *executor.Run) error {
			if run.Tenant().ID == "bob" {
				return errors.New("Gateway API timeout")
			}
			return nil
		}),
	}})
	if err != nil {
		panic(err)
	}
	go engine.Run(ctx) //nolint:errcheck // it ends with the program

	p, err := engine.Create(ctx, plan.Spec{
		Name: "to blue", ExecutorType: "MOVE", Tenants: plan.Tenants("ada", "bob", "cleo", "dan"),
		Strategy: strategy.Strategy{MaxConcurrency: strategy.Count(1)},
	})
	if err != nil {
		panic(err)
	}
	if _, err := engine.Start(ctx, p.ID); err != nil {
		panic(err)
	}
	if p, err = engine.Wait(ctx, p.ID); err != nil {
		panic(err)
	}
	var states []task.State // states[i] is the state of the task with ordinal i+1
	for len(states) < p.TaskCount {
		page, err := engine.States(ctx, p.ID, len(states), 0)
		if err != nil {
			panic(err)
		}
		states = append(states, page...)
	}
	for _, s := range states {
		fmt.Print(s.String()[:1])
	}
	fmt.Println()
	// Output: CFPP
}

// Why does a tenant not move? There is a code with parameters for programs, and a sentence.
func ExampleEngine_Explain() {
	ctx := context.Background()
	engine, err := cutover.New(memstore.New(), cutover.Config{Executors: executor.Registry{
		"MOVE": executor.Func(func(context.Context, *executor.Run) error { return nil }),
	}})
	if err != nil {
		panic(err)
	}
	p, err := engine.Create(ctx, plan.Spec{Name: "to blue", ExecutorType: "MOVE", Tenants: plan.Tenants("ada", "bob")})
	if err != nil {
		panic(err)
	}
	if _, err := engine.Start(ctx, p.ID); err != nil {
		panic(err)
	}
	if _, err := engine.Pause(ctx, p.ID, cutover.By("alice")); err != nil {
		panic(err)
	}
	why, err := engine.Explain(ctx, task.NewID(p.ID, 2))
	if err != nil {
		panic(err)
	}
	fmt.Println(why.Code, why.PauseReasons, why.Actor)
	fmt.Println(why.String()[:32])
	// Output:
	// PLAN_PAUSED hand alice
	// The plan is paused (hand) by ali
}
