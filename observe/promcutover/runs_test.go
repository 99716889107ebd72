package promcutover_test

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/notify"
	"github.com/cutover-go/cutover/observe/promcutover"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/redisack"
	"github.com/cutover-go/cutover/renewal"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/store/storetest"
)

// process is one process of a service with its metrics.
type process struct {
	t       *testing.T
	reg     *prometheus.Registry
	metrics *promcutover.Collector
	engine  *cutover.Engine
	ctx     context.Context //nolint:containedctx // of all that runs in it, until the test ends
	parts   sync.WaitGroup
}

// newProcess makes a process over s, whose collector runs until the test ends.
func newProcess(t *testing.T, s store.Store, executors executor.Registry, lease time.Duration, c promcutover.Config) *process {
	t.Helper()
	c.Interval = lease / 2
	reg := prometheus.NewRegistry()
	metrics, err := promcutover.New(reg, c)
	if err != nil {
		t.Fatal(err)
	}
	engine, err := cutover.New(metrics.Store(s), cutover.Config{
		Executors: executors, Hooks: metrics.Hooks(), LeaseTTL: lease, PollInterval: 100 * time.Millisecond, ShutdownGrace: time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	p := &process{t: t, reg: reg, metrics: metrics, engine: engine, ctx: ctx}
	t.Cleanup(func() {
		cancel()
		p.parts.Wait()
	})
	p.run(func(ctx context.Context) { _ = metrics.Run(ctx, engine) })
	return p
}

// run runs f in the background until the test ends, or until the returned function is called.
func (p *process) run(f func(ctx context.Context)) (stop func()) {
	ctx, cancel := context.WithCancel(p.ctx)
	p.parts.Go(func() { f(ctx) })
	return cancel
}

// work runs the engine until the returned function is called.
func (p *process) work() (stop func()) {
	return p.run(func(ctx context.Context) { _ = p.engine.Run(ctx) })
}

func (p *process) notify(name string, sink notify.Sink, c notify.Config) {
	p.t.Helper()
	c.OnFault = func(string, error) {}
	n, err := notify.New(p.engine, name, sink, c)
	if err != nil {
		p.t.Fatal(err)
	}
	p.run(func(ctx context.Context) { _ = n.Run(ctx) })
}

// start creates and starts a plan of n tenants.
func (p *process) start(ctx context.Context, executorType string, n int, s strategy.Strategy) plan.ID {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = executorType + "-" + p.t.Name() + "-" + strconv.Itoa(i)
	}
	created, err := p.engine.Create(ctx, plan.Spec{
		Name: "a plan", ExecutorType: executorType, Tenants: plan.Tenants(ids...), Strategy: s,
	}, cutover.ExecutorElsewhere())
	if err == nil {
		_, err = p.engine.Start(ctx, created.ID)
	}
	if err != nil && ctx.Err() == nil {
		p.t.Error(err)
	}
	return created.ID
}

// steps is an executor that saves n times, pause apart.
func steps(n int, pause time.Duration) executor.TaskExecutor {
	return executor.Func(func(ctx context.Context, run *executor.Run) error {
		for range n {
			select {
			case <-time.After(pause):
			case <-ctx.Done():
				return context.Cause(ctx)
			}
			if err := run.Save(ctx, "step", nil); err != nil {
				return err
			}
		}
		return nil
	})
}

// fails is an executor that fails after a pause, every time.
func fails(pause time.Duration) executor.TaskExecutor {
	return executor.Func(func(context.Context, *executor.Run) error {
		time.Sleep(pause)
		return executor.Fail("GATEWAY_TIMEOUT", errors.New("the gateway did not answer"))
	})
}

func atOnce(n int) strategy.Strategy {
	return strategy.Strategy{MaxConcurrency: strategy.Count(n), MaxFailures: strategy.Percent(100)}
}

// faultyRun is a run in which everything goes wrong that an alert is for. It begins when it is
// scraped, and returns the registries of its processes.
func faultyRun(t *testing.T, scraped <-chan struct{}) []*prometheus.Registry {
	t.Helper()
	const lease = time.Second
	s := memstore.New()
	executors := executor.Registry{"SLOW": steps(1000, 200*time.Millisecond), "FAILS": fails(300 * time.Millisecond), "QUICK": steps(1, time.Millisecond)}
	line := storetest.Faulty(s, storetest.FaultConfig{})
	cutOff := newProcess(t, line, executors, lease, promcutover.Config{})
	helper := newProcess(t, s, executors, lease, promcutover.Config{})
	viewer := newProcess(t, s, nil, lease, promcutover.Config{})
	blind := newProcess(t, s, nil, lease, promcutover.Config{MaxPlans: 1})

	cutOff.work()
	away := notify.Func(func(context.Context, notify.Message) error { return errors.New("nobody answers") })
	viewer.notify("mail", away, notify.Config{Filter: notify.Filter{Kinds: []notify.Kind{notify.KindPlan, notify.KindFailures, notify.KindTask}}, RetryMax: time.Second})
	refuses := notify.Func(func(context.Context, notify.Message) error { return notify.Permanent(errors.New("no such address")) })
	viewer.notify("pager", refuses, notify.Config{Window: -1})
	renewals, confirms := viewer.metrics.Renewal(), viewer.metrics.Redisack()

	viewer.run(func(ctx context.Context) {
		after := func(d time.Duration) bool {
			select {
			case <-time.After(d):
				return true
			case <-ctx.Done():
				return false
			}
		}
		select {
		case <-scraped:
		case <-ctx.Done():
			return
		}
		viewer.start(ctx, "SLOW", 4, atOnce(2))
		viewer.start(ctx, "NOWHERE", 3, atOnce(3))
		viewer.start(ctx, "FAILS", 100, atOnce(5))
		viewer.start(ctx, "QUICK", 60, atOnce(5))
		if !after(2 * time.Second) {
			return
		}
		line.Partition() // it loses its lease, and its tasks
		stop := helper.work()
		renewals.OnBatch(renewal.Batch{Calls: 1, Lost: 1, Failed: 2})
		renewals.OnLag(renewal.Lag{Node: "a:1", Begun: true})
		renewals.OnEviction(renewal.Eviction{Node: "a:1", Begun: true})
		confirms.OnDone(&redisack.AckResult{Reason: redisack.ReasonTimeout, Elapsed: time.Second})
		if !after(6 * time.Second) {
			return
		}
		stop() // nobody is left to work
	})
	return []*prometheus.Registry{cutOff.reg, helper.reg, viewer.reg, blind.reg}
}

// soundRun is a run in which plans run, pause, fail within their tolerance, and complete.
func soundRun(t *testing.T, scraped <-chan struct{}) []*prometheus.Registry {
	t.Helper()
	const lease = 3 * time.Second // a busy machine must not lose it
	s := memstore.New()
	var mu sync.Mutex
	tried := make(map[string]bool)
	once := executor.Func(func(ctx context.Context, run *executor.Run) error { // fails now and then, and is tried again
		if err := steps(3, 50*time.Millisecond).Execute(ctx, run); err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		id := run.Tenant().ID
		if len(tried)%10 == 0 && !tried[id] {
			tried[id] = true
			return executor.Retryable("GATEWAY_TIMEOUT", errors.New("the gateway did not answer"))
		}
		tried[id] = true
		return nil
	})
	executors := executor.Registry{"SOUND": once}
	one, two := newProcess(t, s, executors, lease, promcutover.Config{}), newProcess(t, s, executors, lease, promcutover.Config{})
	one.work()
	two.work()
	one.notify("mail", notify.Func(func(context.Context, notify.Message) error { return nil }), notify.Config{})
	renewals, confirms := two.metrics.Renewal(), two.metrics.Redisack()
	one.run(func(ctx context.Context) {
		select {
		case <-scraped:
		case <-ctx.Done():
		}
		for ctx.Err() == nil {
			st := atOnce(8)
			st.Retry = strategy.Retry{Attempts: 3, First: 10 * time.Millisecond, Max: time.Second}
			id := one.start(ctx, "SOUND", 100, st)
			select {
			case <-time.After(500 * time.Millisecond):
			case <-ctx.Done():
				return
			}
			_, _ = two.engine.Pause(ctx, id)
			_, _ = two.engine.Resume(ctx, id)
			_, _ = one.engine.Wait(ctx, id)
			b := renewal.Batch{Calls: 1, Renewed: 10, LateSum: 20 * time.Millisecond, LeftSum: 6.5}
			b.Late[2], b.Left[6] = 10, 10
			renewals.OnBatch(b)
			confirms.OnDone(&redisack.AckResult{Reason: redisack.ReasonConfirmed, OK: true, Elapsed: 300 * time.Millisecond})
			confirms.OnEndpoint(redisack.Target{}, redisack.EndpointReport{Reason: redisack.ReasonConfirmed, ConfirmedAfter: 200 * time.Millisecond})
		}
	})
	return []*prometheus.Registry{one.reg, two.reg}
}
