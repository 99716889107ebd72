package promcutover_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/hook"
	"github.com/cutover-go/cutover/observe/promcutover"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/store/storetest"
	"github.com/cutover-go/cutover/task"
)

// gathered returns the metrics of a registry by name and the values of their labels, but for
// engine; of histograms the numbers of samples.
func gathered(t *testing.T, reg prometheus.Gatherer) map[string]float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	values := make(map[string]float64)
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := strings.TrimPrefix(f.GetName(), "cutover_")
			for _, l := range m.GetLabel() {
				if l.GetName() != "engine" {
					name += " " + l.GetValue()
				}
			}
			values[name] = valueOf(m)
		}
	}
	return values
}

func valueOf(m *dto.Metric) float64 {
	switch {
	case m.Histogram != nil:
		return float64(m.Histogram.GetSampleCount())
	case m.Counter != nil:
		return m.Counter.GetValue()
	}
	return m.Gauge.GetValue()
}

// expect compares metrics with those that are wanted.
func expect(t *testing.T, reg prometheus.Gatherer, want map[string]float64) {
	t.Helper()
	got := gathered(t, reg)
	for name, v := range want {
		if is, there := got[name]; !there || is != v {
			t.Errorf("%s is %v (%t), want %v", name, is, there, v)
		}
	}
}

func newCollector(t *testing.T, c promcutover.Config) (*promcutover.Collector, *prometheus.Registry) {
	t.Helper()
	reg := prometheus.NewPedanticRegistry()
	m, err := promcutover.New(reg, c)
	if err != nil {
		t.Fatal(err)
	}
	return m, reg
}

// What the store tells is read when Run runs, and every Interval. When the store does not answer
// any more it grows old, and then is not exported, while scrapes go on.
func TestWhatTheStoreTells(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := memstore.New()
		line := storetest.Faulty(s, storetest.FaultConfig{})
		m, reg := newCollector(t, promcutover.Config{Interval: 10 * time.Second})
		engine, err := cutover.New(m.Store(line), cutover.Config{Hooks: m.Hooks()})
		if err != nil {
			t.Fatal(err)
		}
		expect(t, reg, map[string]float64{"collector_refresh_age_seconds": 0})
		time.Sleep(time.Minute)
		expect(t, reg, map[string]float64{"collector_refresh_age_seconds": 60})
		worker, err := cutover.New(s, cutover.Config{Capacity: 5, Executors: executor.Registry{"X": executor.Func(func(ctx context.Context, _ *executor.Run) error {
			<-ctx.Done()
			return ctx.Err()
		})}})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 2)
		go func() { done <- worker.Run(ctx) }()
		for _, x := range []string{"X", "NOWHERE", "X"} {
			p, err := engine.Create(ctx, plan.Spec{Name: "p", ExecutorType: x, Tenants: plan.Tenants(x+"1", x+"2")}, cutover.ExecutorElsewhere())
			if err != nil {
				t.Fatal(err)
			}
			if p.ID < 3 {
				if _, err := engine.Start(ctx, p.ID); err != nil {
					t.Fatal(err)
				}
			}
		}
		time.Sleep(time.Minute)
		go func() { done <- m.Run(ctx, engine) }()
		synctest.Wait()
		expect(t, reg, map[string]float64{
			"store_plans RUNNING": 2, "store_plans CREATED": 1, "store_plans COMPLETED": 0, "store_tasks RUNNING": 1, "store_tasks PENDING": 5,
			"store_in_flight_tasks": 1, "store_held_tasks": 1, "store_waiting_tasks": 0, "store_active_plans": 2, "store_plans_without_executor": 1,
			"store_plans_incomplete": 0, "store_workers": 1, "store_capacity_tasks": 5, "store_capacity_used_tasks": 1,
			"collector_refresh_age_seconds": 0, "collector_refresh_failures_total": 0,
		})
		if err := m.Run(ctx, engine); !errors.Is(err, promcutover.ErrRunning) {
			t.Errorf("a second Run returns %v", err)
		}
		line.Partition()
		time.Sleep(35 * time.Second)
		got := gathered(t, reg)
		if age := got["collector_refresh_age_seconds"]; age < 30 || age > 46 || got["store_workers"] != 1 || got["collector_refresh_failures_total"] == 0 {
			t.Errorf("35 s after the store went away: age %v, %v workers, %v failures", age, got["store_workers"], got["collector_refresh_failures_total"])
		}
		time.Sleep(30 * time.Second)
		if _, there := gathered(t, reg)["store_workers"]; there {
			t.Error("figures of a minute ago are still exported")
		}
		line.Heal()
		time.Sleep(25 * time.Second)
		expect(t, reg, map[string]float64{"store_workers": 1})
		cancel()
		for range 2 {
			if err := <-done; err != nil && !errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
			}
		}
	})
}

// What a process does is counted as hooks report it.
func TestWhatAProcessDoes(t *testing.T) {
	t.Parallel()
	m, reg := newCollector(t, promcutover.Config{MaxCodes: 2})
	h, ctx := m.Hooks(), t.Context()
	outcome := func(o hook.Outcome) {
		h.OnExecuteEnd(h.OnExecuteStart(ctx, hook.Execution{}), hook.Execution{}, o)
	}
	code := func(c string) *task.FailureInfo { return &task.FailureInfo{ErrorCode: c} }
	outcome(hook.Outcome{State: task.Completed, Elapsed: time.Second})
	outcome(hook.Outcome{State: task.Failed, Failure: code("A")})
	outcome(hook.Outcome{State: task.Failed, Failure: code("A")})
	outcome(hook.Outcome{State: task.Running, Wait: task.WaitBackoff, Failure: code("broken \xff bytes")})
	outcome(hook.Outcome{State: task.RollbackFailed, Failure: code("C")})
	outcome(hook.Outcome{State: task.Canceled, Failure: code("D"), Stopping: time.Second})
	outcome(hook.Outcome{State: task.Paused, Stopping: time.Minute})
	outcome(hook.Outcome{State: task.Running, Wait: task.WaitHold})
	outcome(hook.Outcome{State: task.Running, Wait: task.WaitProving})
	outcome(hook.Outcome{State: task.Running})
	outcome(hook.Outcome{State: task.RolledBack})
	outcome(hook.Outcome{Lost: true})
	h.OnExecuteStart(ctx, hook.Execution{})
	h.OnSave(1, "a", 10)
	h.OnSave(1, "b", 10)
	h.OnLeaseLost("w", 3)
	h.OnWorkerLost(1, "w")
	h.OnStoreFault("commit", errors.New("away"))
	expect(t, reg, map[string]float64{
		"engine_claims_total": 13, "engine_in_flight_tasks": 1, "engine_saves_total": 2, "engine_commits_total": 13,
		"engine_task_seconds completed": 1, "engine_task_seconds failed": 2, "engine_task_seconds retried": 1, "engine_task_seconds rollback_failed": 1,
		"engine_task_seconds canceled": 1, "engine_task_seconds paused": 1, "engine_task_seconds held": 1, "engine_task_seconds proving": 1,
		"engine_task_seconds yielded": 1, "engine_task_seconds rolled_back": 1, "engine_task_seconds lost": 1, "engine_tasks_lost_total": 1,
		"engine_stop_seconds": 2, "engine_retries_total": 1, "engine_leases_lost_total": 1, "engine_takeovers_total": 1,
		"engine_failures_total A": 2, "engine_failures_total broken \uFFFD bytes": 1, "engine_failures_total other": 1,
		"engine_store_faults_total commit": 1,
	})
}

// However many error codes executors make up, few series come of them, and no text of theirs breaks
// a scrape.
func TestLabelsAreBounded(t *testing.T) {
	t.Parallel()
	m, reg := newCollector(t, promcutover.Config{MaxCodes: 10})
	h := m.Hooks()
	for i := range 10_000 {
		f := &task.FailureInfo{ErrorCode: fmt.Sprintf("tenant-%d\xff\x00\n\"%s", i, strings.Repeat("x", i%300))}
		h.OnExecuteEnd(t.Context(), hook.Execution{}, hook.Outcome{State: task.Failed, Failure: f})
	}
	sum, codes := 0.0, 0
	for name, n := range gathered(t, reg) {
		if code, is := strings.CutPrefix(name, "engine_failures_total "); is {
			codes++
			sum += n
			if len(code) > 64 {
				t.Errorf("a label has %d bytes", len(code))
			}
		}
	}
	if codes != 11 || sum != 10_000 {
		t.Errorf("%d codes with %v failures, want 10 and other with all", codes, sum)
	}
}

type panicking struct{ store.Store }

func (panicking) Workers(context.Context, string, int) ([]store.Worker, error) { panic("broken") }

// Whatever the store does, a scrape is answered with 200.
func TestScrapesHaveNoErrors(t *testing.T) {
	t.Parallel()
	for what, s := range map[string]store.Store{
		"panics": panicking{memstore.New()},
		"away":   storetest.Faulty(memstore.New(), storetest.FaultConfig{Before: 1}),
		"well":   memstore.New(),
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			m, reg := newCollector(t, promcutover.Config{Interval: 100 * time.Millisecond, Histograms: promcutover.BothHistograms})
			m.Renewal()
			m.Redisack()
			engine, err := cutover.New(m.Store(s), cutover.Config{Hooks: m.Hooks()})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 400*time.Millisecond)
			defer cancel()
			if err := m.Run(ctx, engine); err != nil {
				t.Error(err)
			}
			host := httptest.NewServer(promhttp.HandlerFor(reg, promhttp.HandlerOpts{}))
			defer host.Close()
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, host.URL, http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			answer, err := client().Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			text, err := io.ReadAll(answer.Body)
			if err != nil || answer.StatusCode != http.StatusOK || strings.Contains(string(text), "cutover_store_workers") != (what == "well") {
				t.Errorf("%s, %v:\n%s", answer.Status, err, text)
			}
			if failed := strings.Contains(string(text), `cutover_collector_refresh_failures_total{engine=""} 0`); failed != (what == "well") {
				t.Errorf("the failures of refreshes:\n%s", text)
			}
			if out, err := promtool(t, string(text), "check", "metrics"); err != nil || out != "" {
				t.Errorf("promtool: %v\n%s", err, out)
			}
		})
	}
}

func TestBadArguments(t *testing.T) {
	t.Parallel()
	_, err := promcutover.New(nil, promcutover.Config{
		Name: strings.Repeat("x", 65), Interval: time.Millisecond, MaxPlans: -1, MaxCodes: 2000, Histograms: 7,
	})
	var invalid *promcutover.InvalidError
	if !errors.As(err, &invalid) || !errors.Is(err, promcutover.ErrInvalid) || len(invalid.Faults) != 6 {
		t.Errorf("New returns %v", err)
	}
	if _, err := promcutover.New((*prometheus.Registry)(nil), promcutover.Config{}); !errors.Is(err, promcutover.ErrInvalid) {
		t.Errorf("a nil registry: %v", err)
	}
	m, _ := newCollector(t, promcutover.Config{})
	if err := m.Run(t.Context(), nil); !errors.Is(err, promcutover.ErrInvalid) {
		t.Errorf("Run without an engine returns %v", err)
	}
	if m.Store(nil) != nil {
		t.Error("no store has become one")
	}
	if _, err := cutover.New(m.Store((*memstore.Store)(nil)), cutover.Config{}); !errors.Is(err, cutover.ErrInvalid) {
		t.Errorf("an engine over no store: %v", err)
	}
}

// Two engines of a process have collectors of different names in one registry; two of one name, and
// one collector registered twice, are refused.
func TestTwoInOneRegistry(t *testing.T) {
	t.Parallel()
	one, reg := newCollector(t, promcutover.Config{})
	if _, err := promcutover.New(reg, promcutover.Config{}); !errors.Is(err, promcutover.ErrRegistered) {
		t.Errorf("a second one without a name: %v", err)
	}
	var already prometheus.AlreadyRegisteredError
	if err := reg.Register(one); !errors.As(err, &already) {
		t.Errorf("registered twice: %v", err)
	}
	two, err := promcutover.New(reg, promcutover.Config{Name: "two"})
	if err != nil {
		t.Fatal(err)
	}
	two.Hooks().OnSave(1, "", 1)
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	saves := make(map[string]float64)
	for _, f := range families {
		for _, metric := range f.GetMetric() {
			if f.GetName() == "cutover_engine_saves_total" {
				saves[metric.GetLabel()[0].GetValue()] = metric.GetCounter().GetValue()
			}
		}
	}
	if len(saves) != 2 || saves[""] != 0 || saves["two"] != 1 {
		t.Errorf("saves by engine: %v", saves)
	}
	// Elsewhere the same collector is welcome.
	if err := prometheus.WrapRegistererWithPrefix("host_", prometheus.NewRegistry()).Register(one); err != nil {
		t.Error(err)
	}
}
