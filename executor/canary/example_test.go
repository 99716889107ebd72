package canary_test

import (
	"context"
	"fmt"
	"time"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/executor/canary"
	"github.com/cutover-go/cutover/executor/canary/canarytest"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/task"
)

// A host builds the executor over its services, registers it and starts a plan. Here the new
// environment does badly with half of the traffic.
func Example() {
	world := canarytest.NewWorld(canarytest.Tenant{ID: "acme"}) // stands in for the services
	world.Report("acme", canary.Report{Verdict: canary.Passed},
		canary.Report{Verdict: canary.Failed, Figures: map[string]float64{"errorRate": 0.12, "p99Millis": 820}})

	weights, err := canary.NewHTTPWeights("http://balancer.example", canary.HTTPConfig{Transport: world.Transport()})
	if err != nil {
		panic(err)
	}
	health, err := canary.NewHTTPHealth("http://metrics.example", canary.HTTPConfig{Transport: world.Transport()})
	if err != nil {
		panic(err)
	}
	release, err := canary.New(weights, health, canary.Config{
		Steps: canary.Steps(10*time.Millisecond, 10, 50, 100), // minutes or hours in production
		Retry: executor.Retry{Attempts: 5},
	})
	if err != nil {
		panic(err)
	}
	engine, err := cutover.New(memstore.New(), cutover.Config{Executors: executor.Registry{canary.Type: release}})
	if err != nil {
		panic(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = engine.Run(ctx) // it ends with its context
	}()

	p, err := engine.Create(ctx, plan.Spec{Name: "acme to blue", ExecutorType: canary.Type, Tenants: plan.Tenants("acme")})
	if err != nil {
		panic(err)
	}
	if _, err := engine.Start(ctx, p.ID); err != nil {
		panic(err)
	}
	p, err = engine.Wait(ctx, p.ID)
	if err != nil {
		panic(err)
	}
	t, err := engine.Task(ctx, task.NewID(p.ID, 1))
	if err != nil {
		panic(err)
	}
	weight, _ := world.Weight("acme")
	fmt.Println(p.State, t.Failure.ErrorCode)
	fmt.Println(t.Failure.Reason)
	fmt.Println("acme is at", weight, "percent")
	stop()
	<-done
	// Output:
	// FAILED HEALTH_FAILED
	// at 50 percent: 1 failed, 0 inconclusive, 0 missing checks (failed: errorRate 0.12, p99Millis 820); the weight was put back to 0 percent
	// acme is at 0 percent
}
