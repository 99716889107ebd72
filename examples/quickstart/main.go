// Command quickstart is a program for newcomers to copy: 20 tenants, an executor of two steps, one
// failure, a retry from the checkpoint. Ctrl-C stops it at a boundary.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/signal"
	"sync"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store/memstore"
)

func main() {
	if err := run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) error {
	mover, err := newMover("tenant-13")
	if err != nil {
		return err
	}
	engine, err := cutover.New(memstore.New(), cutover.Config{Executors: executor.Registry{"MOVE": mover}})
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt)
	var running sync.WaitGroup
	running.Go(func() {
		if err := engine.Run(ctx); err != nil {
			log.Print(err) // it names the tasks whose executors do not return
		}
	})
	defer running.Wait()
	defer stop()

	p, err := engine.Create(ctx, plan.Spec{Name: "quickstart", ExecutorType: "MOVE", Tenants: tenants(20)})
	if err != nil {
		return err
	}
	if _, err := engine.Start(ctx, p.ID); err != nil {
		return err
	}
	for event, err := range engine.Watch(ctx, p.ID, 0) {
		if err != nil {
			fmt.Println("-- interrupted: the task in flight comes to its boundary")
			running.Wait()
			return report(engine, p.ID)
		}
		show(event)
		switch {
		case event.AtRest && event.To == plan.Failed.String():
			fmt.Println("-- the cause is found and gone; the failed task goes on from its checkpoint")
			mover.repair()
			if _, err := engine.RetryFailed(ctx, p.ID, cutover.FromCheckpoint); err != nil {
				return err
			}
		case event.AtRest && event.To == plan.Completed.String():
			return report(engine, p.ID)
		}
	}
	return nil
}
