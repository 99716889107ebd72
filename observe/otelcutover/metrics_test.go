package otelcutover_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/hook"
	"github.com/cutover-go/cutover/observe/otelcutover"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/task"
)

// Every execution is counted by type, operation, outcome and code, and timed by its outcome.
func TestExecutionsAreCounted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := observe(t, otelcutover.Config{})
		hold := make(chan struct{})
		e := start(t, memstore.New(), o.Hooks(), mover{func(context.Context) { <-hold }})
		p, err := e.Create(t.Context(), spec("a", "bad", "c"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := e.Start(t.Context(), p.ID); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if n := o.sum(t, "cutover.execution.active"); n != 3 {
			t.Errorf("%d executions are under way, want 3", n)
		}
		close(hold)
		e.rest(t, p.ID)
		if _, err := e.Pause(t.Context(), p.ID); !errors.Is(err, plan.ErrNotApplicable) {
			t.Fatal(err)
		}
		synctest.Wait()
		typed := attribute.String("cutover.executor.type", "MOVE")
		done, failed := attribute.String("cutover.outcome", "COMPLETED"), attribute.String("cutover.outcome", "FAILED")
		for name, n := range map[string][2]int64{
			"under way":          {o.sum(t, "cutover.execution.active"), 0},
			"completed":          {o.sum(t, "cutover.executions", typed, done, attribute.String("cutover.operation", "execute")), 2},
			"failed":             {o.sum(t, "cutover.executions", typed, failed, attribute.String("error.type", "GATEWAY_TIMEOUT")), 1},
			"all":                {o.sum(t, "cutover.executions"), 3},
			"timed":              {int64(o.timed(t, "cutover.execution.duration")), 3},
			"timed failures":     {int64(o.timed(t, "cutover.execution.duration", failed)), 1},
			"commands":           {int64(o.timed(t, "cutover.command.duration")), 3},
			"refused":            {int64(o.timed(t, "cutover.command.duration", attribute.String("error.type", "NOT_APPLICABLE"))), 1},
			"changes to RUNNING": {o.sum(t, "cutover.plan.changes", attribute.String("cutover.plan.to", "RUNNING"), attribute.String("cutover.cause", "start")), 1},
		} {
			if n[0] != n[1] {
				t.Errorf("%s: %d, want %d", name, n[0], n[1])
			}
		}
	})
}

// Seconds fall into buckets of their own: the SDK's default ones begin at 5 s.
func TestSecondsHaveBuckets(t *testing.T) {
	t.Parallel()
	o := observe(t, otelcutover.Config{})
	h := o.Hooks()
	took := []time.Duration{3 * time.Millisecond, 30 * time.Millisecond, 300 * time.Millisecond, 3 * time.Second, 30 * time.Second, 30 * time.Minute}
	for _, d := range took {
		ctx := h.OnExecuteStart(t.Context(), hook.Execution{})
		h.OnExecuteEnd(ctx, hook.Execution{}, hook.Outcome{State: task.Completed, Elapsed: d})
		ctx = h.OnCommandStart(t.Context(), hook.Command{Name: "Pause"})
		h.OnCommandEnd(ctx, hook.Command{Name: "Pause"}, hook.CommandResult{Elapsed: d})
	}
	for _, name := range []string{"cutover.execution.duration", "cutover.command.duration"} {
		data := o.collect(t)[name].Data.(metricdata.Histogram[float64])
		full := 0
		for _, n := range data.DataPoints[0].BucketCounts {
			if n > 0 {
				full++
			}
		}
		if len(data.DataPoints) != 1 || full != len(took) {
			t.Errorf("%s: %d values are in %d buckets", name, len(took), full)
		}
	}
}

// However many executor types, error codes and tenants there are, no instrument has so many sets of
// attributes that the SDK folds some of them into one.
func TestSetsAreBounded(t *testing.T) {
	t.Parallel()
	o := observe(t, otelcutover.Config{})
	h := o.Hooks()
	const n = 20_000
	states := []task.State{task.Failed, task.RollbackFailed}
	for i := range n {
		x := hook.Execution{Tenant: strconv.Itoa(i), ExecutorType: fmt.Sprint("TYPE", i/70%40), Rollback: i%2 == 1}
		out := hook.Outcome{State: states[i%2], Failure: &task.FailureInfo{ErrorCode: fmt.Sprint("CODE", i%70)}}
		h.OnExecuteEnd(h.OnExecuteStart(t.Context(), x), x, out)
		h.OnStoreFault(strconv.Itoa(i), nil)
	}
	if all := o.sum(t, "cutover.executions"); all != n {
		t.Errorf("%d are counted, want %d", all, n)
	}
	for name, m := range o.collect(t) {
		var sets []attribute.Set
		switch data := m.Data.(type) {
		case metricdata.Sum[int64]:
			for _, p := range data.DataPoints {
				sets = append(sets, p.Attributes)
			}
		case metricdata.Histogram[float64]:
			for _, p := range data.DataPoints {
				sets = append(sets, p.Attributes)
			}
		}
		if len(sets) > 1100 {
			t.Errorf("%s has %d sets of attributes", name, len(sets))
		}
		for _, s := range sets {
			if s.HasValue("otel.metric.overflow") || s.HasValue("cutover.tenant.id") || s.HasValue("cutover.plan.name") {
				t.Fatalf("%s has %v", name, s.ToSlice())
			}
		}
	}
	if o.sum(t, "cutover.executions", attribute.String("error.type", "_OTHER"), attribute.String("cutover.executor.type", "_OTHER")) == 0 {
		t.Error("nothing is counted as other")
	}
}

// Engines, telemetries and processes of one meter provider are added up.
func TestSeveralEngines(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := observe(t, otelcutover.Config{})
		second, err := otelcutover.New(otelcutover.Config{TracerProvider: o.tp, MeterProvider: o.meters})
		if err != nil {
			t.Fatal(err)
		}
		same := o.Hooks()
		for _, hooks := range []hook.Hooks{same, same, o.Hooks(), second.Hooks()} { // with stores, and ids, of their own
			start(t, memstore.New(), hooks, mover{}).launch(t.Context(), t, spec("a", "b"))
		}
		synctest.Wait()
		if n, timed := o.sum(t, "cutover.executions"), o.timed(t, "cutover.execution.duration"); n != 8 || timed != 8 || len(o.ended("execute MOVE")) != 8 {
			t.Errorf("%d executions, %d timed, %d spans, want 8", n, timed, len(o.ended("execute MOVE")))
		}
		if err := second.Close(); err != nil {
			t.Fatal(err)
		}
		if n := o.sum(t, "cutover.executions"); n != 6 {
			t.Errorf("%d executions when one is closed, want 6", n)
		}
	})
}

// Without providers nothing is measured and nothing fails; a fault of the configuration is named.
func TestConfigurations(t *testing.T) {
	t.Parallel()
	tel, err := otelcutover.New(otelcutover.Config{})
	if err != nil {
		t.Fatal(err)
	}
	p := start(t, memstore.New(), tel.Hooks(), mover{}).launch(t.Context(), t, spec("a", "bad"))
	if p.State != plan.Failed && p.State != plan.Completed || len(p.Annotations) > 0 {
		t.Errorf("the plan is %s with %v", p.State, p.Annotations)
	}
	_, err = otelcutover.New(otelcutover.Config{
		TracerProvider: (*fakeTracers)(nil), MeterProvider: (*fakeMeters)(nil), Propagator: (*fakePropagator)(nil), OneTrace: 10_001, TaskShare: 1.5,
	})
	invalid := new(otelcutover.InvalidError)
	if !errors.Is(err, otelcutover.ErrInvalid) || !errors.As(err, &invalid) || len(invalid.Faults) != 5 {
		t.Errorf("%v", err)
	}
}

// Hooks may be called by anybody with anything.
func TestOddCalls(t *testing.T) {
	t.Parallel()
	o := observe(t, otelcutover.Config{})
	h := o.Hooks()
	h.OnExecuteEnd(t.Context(), hook.Execution{}, hook.Outcome{State: task.Failed})
	h.OnExecuteEnd(h.OnExecuteStart(t.Context(), hook.Execution{Losses: 3}), hook.Execution{}, hook.Outcome{Lost: true})
	h.OnCommandEnd(t.Context(), hook.Command{}, hook.CommandResult{Err: cutover.ErrAdding})
	h.OnCommandEnd(h.OnCommandStart(t.Context(), hook.Command{}), hook.Command{}, hook.CommandResult{Err: errors.New("x")})
	h.OnPlanChange(plan.Plan{}, []plan.Event{{}})
	h.OnSave(0, "", 0)
	h.OnWorkerLost(0, "")
	for i := range 5000 {
		h.OnWorkerLost(task.ID(i), "w")
	}
}
