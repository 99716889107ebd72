package notify_test

import (
	"context"
	"fmt"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/notify"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store/memstore"
)

// A host runs a notifier beside its engine. Here the sink is a function that prints.
func Example() {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	move := executor.Func(func(_ context.Context, run *executor.Run) error {
		if run.Tenant().ID == "tenant2" {
			return executor.Fail("GATEWAY_TIMEOUT", context.DeadlineExceeded)
		}
		return nil
	})
	engine, err := cutover.New(memstore.New(), cutover.Config{Executors: executor.Registry{"MOVE": move}})
	if err != nil {
		fmt.Println(err)
		return
	}
	titles := make(chan string)
	sink := notify.Func(func(_ context.Context, m notify.Message) error {
		titles <- m.Title
		return nil
	})
	pager, err := notify.New(engine, "pager", sink, notify.Config{FromStart: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	go func() { _ = engine.Run(ctx) }()
	go func() { _ = pager.Run(ctx) }()

	p, err := engine.Create(ctx, plan.Spec{Name: "to blue", ExecutorType: "MOVE", Tenants: plan.Tenants("tenant1", "tenant2", "tenant3")})
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := engine.Start(ctx, p.ID, cutover.By("ada")); err != nil {
		fmt.Println(err)
		return
	}
	for range 4 {
		fmt.Println(<-titles)
	}
	// Output:
	// Plan 1 "to blue": CREATED (create)
	// Plan 1 "to blue": RUNNING (start)
	// Plan 1 "to blue": tenant tenant2 failed: GATEWAY_TIMEOUT
	// Plan 1 "to blue": FAILED (breach)
}
