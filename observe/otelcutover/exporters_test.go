package otelcutover_test

import (
	"context"
	"errors"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/cutover-go/cutover/observe/otelcutover"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store/memstore"
)

// exporter counts spans, or hangs or fails.
type exporter struct {
	hang  chan struct{} // until it is closed, or the context ends; nil: it does not
	err   error
	spans atomic.Int64
}

func (x *exporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	if x.hang != nil {
		select {
		case <-x.hang:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	x.spans.Add(int64(len(spans)))
	return x.err
}

func (x *exporter) Shutdown(context.Context) error { return nil }

// many is a plan with so many tasks that the SDK's queue of 2,048 spans overflows.
func many(n int) plan.Spec {
	tenants := make([]string, n)
	for i := range tenants {
		tenants[i] = strconv.Itoa(i)
	}
	return spec(tenants...)
}

// An exporter that is down, hangs or cannot keep up loses spans, and harms no task.
func TestExportersHarmNothing(t *testing.T) {
	t.Parallel()
	hang := make(chan struct{})
	t.Cleanup(func() { close(hang) })
	for name, x := range map[string]*exporter{"down": {err: errors.New("down")}, "hangs": {hang: hang}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tp := sdktrace.NewTracerProvider(sdktrace.WithBatcher(x, sdktrace.WithExportTimeout(10*time.Millisecond)))
			mp := metric.NewMeterProvider(metric.WithReader(metric.NewPeriodicReader(failing{}, metric.WithInterval(time.Millisecond))))
			tel, err := otelcutover.New(otelcutover.Config{TracerProvider: tp, MeterProvider: mp})
			if err != nil {
				t.Fatal(err)
			}
			if p := start(t, memstore.New(), tel.Hooks(), mover{}).launch(t.Context(), t, many(5000)); p.State != plan.Completed {
				t.Errorf("the plan is %s", p.State)
			}
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			_, _ = tp.Shutdown(ctx), mp.Shutdown(ctx) // they fail as their exporters do
		})
	}
}

// failing is an exporter of metrics that is down.
type failing struct{}

func (failing) Temporality(k metric.InstrumentKind) metricdata.Temporality {
	return metric.DefaultTemporalitySelector(k)
}

func (failing) Aggregation(k metric.InstrumentKind) metric.Aggregation {
	return metric.DefaultAggregationSelector(k)
}

func (failing) Export(context.Context, *metricdata.ResourceMetrics) error { return errors.New("down") }
func (failing) ForceFlush(context.Context) error                          { return nil }
func (failing) Shutdown(context.Context) error                            { return nil }

// With the queue that docs/observability.md asks for, and a shutdown after that of the engine, no
// span of a burst is lost.
func TestBurstIsExported(t *testing.T) {
	t.Parallel()
	x := new(exporter)
	tp := sdktrace.NewTracerProvider(sdktrace.WithBatcher(x, sdktrace.WithMaxQueueSize(20_000), sdktrace.WithMaxExportBatchSize(2_000)))
	tel, err := otelcutover.New(otelcutover.Config{TracerProvider: tp, OneTrace: -1})
	if err != nil {
		t.Fatal(err)
	}
	e := start(t, memstore.New(), tel.Hooks(), mover{})
	e.launch(t.Context(), t, many(10_000))
	e.stop() // executions end within: what ends after the shutdown of the provider is lost
	if err := tp.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	if n := x.spans.Load(); n != 10_000+3 { // the creation, the start and the plan, too
		t.Errorf("%d spans were exported, want %d", n, 10_003)
	}
}
