package otelcutover_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"go.opentelemetry.io/otel/trace"

	"github.com/cutover-go/cutover/hook"
	"github.com/cutover-go/cutover/observe/otelcutover"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/task"
)

// Annotations that ask for a trace for each task and have no trace give each execution a random
// one: what would follow from the ids alone would be the same in every store.
func TestForgedAnnotationsShareNoTrace(t *testing.T) {
	t.Parallel()
	seen := make(map[trace.TraceID]bool)
	for _, parent := range []string{"", "00-xyz", "00-00000000000000000000000000000000-0000000000000000-01", "\x00\n"} {
		for range 2 {
			o := observe(t, otelcutover.Config{OneTrace: -1, TaskShare: -1})
			h := o.Hooks()
			x := hook.Execution{Plan: 1, Task: task.NewID(1, 1), ExecutorType: "MOVE", Annotations: map[string]string{"cutover.traces": "task", "traceparent": parent}}
			h.OnExecuteEnd(h.OnExecuteStart(t.Context(), x), x, hook.Outcome{State: task.Completed})
			id := o.only(t, "execute MOVE").SpanContext().TraceID()
			if seen[id] {
				t.Errorf("traceparent %q: trace %s was there before", parent, id)
			}
			seen[id] = true
		}
	}
}

// Annotations of the caller that name no trace leave the plan in that of its command.
func TestAnnotationsWithoutATraceKeepTheCommands(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := observe(t, otelcutover.Config{})
		e := start(t, memstore.New(), o.Hooks(), mover{})
		s := spec("a")
		s.Annotations = map[string]string{"tracestate": "vendor=1"}
		p := e.launch(t.Context(), t, s)
		synctest.Wait()
		if got, want := o.only(t, "execute MOVE").Parent().TraceID(), o.only(t, "command Create").SpanContext().TraceID(); got != want || p.Annotations["tracestate"] != "vendor=1" {
			t.Errorf("the trace is %s, want %s; the annotations are %v", got, want, p.Annotations)
		}
	})
}

// A trace state that leaves no room in the annotations is left out, and the trace goes on.
func TestHugeTraceStateKeepsTheTrace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := observe(t, otelcutover.Config{OneTrace: -1})
		e := start(t, memstore.New(), o.Hooks(), mover{})
		var members []string
		for i := range 32 {
			members = append(members, fmt.Sprintf("vendor%d=%s", i, strings.Repeat("x", 250)))
		}
		state, err := trace.ParseTraceState(strings.Join(members, ","))
		if err != nil {
			t.Fatal(err)
		}
		request := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{1}, TraceFlags: trace.FlagsSampled, TraceState: state})
		p := e.launch(trace.ContextWithRemoteSpanContext(t.Context(), request), t, spec("a"))
		synctest.Wait()
		links := o.only(t, "execute MOVE").Links()
		if len(links) != 1 || links[0].SpanContext.TraceID() != request.TraceID() {
			t.Errorf("the execution is linked to %v, the annotations are %v", links, p.Annotations)
		}
	})
}

// However full the annotations of the caller are, a creation ends, and what it adds has room.
func TestFullAnnotations(t *testing.T) {
	t.Parallel()
	o := observe(t, otelcutover.Config{OneTrace: -1})
	ctx, span := o.tp.Tracer("host").Start(t.Context(), "request")
	defer span.End()
	for used, want := range map[int]int{0: 2, plan.MaxAnnotations - 70: 1, plan.MaxAnnotations - 10: 0, plan.MaxAnnotations + 1: 0} {
		s := spec("a")
		s.Annotations = map[string]string{"k": strings.Repeat("x", max(0, used-1))}
		if own := o.Hooks().OnCreate(ctx, s); len(own) != want {
			t.Errorf("to %d bytes %v are added, want %d", used, own, want)
		}
	}
}
