package promcutover_test

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/hook"
	"github.com/cutover-go/cutover/observe/promcutover"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/memstore"
)

const (
	benchTasks   = 20_000
	benchWorkers = 64
)

// BenchmarkCost runs the plan of BenchmarkEngine in the root package, on the memory store, without
// metrics and with all of them, scraped once a second, in turns. It reports by how much the tasks
// per second of the median pair of runs fall, and how many allocations a task has more:
//
//	cd observe/promcutover && GOWORK=off go test -run='^$' -bench=Cost -benchtime=101x .
func BenchmarkCost(b *testing.B) {
	ids := make([]string, benchTasks)
	for i := range ids {
		ids[i] = fmt.Sprintf("tenant-%07d", i)
	}
	var slower, cpu, allocations []float64
	for i := range b.N {
		var runs [2]cost
		for turn := range 2 {
			with := (i + turn) % 2
			runs[with] = benchRun(b, ids, with == 1)
		}
		slower = append(slower, 100*(1-runs[0].took.Seconds()/runs[1].took.Seconds()))
		cpu = append(cpu, 100*(runs[1].cpu.Seconds()/runs[0].cpu.Seconds()-1))
		allocations = append(allocations, (float64(runs[1].allocations)-float64(runs[0].allocations))/benchTasks)
	}
	for what, figures := range map[string][]float64{"%slower": slower, "%cpu-more": cpu, "allocs-more/task": allocations} {
		slices.Sort(figures)
		b.ReportMetric(figures[len(figures)/2], what)
		b.ReportMetric(figures[len(figures)/4], what+"-p25")
		b.ReportMetric(figures[len(figures)*3/4], what+"-p75")
	}
	b.ReportMetric(0, "ns/op")
}

// cost is what a run takes.
type cost struct {
	took, cpu   time.Duration
	allocations uint64
}

// cpuTime is the processor time that this process has used. On a busy machine it says more than
// the time on the clock.
func cpuTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// benchRun returns what one run costs.
func benchRun(b *testing.B, ids []string, observed bool) cost {
	b.Helper()
	payload := json.RawMessage(`"` + strings.Repeat("x", 198) + `"`)
	var s store.Store = memstore.New()
	var hooks hook.Hooks
	ctx, cancel := context.WithCancel(b.Context())
	reg := prometheus.NewRegistry()
	var metrics *promcutover.Collector
	if observed {
		var err error
		if metrics, err = promcutover.New(reg, promcutover.Config{Histograms: promcutover.BothHistograms, Interval: time.Second}); err != nil {
			b.Fatal(err)
		}
		s, hooks = metrics.Store(s), metrics.Hooks()
	}
	engine, err := cutover.New(s, cutover.Config{
		Capacity: benchWorkers, Hooks: hooks,
		Executors: executor.Registry{"X": executor.Func(func(ctx context.Context, run *executor.Run) error {
			var data any = payload
			for _, step := range [...]string{"one", "two"} {
				if err := run.Save(ctx, step, data); err != nil {
					return err
				}
			}
			return nil
		})},
	})
	if err != nil {
		b.Fatal(err)
	}
	done := make(chan error, 2)
	parts := 1
	go func() { done <- engine.Run(ctx) }()
	if observed {
		parts++
		go func() { done <- metrics.Run(ctx, engine) }()
	}
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began, used := time.Now(), cpuTime()
	p, err := engine.Create(ctx, plan.Spec{
		Name: "bench", ExecutorType: "X", Tenants: plan.Tenants(ids...), Strategy: strategy.Strategy{MaxConcurrency: strategy.Count(benchWorkers)},
	})
	if err != nil {
		b.Fatal(err)
	}
	if _, err := engine.Start(ctx, p.ID); err != nil {
		b.Fatal(err)
	}
	if p, err = engine.Wait(ctx, p.ID); err != nil || p.State != plan.Completed {
		b.Fatal(p.State, err)
	}
	if observed {
		if _, err := reg.Gather(); err != nil {
			b.Fatal(err)
		}
	}
	c := cost{took: time.Since(began), cpu: cpuTime() - used}
	runtime.ReadMemStats(&after)
	cancel()
	for range parts {
		if err := <-done; err != nil {
			b.Fatal(err)
		}
	}
	c.allocations = after.Mallocs - before.Mallocs
	return c
}
