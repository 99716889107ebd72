package main

import (
	"context"
	"errors"
	"net/http"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/cutover-go/cutover/observe/otelcutover"
)

// telemetry is what a process needs to be observed.
type telemetry struct {
	*otelcutover.Telemetry
	traces  *sdktrace.TracerProvider
	metrics *metric.MeterProvider
}

// observeAs sets OpenTelemetry up. A host exports to its collector; here export gets the spans.
func observeAs(process string, export func(span)) (*telemetry, error) {
	traces := sdktrace.NewTracerProvider(
		// Plans are few, and all are sampled. Config.TaskShare thins out the tasks of large ones.
		sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.AlwaysSample())),
		sdktrace.WithBatcher(&exporter{process, export},
			// The default of 2,048 is too small for a burst of tasks, and what is too much is lost.
			sdktrace.WithMaxQueueSize(20_000),
			// The example waits for spans. A host keeps the default of 5 s.
			sdktrace.WithBatchTimeout(50*time.Millisecond)),
	)
	metrics := metric.NewMeterProvider()
	tel, err := otelcutover.New(otelcutover.Config{TracerProvider: traces, MeterProvider: metrics})
	if err != nil {
		return nil, err
	}
	return &telemetry{tel, traces, metrics}, nil
}

// shutdown exports what is left. It has to be called after Engine.Run has returned.
func (t *telemetry) shutdown(ctx context.Context) error {
	return errors.Join(t.traces.Shutdown(ctx), t.metrics.Shutdown(ctx))
}

// handler makes a span of every request, a child of the one in its header traceparent.
func (t *telemetry) handler(name string, h http.Handler) http.Handler {
	return otelhttp.NewHandler(h, name, otelhttp.WithTracerProvider(t.traces), otelhttp.WithMeterProvider(t.metrics),
		otelhttp.WithPropagators(propagation.TraceContext{}))
}

// client returns a client that does the same for the requests that it sends.
func (t *telemetry) client() *http.Client {
	return &http.Client{Transport: otelhttp.NewTransport(http.DefaultTransport, otelhttp.WithTracerProvider(t.traces),
		otelhttp.WithMeterProvider(t.metrics), otelhttp.WithPropagators(propagation.TraceContext{}))}
}
