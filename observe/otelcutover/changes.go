package otelcutover

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/task"
)

// planChange counts the changes of a plan's state. When the plan has come to rest it makes a span
// of the time since its creation, in the trace of the command that created it.
func (e *engine) planChange(p plan.Plan, events []plan.Event) {
	for i := range events {
		event := &events[i]
		if event.Task != 0 {
			continue
		}
		if event.From != event.To {
			e.meters.planChanged(event.To, event.Cause)
		}
		if over(p.State) && event.To == p.State.String() && event.From != event.To {
			e.planOver(&p, event.At)
		}
	}
}

// over reports whether a plan in that state ends unless somebody gives a command.
func over(s plan.State) bool {
	switch s {
	case plan.Completed, plan.Canceled, plan.RolledBack, plan.RollbackFailed:
		return true
	case plan.Created, plan.Running, plan.Paused, plan.Failed, plan.RollingBack:
	}
	return false
}

// planOver makes a span of a whole plan. It is made at the end, by the process that has ended the
// plan, because a span that is open dies with its process.
func (e *engine) planOver(p *plan.Plan, at time.Time) {
	c := e.contexts.of(e.cfg.Propagator, p.ID, p.Annotations)
	if !c.span.IsSampled() {
		return
	}
	ctx := trace.ContextWithSpanContext(context.Background(), c.span)
	_, span := e.tracer.Start(ctx, "plan "+short(p.ExecutorType), trace.WithTimestamp(p.CreatedAt))
	describePlan(span, p)
	span.SetAttributes(keyPlanFailed.Int(p.Counters.Of(task.Failed)))
	if p.State == plan.RollbackFailed {
		fail(span, "not everything could be undone")
	}
	span.End(trace.WithTimestamp(at))
}
