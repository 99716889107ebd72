package otelcutover_test

import (
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// Types of providers whose nil pointers a host may pass by mistake.
type (
	fakeTracers    struct{ trace.TracerProvider }
	fakeMeters     struct{ metric.MeterProvider }
	fakePropagator struct{ propagation.TraceContext }
)
