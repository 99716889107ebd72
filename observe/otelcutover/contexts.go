package otelcutover

import (
	"context"
	"encoding/binary"
	"maps"
	"math"
	"reflect"
	"sync/atomic"

	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/task"
)

// The annotation that says that each task of a plan has a trace of its own.
const (
	tracesAnnotation = "cutover.traces"
	tracePerTask     = "task"
)

// planContext is what the annotations of a plan say about its traces.
type planContext struct {
	annotations map[string]string // of which it was made
	// span is that of the command that created the plan; invalid if it is not known.
	span    trace.SpanContext
	perTask bool
	baggage baggage.Baggage
	// silent is the same span, not sampled: executions that are not recorded carry it, so that
	// nothing that they call is recorded either.
	silent trace.Span
	remote trace.Span // the span itself
	// starts is what the spans of the plan's executions begin with.
	starts atomic.Pointer[starts]
	// off counts the executions since one had to have a span and got none, because the provider
	// makes none; 0 if it makes them.
	off atomic.Uint32
}

// contexts reads the trace contexts of plans and keeps some of them. Its zero value is empty.
type contexts struct {
	slots [64]atomic.Pointer[planContext] // by the plan's id
}

// of returns the trace context in the annotations of a plan. Annotations never change, so a map
// that was read once need not be read again; while it is kept no other map has its address.
func (c *contexts) of(p propagation.TextMapPropagator, id plan.ID, annotations map[string]string) *planContext {
	slot := &c.slots[uint64(id)%uint64(len(c.slots))]
	if known := slot.Load(); known != nil && same(known.annotations, annotations) {
		return known
	}
	ctx := p.Extract(context.Background(), propagation.MapCarrier(annotations))
	own := &planContext{annotations: annotations, span: trace.SpanContextFromContext(ctx).WithRemote(true), baggage: baggage.FromContext(ctx)}
	// Without a trace of the plan, what follows from ids alone would be the same over every store.
	own.perTask = own.span.IsValid() && annotations[tracesAnnotation] == tracePerTask
	own.remote = trace.SpanFromContext(trace.ContextWithSpanContext(context.Background(), own.span))
	own.silent = trace.SpanFromContext(trace.ContextWithSpanContext(context.Background(), silenced(own.span)))
	slot.Store(own)
	return own
}

func same(a, b map[string]string) bool {
	return reflect.ValueOf(a).UnsafePointer() == reflect.ValueOf(b).UnsafePointer()
}

func silenced(s trace.SpanContext) trace.SpanContext {
	return s.WithTraceFlags(s.TraceFlags() &^ trace.FlagsSampled)
}

// create returns the annotations that carry the context of a command's span to all processes.
func (e *engine) create(ctx context.Context, s plan.Spec) map[string]string {
	own := make(map[string]string)
	set := e.cfg.Propagator.Extract(context.Background(), propagation.MapCarrier(s.Annotations))
	given := trace.SpanContextFromContext(set).IsValid()
	if !given { // otherwise the caller has set the trace of the plan
		e.cfg.Propagator.Inject(ctx, propagation.MapCarrier(own))
		maps.DeleteFunc(own, func(k, _ string) bool { _, set := s.Annotations[k]; return set })
	}
	if (given || len(own) > 0) && (s.TenantSeq != nil || len(s.Tenants) > e.cfg.OneTrace) { // a sequence is for many
		own[tracesAnnotation] = tracePerTask
	}
	fit(own, plan.MaxAnnotations-size(s.Annotations))
	return own
}

// fit takes the largest annotations out until the rest has room. What is large is the state of
// vendors or the baggage: without them the trace goes on, and too many would all be left out.
func fit(annotations map[string]string, room int) {
	for len(annotations) > 0 && size(annotations) > room {
		largest := ""
		for k, v := range annotations {
			if largest == "" || len(k)+len(v) > len(largest)+len(annotations[largest]) {
				largest = k
			}
		}
		delete(annotations, largest)
	}
}

func size(annotations map[string]string) (n int) {
	for k, v := range annotations {
		n += len(k) + len(v)
	}
	return n
}

// traceOf returns the id of the trace of a task: the same in every process, and as good as random
// for samplers that look at a part of it.
func traceOf(of trace.TraceID, t task.ID) (id trace.TraceID) {
	high, low := binary.BigEndian.Uint64(of[:8]), binary.BigEndian.Uint64(of[8:])
	high, low = mix(high^mix(low+uint64(t))), mix(low^mix(high^uint64(t)))
	binary.BigEndian.PutUint64(id[:8], high)
	binary.BigEndian.PutUint64(id[8:], low|1) // an id of zeros would be invalid
	return id
}

// mix is the finalizer of SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number
// Generators, 2014).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// chosen reports whether a trace is in a share of all, by the bits by which the SDK's sampler
// TraceIDRatioBased decides.
func chosen(id trace.TraceID, share float64) bool {
	return share >= 1 || float64(binary.BigEndian.Uint64(id[8:])>>1) < share*float64(math.MaxInt64)
}
