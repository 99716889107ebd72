package storetest

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

func tenantCases() []testCase {
	return []testCase{
		{name: "reserve", run: reserve},
		{name: "reserve what is partly held", run: reservePartly},
		{name: "release exactly", run: releaseExactly},
		{name: "replace exactly", run: replaceExactly},
		{name: "locks of tenants", run: readLocks},
		{name: "concurrent", run: reserveConcurrent},
		{name: "too many", run: reserveTooMany},
		{name: "start that skips", run: startThatSkips},
	}
}

// startThatSkips skips tasks under the mark of a start, as a plan does whose tenants other plans
// hold. The mark says so until the plan is started, and the tasks keep why.
func startThatSkips(e *env) {
	s := concurrently(5)
	s.Conflict = strategy.Skip
	r := e.create(5, s)
	r.decide(func(p plan.Plan) (plan.Decision, error) { return p.MarkStarting(7, time.Minute, by()) })
	equal(e, "skipping", r.read().Starting.Skipping, false)
	before := r.read().LastEvent
	held := []plan.HeldTask{{Task: r.task(2), By: task.NewID(r.id+1, 1)}, {Task: r.task(4)}}
	r.decide(func(p plan.Plan) (plan.Decision, error) { return plan.SkipHeld(p, held, by()) })
	r.tell(before, "2 skip: PENDING>SKIPPED by operator TENANT_HELD", "4 skip: PENDING>SKIPPED by operator TENANT_HELD")
	p := r.read()
	equal(e, "the mark", *p.Starting, plan.Starting{Token: 7, TTL: time.Minute, Actor: by().Actor, Reason: by().Reason, Skipping: true})
	equal(e, "skipped", p.Counters.Of(task.Skipped), 2)
	if f := r.task(2).Failure; f == nil || !strings.Contains(f.Reason, "plan "+(r.id+1).String()+" ") {
		e.Errorf("task 2 was skipped because of %+v", f)
	}
	r.decide(func(p plan.Plan) (plan.Decision, error) {
		return p.MarkStarting(8, time.Second, plan.By{Actor: "another"})
	})
	equal(e, "the mark that another has taken over", *r.read().Starting, plan.Starting{Token: 7, TTL: time.Second, Actor: "another", Skipping: true})
	r.raised(func(p plan.Plan) (plan.Decision, error) { return p.Start(by()) })
	if p := r.read(); p.StartToken != 7 || p.Starting != nil || p.Counters.Of(task.Pending) != 3 {
		e.Errorf("started under %d, still %+v, with %v", p.StartToken, p.Starting, p.Counters)
	}
	r.expect(5, 1, 3, 5)
}

// lock returns a lock that a plan holds on a tenant.
func lock(tenant string, id plan.ID) store.TenantLock {
	return store.TenantLock{Tenant: tenant, Plan: id, Ordinal: 3, Start: 9, Phase: 2}
}

// others returns locks that differ from l in one field each.
func others(l store.TenantLock) []store.TenantLock {
	list := []store.TenantLock{l, l, l, l}
	list[0].Plan++
	list[1].Ordinal++
	list[2].Start++
	list[3].Phase++
	return list
}

// reserve reserves locks and expects the locks in want to be held by others.
func (e *env) reserve(locks []store.TenantLock, want ...store.TenantLock) {
	e.Helper()
	held, err := e.Reserve(e.ctx, locks)
	e.ok(err)
	if len(held) != len(want) {
		e.Fatalf("held by others: %+v, want %+v", held, want)
	}
	for i := range held {
		equal(e, "held by another", held[i], want[i])
	}
}

func reserve(e *env) {
	mine := lock("a", 1)
	e.reserve(nil)
	e.reserve([]store.TenantLock{mine})
	e.reserve([]store.TenantLock{mine}) // the same value again: the caller holds the lock
	for _, l := range others(mine) {
		e.reserve([]store.TenantLock{l}, mine)
	}
	e.ok(e.Release(e.ctx, []store.TenantLock{mine}))
	e.reserve([]store.TenantLock{lock("a", 2)})
}

// reservePartly: the free tenants are locked even if others are held.
func reservePartly(e *env) {
	e.reserve([]store.TenantLock{lock("b", 1)})
	e.reserve([]store.TenantLock{lock("a", 2), lock("b", 2), lock("c", 2)}, lock("b", 1))
	e.reserve([]store.TenantLock{lock("a", 3), lock("c", 3)}, lock("a", 2), lock("c", 2))
}

func releaseExactly(e *env) {
	mine := lock("a", 1)
	e.reserve([]store.TenantLock{mine})
	e.ok(e.Release(e.ctx, others(mine)))
	e.ok(e.Release(e.ctx, []store.TenantLock{lock("unknown", 1)}))
	e.reserve([]store.TenantLock{lock("a", 2)}, mine)
	e.ok(e.Release(e.ctx, []store.TenantLock{lock("unknown", 1), mine}))
	e.ok(e.Release(e.ctx, []store.TenantLock{mine}))
	e.reserve([]store.TenantLock{lock("a", 2)})
}

// readLocks: Locks returns the locks of locked tenants and leaves out the others.
func readLocks(e *env) {
	e.reserve([]store.TenantLock{lock("a", 1), lock("b", 2), lock("c", 3)})
	e.ok(e.Release(e.ctx, []store.TenantLock{lock("b", 2)}))
	for _, test := range []struct {
		tenants []string
		want    []store.TenantLock
	}{
		{nil, nil},
		{[]string{"unknown"}, nil},
		{[]string{"c", "b", "a", "unknown"}, []store.TenantLock{lock("c", 3), lock("a", 1)}},
	} {
		found, err := e.Locks(e.ctx, test.tenants)
		e.ok(err)
		if !slices.Equal(found, test.want) {
			e.Errorf("locks of %v: %+v, want %+v", test.tenants, found, test.want)
		}
	}
	_, err := e.Locks(e.ctx, make([]string, store.MaxBatch+1))
	e.refused("too many to read", err)
}

func replaceExactly(e *env) {
	old, next := lock("a", 1), lock("a", 2)
	replace := func(old, next store.TenantLock, want bool) {
		e.Helper()
		did, err := e.Replace(e.ctx, old, next)
		e.ok(err)
		equal(e, "replaced", did, want)
	}
	replace(old, next, false)
	e.reserve([]store.TenantLock{old})
	for _, l := range others(old) {
		replace(l, next, false)
	}
	replace(old, next, true)
	replace(old, next, false)
	e.reserve([]store.TenantLock{old}, next)
}

// reserveConcurrent: of many plans that reserve a tenant exactly one gets it, and of many plans
// that find a stale lock exactly one takes it over.
func reserveConcurrent(e *env) {
	const rivals = 8
	var reserved, replaced atomic.Int64
	stale := lock("stale", 99)
	e.reserve([]store.TenantLock{stale})
	var group sync.WaitGroup
	for i := range rivals {
		group.Go(func() {
			held, err := e.Reserve(e.ctx, []store.TenantLock{lock("free", plan.ID(i+1))})
			if err != nil {
				e.Errorf("reserve: %v", err)
			}
			if len(held) == 0 {
				reserved.Add(1)
			}
			did, err := e.Replace(e.ctx, stale, lock("stale", plan.ID(i+1)))
			if err != nil {
				e.Errorf("replace: %v", err)
			}
			if did {
				replaced.Add(1)
			}
		})
	}
	group.Wait()
	equal(e, "reserved", reserved.Load(), 1)
	equal(e, "replaced", replaced.Load(), 1)
}

func reserveTooMany(e *env) {
	locks := make([]store.TenantLock, store.MaxBatch+1)
	for i := range locks {
		locks[i] = lock(tenantOf(i), 1)
	}
	_, err := e.Reserve(e.ctx, locks)
	e.refused("too many to reserve", err)
	e.refused("too many to release", e.Release(e.ctx, locks))
	for i := range locks {
		locks[i].Plan = 2
	}
	e.reserve(locks[:store.MaxBatch])
}
