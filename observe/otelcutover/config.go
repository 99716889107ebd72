package otelcutover

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// Config configures a [Telemetry]. Every field may be left at its zero value.
type Config struct {
	// TracerProvider makes the spans. Default: otel.GetTracerProvider, which makes none until the
	// host has set one.
	TracerProvider trace.TracerProvider
	// MeterProvider makes the instruments. Default: otel.GetMeterProvider.
	MeterProvider metric.MeterProvider
	// Propagator writes the context of a trace to the annotations of a plan, and reads it. All
	// processes over a store need the same. Default: W3C Trace Context, whatever the global one is.
	Propagator propagation.TextMapPropagator
	// OneTrace is the number of tasks up to which a plan has one trace, from 1 to 10,000; in a plan
	// with more tasks each task has its own. It is decided when the plan is created. Default 100;
	// negative: each task always has its own.
	OneTrace int
	// TaskShare is the share of the tasks with a trace of their own whose executions are recorded,
	// up to 1. All processes choose the same tasks. What fails is recorded in any case. Default 1;
	// negative: only what fails.
	TaskShare float64
}

const (
	defaultOneTrace = 100
	mostInOneTrace  = 10_000
)

// ErrInvalid is matched by every [*InvalidError].
var ErrInvalid = errors.New("otelcutover: invalid configuration")

// InvalidError names every fault of a [Config], and every instrument that the meter refused. It
// matches [ErrInvalid].
type InvalidError struct {
	Faults []string
}

func (e *InvalidError) Error() string {
	return ErrInvalid.Error() + ": " + strings.Join(e.Faults, "; ")
}

// Is reports whether target is [ErrInvalid].
func (e *InvalidError) Is(target error) bool { return target == ErrInvalid }

// withDefaults returns c with its defaults filled in. Interfaces that hold nil pointers stay.
func (c Config) withDefaults() Config {
	if c.TracerProvider == nil {
		c.TracerProvider = otel.GetTracerProvider()
	}
	if c.MeterProvider == nil {
		c.MeterProvider = otel.GetMeterProvider()
	}
	if c.Propagator == nil {
		c.Propagator = propagation.TraceContext{}
	}
	c.OneTrace = max(0, cmp.Or(c.OneTrace, defaultOneTrace))
	c.TaskShare = max(0, cmp.Or(c.TaskShare, 1))
	return c
}

func (c Config) faults() (faults []string) {
	for _, p := range []struct {
		field string
		value any
	}{{"TracerProvider", c.TracerProvider}, {"MeterProvider", c.MeterProvider}, {"Propagator", c.Propagator}} {
		if v := reflect.ValueOf(p.value); v.Kind() == reflect.Pointer && v.IsNil() {
			faults = append(faults, p.field+" is a nil pointer; leave it out for the default")
		}
	}
	if c.OneTrace > mostInOneTrace {
		faults = append(faults, fmt.Sprintf("OneTrace is %d, the limit is %d", c.OneTrace, mostInOneTrace))
	}
	if c.TaskShare > 1 || math.IsNaN(c.TaskShare) {
		faults = append(faults, fmt.Sprintf("TaskShare is %v, the limit is 1", c.TaskShare))
	}
	return faults
}
