package otelcutover_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/hook"
	"github.com/cutover-go/cutover/observe/otelcutover"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store/memstore"
)

const workers = 64

// BenchmarkEngine runs the plan of the benchmark of the same name in the main module, beside runs
// that are observed: metrics alone, traces of one task in a hundred, a provider that samples one
// plan in a hundred (and not this one), and every execution. docs/observability.md has the figures:
//
//	cd observe/otelcutover
//	go test -run='^$' -bench=Engine -benchtime=100000x -count=10 .
func BenchmarkEngine(b *testing.B) {
	share := func(s float64) otelcutover.Config { return otelcutover.Config{TaskShare: s} }
	for _, c := range []struct {
		name    string
		config  otelcutover.Config
		sampler sdktrace.Sampler
		traces  bool
		metrics bool
	}{
		{name: "unobserved"},
		{name: "metrics", metrics: true},
		{name: "tasks=1%", config: share(0.01), sampler: sdktrace.AlwaysSample(), traces: true},
		{name: "plans=1%", sampler: sdktrace.ParentBased(sdktrace.TraceIDRatioBased(1e-18)), traces: true},
		{name: "both=1%", config: share(0.01), sampler: sdktrace.AlwaysSample(), traces: true, metrics: true},
		{name: "everything", sampler: sdktrace.AlwaysSample(), traces: true, metrics: true},
	} {
		b.Run(c.name, func(b *testing.B) {
			var hooks hook.Hooks
			if c.traces || c.metrics {
				if c.traces {
					tp := sdktrace.NewTracerProvider(sdktrace.WithSampler(c.sampler), sdktrace.WithBatcher(discard{}))
					defer tp.Shutdown(context.Background()) //nolint:errcheck // it discards
					c.config.TracerProvider = tp
				}
				if c.metrics {
					c.config.MeterProvider = metric.NewMeterProvider(metric.WithReader(metric.NewManualReader()))
				}
				tel, err := otelcutover.New(c.config)
				if err != nil {
					b.Fatal(err)
				}
				hooks = tel.Hooks()
			}
			benchmark(b, hooks)
		})
	}
}

// discard is an exporter to nowhere.
type discard struct{}

func (discard) ExportSpans(context.Context, []sdktrace.ReadOnlySpan) error { return nil }
func (discard) Shutdown(context.Context) error                             { return nil }

func benchmark(b *testing.B, hooks hook.Hooks) {
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
	ids := make([]string, b.N)
	for i := range ids {
		ids[i] = fmt.Sprintf("tenant-%07d", i)
	}
	b.ReportAllocs()
	b.ResetTimer()
	before := cpuTime()
	p, err := e.Create(ctx, plan.Spec{
		Name: "bench", ExecutorType: "X", Tenants: plan.Tenants(ids...),
		Strategy: strategy.Strategy{MaxConcurrency: strategy.Count(workers)},
	})
	if err != nil {
		b.Fatal(err)
	}
	if _, err := e.Start(ctx, p.ID); err != nil {
		b.Fatal(err)
	}
	if p, err = e.Wait(ctx, p.ID); err != nil || p.State != plan.Completed {
		b.Fatal(p.State, err)
	}
	b.StopTimer()
	b.ReportMetric(float64(cpuTime()-before)/float64(b.N), "cpu-ns/task")
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tasks/s")
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
