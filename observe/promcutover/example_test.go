package promcutover_test

import (
	"context"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/hook"
	"github.com/cutover-go/cutover/observe/promcutover"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store/memstore"
)

// A host registers a collector, gives its hooks and its store to the engine, and runs both. In
// earnest promhttp serves the registry at /metrics.
func Example() {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()

	reg := prometheus.NewRegistry()
	metrics, err := promcutover.New(reg, promcutover.Config{})
	if err != nil {
		panic(err)
	}
	engine, err := cutover.New(metrics.Store(memstore.New()), cutover.Config{
		Executors: executor.Registry{"MOVE": executor.Func(func(ctx context.Context, run *executor.Run) error {
			return run.Save(ctx, "SWITCHED", nil)
		})},
		Hooks: hook.Join(metrics.Hooks(), hook.Slog(nil)),
	})
	if err != nil {
		panic(err)
	}
	ended := make(chan error)
	go func() { ended <- engine.Run(ctx) }()
	go metrics.Run(ctx, engine) //nolint:errcheck // it ends with the program

	p, err := engine.EnsureStarted(ctx, plan.Spec{
		Name: "to blue", ExecutorType: "MOVE", Tenants: plan.Tenants("ada", "bob"), IdempotencyKey: "release 7",
	})
	if err != nil {
		panic(err)
	}
	if _, err := engine.Wait(ctx, p.Plan.ID); err != nil {
		panic(err)
	}
	stop()
	if err := <-ended; err != nil { // hooks are called after the commit that ends a plan
		panic(err)
	}

	families, err := reg.Gather()
	if err != nil {
		panic(err)
	}
	for _, f := range families {
		switch f.GetName() {
		case "cutover_engine_saves_total", "cutover_engine_claims_total":
			fmt.Println(f.GetName(), f.GetMetric()[0].GetCounter().GetValue())
		}
	}
	// Output:
	// cutover_engine_claims_total 2
	// cutover_engine_saves_total 2
}
