package engine

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/store/storetest"
	"github.com/cutover-go/cutover/task"
)

// taken returns how many places of the shards are taken.
func taken(t *testing.T, s store.Store, shards int) (n int) {
	t.Helper()
	for i := range shards {
		places, err := s.Places(t.Context(), store.QuotaKey{Label: "shard", Value: fmt.Sprint("s", i)})
		if err != nil {
			t.Fatal(err)
		}
		n += len(places)
	}
	return n
}

// Quotas bind a plan that skips tenants as any other: the tasks that it skips take no place, the
// others, also those that are added, do not exceed the quota together with those of other plans, in
// work and undo. The wave of which all is skipped is passed over.
func TestQuotasOfAPlanThatSkips(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		x, s := newShards(3, 2*time.Second), memstore.New()
		e := running(t, s, executor.Registry{"X": x, "SLOW": executor.Func(untilStopped)})
		all := sharded("t", 40, 2)
		hold := spec()
		hold.ExecutorType, hold.Tenants = "SLOW", all[:10]
		holder := launch(t, e, hold)
		rival := launch(t, e, quotaSpec(3, sharded("rival", 30, 2)))

		sp := quotaSpec(3, all)
		sp.Strategy.Conflict = strategy.Skip
		sp.Strategy.WaveSizes = []strategy.Amount{strategy.Count(10), strategy.Count(15)}
		id := launch(t, e, sp)
		p, err := e.Plan(t.Context(), id)
		if err != nil || p.Counters.Of(task.Skipped) != 10 || p.Wave != 2 {
			t.Errorf("wave %d is open, %v, %v", p.Wave, p.Counters, err)
		}
		mustPlan(t)(e.AddTenants(t.Context(), id, sharded("added", 10, 2)))
		p = rests(t, e, id, plan.Completed)
		if p.Counters.Of(task.Completed) != 40 || p.Counters.Of(task.Skipped) != 10 {
			t.Errorf("%v", p.Counters)
		}
		rests(t, e, rival, plan.Completed)
		x.check(t, 70)
		mustPlan(t)(e.Rollback(t.Context(), id))
		again := launch(t, e, quotaSpec(3, sharded("again", 20, 2)))
		p = rests(t, e, id, plan.RolledBack)
		if p.Counters.Of(task.RolledBack) != 40 || p.Counters.Of(task.Skipped) != 10 {
			t.Errorf("undone: %v", p.Counters)
		}
		rests(t, e, again, plan.Completed)
		x.check(t, 130)
		for shard, most := range x.most {
			if most != 3 {
				t.Errorf("at most %d of shard %s at once", most, shard)
			}
		}
		mustPlan(t)(e.Cancel(t.Context(), holder))
		rests(t, e, holder, plan.Canceled)
		time.Sleep(time.Minute)
		if n := taken(t, s, 2); n != 0 {
			t.Errorf("%d places are left", n)
		}
	})
}

// A process that hangs between the locks of its claim and the claim may find that another plan has
// taken the tenant meanwhile. Its task then waits for the tenant, without a place: the other one
// may need just that.
func TestWhatWaitsForItsTenantHasNoPlace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := memstore.New()
		first, x := newShards(1, time.Second), newShards(1, time.Second)
		one := sharded("t", 1, 1)
		sp := quotaSpec(1, one)
		sp.ExecutorType = "FIRST"
		before := startProcess(t, s, cutover.Config{Executors: executor.Registry{"FIRST": first}})
		undone := launch(t, before.Engine, sp)
		rests(t, before.Engine, undone, plan.Completed)
		before.end(t)

		m, command := intercept(s), newEngine(t, s, cutover.Config{Executors: executor.Registry{"FIRST": first}})
		hangs := startProcess(t, m, cutover.Config{Executors: executor.Registry{"X": x}})
		waits := quotaSpec(1, one)
		waits.Strategy.Conflict = strategy.Wait
		m.on(func(ctx context.Context, c storetest.Call) error {
			if c.Method != "Claim" || len(c.Batch.Claim.Pending) == 0 {
				return c.Do(ctx)
			}
			m.on(nil)
			time.Sleep(20 * time.Second) // others take the claim for given up
			mustTask(t)(command.RollbackTask(t.Context(), task.NewID(undone, 1)))
			return c.Do(ctx)
		})
		id := launch(t, hangs.Engine, waits)
		time.Sleep(25 * time.Second)
		running(t, s, executor.Registry{"FIRST": first})
		rests(t, command, undone, plan.Completed)
		ends(t, command, undone, 1, task.RolledBack, "")
		rests(t, command, id, plan.Completed)
		first.check(t, 2)
		x.check(t, 1)
	})
}
