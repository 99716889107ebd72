package otelcutover

import (
	"context"
	"testing"

	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/cutover-go/cutover/hook"
	"github.com/cutover-go/cutover/task"
)

// Nothing is kept of executions that have ended, also if two of one task ended in either order.
func TestNothingIsKept(t *testing.T) {
	t.Parallel()
	tel, err := New(Config{TracerProvider: recording{}})
	if err != nil {
		t.Fatal(err)
	}
	e := &engine{Telemetry: tel}
	x := hook.Execution{Task: task.NewID(1, 7)}
	for _, order := range [][2]int{{0, 1}, {1, 0}} {
		first := e.executeStart(t.Context(), x)
		second := e.executeStart(t.Context(), x)
		if e.live.of(x.Task) == nil {
			t.Fatal("the execution is not found")
		}
		runs := [2]func(){func() { e.executeEnd(first, x, hook.Outcome{Lost: true}) }, func() { e.executeEnd(second, x, hook.Outcome{}) }}
		runs[order[0]]()
		runs[order[1]]()
		if e.live.any(x.Task) || e.live.of(x.Task) != nil {
			t.Error("the execution is kept")
		}
	}
	for i := range 3 * maxLosses {
		e.workerLost(task.NewID(1, i+1), "w")
	}
	if n := len(e.losses.workers); n > maxLosses {
		t.Errorf("%d lost workers are kept", n)
	}
}

// recording makes spans that record nothing, and say that they do.
type recording struct{ noop.TracerProvider }

func (recording) Tracer(string, ...trace.TracerOption) trace.Tracer { return recordingTracer{} }

type recordingTracer struct{ noop.Tracer }

func (recordingTracer) Start(ctx context.Context, _ string, _ ...trace.SpanStartOption) (context.Context, trace.Span) {
	s := &recordingSpan{}
	return trace.ContextWithSpan(ctx, s), s
}

type recordingSpan struct {
	noop.Span
	_ int // so that each has an address of its own
}

func (*recordingSpan) IsRecording() bool { return true }
