package otelcutover

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/trace"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/hook"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// commandKey is the key of a command's span in its context.
type commandKey struct{ of *engine }

// commandStart begins the span of a command, a child of the one in the caller's context.
func (e *engine) commandStart(ctx context.Context, c hook.Command) context.Context {
	ctx, span := e.tracer.Start(ctx, "command "+c.Name, trace.WithAttributes(keyCommand.String(c.Name)))
	if !span.IsRecording() {
		return hide(ctx, commandKey{e})
	}
	if c.Plan != 0 {
		span.SetAttributes(keyPlan.Int64(int64(c.Plan)))
	}
	if c.Task != 0 {
		span.SetAttributes(keyTask.Int64(int64(c.Task)))
	}
	if c.Actor != "" {
		span.SetAttributes(text(keyActor, c.Actor))
	}
	if c.Reason != "" {
		span.SetAttributes(text(keyReason, c.Reason))
	}
	return context.WithValue(ctx, commandKey{e}, span)
}

// commandEnd ends the span of a command. One that has changed a plan is linked to the one that
// created it.
func (e *engine) commandEnd(ctx context.Context, c hook.Command, r hook.CommandResult) {
	class := errorClass(r.Err)
	e.meters.command(ctx, c.Name, class, r.Elapsed)
	span, recorded := ctx.Value(commandKey{e}).(trace.Span)
	if !recorded {
		return
	}
	if r.Plan.ID != 0 {
		describePlan(span, &r.Plan)
		p := e.contexts.of(e.cfg.Propagator, r.Plan.ID, r.Plan.Annotations)
		if p.span.IsValid() && !p.span.Equal(span.SpanContext().WithRemote(true)) {
			span.AddLink(trace.Link{SpanContext: p.span})
		}
	}
	if r.Unchanged {
		span.SetAttributes(keyUnchanged.Bool(true))
	}
	if r.Repeated {
		span.SetAttributes(keyRepeated.Bool(true))
	}
	if r.Err != nil {
		span.SetAttributes(keyError.String(class))
		fail(span, r.Err.Error())
	}
	span.End()
}

// hide returns a context without the span that it has under a key: the one of the call in which a
// call is made that is not recorded, and must not end it.
func hide(ctx context.Context, key any) context.Context {
	if ctx.Value(key) == nil {
		return ctx
	}
	return context.WithValue(ctx, key, nil)
}

func describePlan(span trace.Span, p *plan.Plan) {
	span.SetAttributes(keyPlan.Int64(int64(p.ID)), text(keyPlanName, p.Name), keyPlanState.String(p.State.String()),
		keyPlanTasks.Int(p.TaskCount), text(keyType, p.ExecutorType))
}

// errorClass returns a short name for why a command was refused or failed, one of a fixed set; ""
// for no error.
func errorClass(err error) string {
	if err == nil {
		return ""
	}
	for _, c := range []struct {
		target error
		class  string
	}{
		{context.Canceled, "CANCELED"},
		{context.DeadlineExceeded, "TIMEOUT"},
		{plan.ErrInvalid, "INVALID"},
		{store.ErrInvalid, "INVALID"},
		{cutover.ErrUnknownExecutor, "UNKNOWN_EXECUTOR"},
		{plan.ErrVersion, "VERSION"},
		{store.ErrNotFound, "NOT_FOUND"},
		{store.ErrTenantHeld, "TENANT_HELD"},
		{store.ErrKeyReused, "KEY_REUSED"},
		{store.ErrCreating, "BUSY"},
		{cutover.ErrStarting, "BUSY"},
		{cutover.ErrAdding, "BUSY"},
		{plan.ErrSweepsFull, "BUSY"},
		{cutover.ErrCannotUndo, "CANNOT_UNDO"},
		{plan.ErrNotApplicable, "NOT_APPLICABLE"},
	} {
		if errors.Is(err, c.target) {
			return c.class
		}
	}
	if store.Temporary(err) {
		return "STORE_UNAVAILABLE"
	}
	return other
}
