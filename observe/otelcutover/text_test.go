package otelcutover_test

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/cutover-go/cutover/hook"
	"github.com/cutover-go/cutover/observe/otelcutover"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/redisack"
	"github.com/cutover-go/cutover/renewal"
	"github.com/cutover-go/cutover/task"
)

// Text of others is exported as UTF-8 and has an end, whatever it is: one invalid byte would make
// an OTLP exporter drop the whole batch, and of metrics every one.
func TestTextIsUTF8(t *testing.T) {
	t.Parallel()
	o := observe(t, otelcutover.Config{})
	odd := "\xff\xfe" + strings.Repeat("\u00e4", 100_000)
	h := o.Hooks()
	c := hook.Command{Name: "Pause", Plan: 1, Actor: odd, Reason: odd}
	h.OnCommandEnd(h.OnCommandStart(t.Context(), c), c, hook.CommandResult{Plan: plan.Plan{ID: 1, Name: odd, ExecutorType: odd}, Err: errors.New(odd)})
	x := hook.Execution{Plan: 1, Task: 1, Tenant: odd, ExecutorType: odd, Step: odd, Losses: 1}
	h.OnWorkerLost(1, odd)
	ctx := h.OnExecuteStart(t.Context(), x)
	h.OnSave(1, odd, 1)
	h.OnExecuteEnd(ctx, x, hook.Outcome{State: task.Failed, Failure: &task.FailureInfo{ErrorCode: odd, Reason: odd, Step: odd}})
	h.OnStoreFault(odd, nil)
	h.OnPlanChange(plan.Plan{}, []plan.Event{{From: "a", To: odd, Cause: odd}})
	r := o.Redisack()
	call := redisack.Call{Name: "Apply", Key: odd, Version: odd}
	r.OnCallEnd(r.OnCallStart(t.Context(), call), call, redisack.CallResult{
		Err: errors.New(odd), Result: &redisack.AckResult{Endpoints: []redisack.EndpointReport{{ID: odd, Version: odd, Err: odd}}},
	})
	n := o.Renewal()
	for _, begun := range []bool{true, false} {
		n.OnLag(renewal.Lag{Node: odd, Begun: begun})
		n.OnEviction(renewal.Eviction{Node: odd, Begun: begun, Policy: odd})
	}
	check := func(where, text string) {
		if !utf8.ValidString(text) || len(text) > 5000 {
			t.Errorf("%s has %d bytes, valid %t", where, len(text), utf8.ValidString(text))
		}
	}
	all := func(where string, attributes []attribute.KeyValue) {
		for _, a := range attributes {
			if a.Value.Type() == attribute.STRING {
				check(where+" "+string(a.Key), a.Value.AsString())
			}
		}
	}
	for _, s := range o.spans.Ended() {
		check("a name", s.Name())
		check("a status", s.Status().Description)
		all("a span", s.Attributes())
		for _, e := range s.Events() {
			all("an event", e.Attributes)
		}
	}
	if n := len(o.spans.Ended()); n != 5 {
		t.Errorf("%d spans", n)
	}
	for name, m := range o.collect(t) {
		switch data := m.Data.(type) {
		case metricdata.Sum[int64]:
			for _, p := range data.DataPoints {
				all(name, p.Attributes.ToSlice())
			}
		case metricdata.Histogram[float64]:
			for _, p := range data.DataPoints {
				all(name, p.Attributes.ToSlice())
			}
		}
	}
}
