package main

import (
	"context"
	"fmt"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/task"
)

func tenants(n int) []task.Tenant {
	list := make([]task.Tenant, n)
	for i := range list {
		list[i].ID = fmt.Sprintf("tenant-%02d", i+1)
	}
	return list
}

func show(e plan.Event) {
	who := e.Tenant
	if e.Task == 0 {
		who = fmt.Sprintf("plan %s", e.Plan)
	}
	fmt.Printf("%-10s %-9s -> %-9s by %s", who, e.From, e.To, e.Cause)
	if e.Failure != nil {
		fmt.Printf("  %s: %s", e.Failure.ErrorCode, e.Failure.Reason)
	}
	fmt.Println()
}

// report prints the state of the plan.
func report(engine *cutover.Engine, id plan.ID) error {
	p, err := engine.Plan(context.Background(), id)
	if err != nil {
		return err
	}
	fmt.Printf("-- plan %s is %s: %d of %d tasks completed, %d pending, %d in flight\n", p.ID, p.State,
		p.Counters.Of(task.Completed), p.TaskCount, p.Counters.Of(task.Pending), p.Counters.InFlight())
	return nil
}
