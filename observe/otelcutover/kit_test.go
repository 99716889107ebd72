package otelcutover_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.uber.org/goleak"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/hook"
	"github.com/cutover-go/cutover/observe/otelcutover"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

func TestMain(m *testing.M) {
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(error) {})) // of exporters that are to fail
	goleak.VerifyTestMain(m)
}

// observed is a telemetry whose spans and metrics a test reads.
type observed struct {
	*otelcutover.Telemetry
	tp     *sdktrace.TracerProvider
	spans  *tracetest.SpanRecorder
	reader *metric.ManualReader
	meters *metric.MeterProvider
}

func observe(t *testing.T, c otelcutover.Config, options ...sdktrace.TracerProviderOption) *observed {
	t.Helper()
	o := &observed{spans: tracetest.NewSpanRecorder(), reader: metric.NewManualReader()}
	o.tp = sdktrace.NewTracerProvider(append(options, sdktrace.WithSpanProcessor(o.spans))...)
	c.TracerProvider = o.tp
	o.meters = metric.NewMeterProvider(metric.WithReader(o.reader))
	c.MeterProvider = o.meters
	tel, err := otelcutover.New(c)
	if err != nil {
		t.Fatal(err)
	}
	o.Telemetry = tel
	return o
}

// ended returns the spans with that name that have ended, in the order of their ends.
func (o *observed) ended(name string) (spans []sdktrace.ReadOnlySpan) {
	for _, s := range o.spans.Ended() {
		if s.Name() == name {
			spans = append(spans, s)
		}
	}
	return spans
}

// only returns the one span with that name.
func (o *observed) only(t *testing.T, name string) sdktrace.ReadOnlySpan {
	t.Helper()
	spans := o.ended(name)
	if len(spans) != 1 {
		t.Fatalf("%d spans are called %q, of %q", len(spans), name, o.names())
	}
	return spans[0]
}

func (o *observed) names() (names []string) {
	for _, s := range o.spans.Ended() {
		names = append(names, s.Name())
	}
	return names
}

// collect returns all metrics by their names.
func (o *observed) collect(t *testing.T) map[string]metricdata.Metrics {
	t.Helper()
	var all metricdata.ResourceMetrics
	if err := o.reader.Collect(context.Background(), &all); err != nil {
		t.Fatal(err)
	}
	byName := make(map[string]metricdata.Metrics)
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			byName[m.Name] = m
		}
	}
	return byName
}

// sum returns what the points of a counter with these attributes, and perhaps others, add up to.
func (o *observed) sum(t *testing.T, name string, attributes ...attribute.KeyValue) (n int64) {
	t.Helper()
	data, _ := o.collect(t)[name].Data.(metricdata.Sum[int64])
	for _, p := range data.DataPoints {
		if has(p.Attributes, attributes) {
			n += p.Value
		}
	}
	return n
}

// timed returns how many measurements a histogram has with these attributes, and perhaps others.
func (o *observed) timed(t *testing.T, name string, attributes ...attribute.KeyValue) (n uint64) {
	t.Helper()
	data, _ := o.collect(t)[name].Data.(metricdata.Histogram[float64])
	for _, p := range data.DataPoints {
		if has(p.Attributes, attributes) {
			n += p.Count
		}
	}
	return n
}

func has(set attribute.Set, attributes []attribute.KeyValue) bool {
	return !slices.ContainsFunc(attributes, func(a attribute.KeyValue) bool {
		v, ok := set.Value(a.Key)
		return !ok || v != a.Value
	})
}

// value returns an attribute of a span as text, "" if it is not set.
func value(s sdktrace.ReadOnlySpan, key attribute.Key) string {
	for _, a := range s.Attributes() {
		if a.Key == key {
			return a.Value.String()
		}
	}
	return ""
}

// events returns the names of a span's events.
func events(s sdktrace.ReadOnlySpan) (names []string) {
	for _, e := range s.Events() {
		names = append(names, e.Name)
	}
	return names
}

// process is an engine that runs until the test has ended, or stop is called.
type process struct {
	*cutover.Engine
	stop func()
}

func start(t *testing.T, s store.Store, hooks hook.Hooks, x executor.TaskExecutor) *process {
	t.Helper()
	e, err := cutover.New(s, cutover.Config{Hooks: hooks, Executors: executor.Registry{"MOVE": x}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	p := &process{Engine: e, stop: func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		done <- nil
	}}
	t.Cleanup(p.stop)
	return p
}

// spec is a plan whose tasks run side by side, and of which all may fail.
func spec(tenants ...string) plan.Spec {
	return plan.Spec{
		Name: "to blue", ExecutorType: "MOVE", Tenants: plan.Tenants(tenants...),
		Strategy: strategy.Strategy{MaxConcurrency: strategy.Count(16), MaxFailures: strategy.Percent(100)},
	}
}

// launch creates and starts a plan, and waits until it needs somebody or is over.
func (p *process) launch(ctx context.Context, t *testing.T, s plan.Spec) plan.Plan {
	t.Helper()
	created, err := p.Create(ctx, s, cutover.By("ann"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Start(ctx, created.ID, cutover.By("bob"), cutover.Because("it is time")); err != nil {
		t.Fatal(err)
	}
	return p.rest(t, created.ID)
}

func (p *process) rest(t *testing.T, id plan.ID) plan.Plan {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	rested, err := p.Wait(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	return rested
}

// mover does its work in two steps and can undo it; a tenant called bad fails in the second.
type mover struct{ call func(ctx context.Context) }

func (m mover) Execute(ctx context.Context, run *executor.Run) error {
	if m.call != nil {
		m.call(ctx)
	}
	if err := run.SaveUndo(ctx, "switch", "green"); err != nil {
		return err
	}
	if err := run.Save(ctx, "looked up", nil); err != nil {
		return err
	}
	if run.Tenant().ID == "bad" && run.Attempt() == 1 {
		return executor.Fail("GATEWAY_TIMEOUT", errors.New("the gateway did not answer"))
	}
	return run.Save(ctx, "switched", nil)
}

func (m mover) Rollback(ctx context.Context, run *executor.Run) error {
	if m.call != nil {
		m.call(ctx)
	}
	return nil
}

func taskOf(p plan.Plan, ordinal int) task.ID { return task.NewID(p.ID, ordinal) }
