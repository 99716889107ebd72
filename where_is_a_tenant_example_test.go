package cutover_test

import (
	"context"
	"fmt"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/task"
)

// Where is acme? Which task works on it, in which plan and state, in which attempt and process; and
// what was done with it before.
func ExampleLookup_Tenant() {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	begun, goOn := make(chan struct{}), make(chan struct{})
	engine, err := cutover.New(memstore.New(), cutover.Config{Name: "node-1", Executors: executor.Registry{
		"MOVE": executor.Func(func(ctx context.Context, run *executor.Run) error {
			switch {
			case run.Params()["to"] == "blue":
				return nil
			case run.Attempt() == 1:
				return executor.Fail("GATEWAY_TIMEOUT", context.DeadlineExceeded)
			}
			close(begun)
			<-goOn
			return nil
		}),
	}})
	if err != nil {
		panic(err)
	}
	ended := make(chan struct{})
	go func() { defer close(ended); _ = engine.Run(ctx) }()

	move := func(to string) plan.ID {
		p, err := engine.Create(ctx, plan.Spec{
			Name: "to " + to, ExecutorType: "MOVE", Parameters: map[string]string{"to": to},
			Tenants: plan.Tenants("globex", "acme"), Strategy: strategy.Strategy{MaxFailures: strategy.Count(2)},
		})
		if err == nil {
			_, err = engine.Start(ctx, p.ID)
		}
		if err == nil {
			_, err = engine.Wait(ctx, p.ID)
		}
		if err != nil {
			panic(err)
		}
		return p.ID
	}
	move("blue")
	green := move("green")
	if _, err := engine.RetryTask(ctx, task.NewID(green, 2), cutover.FromCheckpoint); err != nil {
		panic(err)
	}
	<-begun

	where, err := engine.Lookup().Tenant(ctx, "acme", cutover.TenantPosition{})
	if err != nil {
		panic(err)
	}
	h := where.Holder
	fmt.Printf("acme is held by task %s of plan %s (%s), which is %s: attempt %d is %s in %.6s\n",
		h.Task.ID, h.Plan.ID, h.Plan.Name, h.Plan.State, h.Task.Attempt, h.Task.State, h.Task.Worker)
	for _, t := range where.Tasks {
		fmt.Printf("plan %s (%s) is %s: task %s is %s, attempt %d\n", t.Plan.ID, t.Plan.Name, t.Plan.State, t.Task.ID, t.Task.State, t.Task.Attempt)
	}
	fmt.Printf("searched down to plan %s, more to search: %t\n", where.SearchedDownTo, where.Next != nil)

	close(goOn)
	stop()
	<-ended
	// Output:
	// acme is held by task 2000002 of plan 2 (to green), which is RUNNING: attempt 2 is RUNNING in node-1
	// plan 2 (to green) is RUNNING: task 2000002 is RUNNING, attempt 2
	// plan 1 (to blue) is COMPLETED: task 1000002 is COMPLETED, attempt 1
	// searched down to plan 1, more to search: false
}
