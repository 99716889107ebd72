package otelcutover_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/hook"
	"github.com/cutover-go/cutover/observe/otelcutover"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/store/storetest"
)

// A small plan has one trace: the request, the command that it gives, the executions with what they
// did, the retry, the undo, and the plan as a whole. Other commands are linked to it.
func TestOneTrace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := observe(t, otelcutover.Config{})
		var carried []trace.SpanContext
		e := start(t, memstore.New(), o.Hooks(), mover{func(ctx context.Context) { carried = append(carried, trace.SpanContextFromContext(ctx)) }})
		ctx, request := o.tp.Tracer("http").Start(t.Context(), "POST /plans")
		p := e.launch(ctx, t, spec("bad"))
		request.End()
		if _, err := e.RetryTask(t.Context(), taskOf(p, 1), cutover.FromCheckpoint, cutover.By("cid")); err != nil {
			t.Fatal(err)
		}
		e.rest(t, p.ID)
		if _, err := e.Rollback(t.Context(), p.ID); err != nil {
			t.Fatal(err)
		}
		e.rest(t, p.ID)
		synctest.Wait()

		create := o.only(t, "command Create")
		if create.Parent().SpanID() != request.SpanContext().SpanID() || value(create, "cutover.actor") != "ann" || value(create, "cutover.plan.id") != "1" {
			t.Errorf("the creation is a child of %v, with %v", create.Parent(), create.Attributes())
		}
		executions := append(o.ended("execute MOVE"), o.ended("rollback MOVE")...)
		if len(executions) != 3 || len(carried) != 3 {
			t.Fatalf("%d executions in %q, %d contexts", len(executions), o.names(), len(carried))
		}
		for i, s := range append(executions, o.ended("plan MOVE")...) {
			if s.Parent().SpanID() != create.SpanContext().SpanID() || s.Parent().TraceID() != request.SpanContext().TraceID() || !s.Parent().IsRemote() {
				t.Errorf("%s is a child of %v", s.Name(), s.Parent())
			}
			if i < 3 && !carried[i].Equal(s.SpanContext()) {
				t.Errorf("the executor of %s carries %v", s.Name(), carried[i])
			}
		}
		checkFailure(t, executions[0])
		for i, want := range []string{"FAILED", "COMPLETED", "ROLLED_BACK"} {
			s := executions[i]
			attempt := strconv.Itoa(min(i+1, 2))
			if value(s, "cutover.outcome") != want || value(s, "cutover.attempt") != attempt || value(s, "cutover.tenant.id") != "bad" ||
				value(s, "cutover.task.id") != "1000001" || (s.Status().Code == codes.Error) != (i == 0) {
				t.Errorf("execution %d has %v, %v", i, s.Attributes(), s.Status())
			}
		}
		if got := value(executions[1], "cutover.continues"); got != "looked up" {
			t.Errorf("the retry continues from %q", got)
		}
		retry := o.only(t, "command RetryTask")
		if len(retry.Links()) != 1 || !retry.Links()[0].SpanContext.Equal(create.SpanContext().WithRemote(true)) || value(retry, "cutover.actor") != "cid" {
			t.Errorf("the retry is linked to %v, with %v", retry.Links(), retry.Attributes())
		}
		if len(o.ended("plan MOVE")) != 2 { // completed, and rolled back
			t.Errorf("the spans are %q", o.names())
		}
	})
}

func checkFailure(t *testing.T, s sdktrace.ReadOnlySpan) {
	t.Helper()
	if value(s, "error.type") != "GATEWAY_TIMEOUT" || value(s, "cutover.step") != "looked up" || s.Status().Description != "the gateway did not answer" {
		t.Errorf("the failure has %v, %v", s.Attributes(), s.Status())
	}
	if want := []string{"undo entry saved", "checkpoint saved"}; !slices.Equal(events(s), want) {
		t.Errorf("the events are %q, want %q", events(s), want)
	}
}

// Each task of a large plan has a trace of its own, the same in every attempt, linked to the
// command that created the plan; its executions are roots in it.
func TestTracePerTask(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := observe(t, otelcutover.Config{OneTrace: 2})
		e := start(t, memstore.New(), o.Hooks(), mover{})
		p := e.launch(t.Context(), t, spec("a", "bad", "c"))
		if _, err := e.RetryFailed(t.Context(), p.ID, cutover.FromCheckpoint); err != nil {
			t.Fatal(err)
		}
		e.rest(t, p.ID)
		synctest.Wait()
		create := o.only(t, "command Create").SpanContext()
		traces := make(map[trace.TraceID][]string)
		for _, s := range o.ended("execute MOVE") {
			id := s.SpanContext().TraceID()
			traces[id] = append(traces[id], value(s, "cutover.tenant.id")+value(s, "cutover.attempt"))
			if s.Parent().SpanID().IsValid() || len(s.Links()) != 1 || !s.Links()[0].SpanContext.Equal(create.WithRemote(true)) {
				t.Errorf("%s has parent %v and links %v", value(s, "cutover.tenant.id"), s.Parent(), s.Links())
			}
		}
		if len(traces) != 3 || traces[create.TraceID()] != nil {
			t.Errorf("traces of %v", traces)
		}
		for _, of := range traces {
			if len(of) > 1 && !slices.Equal(of, []string{"bad1", "bad2"}) {
				t.Errorf("a trace of %q", of)
			}
		}
	})
}

// Of the tasks with a trace of their own a share is recorded, the same in every process, and every
// failure. What is not recorded carries a context that is not sampled.
func TestTaskShare(t *testing.T) {
	t.Parallel()
	for _, share := range []float64{-1, 0.25} {
		synctest.Test(t, func(t *testing.T) {
			o := observe(t, otelcutover.Config{OneTrace: -1, TaskShare: share})
			silent := make(chan bool, 1000)
			m := memstore.New()
			e := start(t, m, o.Hooks(), mover{func(ctx context.Context) {
				s := trace.SpanContextFromContext(ctx)
				silent <- s.IsValid() && !s.IsSampled()
			}})
			tenants := []string{"bad"}
			for i := range 399 {
				tenants = append(tenants, strconv.Itoa(i))
			}
			p := e.launch(t.Context(), t, spec(tenants...))
			synctest.Wait()
			quiet := 0
			for range 400 {
				if <-silent {
					quiet++
				}
			}
			recorded := o.ended("execute MOVE")
			if n, want := len(recorded), 400*max(0, share); float64(n) < want-40 || float64(n) > want+40 || quiet < 399-n || quiet > 401-n {
				t.Errorf("%d of 400 are recorded, %d are silent", n, quiet)
			}
			bad := slices.IndexFunc(recorded, func(s sdktrace.ReadOnlySpan) bool { return value(s, "cutover.tenant.id") == "bad" })
			if bad < 0 || recorded[bad].Status().Code != codes.Error || recorded[bad].EndTime().Before(recorded[bad].StartTime()) {
				t.Error("the failure is not recorded")
			}
			e.stop()
			again := observe(t, otelcutover.Config{OneTrace: -1, TaskShare: share}) // another process
			e = start(t, m, again.Hooks(), mover{})
			if _, err := e.Rollback(t.Context(), p.ID); err != nil {
				t.Fatal(err)
			}
			e.rest(t, p.ID)
			synctest.Wait()
			recorded = slices.DeleteFunc(recorded, func(s sdktrace.ReadOnlySpan) bool { return value(s, "cutover.tenant.id") == "bad" })
			undone := again.ended("rollback MOVE")
			undone = slices.DeleteFunc(undone, func(s sdktrace.ReadOnlySpan) bool { return value(s, "cutover.tenant.id") == "bad" })
			if !slices.Equal(ids(recorded), ids(undone)) {
				t.Errorf("recorded are %q, and of the undos %q", ids(recorded), ids(undone))
			}
		})
	}
}

func ids(spans []sdktrace.ReadOnlySpan) (ids []string) {
	for _, s := range spans {
		ids = append(ids, value(s, "cutover.task.id"))
	}
	slices.Sort(ids)
	return ids
}

// A plan whose command was not sampled has no spans, and its executors carry a context that is not
// sampled; a plan without a context has a trace for each execution.
func TestWithoutATrace(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		sampler sdktrace.Sampler
		created bool // by an engine that is observed
		spans   int
	}{
		"not sampled":           {sdktrace.ParentBased(sdktrace.NeverSample()), true, 0},
		"no context":            {sdktrace.AlwaysSample(), false, 2},
		"no context, no sample": {sdktrace.NeverSample(), false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				o := observe(t, otelcutover.Config{}, sdktrace.WithSampler(c.sampler))
				var sampled []bool
				m := memstore.New()
				e := start(t, m, o.Hooks(), mover{func(ctx context.Context) { sampled = append(sampled, trace.SpanContextFromContext(ctx).IsSampled()) }})
				from := e
				if !c.created {
					from = start(t, m, hook.Hooks{}, mover{})
					from.stop()
				}
				s := spec("a", "b")
				s.Strategy.MaxConcurrency = strategy.Count(1)
				p, err := from.Create(t.Context(), s)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := from.Start(t.Context(), p.ID); err != nil {
					t.Fatal(err)
				}
				e.rest(t, p.ID)
				synctest.Wait()
				spans := o.ended("execute MOVE")
				if len(o.spans.Ended()) != c.spans || len(spans) != c.spans || len(sampled) != 2 || sampled[0] != (c.spans > 0) {
					t.Errorf("spans %q, sampled %v", o.names(), sampled)
				}
				if len(spans) == 2 && spans[0].SpanContext().TraceID() == spans[1].SpanContext().TraceID() {
					t.Error("both executions are in one trace")
				}
			})
		})
	}
}

// Plans without annotations share what is known of them, but not their names.
func TestPlansAreToldApart(t *testing.T) {
	t.Parallel()
	o := observe(t, otelcutover.Config{})
	h := o.Hooks()
	for _, x := range []hook.Execution{
		{Plan: 1, ExecutorType: "A"}, {Plan: 65, ExecutorType: "A"}, {Plan: 65, ExecutorType: "B"}, {Plan: 65, ExecutorType: "B", Rollback: true},
	} {
		h.OnExecuteEnd(h.OnExecuteStart(t.Context(), x), x, hook.Outcome{})
		s := o.spans.Ended()[len(o.spans.Ended())-1]
		if value(s, "cutover.plan.id") != x.Plan.String() || value(s, "cutover.executor.type") != x.ExecutorType || (value(s, "cutover.operation") == "rollback") != x.Rollback {
			t.Errorf("%+v is %s with %v", x, s.Name(), s.Attributes())
		}
	}
}

// A provider that makes spans later than the engine began is noticed.
func TestProviderThatIsSetLater(t *testing.T) {
	t.Parallel()
	tracers := &lateTracers{TracerProvider: noop.NewTracerProvider()}
	tel, err := otelcutover.New(otelcutover.Config{TracerProvider: tracers})
	if err != nil {
		t.Fatal(err)
	}
	h, spans := tel.Hooks(), tracetest.NewSpanRecorder()
	for range 2000 {
		h.OnExecuteEnd(h.OnExecuteStart(t.Context(), hook.Execution{}), hook.Execution{}, hook.Outcome{})
	}
	tracers.tracer.Store(sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans)).Tracer(""))
	for range 2000 {
		h.OnExecuteEnd(h.OnExecuteStart(t.Context(), hook.Execution{}), hook.Execution{}, hook.Outcome{})
	}
	if n := len(spans.Ended()); n < 1900 {
		t.Errorf("%d of 2,000 executions have spans", n)
	}
}

// lateTracers makes no spans until it has a tracer, as the global provider does.
type lateTracers struct {
	trace.TracerProvider
	tracer atomic.Value
}

func (l *lateTracers) Tracer(string, ...trace.TracerOption) trace.Tracer {
	return lateTracer{l.TracerProvider.Tracer(""), &l.tracer}
}

type lateTracer struct {
	trace.Tracer
	later *atomic.Value
}

func (l lateTracer) Start(ctx context.Context, name string, options ...trace.SpanStartOption) (context.Context, trace.Span) {
	if later, set := l.later.Load().(trace.Tracer); set {
		return later.Start(ctx, name, options...)
	}
	return l.Tracer.Start(ctx, name, options...)
}

// Annotations of the caller come first, and ones that make no sense harm nothing.
func TestGivenTrace(t *testing.T) {
	t.Parallel()
	for given, parent := range map[string]string{
		"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01": "0af7651916cd43dd8448eb211c80319c",
		"00-xyz": "00000000000000000000000000000000",
	} {
		synctest.Test(t, func(t *testing.T) {
			o := observe(t, otelcutover.Config{})
			e := start(t, memstore.New(), o.Hooks(), mover{})
			s := spec("a")
			s.Annotations = map[string]string{"traceparent": given, "ticket": "OPS-7"}
			ctx, other := o.tp.Tracer("host").Start(t.Context(), "another")
			if own := o.Hooks().OnCreate(ctx, s); len(own) > 0 {
				t.Errorf("%v is added to the trace that the caller has set", own)
			}
			other.End()
			p := e.launch(t.Context(), t, s)
			synctest.Wait()
			if got := o.only(t, "execute MOVE").Parent().TraceID().String(); got != parent || len(p.Annotations) != 2 || p.Annotations["traceparent"] != given {
				t.Errorf("of %s the trace is %s, the annotations are %v", given, got, p.Annotations)
			}
		})
	}
}

// A task that its process loses goes on in the same trace, in a span that says so.
func TestTakeOver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := observe(t, otelcutover.Config{OneTrace: -1})
		var away atomic.Bool
		m := storetest.Intercept(memstore.New(), func(ctx context.Context, c storetest.Call) error {
			if away.Load() {
				return &store.TemporaryError{Err: errors.New("away")}
			}
			return c.Do(ctx)
		})
		hooks := hook.Join(o.Hooks(), hook.Hooks{OnStoreFault: func(string, error) {}})
		e := start(t, m, hooks, executor.Func(func(ctx context.Context, run *executor.Run) error {
			if _, saved, err := run.Restore(nil); saved || err != nil {
				return err
			}
			if err := run.Save(ctx, "half", nil); err != nil {
				return err
			}
			<-ctx.Done()
			return context.Cause(ctx)
		}))
		p, err := e.Create(t.Context(), spec("a"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := e.Start(t.Context(), p.ID); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		away.Store(true)
		time.Sleep(40 * time.Second)
		away.Store(false)
		e.rest(t, p.ID)
		synctest.Wait()
		s := o.ended("execute MOVE")
		if len(s) != 2 || s[0].SpanContext().TraceID() != s[1].SpanContext().TraceID() {
			t.Fatalf("%q", o.names())
		}
		if value(s[0], "cutover.outcome") != "LOST" || s[0].Status().Code != codes.Error || value(s[0], "error.type") != "LOST" {
			t.Errorf("the first has %v, %v", s[0].Attributes(), s[0].Status())
		}
		if value(s[1], "cutover.task.losses") != "1" || value(s[1], "cutover.continues") != "half" || value(s[1], "cutover.outcome") != "COMPLETED" {
			t.Errorf("the second has %v", s[1].Attributes())
		}
		if !slices.Equal(events(s[1]), []string{"worker lost"}) || len(s[1].Events()[0].Attributes) != 1 {
			t.Errorf("the second has the events %v", s[1].Events())
		}
		if o.sum(t, "cutover.worker.losses") != 1 || o.sum(t, "cutover.lease.losses") != 1 || o.sum(t, "cutover.store.faults") == 0 {
			t.Errorf("the losses are not counted: %v", o.collect(t))
		}
	})
}
