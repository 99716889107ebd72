package otelcutover_test

import (
	"context"
	"fmt"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/observe/otelcutover"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store/memstore"
)

// The trace that creates a plan goes on in its executors. A host has its exporter in the place of
// the one in memory.
func Example() {
	spans := tracetest.NewInMemoryExporter()
	tp := sdktrace.NewTracerProvider(sdktrace.WithBatcher(spans, sdktrace.WithMaxQueueSize(20_000)))
	tel, err := otelcutover.New(otelcutover.Config{TracerProvider: tp, MeterProvider: sdkmetric.NewMeterProvider()})
	if err != nil {
		panic(err)
	}
	defer tp.Shutdown(context.Background()) //nolint:errcheck // everything is flushed by then
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	ctx, request := tp.Tracer("host").Start(ctx, "rollout")
	move := executor.Func(func(ctx context.Context, run *executor.Run) error {
		same := trace.SpanContextFromContext(ctx).TraceID() == request.SpanContext().TraceID()
		fmt.Println("the executor is in the trace of the request:", same)
		return run.Save(ctx, "SWITCHED", nil)
	})
	engine, err := cutover.New(memstore.New(), cutover.Config{Executors: executor.Registry{"MOVE": move}, Hooks: tel.Hooks()})
	if err != nil {
		panic(err)
	}
	done := make(chan error, 1)
	go func() { done <- engine.Run(ctx) }()

	p, err := engine.Create(ctx, plan.Spec{Name: "to blue", ExecutorType: "MOVE", Tenants: plan.Tenants("ada")}, cutover.By("ann"))
	if err != nil {
		panic(err)
	}
	if _, err := engine.Start(ctx, p.ID); err != nil {
		panic(err)
	}
	if p, err = engine.Wait(ctx, p.ID); err != nil {
		panic(err)
	}
	request.End()
	stop()
	if err := <-done; err != nil { // before the spans are flushed: what ends later is lost
		panic(err)
	}
	if err := tp.ForceFlush(context.Background()); err != nil {
		panic(err)
	}
	for _, s := range spans.GetSpans() {
		if s.Name == "execute MOVE" {
			fmt.Println(p.State, s.Name, len(s.Events), "event")
		}
	}
	// Output:
	// the executor is in the trace of the request: true
	// COMPLETED execute MOVE 1 event
}
