// Command bluegreen does the main job of this library on real input: it switches the tenants of a
// file from green to blue over real HTTP. The gateway does not answer requests to switch one of the
// tenants, so the plan fails; after the gateway is repaired, that tenant continues from its
// checkpoint. At the end the program asks the gateway where it routes every tenant. With -rollback
// it then undoes everything.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"sync"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/executor/bluegreen"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/task"
)

func main() {
	file := flag.String("plan", "", "file with the tenants and parameters (default: the 50 that ship with this program)")
	rollback := flag.Bool("rollback", false, "take everything back at the end")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *file, *rollback); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, file string, rollback bool) error {
	spec, err := readSpec(file)
	if err != nil {
		return err
	}
	services, err := startServices(spec.Tenants)
	if err != nil {
		return err
	}
	defer services.stop()
	mover, err := services.mover()
	if err != nil {
		return err
	}
	engine, err := cutover.New(memstore.New(), cutover.Config{Executors: executor.Registry{bluegreen.Type: mover}})
	if err != nil {
		return err
	}
	engineCtx, stop := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { _ = engine.Run(engineCtx) })
	defer running.Wait()
	defer stop()
	return operate(ctx, engine, services, spec, rollback)
}

// operate does what an operator would do: start, wait until the plan is at rest, inspect it, act.
func operate(ctx context.Context, engine *cutover.Engine, services *services, spec plan.Spec, rollback bool) error {
	p, err := engine.Create(ctx, spec)
	if err != nil {
		return err
	}
	fmt.Printf("plan %s %q: %d tenants, %s at a time\n", p.ID, p.Name, p.TaskCount, p.Strategy.MaxConcurrency)
	answer, err := engine.Start(ctx, p.ID)
	if err != nil {
		return err
	}
	if p, err = follow(ctx, engine, answer.Plan, task.Completed); err != nil {
		return err
	}
	show(p)

	if p.State == plan.Failed {
		if err := showFailures(ctx, engine, p.ID); err != nil {
			return err
		}
		fmt.Println("-- the gateway is well again: retry from the checkpoint")
		services.world.Heal()
		if answer, err = engine.RetryFailed(ctx, p.ID, cutover.FromCheckpoint); err != nil {
			return err
		}
		if p, err = follow(ctx, engine, answer.Plan, task.Completed); err != nil {
			return err
		}
		show(p)
	}
	if err := services.prove(ctx, spec.Tenants, "blue"); err != nil || !rollback {
		return err
	}

	fmt.Println("-- take everything back")
	if answer, err = engine.Rollback(ctx, p.ID); err != nil {
		return err
	}
	if p, err = follow(ctx, engine, answer.Plan, task.RolledBack); err != nil {
		return err
	}
	show(p)
	return services.prove(ctx, spec.Tenants, "green")
}
