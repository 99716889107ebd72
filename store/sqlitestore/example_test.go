package sqlitestore_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store/sqlitestore"
	"github.com/cutover-go/cutover/task"
)

// A service of one process keeps its plans in a file.
func Example() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a directory for trials
	ctx, stop := context.WithCancel(context.Background())
	store, err := sqlitestore.Open(ctx, filepath.Join(dir, "plans.db"), sqlitestore.Config{})
	if err != nil {
		panic(err)
	}
	defer store.Close() //nolint:errcheck // everything that was answered is on the disk

	move := executor.Func(func(ctx context.Context, run *executor.Run) error {
		return run.Save(ctx, "SWITCHED", map[string]string{"to": "blue"})
	})
	engine, err := cutover.New(store, cutover.Config{Executors: executor.Registry{"MOVE": move}})
	if err != nil {
		panic(err)
	}
	ended := make(chan struct{})
	go func() { defer close(ended); _ = engine.Run(ctx) }()
	defer func() { stop(); <-ended }()

	p, err := engine.Create(ctx, plan.Spec{Name: "to blue", ExecutorType: "MOVE", Tenants: plan.Tenants("ada", "bob", "cleo")})
	if err != nil {
		panic(err)
	}
	if _, err := engine.Start(ctx, p.ID); err != nil {
		panic(err)
	}
	p, err = engine.Wait(ctx, p.ID)
	fmt.Println(p.State, p.Counters.Of(task.Completed), err)
	// Output: COMPLETED 3 <nil>
}
