package cutover_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store/memstore"
)

// BenchmarkEngine runs plans of b.N tasks with three no-op steps and a 200-byte
// checkpoint after the first two: four durable transitions a task.
func BenchmarkEngine(b *testing.B) {
	payload := json.RawMessage(`"` + strings.Repeat("x", 198) + `"`)
	e, err := cutover.New(memstore.New(), cutover.Config{
		Executors: executor.Registry{"X": executor.Func(func(ctx context.Context, run *executor.Run) error {
			for _, step := range [...]string{"one", "two"} {
				if err := run.Save(ctx, step, payload); err != nil {
					return err
				}
			}
			return nil
		})},
	})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-done; err != nil {
			b.Fatal(err)
		}
	}()
	const tasks = 100_000
	tenants := make([]string, min(b.N, tasks))
	for i := range tenants {
		tenants[i] = fmt.Sprintf("tenant-%07d", i)
	}
	spec := plan.Spec{
		Name: "n", ExecutorType: "X", Tenants: plan.Tenants(tenants...),
		Strategy: strategy.Strategy{MaxConcurrency: strategy.Count(64)},
	}
	b.ReportAllocs()
	for left := b.N; left > 0; left -= len(spec.Tenants) {
		spec.Tenants = spec.Tenants[:min(left, len(spec.Tenants))]
		b.StopTimer()
		p, err := e.Create(ctx, spec)
		if err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		if _, err := e.Start(ctx, p.ID); err != nil {
			b.Fatal(err)
		}
		if p, err = e.Wait(ctx, p.ID); err != nil || p.State != plan.Completed {
			b.Fatal(p.State, err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tasks/s")
}
