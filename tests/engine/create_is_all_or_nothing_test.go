package engine

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/internal/sample"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/plan/strategy/window"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/store/storetest"
	"github.com/cutover-go/cutover/task"
)

// A faulty spec is refused, with every fault named, and uses up no id.
func TestCreateRefuses(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 129)
	huge := map[string]string{"k": strings.Repeat("v", plan.MaxParameters)}
	tests := map[string]struct {
		change func(*plan.Spec)
		fields []string
	}{
		"no name":            {func(s *plan.Spec) { s.Name = "" }, []string{"Name"}},
		"long name":          {func(s *plan.Spec) { s.Name = strings.Repeat("n", 257) }, []string{"Name"}},
		"name not UTF-8":     {func(s *plan.Spec) { s.Name = "\xff" }, []string{"Name"}},
		"no type":            {func(s *plan.Spec) { s.ExecutorType = "" }, []string{"ExecutorType"}},
		"long key":           {func(s *plan.Spec) { s.IdempotencyKey = strings.Repeat("n", 257) }, []string{"IdempotencyKey"}},
		"no tenants":         {func(s *plan.Spec) { s.Tenants = nil }, []string{"Tenants"}},
		"empty tenant":       {func(s *plan.Spec) { s.Tenants = plan.Tenants("a", "") }, []string{"Tenants[1].ID"}},
		"long tenant":        {func(s *plan.Spec) { s.Tenants = plan.Tenants(long) }, []string{"Tenants[0].ID"}},
		"tenant not UTF-8":   {func(s *plan.Spec) { s.Tenants = plan.Tenants("\xff") }, []string{"Tenants[0].ID"}},
		"twice":              {func(s *plan.Spec) { s.Tenants = plan.Tenants("a", "b", "a", "b") }, []string{"Tenants[2]", "Tenants[3]"}},
		"large parameters":   {func(s *plan.Spec) { s.Parameters = huge }, []string{"Parameters"}},
		"empty parameter":    {func(s *plan.Spec) { s.Parameters = map[string]string{"": ""} }, []string{"Parameters"}},
		"large labels":       {func(s *plan.Spec) { s.Tenants[0].Labels = huge }, []string{"Tenants[0].Labels"}},
		"tenant parameters":  {func(s *plan.Spec) { s.Tenants[0].Parameters = huge }, []string{"Tenants[0].Parameters"}},
		"too many tenants":   {func(s *plan.Spec) { s.Tenants = make([]task.Tenant, task.MaxPerPlan+1) }, []string{"Tenants"}},
		"negative":           {func(s *plan.Spec) { s.Strategy.MaxConcurrency = strategy.Count(-1) }, []string{"Strategy.MaxConcurrency"}},
		"over 100%":          {func(s *plan.Spec) { s.Strategy.MaxFailures = strategy.Percent(101) }, []string{"Strategy.MaxFailures"}},
		"no such action":     {func(s *plan.Spec) { s.Strategy.FailureAction = 77 }, []string{"Strategy.FailureAction"}},
		"everything at once": {func(s *plan.Spec) { *s = plan.Spec{} }, []string{"Name", "ExecutorType", "Tenants"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := memstore.New()
			e := newEngine(t, s, cutover.Config{Executors: executor.Registry{"X": twoSteps(succeed)}})
			sp := spec("a")
			tt.change(&sp)
			_, err := e.Create(t.Context(), sp)
			var invalid *plan.InvalidError
			if !errors.As(err, &invalid) || !errors.Is(err, plan.ErrInvalid) || invalid.Total != len(tt.fields) {
				t.Fatalf("%v, want faults of %v", err, tt.fields)
			}
			for i, f := range invalid.Faults {
				if f.Field != tt.fields[i] || f.Problem == "" {
					t.Errorf("fault %d: %+v, want %s", i, f, tt.fields[i])
				}
			}
			if id := create(t, e, spec("a")); id != 1 {
				t.Errorf("the refused plan used up id 1: the next is %s", id)
			}
		})
	}
}

func TestCreateUnknownExecutor(t *testing.T) {
	t.Parallel()
	e := newEngine(t, memstore.New(), cutover.Config{})
	bad := spec()
	if _, err := e.Create(t.Context(), bad); !errors.Is(err, cutover.ErrUnknownExecutor) || !errors.Is(err, plan.ErrInvalid) {
		t.Errorf("%v, want both faults named", err)
	}
	if _, err := e.Create(t.Context(), spec("a"), cutover.ExecutorElsewhere()); err != nil {
		t.Error(err)
	}
}

// A caller that changes its maps after Create has returned, or the maps of the plans and tasks that
// it has read, does not change the plan.
func TestCreateKeepsItsOwn(t *testing.T) {
	t.Parallel()
	e := newEngine(t, memstore.New(), cutover.Config{})
	sp := spec("a")
	sp.Parameters = map[string]string{"colour": "blue"}
	sp.Tenants[0].Labels, sp.Tenants[0].Parameters = map[string]string{"region": "eu"}, map[string]string{"size": "1"}
	id := create(t, e, sp)
	spoil := func(p plan.Plan, tk task.Task) {
		p.Parameters["colour"], tk.Tenant.Labels["region"], tk.Tenant.Parameters["size"] = "x", "x", "x"
	}
	spoil(plan.Plan{Parameters: sp.Parameters}, task.Task{Tenant: sp.Tenants[0]})
	for range 2 {
		p, err := e.Plan(t.Context(), id)
		tk := taskOf(t, e, id, 1)
		if err != nil || p.Parameters["colour"] != "blue" || tk.Tenant.Labels["region"] != "eu" || tk.Tenant.Parameters["size"] != "1" {
			t.Errorf("%v, %v, %v", p.Parameters, tk.Tenant, err)
		}
		spoil(p, tk)
	}
}

// A creation whose process dies is never visible, and a running engine removes it. After the
// removal its key is free.
func TestCreatorDies(t *testing.T) {
	t.Parallel()
	for _, op := range []string{"AddTenants", "FinishCreate"} {
		t.Run(op, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				m := intercept(memstore.New())
				dying := newEngine(t, m, cutover.Config{})
				e := running(t, m.inner, nil)
				sp := spec(tenantsOf("t", 2*store.MaxTenants)...)
				sp.IdempotencyKey = "key"
				n := 0
				m.on(func(ctx context.Context, c storetest.Call) error {
					if c.Method == op {
						if n++; n > 1 || op == "FinishCreate" {
							return errors.New("died")
						}
					}
					return c.Do(ctx)
				})
				if _, err := dying.Create(t.Context(), sp, cutover.ExecutorElsewhere()); err == nil {
					t.Fatal("created")
				}
				if _, err := e.Plan(t.Context(), 1); !errors.Is(err, store.ErrNotFound) {
					t.Errorf("a plan under creation: %v", err)
				}
				if _, err := e.Start(t.Context(), 1); !errors.Is(err, store.ErrNotFound) {
					t.Errorf("start of a plan under creation: %v", err)
				}
				if plans, err := e.Plans(t.Context(), store.PlanQuery{}); err != nil || len(plans) > 0 {
					t.Errorf("%v, %v", plans, err)
				}
				if _, err := e.Create(t.Context(), sp, cutover.ExecutorElsewhere()); !errors.Is(err, store.ErrCreating) {
					t.Errorf("the key is in use: %v", err)
				}
				time.Sleep(2 * time.Minute)
				if id := create(t, e, sp); id != 2 {
					t.Errorf("created %s", id)
				}
			})
		})
	}
}

// If the answers to its BeginCreate are lost, a call of Create repeats BeginCreate and continues
// the creation that it began. Meanwhile another call of Create with the same key is refused;
// without a key, it creates another plan.
func TestLostBeginCreate(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"key", ""} {
		t.Run(fmt.Sprintf("key %q", key), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				m := intercept(memstore.New())
				e, other := newEngine(t, m, cutover.Config{}), running(t, m.inner, nil)
				sp := spec(tenantsOf("t", 250)...)
				sp.IdempotencyKey = key
				lost := 0
				m.on(func(ctx context.Context, c storetest.Call) error {
					if err := c.Do(ctx); err != nil || c.Method != "BeginCreate" || lost == 3 {
						return err
					}
					lost++
					if _, err := other.Create(t.Context(), sp, cutover.ExecutorElsewhere()); key != "" && !errors.Is(err, store.ErrCreating) {
						t.Errorf("another creation under the key: %v", err)
					}
					return errAway
				})
				began := time.Now()
				id := create(t, e, sp)
				if took := time.Since(began); lost != 3 || took > time.Second {
					t.Errorf("%d answers were lost, and the creation took %s", lost, took)
				}
				if key != "" && id != 1 {
					t.Errorf("created %s, not what was begun first", id)
				}
				time.Sleep(2 * time.Minute) // engines remove leftovers
				plans, err := e.Plans(t.Context(), store.PlanQuery{})
				if want := map[string]int{"key": 1, "": 4}[key]; err != nil || len(plans) != want {
					t.Errorf("%d plans, want %d; %v", len(plans), want, err)
				}
				if again := create(t, e, sp); key != "" && again != id {
					t.Errorf("created %s, and again %s", id, again)
				}
			})
		})
	}
}

// The same key and content name the same plan, however often and from whichever process Create is
// called. The same key with other content is refused.
func TestIdempotencyKey(t *testing.T) {
	t.Parallel()
	s := memstore.New()
	engines := []*cutover.Engine{newEngine(t, s, cutover.Config{}), newEngine(t, s, cutover.Config{})}
	sp := spec(tenantsOf("t", 300)...)
	sp.IdempotencyKey = "key"
	var mu sync.Mutex
	ids := make(map[plan.ID]int)
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			for {
				p, err := engines[i%2].Create(t.Context(), sp, cutover.ExecutorElsewhere())
				if errors.Is(err, store.ErrCreating) {
					runtime.Gosched()
					continue
				}
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				ids[p.ID]++
				mu.Unlock()
				return
			}
		})
	}
	wg.Wait()
	if len(ids) != 1 || ids[1] != 16 {
		t.Errorf("created %v", ids)
	}
	others := map[string]func(*plan.Spec){
		"name":              func(s *plan.Spec) { s.Name = "other" },
		"type":              func(s *plan.Spec) { s.ExecutorType = "Y" },
		"parameters":        func(s *plan.Spec) { s.Parameters = map[string]string{"a": "b"} },
		"order":             func(s *plan.Spec) { s.Tenants[0], s.Tenants[1] = s.Tenants[1], s.Tenants[0] },
		"fewer":             func(s *plan.Spec) { s.Tenants = s.Tenants[1:] },
		"labels":            func(s *plan.Spec) { s.Tenants[0].Labels = map[string]string{"a": "b"} },
		"tenant parameters": func(s *plan.Spec) { s.Tenants[0].Parameters = map[string]string{"a": "b"} },
	}
	for name, change := range others {
		other := spec(tenantsOf("t", 300)...)
		other.IdempotencyKey = "key"
		change(&other)
		if _, err := engines[0].Create(t.Context(), other, cutover.ExecutorElsewhere()); !errors.Is(err, store.ErrKeyReused) {
			t.Errorf("other %s: %v", name, err)
		}
	}
}

// Every field of a strategy counts as content of the plan: if any one of them differs, Create with
// the same key returns store.ErrKeyReused. A field whose type valuesOf does not know fails the
// test, so that no new field is forgotten.
func TestCreateAgainWithAnotherStrategy(t *testing.T) {
	t.Parallel()
	e := newEngine(t, memstore.New(), cutover.Config{})
	for i := range reflect.TypeFor[strategy.Strategy]().NumField() {
		field := reflect.TypeFor[strategy.Strategy]().Field(i)
		with := func(key string, v reflect.Value) error {
			s := spec("tenant")
			s.IdempotencyKey = key
			reflect.ValueOf(&s.Strategy).Elem().Field(i).Set(v)
			_, err := e.Create(t.Context(), s, cutover.ExecutorElsewhere())
			return err
		}
		values := valuesOf(t, field.Type)
		for a, first := range values {
			key := fmt.Sprint(field.Name, a)
			if err := with(key, first); err != nil {
				t.Fatal(err)
			}
			for b, then := range values {
				if err := with(key, then); a == b && err != nil || a != b && !errors.Is(err, store.ErrKeyReused) {
					t.Errorf("%s was %+v and is %+v: error %v", field.Name, first, then, err)
				}
			}
		}
	}
}

// valuesOf returns different values of a field of a strategy.
func valuesOf(t *testing.T, kind reflect.Type) (values []reflect.Value) {
	t.Helper()
	switch kind {
	case reflect.TypeFor[strategy.Amount]():
		for _, a := range []strategy.Amount{{}, strategy.Count(0), strategy.Percent(0), strategy.Count(1), strategy.Percent(1)} {
			values = append(values, reflect.ValueOf(a))
		}
	case reflect.TypeFor[int]():
		for n := range 3 {
			values = append(values, reflect.ValueOf(n))
		}
	case reflect.TypeFor[strategy.Action]():
		for _, a := range []strategy.Action{strategy.Stop, strategy.Pause, strategy.RollbackPlan} {
			values = append(values, reflect.ValueOf(a))
		}
	case reflect.TypeFor[strategy.ConcurrencyMode]():
		for _, m := range []strategy.ConcurrencyMode{strategy.Soft, strategy.Strict} {
			values = append(values, reflect.ValueOf(m))
		}
	case reflect.TypeFor[strategy.Conflict]():
		for _, c := range []strategy.Conflict{strategy.Reject, strategy.Wait, strategy.Skip} {
			values = append(values, reflect.ValueOf(c))
		}
	case reflect.TypeFor[strategy.Retry]():
		for _, r := range []strategy.Retry{{}, {Attempts: 2}, {Attempts: 2, First: time.Second}, {Attempts: 2, Max: time.Hour}} {
			values = append(values, reflect.ValueOf(r))
		}
	case reflect.TypeFor[time.Duration]():
		for _, d := range []time.Duration{0, time.Second, time.Minute} {
			values = append(values, reflect.ValueOf(d))
		}
	case reflect.TypeFor[[]strategy.Wave]():
		for _, w := range [][]strategy.Wave{nil, {{}}, {{Canary: true}}, {{Tenants: []string{"tenant"}}}} {
			values = append(values, reflect.ValueOf(w))
		}
	case reflect.TypeFor[[]strategy.Amount]():
		for _, a := range [][]strategy.Amount{nil, {strategy.Count(1)}, {strategy.Percent(1)}} {
			values = append(values, reflect.ValueOf(a))
		}
	case reflect.TypeFor[[]window.Window]():
		for _, w := range [][]window.Window{nil, {{Kind: window.Allow, Zone: "UTC"}}, {{Kind: window.Deny, Zone: "UTC", Days: window.On(time.Monday)}}} {
			values = append(values, reflect.ValueOf(w))
		}
	case reflect.TypeFor[[]strategy.Quota]():
		for _, q := range [][]strategy.Quota{nil, {{Label: "a", Max: 1}}, {{Label: "a", Max: 2}}, {{Label: "b", Max: 1}}, {{Label: "a", Max: 1}, {Label: "b", Max: 1}}} {
			values = append(values, reflect.ValueOf(q))
		}
	default:
		t.Fatalf("no values for a %s", kind)
	}
	return values
}

// A plan can have 999,999 tenants. With -short, most runs make a plan of a tenth of that.
func TestCreateLargest(t *testing.T) {
	t.Parallel()
	e := newEngine(t, memstore.New(), cutover.Config{})
	sp := spec()
	largest := task.MaxPerPlan
	if !sample.Full(t, 20) {
		largest /= 10
	}
	sp.Tenants = make([]task.Tenant, largest)
	for i := range sp.Tenants {
		sp.Tenants[i].ID = fmt.Sprintf("t%06d", i)
	}
	id := create(t, e, sp)
	last := taskOf(t, e, id, largest)
	if last.ID != task.NewID(1, largest) || last.Tenant.ID != sp.Tenants[largest-1].ID {
		t.Errorf("the last task is %+v", last)
	}
	p, err := e.Plan(t.Context(), id)
	if err != nil || p.Counters.Of(task.Pending) != largest {
		t.Errorf("%v, %v", p.Counters, err)
	}
}
