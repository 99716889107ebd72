package otelcutover_test

import (
	"testing"
	"testing/synctest"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/cutover-go/cutover/hook"
	"github.com/cutover-go/cutover/observe/otelcutover"
	"github.com/cutover-go/cutover/redisack"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/task"
)

// Two telemetries observe one engine: each ends its own spans.
func TestTwoTelemetriesOfOneEngine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		one, two := observe(t, otelcutover.Config{}), observe(t, otelcutover.Config{})
		e := start(t, memstore.New(), hook.Join(one.Hooks(), two.Hooks()), mover{})
		e.launch(t.Context(), t, spec("a", "bad"))
		synctest.Wait()
		for i, o := range []*observed{one, two} {
			if started, ended := len(o.spans.Started()), len(o.spans.Ended()); started != ended || ended != 5 {
				t.Errorf("telemetry %d: %d spans have begun and %d have ended: %q", i, started, ended, o.names())
			}
			for _, s := range o.ended("execute MOVE") {
				if value(s, "cutover.outcome") == "" {
					t.Errorf("telemetry %d: an execution without an outcome", i)
				}
			}
		}
	})
}

// without is a sampler that drops the spans of one name, whatever their parents are.
type without string

func (w without) ShouldSample(p sdktrace.SamplingParameters) sdktrace.SamplingResult {
	if p.Name == string(w) {
		return sdktrace.SamplingResult{Decision: sdktrace.Drop}
	}
	return sdktrace.SamplingResult{Decision: sdktrace.RecordAndSample}
}

func (w without) Description() string { return "without " + string(w) }

// What is not recorded ends nothing of what it is called in.
func TestDroppedSpanEndsNoOther(t *testing.T) {
	t.Parallel()
	o := observe(t, otelcutover.Config{}, sdktrace.WithSampler(without("command Pause")))
	h := o.Hooks()
	x := hook.Execution{Plan: 1, Task: task.NewID(1, 1), ExecutorType: "MOVE"}
	outer, inner := hook.Command{Name: "EnsureStarted"}, hook.Command{Name: "Pause"}
	execution := h.OnExecuteStart(t.Context(), x)
	command := h.OnCommandStart(execution, outer)
	h.OnCommandEnd(h.OnCommandStart(command, inner), inner, hook.CommandResult{})
	h.OnCommandEnd(h.OnCommandStart(execution, inner), inner, hook.CommandResult{})
	if n := len(o.spans.Ended()); n > 0 {
		t.Fatalf("ended are %q", o.names())
	}
	h.OnCommandEnd(command, outer, hook.CommandResult{Unchanged: true})
	h.OnExecuteEnd(execution, x, hook.Outcome{State: task.Completed})
	if value(o.only(t, "command EnsureStarted"), "cutover.unchanged") != "true" || value(o.only(t, "execute MOVE"), "cutover.outcome") != "COMPLETED" {
		t.Errorf("ended are %q", o.names())
	}

	quiet := observe(t, otelcutover.Config{}, sdktrace.WithSampler(without("redisack Confirm")))
	r := quiet.Redisack()
	apply, confirm := redisack.Call{Name: "Apply"}, redisack.Call{Name: "Confirm"}
	ctx := r.OnCallStart(t.Context(), apply)
	r.OnCallEnd(r.OnCallStart(ctx, confirm), confirm, redisack.CallResult{})
	if n := len(quiet.spans.Ended()); n > 0 {
		t.Errorf("ended are %q", quiet.names())
	}
	r.OnCallEnd(ctx, apply, redisack.CallResult{})
}
