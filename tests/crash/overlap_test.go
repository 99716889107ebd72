//go:build crash

package crash

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/internal/crashtest"
	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// overlappingPlans returns the rows about plans of all conflict policies over the same tenants,
// which share quotas.
func overlappingPlans() []row {
	const apart = "no tenant has two plans at once, no quota a task too many; no lock and no place is left"
	return []row{
		{Name: "overlapping plans", Extent: crashtest.Short, Expect: apart, Do: func(t *testing.T) *site {
			t.Helper()
			s, _ := alone(t)
			return overlapUnderFire(s)
		}},
		{Name: "overlapping plans on a cluster", Extent: crashtest.Short, Expect: apart, Do: func(t *testing.T) *site {
			t.Helper()
			cluster := redistest.StartCluster(t, 3, 0)
			return overlapUnderFire(newSite(t, target{Addrs: cluster.Addrs(), Cluster: true}, "crash:"))
		}},
	}
}

const (
	shardLabel = "shard"
	shardCount = 3
	shardMax   = 3 // the quota of each shard

	overlapTenants = 36
)

// overlapUnderFire kills one of three workers and freezes another beyond its lease, while they work
// on plans that overlap. Two more plans start as soon as they can.
func overlapUnderFire(s *site) *site {
	s.Helper()
	o := &overlap{site: s}
	s.Defs.Pace = 100 * time.Millisecond
	o.start(o.create(strategy.Reject, 1, 24))
	o.start(o.create(strategy.Skip, 13, overlapTenants)) // half of them are held
	o.start(o.create(strategy.Wait, 1, overlapTenants))
	late := []plan.ID{o.create(strategy.Reject, 7, 30), o.create(strategy.Skip, 1, overlapTenants)}
	for _, id := range late {
		if err := o.try(id); !errors.Is(err, store.ErrTenantHeld) {
			s.Fatalf("the start of plan %s: %v", id, err)
		}
	}
	slow := func(o *orders) { o.Pace, o.Capacity = 300*time.Millisecond, 3 }
	killed, frozen := s.worker("killed", slow), s.worker("frozen", slow)
	s.AwaitCount("killed", crashtest.Saved, 2)
	s.AwaitCount("frozen", crashtest.Saved, 2)
	s.worker("steady")
	s.AwaitCount("steady", crashtest.Saved, 2)
	o.strike(killed, frozen)
	for _, id := range late {
		s.Await(fmt.Sprintf("the start of plan %s", id), func() bool { return o.try(id) == nil })
	}
	o.judgeAll()
	return s
}

// overlap is a site with plans that overlap.
type overlap struct {
	*site
	plans []plan.ID
}

// create creates a plan over the tenants from one number to another.
func (o *overlap) create(c strategy.Conflict, from, to int) plan.ID {
	o.Helper()
	spec := plan.Spec{Name: fmt.Sprint(c, from), ExecutorType: crashtest.JourneyType, Strategy: strategy.Strategy{
		MaxConcurrency: strategy.Percent(100), Conflict: c, Quotas: []strategy.Quota{{Label: shardLabel, Max: shardMax}},
	}}
	for i := from; i <= to; i++ {
		labels := map[string]string{shardLabel: fmt.Sprint("s", i%shardCount)}
		spec.Tenants = append(spec.Tenants, task.Tenant{ID: fmt.Sprint("t-", i), Labels: labels})
	}
	p, err := o.Engine.Create(o.Context(), spec, cutover.ExecutorElsewhere())
	if err != nil {
		o.Fatal(err)
	}
	o.Plan, o.plans = p.ID, append(o.plans, p.ID)
	return p.ID
}

func (o *overlap) start(id plan.ID) {
	o.Helper()
	if err := o.try(id); err != nil {
		o.Fatal(err)
	}
}

// try starts a plan, and returns the error if other plans have its tenants.
func (o *overlap) try(id plan.ID) error {
	o.Helper()
	_, err := o.Engine.Start(o.Context(), id)
	if err != nil && !errors.Is(err, store.ErrTenantHeld) {
		o.Fatalf("the start of plan %s: %v", id, err)
	}
	return err
}

// strike kills a worker and freezes another until well after its lease, both in the middle of a
// step, and waits until others have taken over their tasks.
func (o *overlap) strike(killed, frozen *crashtest.Proc) {
	o.Helper()
	o.AwaitCount("killed", crashtest.Effect, o.Count("killed", crashtest.Effect)+1)
	killed.Kill()
	since := time.Now()
	o.AwaitCount("frozen", crashtest.Effect, o.Count("frozen", crashtest.Effect)+1)
	frozen.Freeze()
	stopped := time.Now()
	o.Await("the killed worker's tasks to be taken over", func() bool { return o.TookOver("killed", since) > 0 })
	o.Await("the frozen worker's tasks to be taken over", func() bool { return o.TookOver("frozen", stopped) > 0 })
	o.Await("the lease to be well over", func() bool { return time.Since(stopped) > 2*crashtest.Lease })
	frozen.Thaw()
	o.AwaitCount("frozen", crashtest.CtxEnd, 1)
	o.AwaitCount("frozen", crashtest.LostOne, 1)
}

// judgeAll waits for the end of all plans and checks them, what the executors did, and what is
// left.
func (o *overlap) judgeAll() {
	o.Helper()
	for _, id := range o.plans {
		o.FinishPlan(id)
	}
	entries, tenants := o.Entries(), make(map[task.ID]task.Tenant)
	histories := crashtest.ByWork(entries)
	for _, id := range o.plans {
		o.Ends = o.leftOut(id, histories, tenants)
		o.Judge(id, histories)
	}
	c := countOverlaps(entries, tenants)
	for _, f := range c.faults {
		o.Error(f)
	}
	if c.most != shardMax {
		o.Errorf("at most %d tasks of a shard were worked on at once, the quota is %d", c.most, shardMax)
	}
	o.Await("all locks and places to be free", func() bool { return o.held() == 0 })
}

// leftOut adds the tenants of a plan's tasks to tenants, and returns which tasks were skipped
// because another plan had their tenants. None of those may ever have run.
func (o *overlap) leftOut(id plan.ID, histories map[crashtest.Work]*crashtest.History, tenants map[task.ID]task.Tenant) crashtest.Ends {
	o.Helper()
	p, err := o.Store.Plan(o.Context(), id)
	if err != nil {
		o.Fatal(err)
	}
	out := make(crashtest.Ends)
	for _, t := range o.Tasks(id) {
		tenants[t.ID] = t.Tenant
		if t.State != task.Skipped {
			continue
		}
		out[t.ID.Ordinal()] = t.State
		if p.Strategy.Conflict != strategy.Skip || t.Failure == nil || t.Failure.ErrorCode != task.CodeTenantHeld || histories[crashtest.Work{Task: t.ID}] != nil {
			o.Errorf("task %s of a plan with %s is skipped: %+v", t.ID, p.Strategy.Conflict, t.Failure)
		}
	}
	if n := len(out); id == o.plans[1] && n != 12 {
		o.Errorf("plan %s has skipped %d tasks, want 12", id, n)
	}
	return out
}

// held returns the number of locks of tenants and of places that are taken.
func (o *overlap) held() int {
	o.Helper()
	ids := make([]string, overlapTenants)
	for i := range ids {
		ids[i] = fmt.Sprint("t-", i+1)
	}
	locks, err := o.Store.Locks(o.Context(), ids)
	if err != nil {
		o.Fatal(err)
	}
	n := len(locks)
	for i := range shardCount {
		places, err := o.Store.Places(o.Context(), store.QuotaKey{Label: shardLabel, Value: fmt.Sprint("s", i)})
		if err != nil {
			o.Fatal(err)
		}
		n += len(places)
	}
	return n
}
