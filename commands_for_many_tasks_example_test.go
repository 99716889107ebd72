package cutover_test

import (
	"context"
	"fmt"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/task"
)

// The tenants of a region are left out of a plan: first the question how many that are, then the
// command.
func ExampleSelection() {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	engine, err := cutover.New(memstore.New(), cutover.Config{Executors: executor.Registry{
		"MOVE": executor.Func(func(context.Context, *executor.Run) error { return nil }),
	}})
	if err != nil {
		panic(err)
	}
	go engine.Run(ctx) //nolint:errcheck // it ends with the program

	eu := map[string]string{"region": "eu"}
	p, err := engine.Create(ctx, plan.Spec{Name: "to blue", ExecutorType: "MOVE", Tenants: []task.Tenant{
		{ID: "ada", Labels: eu}, {ID: "bob"}, {ID: "cleo", Labels: eu}, {ID: "dan"},
	}})
	if err != nil {
		panic(err)
	}
	region := engine.Select(p.ID, task.Filter{Labels: eu})
	r, err := region.Skip(ctx, cutover.DryRun())
	if err != nil {
		panic(err)
	}
	fmt.Printf("%d of %d would be skipped\n", r.Reach.Changing, p.TaskCount)
	if _, err = region.Skip(ctx, cutover.By("ada"), cutover.Because("not ready"), cutover.IfVersion(r.Plan.Version)); err != nil {
		panic(err)
	}
	if _, err := engine.Start(ctx, p.ID); err != nil {
		panic(err)
	}
	if p, err = engine.Wait(ctx, p.ID); err != nil {
		panic(err)
	}
	fmt.Println(p.State, p.Counters)
	// Output:
	// 2 of 4 would be skipped
	// COMPLETED 2 COMPLETED, 2 SKIPPED
}
