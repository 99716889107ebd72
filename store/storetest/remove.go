package storetest

import (
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

func removeCases() []testCase {
	return []testCase{
		{name: "remove what is over only", run: removeOverOnly},
		{name: "remove everything", run: removeEverything},
		{name: "remove again", run: removeAgain},
	}
}

// removeAll removes a plan in as many calls as necessary.
func (e *env) removeAll(id plan.ID) {
	e.Helper()
	for range 10_000 {
		more, err := e.Remove(e.ctx, id)
		e.ok(err)
		if !more {
			return
		}
	}
	e.Fatal("there is always more to remove")
}

func removeOverOnly(e *env) {
	r := e.create(3, tolerating(1, 0))
	stays := func(what string) {
		e.Helper()
		if _, err := e.Remove(e.ctx, r.id); err == nil {
			e.Fatalf("a plan that is %s was removed", what)
		} else {
			e.is(err, store.ErrConflict)
		}
		equal(e, "tasks", r.read().TaskCount, 3)
	}
	stays("created")
	r.decide(func(p plan.Plan) (plan.Decision, error) { return p.MarkStarting(1, time.Minute, by()) })
	r.decide(func(p plan.Plan) (plan.Decision, error) { return p.Start(by()) })
	stays("running")
	r.run(1, store.Fail)
	r.settle()
	stays("failed")
	r.give(plan.Plan.Resume)
	j := r.take("worker", 1)[0]
	r.give(plan.Plan.Cancel)
	stays("cancelled with a task in flight")
	r.do(j.work(store.Yield))
	r.settle()
	if p := r.read(); len(p.Sweeps) > 0 {
		r.decide(func(p plan.Plan) (plan.Decision, error) {
			return p.Sweep(nil, 0, func(task.ID) bool { return false }, by()), nil
		})
	}
	e.removeAll(r.id)
	_, err := e.Plan(e.ctx, r.id)
	e.is(err, store.ErrNotFound)
}

// removeEverything: neither data of the plan nor its key remains.
func removeEverything(e *env) {
	a := e.keyed("key", "hash")
	c, err := e.BeginCreate(e.ctx, a)
	e.ok(err)
	e.addAll(c, 1)
	e.ok(e.FinishCreate(e.ctx, c))
	r := &rollout{env: e, id: c.ID}
	other := e.create(1, concurrently(1))
	r.give(plan.Plan.Cancel)
	_, err = e.Cursor(e.ctx, r.id, "mail", "me", time.Minute)
	e.ok(err)
	e.removeAll(r.id)

	removed := func(what string, err error) {
		e.Helper()
		if err == nil {
			e.Errorf("%s is left", what)
		} else {
			e.is(err, store.ErrNotFound)
		}
	}
	_, err = e.Plan(e.ctx, r.id)
	removed("the plan", err)
	_, err = e.Task(e.ctx, task.NewID(r.id, 1))
	removed("a task", err)
	_, _, err = e.Tasks(e.ctx, r.id, store.TaskQuery{})
	removed("the tasks", err)
	_, err = e.States(e.ctx, r.id, 0, 0)
	removed("the states", err)
	_, err = e.Tenants(e.ctx, r.id, 0, 0)
	removed("the tenants", err)
	_, err = e.Events(e.ctx, r.id, 0, 1)
	removed("an event", err)
	_, err = e.Cursor(e.ctx, r.id, "mail", "me", time.Minute)
	removed("a cursor", err)
	removed("what commits need", e.Commit(e.ctx, &store.Batch{Plan: r.id}))
	_, err = e.Apply(e.ctx, store.Command{ID: "late", Version: 1, Failed: -1, Decision: plan.Decision{Plan: plan.Plan{ID: r.id}}})
	removed("what commands need", err)
	removed("the creation", e.FinishCreate(e.ctx, c))
	equal(e, "on the agenda", e.due(r.id) != nil, false)
	plans, err := e.Plans(e.ctx, store.PlanQuery{})
	e.ok(err)
	if len(plans) != 1 || plans[0].ID != other.id {
		e.Errorf("%d plans are left", len(plans))
	}
	next, err := e.BeginCreate(e.ctx, e.keyed("key", "other"))
	e.ok(err)
	if next.Exists || next.ID == r.id {
		e.Errorf("the key still leads to %+v", next)
	}
}

func removeAgain(e *env) {
	r := e.create(1, concurrently(1))
	r.give(plan.Plan.Cancel)
	e.removeAll(r.id)
	e.removeAll(r.id)
	e.removeAll(r.id + 1000)
}
