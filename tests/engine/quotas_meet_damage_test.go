package engine

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/task"
)

// damaged is a store some of whose data is damaged.
type damaged struct {
	store.Store

	mu     sync.Mutex
	task   task.ID        // cannot be read with others
	quota  store.QuotaKey // is no quota
	plan   plan.ID        // cannot be read
	tenant string         // its lock is none
	unread int            // how often it was tried in vain
}

func (d *damaged) damage(f func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f()
}

func (d *damaged) triedInVain() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.unread
}

func (d *damaged) corrupt(what any) error {
	d.unread++
	return &store.CorruptError{Key: fmt.Sprint(what), Reason: "is damaged"}
}

func (d *damaged) Plan(ctx context.Context, id plan.ID) (plan.Plan, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if id == d.plan {
		return plan.Plan{}, d.corrupt(id)
	}
	return d.Store.Plan(ctx, id)
}

func (d *damaged) TasksAt(ctx context.Context, id plan.ID, ordinals []int) ([]task.Task, error) {
	tasks, err := d.Store.TasksAt(ctx, id, ordinals)
	d.mu.Lock()
	defer d.mu.Unlock()
	is := func(t task.Task) bool { return t.ID == d.task }
	if err == nil && slices.ContainsFunc(tasks, is) {
		return slices.DeleteFunc(tasks, is), d.corrupt(d.task)
	}
	return tasks, err
}

func (d *damaged) Locks(ctx context.Context, tenants []string) ([]store.TenantLock, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if slices.Contains(tenants, d.tenant) {
		return nil, d.corrupt(d.tenant)
	}
	return d.Store.Locks(ctx, tenants)
}

func (d *damaged) Reserve(ctx context.Context, locks []store.TenantLock) ([]store.TenantLock, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if slices.ContainsFunc(locks, func(l store.TenantLock) bool { return l.Tenant == d.tenant }) {
		return nil, d.corrupt(d.tenant)
	}
	return d.Store.Reserve(ctx, locks)
}

func (d *damaged) Occupy(ctx context.Context, asked []store.Occupation) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if slices.ContainsFunc(asked, func(o store.Occupation) bool { return o.QuotaKey == d.quota }) {
		return d.corrupt(d.quota)
	}
	return d.Store.Occupy(ctx, asked)
}

func (d *damaged) Places(ctx context.Context, q store.QuotaKey) ([]store.Place, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if q == d.quota {
		return nil, d.corrupt(q)
	}
	return d.Store.Places(ctx, q)
}

func (d *damaged) CountPlaces(ctx context.Context, quotas []store.QuotaKey) ([]int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if slices.Contains(quotas, d.quota) {
		return nil, d.corrupt(d.quota)
	}
	return d.Store.CountPlaces(ctx, quotas)
}

// A damaged task, and a quota whose places cannot be read, keep only those from beginning that they
// are about. All others of the plan are worked on.
func TestDamageOfAQuotaKeepsOnlyItsOwn(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func(*damaged, plan.ID){
		"a task":  func(d *damaged, id plan.ID) { d.task = task.NewID(id, 3) },
		"a quota": func(d *damaged, _ plan.ID) { d.quota = store.QuotaKey{Label: "shard", Value: "s2"} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, conflict := range []strategy.Conflict{strategy.Reject, strategy.Wait} {
				synctest.Test(t, func(t *testing.T) {
					x, d := newShards(5, time.Second), &damaged{Store: memstore.New()}
					e := running(t, d, executor.Registry{"X": x})
					sp := quotaSpec(5, append(sharded("t", 10, 10), sharded("u", 200, 100)...))
					sp.Tenants[2].Labels["shard"] = "s2"
					for i := range sp.Tenants[10:] {
						sp.Tenants[10+i].Labels["shard"] = fmt.Sprint("r", i%100)
					}
					sp.Strategy.Conflict = conflict
					id := create(t, e, sp)
					d.damage(func() { damage(d, id) })
					mustPlan(t)(e.Start(t.Context(), id))
					time.Sleep(10 * time.Minute)
					p, err := e.Plan(t.Context(), id)
					if unread := d.triedInVain(); err != nil || p.Counters.Of(task.Completed) != 209 || p.Counters.Of(task.Pending) != 1 || unread == 0 {
						t.Errorf("%s: %v, %v, %d", conflict, p.Counters, err, unread)
					}
					d.damage(func() { d.task, d.quota = 0, store.QuotaKey{} })
					rests(t, e, id, plan.Completed)
					x.check(t, 210)
				})
			}
		})
	}
}

// A plan that cannot be read keeps its places. What finds the quota full because of that waits: it
// does not fail.
func TestPlacesOfADamagedPlan(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		x, d := newShards(1, time.Second), &damaged{Store: memstore.New()}
		e := running(t, d, executor.Registry{"SLOW": newShards(1, time.Minute), "ONCE": failsTheFirstTime{x}})
		once := quotaSpec(1, sharded("once", 1, 1))
		once.ExecutorType = "ONCE"
		id := launch(t, e, once)
		rests(t, e, id, plan.Failed)
		slow := quotaSpec(1, sharded("slow", 1, 1))
		slow.ExecutorType = "SLOW"
		holder := launch(t, e, slow)
		time.Sleep(time.Second)
		d.damage(func() { d.plan = holder })
		mustTask(t)(e.RetryTask(t.Context(), task.NewID(id, 1), cutover.FromCheckpoint))
		time.Sleep(10 * time.Second)
		if tk := taskOf(t, e, id, 1); tk.State != task.Running || tk.Wait.Why != task.WaitPlace {
			t.Errorf("%s, %+v, %+v", tk.State, tk.Wait, tk.Failure)
		}
		d.damage(func() { d.plan = 0 })
		rests(t, e, id, plan.Completed)
		rests(t, e, holder, plan.Completed)
	})
}

// What nobody can read keeps no lock and no other place from being freed when a plan is at rest.
func TestDamagedQuotasAreLeftByTheCleaner(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := &damaged{Store: memstore.New()}
		e := running(t, d, executor.Registry{"X": newShards(5, time.Second)})
		id := launch(t, e, quotaSpec(5, sharded("t", 1200, 1200)))
		p := rests(t, e, id, plan.Completed)
		key := func(i int) store.QuotaKey { return store.QuotaKey{Label: "shard", Value: fmt.Sprint("s", i)} }
		var left []store.Occupation
		for _, i := range []int{0, 1, 1199} {
			left = append(left, store.Occupation{Place: store.Place{QuotaKey: key(i), Plan: id, Ordinal: i + 1, Start: p.StartToken, Phase: 2}, Max: 5})
		}
		lock := store.TenantLock{Tenant: "t1199", Plan: id, Ordinal: 1200, Start: p.StartToken, Phase: 2}
		if err := d.Occupy(t.Context(), left); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Reserve(t.Context(), []store.TenantLock{lock}); err != nil {
			t.Fatal(err)
		}
		d.damage(func() { d.quota, d.task, d.tenant = key(0), task.NewID(id, 3), "t1198" })
		time.Sleep(5 * time.Minute) // it is cleaned once more when no late request can arrive
		counts, err := d.CountPlaces(t.Context(), []store.QuotaKey{key(1), key(1199)})
		locks, problem := d.Locks(t.Context(), []string{"t1199"})
		if err != nil || problem != nil || !slices.Equal(counts, []int{0, 0}) || len(locks) > 0 {
			t.Errorf("left are %v and %v, %v, %v", counts, locks, err, problem)
		}
		before := d.triedInVain()
		time.Sleep(time.Hour)
		if again := d.triedInVain() - before; before == 0 || again > 0 {
			t.Errorf("tried %d times, and then %d times more", before, again)
		}
		d.damage(func() { d.tenant = "" }) // so that the locks can be looked at in the end
	})
}
