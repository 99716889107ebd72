// Command bluegreen is the main job: 50 tenants are switched from green to blue
// over real HTTP, five at a time. The gateway gives one of them no answer, so the
// plan fails; once the gateway is well again that tenant goes on from its
// checkpoint. With -rollback everything is then taken back.
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
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store/memstore"
)

func main() {
	rollback := flag.Bool("rollback", false, "roll the plan back when it is completed")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *rollback); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, rollback bool) error {
	services := startServices(50, "tenant-23")
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

	p, err := engine.Create(ctx, plan.Spec{
		Name:         "blue-green switch",
		ExecutorType: bluegreen.Type,
		Tenants:      plan.Tenants(services.ids...),
		Strategy:     strategy.Strategy{MaxConcurrency: strategy.Count(5)},
	})
	if err != nil {
		return err
	}
	fmt.Printf("plan %s: %d tenants to blue, %s at a time\n", p.ID, p.Tasks, p.Strategy.MaxConcurrency)
	if _, err := engine.Start(ctx, p.ID); err != nil {
		return err
	}
	return follow(ctx, engine, services, p.ID, rollback)
}

// follow does what an operator would: wait until the plan is at rest, look, act.
func follow(ctx context.Context, engine *cutover.Engine, services *services, id plan.ID, rollback bool) error {
	p, err := engine.Wait(ctx, id)
	if err != nil {
		return err
	}
	show(p, services)
	if err := showFailures(ctx, engine, id); err != nil {
		return err
	}

	fmt.Println("-- the gateway is well again: retry from the checkpoint")
	services.world.Heal()
	if _, err := engine.RetryFailed(ctx, id, true); err != nil {
		return err
	}
	if p, err = engine.Wait(ctx, id); err != nil {
		return err
	}
	show(p, services)
	if !rollback {
		return nil
	}

	fmt.Println("-- take everything back")
	if _, err := engine.Rollback(ctx, id); err != nil {
		return err
	}
	if p, err = engine.Wait(ctx, id); err != nil {
		return err
	}
	show(p, services)
	return nil
}
