// Command canary raises the traffic of four tenants to a new environment, 5, 25, 50 and 100
// percent, over real HTTP, and prints every change of a weight. One tenant does badly with half of
// its traffic: its weight is put back, and its task fails with the figures that were seen. When the
// cause is gone, the task is retried. At the end the program asks for every tenant's weight.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"sync"
	"time"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/executor/canary"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/task"
)

func main() {
	hold := flag.Duration("hold", 500*time.Millisecond, "how long each weight is held before the health is checked")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Stdout, *hold); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, out io.Writer, hold time.Duration) error {
	tenants := []string{"tenant-1", "tenant-2", "tenant-3", "tenant-4"}
	services, err := startServices(out, tenants)
	if err != nil {
		return err
	}
	defer services.stop()
	release, err := canary.New(services, services.health, canary.Config{
		Steps: canary.Steps(hold, 5, 25, 50, 100),
		Retry: executor.Retry{Attempts: 5},
	})
	if err != nil {
		return err
	}
	engine, err := cutover.New(memstore.New(), cutover.Config{Executors: executor.Registry{canary.Type: release}})
	if err != nil {
		return err
	}
	engineCtx, stop := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { _ = engine.Run(engineCtx) })
	defer running.Wait()
	defer stop()
	if err := operate(ctx, out, engine, tenants); err != nil {
		return err
	}
	return services.prove(ctx, tenants)
}

// operate does what an operator would do: start, wait until the plan is at rest, look, retry.
func operate(ctx context.Context, out io.Writer, engine *cutover.Engine, tenants []string) error {
	p, err := engine.Create(ctx, plan.Spec{
		Name: "to the new environment", ExecutorType: canary.Type, Tenants: plan.Tenants(tenants...),
		Strategy: strategy.Strategy{MaxConcurrency: strategy.Count(4)},
	})
	if err != nil {
		return err
	}
	if _, err := engine.Start(ctx, p.ID); err != nil {
		return err
	}
	if p, err = engine.Wait(ctx, p.ID); err != nil {
		return err
	}
	if err := show(ctx, out, engine, p); err != nil {
		return err
	}
	fmt.Fprintln(out, "-- the cause is found and gone: retry what failed")
	if _, err := engine.RetryFailed(ctx, p.ID, cutover.FromCheckpoint); err != nil {
		return err
	}
	if p, err = engine.Wait(ctx, p.ID); err != nil {
		return err
	}
	return show(ctx, out, engine, p)
}

// show prints the state of the plan, and why its tasks failed.
func show(ctx context.Context, out io.Writer, engine *cutover.Engine, p plan.Plan) error {
	fmt.Fprintf(out, "plan %s is %s: %d completed, %d failed\n", p.ID, p.State, p.Counters.Of(task.Completed), p.Counters.Of(task.Failed))
	failed, _, err := engine.Tasks(ctx, p.ID, store.TaskQuery{States: []task.State{task.Failed}, Limit: 10})
	if err != nil {
		return err
	}
	for _, t := range failed {
		fmt.Fprintf(out, "%s failed with %s:\n  %s\n", t.Tenant.ID, t.Failure.ErrorCode, t.Failure.Reason)
	}
	return nil
}
