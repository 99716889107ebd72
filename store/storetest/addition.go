package storetest

import (
	"slices"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

func additionCases() []testCase {
	return []testCase{
		{name: "nobody sees tenants before the addition is complete", run: additionUnseen},
		{name: "a complete addition makes tasks of the tenants", run: additionCompleted},
		{name: "an addition gives its wave the tasks, and counters", run: additionWaves},
		{name: "an addition while the last wave is worked on makes a wave that is not open", run: additionUnopened},
		{name: "appending again changes nothing", run: additionRepeated},
		{name: "appending without the mark, or out of order, is refused", run: additionRefused},
		{name: "an addition with tenants missing is not completed", run: additionShort},
		{name: "what an addition that was given up has stored is dropped", run: additionDropped},
		{name: "added tasks are claimed, fail and are undone like all others", run: additionWorked},
		{name: "completed over steps of the clock", run: additionOverSteps, skews: true},
	}
}

const additionToken = 1<<63 + 5

// adding marks the plan as one to which n tenants are added.
func (r *rollout) adding(token uint64, n int) {
	r.Helper()
	r.decide(func(p plan.Plan) (plan.Decision, error) { return plan.Adding{Token: token, Tenants: n}.Mark(p, by()) })
}

// completion returns the command that completes an addition.
func (r *rollout) completion(token uint64) store.Command {
	r.Helper()
	c := r.decision(func(p plan.Plan) (plan.Decision, error) { return plan.Adding{Token: token}.Complete(p, by()) })
	c.RaiseTokens = true
	return c
}

// giveUp gives an addition up and drops it.
func (r *rollout) giveUp(token uint64) {
	r.Helper()
	a := plan.Adding{Token: token}
	r.decide(func(p plan.Plan) (plan.Decision, error) { return a.GiveUp(p, by()), nil })
	r.decide(func(p plan.Plan) (plan.Decision, error) { return a.Drop(p, 0, by()), nil })
}

// added adds n tenants to a plan of had tasks.
func (r *rollout) added(had, n int) plan.Plan {
	r.Helper()
	r.adding(additionToken, n)
	for first := had + 1; first <= had+n; first += store.MaxTenants {
		r.ok(r.AppendTenants(r.ctx, r.id, additionToken, first, tenants(first, min(store.MaxTenants, had+n+1-first))))
	}
	return r.send(r.completion(additionToken))
}

// appended compares the tenants that are stored for the addition, from the ordinal first on.
func (r *rollout) appended(first, n int) {
	r.Helper()
	got, err := r.Appended(r.ctx, r.id, first-1, 0)
	r.ok(err)
	var want []string
	for _, t := range tenants(first, n) {
		want = append(want, t.ID)
	}
	equal(r.env, "tenants that are stored", slices.Concat(got), want)
}

func additionUnseen(e *env) {
	r := e.start(3, concurrently(10))
	before := r.read()
	r.adding(additionToken, 100)
	e.ok(e.AppendTenants(e.ctx, r.id, additionToken, 4, tenants(4, 70)))
	p := r.read()
	equal(e, "tasks", p.TaskCount, 3)
	equal(e, "counters", p.Counters, before.Counters)
	equal(e, "tasks that are read", len(r.all()), 3)
	ids, err := e.Tenants(e.ctx, r.id, 0, 0)
	e.ok(err)
	equal(e, "tenants that are read", len(ids), 3)
	states, err := e.States(e.ctx, r.id, 0, 0)
	e.ok(err)
	equal(e, "states that are read", len(states), 3)
	_, err = e.Task(e.ctx, task.NewID(r.id, 4))
	e.is(err, store.ErrNotFound)
	equal(e, "tasks that are claimed", len(r.claim("worker", 10)), 3)
	r.appended(4, 70)
	r.appended(50, 24)
	ids, err = e.Appended(e.ctx, r.id, 10, 5)
	e.ok(err)
	equal(e, "a page", ids, []string{tenantOf(11), tenantOf(12), tenantOf(13), tenantOf(14), tenantOf(15)})
	ids, err = e.Appended(e.ctx, r.id, 99, 5)
	e.ok(err)
	equal(e, "past the end", len(ids), 0)
}

func additionCompleted(e *env) {
	r := e.start(3, concurrently(10))
	r.adding(additionToken, 2)
	list := []task.Tenant{{ID: "x", Labels: map[string]string{"a": "b"}, Parameters: map[string]string{"c": "d"}}, {ID: "y"}}
	e.ok(e.AppendTenants(e.ctx, r.id, additionToken, 4, list))
	c := r.completion(additionToken)
	p := r.send(c)
	equal(e, "tasks", p.TaskCount, 5)
	equal(e, "added", p.Added, 2)
	equal(e, "pending", p.Counters.Of(task.Pending), 5)
	if p.Adding != nil {
		e.Errorf("the mark is still there: %+v", p.Adding)
	}
	again, err := e.Apply(e.ctx, c)
	e.ok(err)
	equal(e, "repeated", again.Repeated, true)
	equal(e, "tasks after a repeat", again.Plan.TaskCount, 5)
	for i, want := range list {
		got := r.task(4 + i)
		equal(e, "tenant", got.Tenant, want)
		equal(e, "state", got.State, task.Pending)
	}
	r.appended(1, 0)
	events, err := e.PlanEvents(e.ctx, r.id, 0, 0)
	e.ok(err)
	last := events[len(events)-1]
	equal(e, "cause of the last event", last.Cause, plan.ByAdd.String())
	equal(e, "added by it", last.Added, 2)
	r.added(5, 130) // over several buckets, whatever their size
	equal(e, "all", len(r.all()), 135)
}

func additionWaves(e *env) {
	s := concurrently(10)
	s.FinalBakeTime = time.Hour // otherwise the plan is over before the second addition
	r := e.startWaved(s, 2, 4)
	p := r.added(4, 3)
	equal(e, "end of the last wave", p.Waves[1].Last, 7)
	r.counted("the last wave has not opened", tally{}, tally{})
	for range 2 {
		for _, j := range r.claim("worker", 10) {
			kind := store.Complete
			if j.ID.Ordinal()%2 == 1 {
				kind = store.Fail
			}
			r.do(j.work(kind))
		}
		r.settle()
	}
	r.counted("all tasks have ended", tally{1, 2}, tally{3, 5})
	p = r.added(7, 1)
	equal(e, "waves", len(p.Waves), 3)
	r.counted("the last wave is open", tally{1, 2}, tally{3, 5}, tally{})
	r.settle()
	j := r.claim("worker", 10)
	equal(e, "tasks that are claimed of it", len(j), 1)
	r.do(j[0].work(store.Complete))
	r.counted("it is over", tally{1, 2}, tally{3, 5}, tally{0, 1})
}

func additionUnopened(e *env) {
	r := e.startWaved(concurrently(10), 1, 3)
	r.run(1, store.Complete)
	r.settle()
	jobs := r.take("worker", 2)
	equal(e, "open wave", r.added(3, 2).Wave, 2)
	r.counted("the new wave is not open", tally{0, 1}, tally{}, tally{})
	r.expect(9)
	jobs[0].ends(r)
	r.do(jobs[1].work(store.Fail))
	r.counted("the second is over", tally{0, 1}, tally{1, 2}, tally{})
	r.settle()
	r.expect(9, 4, 5)[1].ends(r)
	r.counted("the new wave is worked on", tally{0, 1}, tally{1, 2}, tally{0, 1})
}

func additionRepeated(e *env) {
	r := e.start(63, concurrently(1))
	r.adding(additionToken, 100)
	for _, part := range [][2]int{{64, 50}, {64, 50}, {100, 40}, {64, 76}, {164, 0}} {
		if part[1] > 0 || part[0] <= 140 {
			e.ok(e.AppendTenants(e.ctx, r.id, additionToken, part[0], tenants(part[0], part[1])))
		}
	}
	r.appended(64, 76)
	e.is(e.AppendTenants(e.ctx, r.id, additionToken, 64, []task.Tenant{{ID: "another"}}), store.ErrConflict)
	r.appended(64, 76)
}

func additionRefused(e *env) {
	r := e.start(3, concurrently(1))
	e.is(e.AppendTenants(e.ctx, r.id, additionToken, 4, tenants(4, 1)), store.ErrConflict)
	r.adding(additionToken, 2)
	for _, call := range []struct {
		token    uint64
		first, n int
	}{{additionToken + 1, 4, 1}, {additionToken, 3, 1}, {additionToken, 5, 1}, {additionToken, 4, 3}, {additionToken, 0, 1}} {
		e.is(e.AppendTenants(e.ctx, r.id, call.token, call.first, tenants(call.first, call.n)), store.ErrConflict)
	}
	e.is(e.AppendTenants(e.ctx, r.id, additionToken, 4, tenants(4, store.MaxTenants+1)), store.ErrInvalid)
	e.is(e.AppendTenants(e.ctx, r.id+99, additionToken, 4, tenants(4, 1)), store.ErrNotFound)
	_, err := e.Appended(e.ctx, r.id+99, 0, 0)
	e.is(err, store.ErrNotFound)
	r.appended(4, 0)
	r.decide(func(p plan.Plan) (plan.Decision, error) {
		return plan.Adding{Token: additionToken}.GiveUp(p, by()), nil
	})
	e.is(e.AppendTenants(e.ctx, r.id, additionToken, 4, tenants(4, 1)), store.ErrConflict)
}

func additionShort(e *env) {
	r := e.start(3, concurrently(1))
	r.adding(additionToken, 2)
	for stored := range 2 {
		if stored > 0 {
			e.ok(e.AppendTenants(e.ctx, r.id, additionToken, 4, tenants(4, stored)))
		}
		_, err := e.Apply(e.ctx, r.completion(additionToken))
		e.is(err, store.ErrConflict)
		equal(e, "tasks", r.read().TaskCount, 3)
	}
	e.ok(e.AppendTenants(e.ctx, r.id, additionToken, 5, tenants(5, 1)))
	equal(e, "tasks at the end", r.send(r.completion(additionToken)).TaskCount, 5)
}

func additionDropped(e *env) {
	r := e.start(60, strategy.Strategy{MaxFailures: strategy.Percent(100), MaxConcurrency: strategy.Count(100)})
	r.adding(1, 100)
	list := tenants(61, 100)
	for i := range list {
		list[i].ID = "dropped " + list[i].ID
		list[i].Labels = map[string]string{"dropped": "yes"}
	}
	e.ok(e.AppendTenants(e.ctx, r.id, 1, 61, list))
	r.giveUp(1)
	kept, err := e.Appended(e.ctx, r.id, 60, 0)
	e.ok(err)
	equal(e, "tenants that are kept", len(kept), 100)
	r.adding(2, 3)
	r.appended(61, 0)
	r.giveUp(2)
	r.appended(61, 0)
	equal(e, "tasks", r.read().TaskCount, 60)
	r.added(60, 70)
	for _, ordinal := range []int{61, 64, 65, 129, 130} {
		equal(e, "tenant", r.task(ordinal).Tenant, task.Tenant{ID: tenantOf(ordinal)})
	}
	equal(e, "all", len(r.all()), 130)
	equal(e, "claimed", len(r.claim("worker", 100)), 100)
}

func additionWorked(e *env) {
	r := e.start(1, concurrently(1))
	first := r.claim("worker", 1)[0]
	p := r.added(1, 2)
	if !p.WaveEndedAt.IsZero() {
		e.Errorf("the tasks ended at %s", p.WaveEndedAt)
	}
	r.do(first.work(store.Complete))
	second := r.claim("worker", 9)
	equal(e, "claimed", len(second), 1)
	if second[0].Token <= first.Token {
		e.Errorf("token %d after %d", second[0].Token, first.Token)
	}
	r.do(second[0].work(store.Fail))
	r.order(3, plan.Plan.SkipTask)
	equal(e, "state", r.settle().State, plan.Completed)
	r.give(plan.Plan.Rollback)
	r.settle()
	undone := r.claim("worker", 9)
	equal(e, "undone first", undone[0].ID.Ordinal(), 2)
}

// additionOverSteps: an addition that is under way while the clock is set forward and back keeps
// what it has stored, and is completed. It gets no token that was given before, and no time passes
// that is less than none.
func additionOverSteps(e *env) {
	for _, step := range []time.Duration{2 * time.Hour, -2 * time.Hour} {
		e.h.Skew(e.TB, e.Store, 0)
		r := e.start(2, concurrently(10))
		first := r.claim("worker", 1)[0]
		r.adding(additionToken, 4)
		e.ok(e.AppendTenants(e.ctx, r.id, additionToken, 3, tenants(3, 2)))
		e.h.Skew(e.TB, e.Store, step)
		if p := r.read(); p.Adding == nil || p.Adding.GivenUp || p.Idle < 0 {
			e.Errorf("after a step of %s: %+v, idle for %s", step, p.Adding, p.Idle)
		}
		e.ok(e.AppendTenants(e.ctx, r.id, additionToken, 3, tenants(3, 4)))
		r.appended(3, 4)
		c := r.completion(additionToken)
		e.h.Skew(e.TB, e.Store, 0)
		equal(e, "tasks", r.send(c).TaskCount, 6)
		jobs := r.take("worker", 5)
		for _, j := range jobs {
			if j.Token <= first.Token {
				e.Errorf("token %d of task %s after %d", j.Token, j.ID, first.Token)
			}
			j.ends(r)
		}
		first.ends(r)
		equal(e, "state", r.settle().State, plan.Completed)
	}
}
