package otelcutover_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/cutover-go/cutover/observe/otelcutover"
	"github.com/cutover-go/cutover/redisack"
)

func redisClient(t *testing.T) redis.UniversalClient {
	t.Helper()
	rdb := redis.NewClient(&redis.Options{Addr: miniredis.RunT(t).Addr()})
	t.Cleanup(func() { _ = rdb.Close() })
	return rdb
}

// A call of redisack is one span: what was written and the endpoints are events of it, and its
// probers carry it.
func TestRedisack(t *testing.T) {
	t.Parallel()
	o := observe(t, otelcutover.Config{})
	client, err := redisack.New(redisClient(t), redisack.Config{Hooks: o.Redisack()})
	if err != nil {
		t.Fatal(err)
	}
	var carried trace.SpanContext
	check := redisack.Check{
		Fleet: redisack.Static(redisack.Endpoint{ID: "a"}, redisack.Endpoint{ID: "b"}),
		Prober: redisack.ProberFunc(func(ctx context.Context, ep redisack.Endpoint, target redisack.Target) (redisack.Observation, error) {
			if ep.ID == "a" {
				carried = trace.SpanContextFromContext(ctx)
				return redisack.Observation{Version: target.Version, Rev: target.Rev, WriteID: target.WriteID}, nil
			}
			return redisack.Observation{Version: "v0", Rev: target.Rev - 1}, nil
		}),
		Policy: redisack.Policy{Timeout: 500 * time.Millisecond, StartDelay: -1},
	}
	ctx, caller := o.tp.Tracer("host").Start(t.Context(), "deploy")
	_, err = client.Apply(ctx, redisack.Change{Key: "app", Version: "v1", Payload: []byte("{}")}, check)
	caller.End()
	if !errors.Is(err, redisack.ErrTimeout) {
		t.Fatal(err)
	}
	s := o.only(t, "redisack Apply")
	if s.Parent().SpanID() != caller.SpanContext().SpanID() || !carried.Equal(s.SpanContext()) || s.Status().Code != codes.Error {
		t.Errorf("the span is a child of %v, the prober carries %v, %v", s.Parent(), carried, s.Status())
	}
	for key, want := range map[attribute.Key]string{
		"cutover.redisack.key": "app", "cutover.redisack.version": "v1", "cutover.redisack.revision": "1", "cutover.redisack.members": "2",
		"cutover.redisack.confirmed": "1", "cutover.outcome": "Timeout", "error.type": "Timeout",
	} {
		if got := value(s, key); got != want {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
	for i, want := range []string{"written", "endpoint", "endpoint"} {
		if e := s.Events()[i]; e.Name != want || e.Time.Before(s.StartTime()) || e.Time.After(s.EndTime()) {
			t.Errorf("event %d is %v, of the span from %v to %v", i, e, s.StartTime(), s.EndTime())
		}
	}
	timeout := attribute.String("error.type", "Timeout")
	if o.timed(t, "cutover.redisack.duration", timeout) != 1 || o.sum(t, "cutover.redisack.endpoints", attribute.String("cutover.outcome", "Confirmed")) != 1 {
		t.Errorf("the call is not counted: %v", o.collect(t))
	}
}

// Of 10,000 endpoints there are as many events as a span of the SDK holds, and those that did not
// confirm are among them.
func TestLargeFleet(t *testing.T) {
	t.Parallel()
	o := observe(t, otelcutover.Config{})
	h := o.Redisack()
	res := &redisack.AckResult{OK: true, Reason: redisack.ReasonConfirmed, Tally: redisack.Tally{Members: 10_000}}
	for i := range 10_000 {
		took := time.Duration(i) * time.Microsecond
		row := redisack.EndpointReport{ID: fmt.Sprint(i), Reason: redisack.ReasonConfirmed, ConfirmedAfter: took, LastSeen: took}
		if i == 5 {
			row.Reason, row.Err, row.ConfirmedAfter = redisack.ReasonRejected, "bad payload", 0
		}
		res.Endpoints = append(res.Endpoints, row)
	}
	call := redisack.Call{Name: "Confirm", Key: "app", Version: "v1"}
	h.OnCallEnd(h.OnCallStart(t.Context(), call), call, redisack.CallResult{Result: res})
	s := o.only(t, "redisack Confirm")
	ids := make(map[string]bool)
	for _, e := range s.Events() {
		for _, a := range e.Attributes {
			if a.Key == "cutover.redisack.endpoint" {
				ids[a.Value.AsString()] = true
			}
		}
	}
	if len(s.Events()) != 100 || s.DroppedEvents() > 0 || !ids["5"] || !ids["9999"] || ids["6"] || value(s, "cutover.redisack.omitted") != "9900" {
		t.Errorf("%d events, %d dropped, %s omitted", len(s.Events()), s.DroppedEvents(), value(s, "cutover.redisack.omitted"))
	}
	h.OnCallEnd(t.Context(), call, redisack.CallResult{Err: errors.New("x")}) // odd calls do not panic
	if o.timed(t, "cutover.redisack.duration", attribute.String("error.type", "_OTHER")) != 1 {
		t.Error("the odd call is not counted")
	}
}
