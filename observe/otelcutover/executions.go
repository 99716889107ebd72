package otelcutover

import (
	"context"
	"slices"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/trace"

	"github.com/cutover-go/cutover/hook"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/task"
)

// executionKey is the key of an execution's span in its context. The current span of a context may
// be that of another observer, or of another telemetry.
type executionKey struct{ of *engine }

// executeStart begins the span of an execution, if it is to be recorded.
func (e *engine) executeStart(ctx context.Context, x hook.Execution) context.Context {
	e.meters.begun()
	p := e.contexts.of(e.cfg.Propagator, x.Plan, x.Annotations)
	if p.baggage.Len() > 0 {
		ctx = baggage.ContextWithBaggage(ctx, p.baggage)
	}
	if p.off.Load() > 0 && p.off.Add(1)%offTries != 0 {
		return ctx
	}
	if p.span.IsValid() && !p.span.IsSampled() || p.perTask && !chosen(traceOf(p.span.TraceID(), x.Task), e.cfg.TaskShare) {
		return trace.ContextWithSpan(ctx, p.silent)
	}
	ctx, span := e.begin(ctx, p, x, time.Time{})
	if !span.IsRecording() {
		if !span.SpanContext().IsValid() {
			p.off.Store(1)
		}
		return ctx
	}
	p.off.Store(0)
	if x.Losses > 0 {
		var worker []attribute.KeyValue
		if name := e.losses.take(x.Task); name != "" {
			worker = append(worker, text(keyWorker, name))
		}
		span.AddEvent("worker lost", trace.WithAttributes(worker...))
	}
	e.live.add(x.Task, span)
	return context.WithValue(ctx, executionKey{e}, span)
}

// offTries is how many executions pass before a provider that makes no spans is tried again: the
// global one may have been set meanwhile.
const offTries = 64

// begin begins a span, at a time that has passed unless it is zero: a child of the command that
// created the plan, or, linked to it, in the trace of the task.
func (e *engine) begin(ctx context.Context, p *planContext, x hook.Execution, at time.Time) (context.Context, trace.Span) {
	s := p.startsOf(x)
	if p.perTask {
		// A context with a trace and no span makes the SDK begin a root in that trace.
		id := trace.NewSpanContext(trace.SpanContextConfig{TraceID: traceOf(p.span.TraceID(), x.Task)})
		ctx = trace.ContextWithSpanContext(ctx, id)
	} else {
		ctx = trace.ContextWithSpan(ctx, p.remote)
	}
	options := s.options
	if !at.IsZero() {
		options = append(slices.Clone(options), trace.WithTimestamp(at))
	}
	ctx, span := e.tracer.Start(ctx, s.name, options...)
	if span.IsRecording() {
		span.SetAttributes(describe(x)...)
	}
	return ctx, span
}

// starts is what the spans of the executions of a plan begin with, as long as they are of the same
// kind. It is made once, because it costs more than a task in memory.
type starts struct {
	plan                plan.ID
	executor, operation string
	name                string
	options             []trace.SpanStartOption
}

func (p *planContext) startsOf(x hook.Execution) *starts {
	if s := p.starts.Load(); s != nil && s.plan == x.Plan && s.executor == x.ExecutorType && s.operation == operation(x) {
		return s
	}
	s := &starts{plan: x.Plan, executor: x.ExecutorType, operation: operation(x), name: operation(x) + " " + short(x.ExecutorType)}
	s.options = append(s.options, trace.WithAttributes(
		keyPlan.Int64(int64(x.Plan)), text(keyType, s.executor), keyOperation.String(s.operation)))
	if p.perTask {
		s.options = append(s.options, trace.WithLinks(trace.Link{SpanContext: p.span}))
	}
	p.starts.Store(s)
	return s
}

// executeEnd counts an execution and ends its span. One that has failed gets a span now if it was
// not chosen to be recorded.
func (e *engine) executeEnd(ctx context.Context, x hook.Execution, out hook.Outcome) {
	if e.live.any(x.Task) {
		if span, recorded := ctx.Value(executionKey{e}).(trace.Span); recorded {
			e.meters.ended(ctx, x, out) // with the span as an exemplar
			e.live.remove(x.Task, span)
			finish(span, out)
			return
		}
	}
	e.meters.ended(context.Background(), x, out) // the meter would search ctx for a span
	if !failed(out) {
		return
	}
	if p := e.contexts.of(e.cfg.Propagator, x.Plan, x.Annotations); p.perTask && p.span.IsSampled() && !chosen(traceOf(p.span.TraceID(), x.Task), e.cfg.TaskShare) {
		_, span := e.begin(ctx, p, x, time.Now().Add(-out.Elapsed))
		finish(span, out)
	}
}

// save adds an event to the span of the execution that saved.
func (e *engine) save(id task.ID, step string, bytes int) {
	span := e.live.of(id)
	switch {
	case span == nil:
	case step == "":
		span.AddEvent("undo entry saved", trace.WithAttributes(keyBytes.Int(bytes)))
	default:
		span.AddEvent("checkpoint saved", trace.WithAttributes(text(keyStep, step), keyBytes.Int(bytes)))
	}
}

func (e *engine) workerLost(id task.ID, worker string) {
	e.meters.workerLost()
	e.losses.add(id, worker)
}

// describe returns what is known of an execution when it begins, beside what is the same for all of
// its plan.
func describe(x hook.Execution) []attribute.KeyValue {
	attributes := make([]attribute.KeyValue, 0, 8)
	attributes = append(attributes, keyTask.Int64(int64(x.Task)), text(keyTenant, x.Tenant), keyAttempt.Int(x.Attempt))
	if x.Step != "" {
		attributes = append(attributes, text(keyContinues, x.Step))
	}
	if x.Losses > 0 {
		attributes = append(attributes, keyLosses.Int(x.Losses))
	}
	return attributes
}

func operation(x hook.Execution) string {
	switch {
	case x.Rollback:
		return "rollback"
	case x.Verify:
		return "verify"
	}
	return "execute"
}

// finish ends the span of an execution.
func finish(span trace.Span, out hook.Outcome) {
	span.SetAttributes(keyOutcome.String(outcome(out)))
	if out.Wait != task.NoWait {
		span.SetAttributes(keyWait.Float64(out.After.Seconds()))
	}
	if f := out.Failure; f != nil && failed(out) {
		span.SetAttributes(text(keyError, f.ErrorCode), keyRetryable.Bool(f.Retryable))
		if f.Step != "" {
			span.SetAttributes(text(keyStep, f.Step))
		}
		fail(span, f.Reason)
	}
	if out.Lost {
		span.SetAttributes(keyError.String(lost))
		fail(span, "the task belongs to another worker")
	}
	span.End()
}

// lost is the outcome of an execution whose task was taken over.
const lost = "LOST"

// outcome returns what an execution came to: a state of the task, a reason to wait, or LOST.
func outcome(out hook.Outcome) string {
	switch {
	case out.Lost:
		return lost
	case out.Wait == task.WaitBackoff:
		return "BACKOFF"
	case out.Wait == task.WaitHold:
		return "HOLD"
	case out.Wait == task.WaitProving:
		return "PROVING"
	}
	return out.State.String()
}

// failed reports whether an execution did not do what it was to do: it failed, whether or not it is
// tried again, or lost its task. One that was stopped, or waits as its executor asked, has not.
func failed(out hook.Outcome) bool {
	return out.Lost || out.State == task.Failed || out.State == task.RollbackFailed || out.Wait == task.WaitBackoff
}
