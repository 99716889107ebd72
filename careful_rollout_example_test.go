package cutover_test

import (
	"context"
	"fmt"
	"time"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/task"
)

// A rollout in three waves: its preview before it exists, then the approval of the second wave.
func Example_carefulRollout() {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	engine, err := cutover.New(memstore.New(), cutover.Config{Executors: executor.Registry{
		"MOVE": executor.Func(func(context.Context, *executor.Run) error { return nil }),
	}})
	if err != nil {
		panic(err)
	}
	go engine.Run(ctx) //nolint:errcheck // it ends with the program

	tenants := make([]task.Tenant, 200)
	for i := range tenants {
		tenants[i].ID = fmt.Sprintf("tenant-%d", i+1)
		if i%40 == 0 {
			tenants[i].Labels = map[string]string{"ring": "canary"}
		}
	}
	spec := plan.Spec{
		Name: "to blue", ExecutorType: "MOVE", Tenants: tenants,
		Strategy: strategy.Strategy{
			MaxConcurrency: strategy.Percent(10),
			MaxFailures:    strategy.Percent(5),
			FirstBakeTime:  time.Second, // a day, in earnest
			Waves: []strategy.Wave{
				{Name: "canary", Labels: map[string]string{"ring": "canary"}, Canary: true},
				{Name: "early", Size: strategy.Percent(10), Approval: true},
				{Name: "rest"},
			},
		},
	}
	arranged, err := spec.Arrange(time.Now()) // names every fault, and writes nothing
	if err != nil {
		panic(err)
	}
	for _, w := range arranged.Preview() {
		fmt.Printf("%s: tasks %d to %d, %d at once, %d failed at worst\n", w.Name, w.First, w.Last, w.MaxSlots, w.WorstCase)
	}
	for _, w := range arranged.Warnings {
		fmt.Println("warning:", w)
	}

	p, err := engine.Create(ctx, spec)
	if err != nil {
		panic(err)
	}
	if _, err := engine.Start(ctx, p.ID); err != nil {
		panic(err)
	}
	if p, err = engine.Wait(ctx, p.ID); err != nil { // until it needs somebody
		panic(err)
	}
	if p.Gate == plan.GateApproval {
		fmt.Printf("wave %d is done, the next one needs an approval\n", p.Wave)
		if _, err := engine.Approve(ctx, p.ID, p.Wave+1, cutover.By("bob"), cutover.IfVersion(p.Version)); err != nil {
			panic(err)
		}
	}
	p, err = engine.Wait(ctx, p.ID)
	fmt.Println(p.State, p.Counters, err)
	// Output:
	// canary: tasks 1 to 5, 1 at once, 1 failed at worst
	// early: tasks 6 to 25, 2 at once, 3 failed at worst
	// rest: tasks 26 to 200, 17 at once, 26 failed at worst
	// wave 1 is done, the next one needs an approval
	// COMPLETED 200 COMPLETED <nil>
}
