package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/store/storetest"
	"github.com/cutover-go/cutover/task"
)

// shards counts the tasks that are worked on, by the tenant's label "shard".
type shards struct {
	max   int
	takes time.Duration

	mu     sync.Mutex
	active map[string]int
	most   map[string]int
	runs   int
	fault  string
}

func newShards(most int, takes time.Duration) *shards {
	return &shards{max: most, takes: takes, active: make(map[string]int), most: make(map[string]int)}
}

func (x *shards) Execute(ctx context.Context, run *executor.Run) error { return x.work(ctx, run) }

func (x *shards) Rollback(ctx context.Context, run *executor.Run) error { return x.work(ctx, run) }

func (x *shards) work(ctx context.Context, run *executor.Run) error {
	shard := run.Tenant().Labels["shard"]
	x.mu.Lock()
	x.active[shard]++
	x.runs++
	x.most[shard] = max(x.most[shard], x.active[shard])
	if shard != "" && x.active[shard] > x.max {
		x.fault = fmt.Sprintf("%d tasks of shard %q at once, the quota is %d", x.active[shard], shard, x.max)
	}
	x.mu.Unlock()
	defer func() {
		x.mu.Lock()
		defer x.mu.Unlock()
		x.active[shard]--
	}()
	select {
	case <-time.After(x.takes):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (x *shards) check(t *testing.T, runs int) {
	t.Helper()
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.fault != "" {
		t.Error(x.fault)
	}
	if x.runs != runs {
		t.Errorf("%d runs, want %d", x.runs, runs)
	}
}

// sharded returns tenants of so many shards, in turn.
func sharded(prefix string, n, shards int) []task.Tenant {
	list := make([]task.Tenant, n)
	for i := range list {
		list[i] = task.Tenant{ID: fmt.Sprint(prefix, i), Labels: map[string]string{"shard": fmt.Sprint("s", i%shards)}}
	}
	return list
}

// quotaSpec is a spec of a plan with a quota of places for each shard.
func quotaSpec(most int, tenants []task.Tenant) plan.Spec {
	return plan.Spec{
		Name: "with a quota", ExecutorType: "X", Tenants: tenants,
		Strategy: strategy.Strategy{MaxConcurrency: strategy.Percent(100), MaxFailures: strategy.Percent(100), Quotas: []strategy.Quota{{Label: "shard", Max: most}}},
	}
}

// A quota is over all plans and processes, for work and undo, whatever the plan does with tenants
// that others work on; and all plans come to their ends.
func TestQuotaIsOverAllPlans(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		x, s := newShards(5, 3*time.Second), memstore.New()
		var engines []*cutover.Engine
		for range 3 {
			engines = append(engines, running(t, s, executor.Registry{"X": x}))
		}
		var ids []plan.ID
		for i := range 4 {
			sp := quotaSpec(5, sharded(fmt.Sprint("p", i, "-"), 40, 3))
			if i%2 == 0 {
				sp.Strategy.Conflict = strategy.Wait
			}
			ids = append(ids, launch(t, engines[i%3], sp))
		}
		for _, id := range ids {
			rests(t, engines[0], id, plan.Completed)
		}
		x.check(t, 160)
		for _, id := range ids {
			mustPlan(t)(engines[1].Rollback(t.Context(), id))
		}
		for _, id := range ids {
			rests(t, engines[0], id, plan.RolledBack)
		}
		x.check(t, 320)
		for shard, most := range x.most {
			if most != 5 {
				t.Errorf("at most %d of shard %s at once, want 5", most, shard)
			}
		}
	})
}

// failsTheFirstTime is an executor whose first attempts fail.
type failsTheFirstTime struct{ *shards }

func (x failsTheFirstTime) Execute(ctx context.Context, run *executor.Run) error {
	if err := x.shards.Execute(ctx, run); err != nil || run.Attempt() > 1 {
		return err
	}
	return executor.Fail("BROKEN", errors.New("the first attempt fails"))
}

// What is retried, resumed or undone needs a place as a first attempt does, beside another plan
// that goes on.
func TestQuotaOverRetriesAndUndos(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		x, s := newShards(2, 2*time.Second), memstore.New()
		e := running(t, s, executor.Registry{"X": x, "ONCE": failsTheFirstTime{x}})
		once := quotaSpec(2, sharded("once", 8, 2))
		once.ExecutorType = "ONCE"
		failed := launch(t, e, once)
		rests(t, e, failed, plan.Failed)
		other := launch(t, e, quotaSpec(2, sharded("other", 12, 2)))
		time.Sleep(time.Second)
		mustPlan(t)(e.RetryFailed(t.Context(), failed, cutover.FromCheckpoint))
		time.Sleep(time.Second)
		mustPlan(t)(e.Pause(t.Context(), failed))
		time.Sleep(5 * time.Second)
		mustPlan(t)(e.Resume(t.Context(), failed))
		rests(t, e, failed, plan.Completed)
		rests(t, e, other, plan.Completed)
		x.check(t, 28)
		mustPlan(t)(e.Rollback(t.Context(), failed))
		mustPlan(t)(e.Rollback(t.Context(), other))
		rests(t, e, failed, plan.RolledBack)
		rests(t, e, other, plan.RolledBack)
		x.check(t, 48)
	})
}

// A task that waits for a place takes no slot; others begin before it, also those that have no such
// label. Explain names the quota and who has its places. A place that becomes free is found soon.
func TestWhatWaitsForAPlace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		x, s := newShards(2, time.Minute), memstore.New()
		e := running(t, s, executor.Registry{"X": newShards(2, time.Second), "SLOW": x})
		slow := quotaSpec(2, sharded("slow", 2, 1))
		slow.ExecutorType = "SLOW"
		began := time.Now()
		holder := launch(t, e, slow)
		time.Sleep(time.Second)
		sp := quotaSpec(2, append(sharded("t", 6, 2), task.Tenant{ID: "free"}))
		sp.Strategy.MaxConcurrency = strategy.Count(2)
		id := launch(t, e, sp)
		time.Sleep(20 * time.Second)
		p, err := e.Plan(t.Context(), id)
		if err != nil || p.Counters.Of(task.Completed) != 4 || p.Counters.Of(task.Pending) != 3 || p.Counters.Slots() != 0 {
			t.Fatalf("%v, %v", p.Counters, err)
		}
		r, err := e.Explain(t.Context(), task.NewID(id, 1))
		if err != nil || r.Code != plan.ReasonQuota || r.Quota != "shard" || r.QuotaValue != "s0" || r.QuotaMax != 2 ||
			!slices.Equal(r.QuotaHolders, []task.ID{task.NewID(holder, 1), task.NewID(holder, 2)}) {
			t.Errorf("%+v, %v", r, err)
		}
		rests(t, e, id, plan.Completed)
		if took := time.Since(began); took > 65*time.Second { // after a minute, two places are free
			t.Errorf("completed after %s", took)
		}
	})
}

// A retried task that finds no place waits in its slot, without a worker, and says so.
func TestARetryWaitsForAPlace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		x, s := newShards(1, time.Second), memstore.New()
		e := running(t, s, executor.Registry{"SLOW": newShards(1, time.Minute), "ONCE": failsTheFirstTime{x}})
		once := quotaSpec(1, sharded("once", 1, 1))
		once.ExecutorType = "ONCE"
		id := launch(t, e, once)
		rests(t, e, id, plan.Failed)
		slow := quotaSpec(1, sharded("slow", 1, 1))
		slow.ExecutorType = "SLOW"
		holder := launch(t, e, slow)
		time.Sleep(time.Second)
		mustTask(t)(e.RetryTask(t.Context(), task.NewID(id, 1), cutover.FromCheckpoint))
		for range 10 {
			time.Sleep(4 * time.Second)
			tk := taskOf(t, e, id, 1)
			if tk.State != task.Running || tk.Attempt != 2 || tk.Worker == "" && (!tk.Waiting || tk.Wait.Why != task.WaitPlace) {
				t.Fatalf("%+v", tk)
			}
		}
		if r, err := e.Explain(t.Context(), task.NewID(id, 1)); err != nil || r.Code != plan.ReasonQuota || !slices.Equal(r.QuotaHolders, []task.ID{task.NewID(holder, 1)}) {
			t.Errorf("%+v, %v", r, err)
		}
		rests(t, e, holder, plan.Completed)
		rests(t, e, id, plan.Completed)
		x.check(t, 2)
	})
}

// A process that dies after it has taken places for a claim, after the claim, or in the middle of
// its work keeps nobody from working on the shard for longer than its lease.
func TestQuotaAfterACrash(t *testing.T) {
	t.Parallel()
	for _, when := range []string{"Occupy", "before Claim", "after Claim", "Vacate"} {
		t.Run(when, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				x, m := newShards(2, time.Second), intercept(memstore.New())
				victim := startProcess(t, m, cutover.Config{Executors: executor.Registry{"X": x}})
				id := create(t, victim.Engine, quotaSpec(2, sharded("t", 10, 2)))
				m.on(func(ctx context.Context, c storetest.Call) error {
					method := strings.TrimPrefix(strings.TrimPrefix(when, "before "), "after ")
					if c.Method != method || c.Method == "Claim" && len(c.Batch.Claim.Pending) == 0 || c.Method == "Vacate" && len(c.Places) == 0 {
						return c.Do(ctx)
					}
					m.away() // it never calls the store again
					if strings.HasPrefix(when, "before") || method == "Vacate" {
						return errors.New("died")
					}
					return errors.Join(c.Do(ctx), errors.New("died"))
				})
				mustPlan(t)(victim.Start(t.Context(), id))
				time.Sleep(2 * time.Minute)
				other := running(t, m.inner, executor.Registry{"X": x})
				second := launch(t, other, quotaSpec(2, sharded("u", 10, 2)))
				rests(t, other, id, plan.Completed)
				rests(t, other, second, plan.Completed)
				x.mu.Lock()
				defer x.mu.Unlock()
				if x.fault != "" {
					t.Error(x.fault)
				}
			})
		})
	}
}

// Labels and values may be any text, and there may be as many values as tenants.
func TestQuotasOfManyValues(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		x := newShards(1, 10*time.Millisecond)
		e := running(t, memstore.New(), executor.Registry{"X": x})
		const n = 10_000
		tenants := make([]task.Tenant, n)
		const label = "odd \x00 {label}: %s 世界"
		for i := range tenants {
			tenants[i] = task.Tenant{ID: fmt.Sprint("t", i), Labels: map[string]string{label: fmt.Sprintf("\n{%d} %%", i), "few": fmt.Sprint(i % 50)}}
		}
		sp := quotaSpec(1, tenants)
		sp.Strategy.MaxConcurrency = strategy.Count(200)
		sp.Strategy.Quotas = []strategy.Quota{{Label: label, Max: 1}, {Label: "few", Max: 3}}
		rests(t, e, launch(t, e, sp), plan.Completed)
		x.check(t, n)
	})
}
