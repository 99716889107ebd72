package otelcutover

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/cutover-go/cutover/redisack"
)

// maxEndpointEvents bounds the events of one span. By default the SDK keeps 128 events of a span,
// the last ones, and a span of 10,000 endpoints would be of some megabytes.
const maxEndpointEvents = 100

// Redisack returns hooks for a redisack client: each of its calls is a span, a child of the one in
// the context of the call. What it wrote, and the endpoints, are events of the span; of a fleet of
// more than 100 endpoints those that did not confirm come first, and the slowest of the others.
func (t *Telemetry) Redisack() redisack.Hooks {
	return redisack.Hooks{OnCallStart: t.ackStart, OnCallEnd: t.ackEnd}
}

// ackSpan is a call under way.
type ackSpan struct {
	trace.Span
	began time.Time
}

// ackKey is the key of a call's span in its context.
type ackKey struct{ of *Telemetry }

func (t *Telemetry) ackStart(ctx context.Context, c redisack.Call) context.Context {
	began := time.Now()
	ctx, span := t.tracer.Start(ctx, "redisack "+c.Name, trace.WithTimestamp(began), trace.WithSpanKind(trace.SpanKindClient),
		trace.WithAttributes(text(keyConfig, c.Key), text(keyVersion, c.Version)))
	if !span.IsRecording() {
		return hide(ctx, ackKey{t})
	}
	return context.WithValue(ctx, ackKey{t}, ackSpan{span, began})
}

func (t *Telemetry) ackEnd(ctx context.Context, c redisack.Call, r redisack.CallResult) {
	class := ackClass(r)
	t.meters.redisack.Record(ctx, r.Elapsed.Seconds(), withError(class, keyCommand.String(c.Name)))
	t.countEndpoints(ctx, r.Result)
	span, recorded := ctx.Value(ackKey{t}).(ackSpan)
	if !recorded {
		return
	}
	if r.Target.Rev != 0 {
		span.SetAttributes(keyRevision.Int64(int64(r.Target.Rev))) //nolint:gosec // counted up from 1
	}
	if r.Target.Outcome != 0 && c.Name != "Confirm" {
		span.AddEvent("written", trace.WithTimestamp(span.within(r.Target.WrittenAt)),
			trace.WithAttributes(keyWritten.String(r.Target.Outcome.String())))
	}
	if r.Result != nil {
		span.result(r.Result)
	}
	if r.Err != nil {
		span.SetAttributes(keyError.String(class))
		fail(span, r.Err.Error())
	}
	span.End()
}

// countEndpoints counts how the endpoints of a run stood at its end.
func (t *Telemetry) countEndpoints(ctx context.Context, r *redisack.AckResult) {
	if r == nil {
		return
	}
	byReason := make(map[redisack.Reason]int64)
	for i := range r.Endpoints {
		byReason[r.Endpoints[i].Reason]++
	}
	for reason, n := range byReason {
		t.meters.endpoints.Add(ctx, n, metric.WithAttributes(keyOutcome.String(reason.String())))
	}
}

// within returns a time of another clock, or the beginning of the span if it is before that or to
// come.
func (s ackSpan) within(at time.Time) time.Time {
	if at.Before(s.began) || at.After(time.Now()) {
		return s.began
	}
	return at
}

// result adds the result of a run to its span.
func (s ackSpan) result(r *redisack.AckResult) {
	s.SetAttributes(keyMembers.Int(r.Tally.Members), keyConfirmed.Int(r.Tally.Confirmed), keyTries.Int(r.Attempts),
		keyOutcome.String(r.Reason.String()))
	if b := r.Rollback; b != nil {
		s.SetAttributes(keyRollback.Bool(b.OK))
	}
	shown := worst(r.Endpoints, maxEndpointEvents)
	for _, row := range shown {
		s.endpoint(row)
	}
	if n := len(r.Endpoints) - len(shown); n > 0 {
		s.SetAttributes(keyOmitted.Int(n))
	}
}

func (s ackSpan) endpoint(row *redisack.EndpointReport) {
	attributes := []attribute.KeyValue{text(keyEndpoint, row.ID), keyOutcome.String(row.Reason.String()), keyTries.Int(row.Attempts)}
	at := row.LastSeen
	if row.Reason == redisack.ReasonConfirmed {
		at = row.ConfirmedAfter
	} else if row.Version != "" {
		attributes = append(attributes, text(keyRuns, row.Version))
	}
	if row.Err != "" {
		attributes = append(attributes, text(keyReason, row.Err))
	}
	s.AddEvent("endpoint", trace.WithTimestamp(s.began.Add(at)), trace.WithAttributes(attributes...))
}

// ackClass returns the reason for which a call failed, one of a fixed set; "" if it did not.
func ackClass(r redisack.CallResult) string {
	var failed *redisack.AckError
	var unwritten *redisack.WriteError
	switch {
	case r.Err == nil:
		return ""
	case errors.As(r.Err, &failed) && failed.Result != nil:
		return failed.Result.Reason.String()
	case errors.As(r.Err, &unwritten):
		return unwritten.Reason.String()
	case errors.Is(r.Err, redisack.ErrInvalid):
		return "Invalid"
	}
	return other
}
