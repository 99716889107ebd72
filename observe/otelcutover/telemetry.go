package otelcutover

import (
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/cutover-go/cutover/hook"
)

// Scope is the name of the tracer and of the meter.
const Scope = "github.com/cutover-go/cutover/observe/otelcutover"

// Telemetry makes spans and metrics of what it is told by hooks. It starts no goroutine, and is
// safe for concurrent use.
type Telemetry struct {
	cfg    Config
	tracer trace.Tracer
	meters *meters
}

// New returns a telemetry. The error is an [*InvalidError]. Several telemetries over one provider
// share its instruments: what they count is added up.
func New(c Config) (*Telemetry, error) {
	c = c.withDefaults()
	if faults := c.faults(); len(faults) > 0 {
		return nil, &InvalidError{Faults: faults}
	}
	schema := semconv.SchemaURL
	m, faults := newMeters(c.MeterProvider.Meter(Scope, metric.WithSchemaURL(schema)))
	if len(faults) > 0 {
		return nil, &InvalidError{Faults: faults}
	}
	return &Telemetry{cfg: c, tracer: c.TracerProvider.Tracer(Scope, trace.WithSchemaURL(schema)), meters: m}, nil
}

// Hooks returns hooks for one engine. Each engine of a process needs its own.
func (t *Telemetry) Hooks() hook.Hooks {
	e := &engine{Telemetry: t}
	return hook.Hooks{
		OnCreate:       e.create,
		OnCommandStart: e.commandStart,
		OnCommandEnd:   e.commandEnd,
		OnExecuteStart: e.executeStart,
		OnExecuteEnd:   e.executeEnd,
		OnSave:         e.save,
		OnPlanChange:   e.planChange,
		OnLeaseLost:    t.meters.leaseLost,
		OnWorkerLost:   e.workerLost,
		OnStoreFault:   t.meters.storeFault,
	}
}

// Close takes the figures of t that are read on demand from the meter: the executions, counted and
// under way. Everything else goes on. A host that keeps t as long as it runs need not call it.
func (t *Telemetry) Close() error { return t.meters.registration.Unregister() }

// engine is what is known of one engine.
type engine struct {
	*Telemetry
	contexts contexts
	live     live
	losses   losses
}
