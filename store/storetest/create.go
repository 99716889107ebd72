package storetest

import (
	"maps"
	"sync"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

func createCases() []testCase {
	return []testCase{
		{name: "whole plan", run: createWhole},
		{name: "invisible until it is finished", run: createInvisible},
		{name: "many tenants", run: createMany},
		{name: "calls again", run: createAgain},
		{name: "wrong count", run: createWrongCount},
		{name: "gaps and changes", run: createGaps},
		{name: "another's mark", run: createForeign},
		{name: "growing ids", run: createIDs},
		{name: "key", run: createKey},
		{name: "key, concurrently", run: createKeyConcurrent},
		{name: "key of a creation under way", run: createKeyCreating},
		{name: "key, begun again", run: createKeyAgain},
		{name: "key, begun again at once", run: createKeyAgainConcurrent},
		{name: "key, begun again keeps its TTL", run: createKeyAgainSlow},
		{name: "key, begun again after it was given up", run: createKeyAgainGivenUp},
		{name: "no key, begun again", run: createAgainWithoutKey},
		{name: "given up", run: createGivenUp},
		{name: "slow but not given up", run: createSlow},
		{name: "too large", run: createTooLarge},
	}
}

// createWhole: everything that was passed is there, and belongs to the caller.
func createWhole(e *env) {
	s := strategy.Strategy{MaxConcurrency: strategy.Percent(10), MaxFailures: strategy.Count(3), FailureAction: strategy.Pause}
	a := e.announce(2, s)
	a.Plan.IdempotencyKey, a.Plan.ID = "key", 77
	c, err := e.BeginCreate(e.ctx, a)
	e.ok(err)
	labels := map[string]string{"region": "eu"}
	list := []task.Tenant{{ID: "one"}, {ID: "two", Labels: labels, Parameters: map[string]string{"p": "q"}}}
	e.ok(e.AddTenants(e.ctx, c, 1, list))
	e.ok(e.FinishCreate(e.ctx, c))
	labels["region"], a.Plan.Parameters["colour"], list[0].ID = "changed", "changed", "changed"

	r := &rollout{env: e, id: c.ID}
	e.plans = append(e.plans, c.ID)
	p := r.read()
	if p.ID != c.ID || p.Name != "plan" || p.ExecutorType != "EXECUTOR" || p.Tasks != 2 || p.IdempotencyKey != "key" || p.CreatedAt.IsZero() {
		e.Errorf("plan %+v", p)
	}
	equal(e, "strategy", p.Strategy, s)
	equal(e, "state", p.State, plan.Created)
	equal(e, "pending", p.Counters.Of(task.Pending), 2)
	equal(e, "parameter", p.Parameters["colour"], "green")
	p.Parameters["colour"] = "changed"
	equal(e, "parameter read again", r.read().Parameters["colour"], "green")

	equal(e, "first tenant", r.task(1).Tenant.ID, "one")
	t := r.task(2)
	equal(e, "label", t.Tenant.Labels["region"], "eu")
	equal(e, "parameter", t.Tenant.Parameters["p"], "q")
	equal(e, "attempt", t.Attempt, 0)
	t.Tenant.Labels["region"] = "changed"
	equal(e, "label read again", r.task(2).Tenant.Labels["region"], "eu")

	events, err := e.Events(e.ctx, c.ID, 0, 10)
	e.ok(err)
	if len(events) != 1 {
		e.Fatalf("%d events, want 1", len(events))
	}
	first := events[0]
	if first.Seq != 1 || first.Cause != "create" || first.From != "" || first.To != "CREATED" ||
		first.Actor != "creator" || first.Task != 0 || !first.AtRest || first.At.IsZero() {
		e.Errorf("first event %+v", first)
	}
}

func createInvisible(e *env) {
	a := e.announce(1, concurrently(1))
	c, err := e.BeginCreate(e.ctx, a)
	e.ok(err)
	hidden := func() {
		e.Helper()
		_, err := e.Plan(e.ctx, c.ID)
		e.is(err, store.ErrNotFound)
		_, err = e.Task(e.ctx, task.NewID(c.ID, 1))
		e.is(err, store.ErrNotFound)
		_, _, err = e.Tasks(e.ctx, c.ID, store.TaskQuery{})
		e.is(err, store.ErrNotFound)
		_, err = e.States(e.ctx, c.ID, 0, 0)
		e.is(err, store.ErrNotFound)
		_, err = e.Events(e.ctx, c.ID, 0, 1)
		e.is(err, store.ErrNotFound)
		e.is(e.Commit(e.ctx, &store.Batch{Plan: c.ID}), store.ErrNotFound)
		plans, err := e.Plans(e.ctx, store.PlanQuery{})
		e.ok(err)
		equal(e, "plans", len(plans), 0)
		due, err := e.Due(e.ctx, 10)
		e.ok(err)
		equal(e, "due plans", len(due), 0)
	}
	hidden()
	e.ok(e.AddTenants(e.ctx, c, 1, tenants(1, 1)))
	hidden()
	e.ok(e.FinishCreate(e.ctx, c))
	_, err = e.Plan(e.ctx, c.ID)
	e.ok(err)
	plans, err := e.Plans(e.ctx, store.PlanQuery{})
	e.ok(err)
	equal(e, "plans", len(plans), 1)
}

func createMany(e *env) {
	const n = 2*store.MaxPage + 345
	r := e.create(n, concurrently(7))
	p := r.read()
	equal(e, "tasks", p.Tasks, n)
	equal(e, "pending", p.Counters.Of(task.Pending), n)
	for _, o := range []int{1, 64, 65, store.MaxBatch, 1024, 1025, n} {
		equal(e, "tenant", r.task(o).Tenant.ID, tenantOf(o))
	}
	_, err := e.Task(e.ctx, task.NewID(r.id, n+1))
	e.is(err, store.ErrNotFound)
}

// createAgain: every call of a creation again, as after a lost answer.
func createAgain(e *env) {
	c, err := e.BeginCreate(e.ctx, e.announce(250, concurrently(1)))
	e.ok(err)
	for _, first := range []int{1, 1, 101, 1, 101, 201, 201} {
		e.ok(e.AddTenants(e.ctx, c, first, tenants(first, min(100, 251-first))))
	}
	e.ok(e.FinishCreate(e.ctx, c))
	e.ok(e.FinishCreate(e.ctx, c))
	e.ok(e.AddTenants(e.ctx, c, 201, tenants(201, 50))) // an answer that was very late
	e.plans = append(e.plans, c.ID)
	p, err := e.Plan(e.ctx, c.ID)
	e.ok(err)
	equal(e, "pending", p.Counters.Of(task.Pending), 250)
	equal(e, "events", p.LastEvent, 1)
}

func createWrongCount(e *env) {
	c, err := e.BeginCreate(e.ctx, e.announce(3, concurrently(1)))
	e.ok(err)
	e.refused("a plan without tasks", e.FinishCreate(e.ctx, c))
	e.ok(e.AddTenants(e.ctx, c, 1, tenants(1, 2)))
	e.refused("a plan with too few tasks", e.FinishCreate(e.ctx, c))
	e.refused("too many tenants", e.AddTenants(e.ctx, c, 3, tenants(3, 2)))
	_, err = e.Plan(e.ctx, c.ID)
	e.is(err, store.ErrNotFound)
	e.ok(e.AddTenants(e.ctx, c, 3, tenants(3, 1)))
	e.ok(e.FinishCreate(e.ctx, c))
	e.plans = append(e.plans, c.ID)
}

func createGaps(e *env) {
	c, err := e.BeginCreate(e.ctx, e.announce(9, concurrently(1)))
	e.ok(err)
	e.ok(e.AddTenants(e.ctx, c, 1, tenants(1, 3)))
	e.refused("a gap", e.AddTenants(e.ctx, c, 5, tenants(5, 1)))
	e.refused("the ordinal 0", e.AddTenants(e.ctx, c, 0, tenants(0, 1)))
	e.ok(e.AddTenants(e.ctx, c, 4, nil))
	e.ok(e.AddTenants(e.ctx, c, 4, tenants(4, 6)))
	e.ok(e.FinishCreate(e.ctx, c))
	e.plans = append(e.plans, c.ID)
}

func createForeign(e *env) {
	c, err := e.BeginCreate(e.ctx, e.announce(1, concurrently(1)))
	e.ok(err)
	if c.Mark == "" || c.Exists {
		e.Errorf("creation %+v", c)
	}
	foreign := c
	foreign.Mark += "x"
	e.is(e.AddTenants(e.ctx, foreign, 1, tenants(1, 1)), store.ErrNotFound)
	e.is(e.FinishCreate(e.ctx, foreign), store.ErrNotFound)
	e.is(e.FinishCreate(e.ctx, store.Creation{ID: c.ID + 100, Mark: c.Mark}), store.ErrNotFound)
}

func createIDs(e *env) {
	last := plan.ID(0)
	for range 5 {
		id := e.create(1, concurrently(1)).id
		if id <= last || !id.Valid() {
			e.Errorf("plan %s after %s", id, last)
		}
		last = id
	}
}

// keyed returns what begins a creation under an idempotency key.
func (e *env) keyed(key, hash string) store.Create {
	a := e.announce(1, concurrently(1))
	a.Plan.IdempotencyKey, a.Hash = key, hash
	return a
}

func createKey(e *env) {
	c, err := e.BeginCreate(e.ctx, e.keyed("key", "hash"))
	e.ok(err)
	e.addAll(c, 1)
	e.ok(e.FinishCreate(e.ctx, c))
	again, err := e.BeginCreate(e.ctx, e.keyed("key", "hash"))
	e.ok(err)
	equal(e, "exists", again.Exists, true)
	equal(e, "plan", again.ID, c.ID)
	_, err = e.BeginCreate(e.ctx, e.keyed("key", "other"))
	e.is(err, store.ErrKeyReused)
	other, err := e.BeginCreate(e.ctx, e.keyed("other key", "hash"))
	e.ok(err)
	equal(e, "another key's plan exists", other.Exists, false)
	for range 2 { // without a key nothing is the same
		c, err := e.BeginCreate(e.ctx, e.keyed("", "hash"))
		e.ok(err)
		equal(e, "a plan without key exists", c.Exists, false)
	}
}

func createKeyConcurrent(e *env) {
	const rivals = 8
	var mu sync.Mutex
	var group sync.WaitGroup
	began := 0
	for range rivals {
		a := e.keyed("key", "hash")
		group.Go(func() {
			c, err := e.BeginCreate(e.ctx, a)
			mu.Lock()
			defer mu.Unlock()
			if err == nil && !c.Exists {
				began++
			} else {
				e.is(err, store.ErrCreating)
			}
		})
	}
	group.Wait()
	equal(e, "creations under one key", began, 1)
}

func createKeyCreating(e *env) {
	a := e.keyed("key", "hash")
	a.TTL = e.h.TTL
	c, err := e.BeginCreate(e.ctx, a)
	e.ok(err)
	_, err = e.BeginCreate(e.ctx, e.keyed("key", "hash"))
	e.is(err, store.ErrCreating)
	e.outlast(e.h.TTL)
	e.removeAll(c.ID)
	next, err := e.BeginCreate(e.ctx, e.keyed("key", "other"))
	e.ok(err)
	equal(e, "exists", next.Exists, false)
	e.addAll(next, 1)
	e.ok(e.FinishCreate(e.ctx, next))
}

// createKeyAgain: the answer to BeginCreate was lost, or comes late. Its creator goes
// on with what it began; nobody else does.
func createKeyAgain(e *env) {
	a := e.announce(150, concurrently(1))
	a.Plan.IdempotencyKey = "key"
	c, err := e.BeginCreate(e.ctx, a)
	e.ok(err)
	again := func(want store.Creation) {
		e.Helper()
		got, err := e.BeginCreate(e.ctx, a)
		e.ok(err)
		equal(e, "creation begun again", got, want)
	}
	again(c)
	e.ok(e.AddTenants(e.ctx, c, 1, tenants(1, 100)))
	again(c)
	other := a
	other.Mark = e.unique("mark")
	_, err = e.BeginCreate(e.ctx, other)
	e.is(err, store.ErrCreating)
	other = a
	other.Hash = "other"
	_, err = e.BeginCreate(e.ctx, other)
	e.is(err, store.ErrCreating)
	e.addAll(c, 150) // from the first on
	e.ok(e.FinishCreate(e.ctx, c))
	e.plans = append(e.plans, c.ID)
	again(store.Creation{ID: c.ID, Exists: true})
	plans, err := e.Plans(e.ctx, store.PlanQuery{})
	e.ok(err)
	equal(e, "plans", len(plans), 1)
}

// createKeyAgainConcurrent: requests that were given up arrive while the next one is
// on its way.
func createKeyAgainConcurrent(e *env) {
	a := e.keyed("key", "hash")
	var begun [8]store.Creation
	var group sync.WaitGroup
	for i := range begun {
		group.Go(func() {
			c, err := e.BeginCreate(e.ctx, a)
			if err != nil {
				e.Errorf("begun again at once: %v", err)
			}
			begun[i] = c
		})
	}
	group.Wait()
	for _, c := range begun {
		equal(e, "creation begun again at once", c, begun[0])
	}
	e.addAll(begun[0], 1)
	e.ok(e.FinishCreate(e.ctx, begun[0]))
	e.plans = append(e.plans, begun[0].ID)
}

// createKeyAgainSlow: BeginCreate sent again gives a creation its TTL again.
func createKeyAgainSlow(e *env) {
	a := e.keyed("key", "hash")
	a.TTL = e.h.TTL
	c, err := e.BeginCreate(e.ctx, a)
	e.ok(err)
	for range 3 {
		time.Sleep(e.h.TTL / 2)
		got, err := e.BeginCreate(e.ctx, a)
		e.ok(err)
		equal(e, "creation begun again", got, c)
		_, err = e.Remove(e.ctx, c.ID)
		e.is(err, store.ErrConflict)
	}
	e.addAll(c, 1)
	e.ok(e.FinishCreate(e.ctx, c))
	e.plans = append(e.plans, c.ID)
}

// createKeyAgainGivenUp: what was removed is not gone on with.
func createKeyAgainGivenUp(e *env) {
	a := e.keyed("key", "hash")
	a.TTL = e.h.TTL
	c, err := e.BeginCreate(e.ctx, a)
	e.ok(err)
	e.outlast(e.h.TTL)
	e.removeAll(c.ID)
	next, err := e.BeginCreate(e.ctx, a)
	e.ok(err)
	if next.ID == c.ID || next.Exists {
		e.Errorf("%+v was removed, and begun again is %+v", c, next)
	}
	e.addAll(next, 1)
	e.ok(e.FinishCreate(e.ctx, next))
	e.plans = append(e.plans, next.ID)
}

// createAgainWithoutKey: nothing leads to the first creation, if the store does not go
// on with it; it disappears.
func createAgainWithoutKey(e *env) {
	a := e.announce(1, concurrently(1))
	a.TTL = e.h.TTL
	first, err := e.BeginCreate(e.ctx, a)
	e.ok(err)
	second, err := e.BeginCreate(e.ctx, a)
	e.ok(err)
	equal(e, "exists", second.Exists, false)
	e.addAll(second, 1)
	e.ok(e.FinishCreate(e.ctx, second))
	e.plans = append(e.plans, second.ID)
	if first.ID != second.ID {
		e.outlast(e.h.TTL)
		equal(e, "a creation", e.mustBeDue(first.ID).Creating, true)
		e.removeAll(first.ID)
	}
	plans, err := e.Plans(e.ctx, store.PlanQuery{})
	e.ok(err)
	equal(e, "plans", len(plans), 1)
}

// createGivenUp: the creator died. An engine finds the rest on the agenda and
// removes it; a creator that comes back then is told.
func createGivenUp(e *env) {
	a := e.announce(150, concurrently(1))
	a.TTL = e.h.TTL
	c, err := e.BeginCreate(e.ctx, a)
	e.ok(err)
	e.ok(e.AddTenants(e.ctx, c, 1, tenants(1, 100)))
	_, err = e.Remove(e.ctx, c.ID)
	e.is(err, store.ErrConflict)
	equal(e, "on the agenda at first", e.due(c.ID) != nil, false)
	e.outlast(e.h.TTL)
	equal(e, "a creation", e.mustBeDue(c.ID).Creating, true)
	e.removeAll(c.ID)
	e.is(e.AddTenants(e.ctx, c, 101, tenants(101, 50)), store.ErrNotFound)
	e.is(e.FinishCreate(e.ctx, c), store.ErrNotFound)
	equal(e, "on the agenda at last", e.due(c.ID) != nil, false)
}

// createSlow: every call gives a creation its TTL again.
func createSlow(e *env) {
	a := e.announce(4, concurrently(1))
	a.TTL = e.h.TTL
	c, err := e.BeginCreate(e.ctx, a)
	e.ok(err)
	for o := 1; o <= 4; o++ {
		time.Sleep(e.h.TTL / 2)
		_, err := e.Remove(e.ctx, c.ID)
		e.is(err, store.ErrConflict)
		e.ok(e.AddTenants(e.ctx, c, o, tenants(o, 1)))
	}
	e.ok(e.FinishCreate(e.ctx, c))
	e.plans = append(e.plans, c.ID)
	e.outlast(e.h.TTL)
	equal(e, "a creation", e.mustBeDue(c.ID).Creating, false)
	_, err = e.Remove(e.ctx, c.ID)
	e.is(err, store.ErrConflict)
}

func createTooLarge(e *env) {
	c, err := e.BeginCreate(e.ctx, e.announce(2*store.MaxBatch, concurrently(1)))
	e.ok(err)
	e.refused("too many tenants", e.AddTenants(e.ctx, c, 1, tenants(1, store.MaxBatch+1)))
	a := e.announce(task.MaxPerPlan+1, concurrently(1))
	_, err = e.BeginCreate(e.ctx, a)
	e.is(err, store.ErrInvalid)
	a = e.announce(1, concurrently(1))
	a.Plan.Parameters = maps.Clone(a.Plan.Parameters)
	a.Plan.Parameters["huge"] = string(make([]byte, plan.MaxParameters))
	c, err = e.BeginCreate(e.ctx, a)
	e.ok(err)
	e.addAll(c, 1)
	e.ok(e.FinishCreate(e.ctx, c))
	p, err := e.Plan(e.ctx, c.ID)
	e.ok(err)
	equal(e, "huge parameter", len(p.Parameters["huge"]), plan.MaxParameters)
}
