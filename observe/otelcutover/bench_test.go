package otelcutover_test

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

	"go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.uber.org/zap"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/hook"
	"github.com/cutover-go/cutover/observe/otelcutover"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/task"
)

const (
	workers = 64
	tasks   = 20_000
)

// BenchmarkOverhead runs one plan of 20,000 tasks in memory, as the benchmark of the engine does,
// once without hooks and once with them in each round, in turns of who is first, and reports the
// medians of the ratios. docs/observability.md has the figures:
//
//	cd observe/otelcutover
//	go test -run='^$' -bench=Overhead -benchtime=31x .
func BenchmarkOverhead(b *testing.B) {
	sampled, hundredth := sdktrace.AlwaysSample(), sdktrace.TraceIDRatioBased(0.01)
	for _, c := range []struct {
		name    string
		share   float64
		sampler sdktrace.Sampler
		metrics bool
	}{
		{"nothing", 1, nil, false},
		{"metrics", 1, nil, true},
		{"traces=1%", 0.01, sampled, false},
		{"metrics,traces=1%", 0.01, sampled, true},
		{"metrics,plans=0", 1, sdktrace.NeverSample(), true},
		{"metrics,sampler=1%", 1, ofTasks{hundredth}, true},
		{"metrics,traces=100%", 1, sampled, true},
	} {
		b.Run(c.name, func(b *testing.B) {
			config := otelcutover.Config{TaskShare: c.share}
			if c.sampler != nil {
				tp := sdktrace.NewTracerProvider(sdktrace.WithSampler(sdktrace.ParentBased(c.sampler)), sdktrace.WithBatcher(discard{}))
				defer tp.Shutdown(context.Background()) //nolint:errcheck // it discards
				config.TracerProvider = tp
			}
			if c.metrics {
				config.MeterProvider = metric.NewMeterProvider(metric.WithReader(metric.NewManualReader()))
			}
			var hooks hook.Hooks
			if c.sampler != nil || c.metrics {
				tel, err := otelcutover.New(config)
				if err != nil {
					b.Fatal(err)
				}
				hooks = tel.Hooks()
			}
			compareRuns(b, hooks)
		})
	}
}

// BenchmarkHooks makes the calls of one task with two saves, without the task, in processor time: a
// smaller figure than what BenchmarkOverhead can tell apart on a busy machine.
//
//	go test -run='^$' -bench=Hooks -benchtime=3000000x .
func BenchmarkHooks(b *testing.B) {
	for _, share := range []float64{-1, 0.01, 1} {
		b.Run(fmt.Sprintf("share=%v", max(0, share)), func(b *testing.B) {
			tp := sdktrace.NewTracerProvider(sdktrace.WithBatcher(discard{}))
			defer tp.Shutdown(context.Background()) //nolint:errcheck // it discards
			tel, err := otelcutover.New(otelcutover.Config{
				TracerProvider: tp, MeterProvider: metric.NewMeterProvider(metric.WithReader(metric.NewManualReader())), TaskShare: share, OneTrace: -1,
			})
			if err != nil {
				b.Fatal(err)
			}
			h, none := tel.Hooks().Guard(zap.NewNop()), hook.Hooks{}.Guard(zap.NewNop())
			ctx := h.OnCommandStart(b.Context(), hook.Command{Name: "Create"})
			annotations := h.OnCreate(ctx, plan.Spec{Tenants: plan.Tenants("a")})
			out := hook.Outcome{State: task.Completed, Elapsed: time.Millisecond}
			calls := func(h hook.Hooks) time.Duration {
				before := cpuTime()
				for i := range b.N {
					x := hook.Execution{Plan: 1, Task: task.NewID(1, i%999_999+1), Tenant: "a", ExecutorType: "X", Attempt: 1, Annotations: annotations}
					ctx := h.OnExecuteStart(b.Context(), x)
					h.OnSave(x.Task, "one", 200)
					h.OnSave(x.Task, "two", 200)
					h.OnExecuteEnd(ctx, x, out)
				}
				return cpuTime() - before
			}
			b.ReportAllocs()
			b.ResetTimer()
			b.ReportMetric(float64(calls(h)-calls(none))/float64(b.N), "cpu-ns/task")
		})
	}
}

// ofTasks samples plans always, and tasks as another sampler does.
type ofTasks struct{ sdktrace.Sampler }

func (s ofTasks) ShouldSample(p sdktrace.SamplingParameters) sdktrace.SamplingResult {
	if strings.HasPrefix(p.Name, "command") {
		return sdktrace.AlwaysSample().ShouldSample(p)
	}
	return s.Sampler.ShouldSample(p)
}

// discard is an exporter to nowhere.
type discard struct{}

func (discard) ExportSpans(context.Context, []sdktrace.ReadOnlySpan) error { return nil }
func (discard) Shutdown(context.Context) error                             { return nil }

// cost is what a run took for each task.
type cost struct{ wall, cpu, allocs float64 }

func compareRuns(b *testing.B, hooks hook.Hooks) {
	b.Helper()
	var wall, cpu, allocs []float64
	for i := range b.N {
		var plain, observed cost
		if i%2 == 0 {
			plain, observed = run(b, hook.Hooks{}), run(b, hooks)
		} else {
			observed, plain = run(b, hooks), run(b, hook.Hooks{})
		}
		wall = append(wall, observed.wall/plain.wall)
		cpu = append(cpu, observed.cpu/plain.cpu)
		allocs = append(allocs, observed.allocs-plain.allocs)
	}
	b.ReportMetric(0, "ns/op") // of both together: it says nothing
	b.ReportMetric(median(wall), "x-time")
	b.ReportMetric(median(cpu), "x-cpu")
	b.ReportMetric(median(allocs), "more-allocs/task")
}

func median(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
}

// run runs one plan.
func run(b *testing.B, hooks hook.Hooks) cost {
	b.Helper()
	payload := json.RawMessage(`"` + strings.Repeat("x", 198) + `"`)
	e, err := cutover.New(memstore.New(), cutover.Config{
		Capacity: workers, Hooks: hooks,
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
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-done; err != nil {
			b.Fatal(err)
		}
	}()
	ids := make([]string, tasks)
	for i := range ids {
		ids[i] = fmt.Sprintf("tenant-%07d", i)
	}
	p, err := e.Create(ctx, plan.Spec{
		Name: "bench", ExecutorType: "X", Tenants: plan.Tenants(ids...),
		Strategy: strategy.Strategy{MaxConcurrency: strategy.Count(workers)},
	})
	if err != nil {
		b.Fatal(err)
	}
	runtime.GC()
	before, began, spent := allocated(), time.Now(), cpuTime()
	if _, err := e.Start(ctx, p.ID); err != nil {
		b.Fatal(err)
	}
	if p, err = e.Wait(ctx, p.ID); err != nil || p.State != plan.Completed {
		b.Fatal(p.State, err)
	}
	return cost{
		wall: float64(time.Since(began)) / tasks, cpu: float64(cpuTime()-spent) / tasks, allocs: float64(allocated()-before) / tasks,
	}
}

func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.Mallocs
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
