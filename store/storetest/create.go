package storetest

import (
	"maps"
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
		{name: "every field of a strategy", run: createStrategies},
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

// createWhole: a plan has all data that the creator passed, and the returned copies belong to the
// caller.
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
	labels["region"], a.Plan.Parameters["colour"], a.Plan.Annotations["ticket"], list[0].ID = "changed", "changed", "changed", "changed"

	r := &rollout{env: e, id: c.ID}
	e.plans = append(e.plans, c.ID)
	p := r.read()
	if p.ID != c.ID || p.Name != "plan" || p.ExecutorType != "EXECUTOR" || p.TaskCount != 2 || p.IdempotencyKey != "key" || p.CreatedAt.IsZero() {
		e.Errorf("plan %+v", p)
	}
	equal(e, "strategy", p.Strategy, s)
	equal(e, "state", p.State, plan.Created)
	equal(e, "pending", p.Counters.Of(task.Pending), 2)
	equal(e, "parameter", p.Parameters["colour"], "green")
	p.Parameters["colour"] = "changed"
	equal(e, "parameter read again", r.read().Parameters["colour"], "green")
	equal(e, "annotation", p.Annotations["ticket"], "OPS-7")
	p.Annotations["ticket"] = "changed"
	equal(e, "annotation read again", r.read().Annotations["ticket"], "OPS-7")
	equal(e, "creator", p.CreatedBy, "creator")
	equal(e, "starter", p.StartedBy, "")

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
	r.launch()
	equal(e, "starter", r.read().StartedBy, by().Actor)
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
		_, err = e.Tenants(e.ctx, c.ID, 0, 0)
		e.is(err, store.ErrNotFound)
		_, err = e.Events(e.ctx, c.ID, 0, 1)
		e.is(err, store.ErrNotFound)
		e.is(e.Commit(e.ctx, &store.Batch{Plan: c.ID}), store.ErrNotFound)
		plans, err := e.Plans(e.ctx, store.PlanQuery{})
		e.ok(err)
		equal(e, "plans", len(plans), 0)
		due, err := e.Due(e.ctx, nil, 10)
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
	equal(e, "tasks", p.TaskCount, n)
	equal(e, "pending", p.Counters.Of(task.Pending), n)
	for _, o := range []int{1, 64, 65, store.MaxBatch, 1024, 1025, n} {
		equal(e, "tenant", r.task(o).Tenant.ID, tenantOf(o))
	}
	_, err := e.Task(e.ctx, task.NewID(r.id, n+1))
	e.is(err, store.ErrNotFound)
}

// createAgain: AddTenants and FinishCreate may be repeated, as after a lost answer.
func createAgain(e *env) {
	c, err := e.BeginCreate(e.ctx, e.announce(250, concurrently(1)))
	e.ok(err)
	for _, first := range []int{1, 1, 101, 1, 101, 201, 201} {
		e.ok(e.AddTenants(e.ctx, c, first, tenants(first, min(100, 251-first))))
	}
	e.ok(e.FinishCreate(e.ctx, c))
	e.ok(e.FinishCreate(e.ctx, c))
	e.ok(e.AddTenants(e.ctx, c, 201, tenants(201, 50))) // a very late repeat
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

// createGivenUp: the creator died. An engine finds the incomplete plan on the agenda and removes
// it; if the creator comes back, it gets ErrNotFound.
func createGivenUp(e *env) {
	var c store.Creation
	e.inTime(func(ttl time.Duration) bool {
		a := e.announce(150, concurrently(1))
		a.TTL = ttl
		begun := time.Now()
		var err error
		c, err = e.BeginCreate(e.ctx, a)
		e.ok(err)
		e.ok(e.AddTenants(e.ctx, c, 1, tenants(1, 100)))
		_, err = e.Remove(e.ctx, c.ID)
		due := e.due(c.ID) != nil
		if time.Since(begun) >= ttl {
			return false
		}
		e.is(err, store.ErrConflict)
		equal(e, "on the agenda at first", due, false)
		e.outlast(ttl)
		return true
	})
	equal(e, "a creation", e.mustBeDue(c.ID).Creating, true)
	e.removeAll(c.ID)
	e.is(e.AddTenants(e.ctx, c, 101, tenants(101, 50)), store.ErrNotFound)
	e.is(e.FinishCreate(e.ctx, c), store.ErrNotFound)
	equal(e, "on the agenda at last", e.due(c.ID) != nil, false)
}

// createSlow: each AddTenants renews the TTL of the creation.
func createSlow(e *env) {
	var c store.Creation
	e.inTime(func(ttl time.Duration) bool {
		a := e.announce(4, concurrently(1))
		a.TTL = ttl
		begun := time.Now() // before the last call that renewed the TTL
		var err error
		c, err = e.BeginCreate(e.ctx, a)
		e.ok(err)
		for o := 1; o <= 4; o++ {
			time.Sleep(ttl / 2)
			_, err := e.Remove(e.ctx, c.ID)
			if time.Since(begun) >= ttl {
				return false
			}
			e.is(err, store.ErrConflict)
			begun = time.Now()
			e.ok(e.AddTenants(e.ctx, c, o, tenants(o, 1)))
		}
		return true
	})
	e.ok(e.FinishCreate(e.ctx, c))
	e.plans = append(e.plans, c.ID)
	e.outlast(e.h.TTL)
	equal(e, "a creation", e.mustBeDue(c.ID).Creating, false)
	_, err := e.Remove(e.ctx, c.ID)
	e.is(err, store.ErrConflict)
}

func createTooLarge(e *env) {
	const n = store.MaxTenants + 1
	c, err := e.BeginCreate(e.ctx, e.announce(n, concurrently(1)))
	e.ok(err)
	e.refused("too many tenants", e.AddTenants(e.ctx, c, 1, tenants(1, n)))
	for range 2 { // as many as a call may have, in whatever parts the store keeps them, and again
		e.ok(e.AddTenants(e.ctx, c, 1, tenants(1, 1)))
		e.ok(e.AddTenants(e.ctx, c, 2, tenants(2, store.MaxTenants)))
	}
	e.ok(e.FinishCreate(e.ctx, c))
	stored, err := e.Tenants(e.ctx, c.ID, 0, n)
	e.ok(err)
	equal(e, "tenants", len(stored), n)
	for i, tenant := range stored {
		equal(e, "tenant", tenant, tenantOf(i+1))
	}
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
