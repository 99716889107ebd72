package storetest

import (
	"slices"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

func stateCases() []testCase {
	return []testCase{
		{name: "states", run: statesOfMixed},
		{name: "states by the page", run: statesByPage},
		{name: "states of cancelled pending tasks", run: statesCanceled},
		{name: "states belong to the caller", run: statesOwned},
		{name: "tenants by the page", run: tenantsByPage},
	}
}

// states reads one page of states.
func (r *rollout) states(after, limit int) []task.State {
	r.Helper()
	states, err := r.States(r.ctx, r.id, after, limit)
	r.ok(err)
	return states
}

// shown returns the states of all tasks as Tasks shows them.
func (r *rollout) shown() []task.State {
	r.Helper()
	var states []task.State
	for after, more := 0, true; more; more = after > 0 {
		tasks, next, err := r.Tasks(r.ctx, r.id, store.TaskQuery{After: after})
		r.ok(err)
		for _, t := range tasks {
			states = append(states, t.State)
		}
		after = next
	}
	return states
}

func statesOfMixed(e *env) {
	r := e.mixed(9)
	all := []task.State{
		task.Completed, task.Failed, task.Running, task.Running, task.RollingBack, task.Skipped, task.Pending, task.Pending, task.Pending,
	}
	if got := r.shown(); !slices.Equal(got, all) {
		e.Fatalf("the tasks are %v, want %v", got, all)
	}
	for _, test := range []struct {
		name         string
		after, limit int
		want         []task.State
	}{
		{"all", 0, 0, all},
		{"no more than there are", 0, store.MaxPage, all},
		{"the first three", 0, 3, all[:3]},
		{"the next three", 3, 3, all[3:6]},
		{"after 7", 7, 0, all[7:]},
		{"the last", 8, 1, all[8:]},
		{"after the last", 9, 0, nil},
		{"far after the last", task.MaxPerPlan, 1, nil},
	} {
		if got := r.states(test.after, test.limit); !slices.Equal(got, test.want) {
			e.Errorf("%s: states %v, want %v", test.name, got, test.want)
		}
	}
}

// statesByPage: every page but the last is full, wherever it begins.
func statesByPage(e *env) {
	const n = store.MaxStates + 130
	r := e.start(n, concurrently(n))
	r.run(3, store.Complete)
	for _, ordinal := range []int{64, 65, 129, store.MaxStates, store.MaxStates + 1, n - 1, n} {
		r.order(ordinal, plan.Plan.SkipTask)
	}
	all := r.shown()
	if len(all) != n || all[0] != task.Completed || all[n-1] != task.Skipped {
		e.Fatalf("%d tasks, from %s to %s", len(all), all[0], all[len(all)-1])
	}
	for _, after := range []int{0, 1, 63, 64, 65, 127, 128, 130, n - 66, n - 65, n - 1} {
		for _, limit := range []int{0, 1, 2, 63, 64, 65, 200, store.MaxStates} {
			most := store.MaxStates
			if limit > 0 {
				most = min(most, limit)
			}
			if got := r.states(after, limit); !slices.Equal(got, all[after:min(after+most, n)]) {
				e.Errorf("after %d, limit %d: %d states, not those of the tasks", after, limit, len(got))
			}
		}
	}
}

// statesCanceled: a canceled plan shows its pending tasks as canceled, including one that a command
// has edited.
func statesCanceled(e *env) {
	r := e.mixed(9)
	r.decide(func(p plan.Plan) (plan.Decision, error) {
		return plan.Decision{Plan: p, Changed: true, Edits: []task.Edit{edited(r.task(8), task.Pending)}}, nil
	})
	r.give(plan.Plan.Cancel)
	got := r.states(0, 0)
	if want := r.shown(); !slices.Equal(got, want) || got[7] != task.Canceled || got[8] != task.Canceled {
		e.Errorf("states %v, the tasks are %v", got, want)
	}
}

// tenantsByPage: pages of tenants have the same bounds as pages of states.
func tenantsByPage(e *env) {
	const n = store.MaxStates + 130
	r := e.start(n, concurrently(n))
	var all []string
	for q := (store.TaskQuery{}); ; {
		tasks, next, err := r.Tasks(r.ctx, r.id, q)
		r.ok(err)
		for _, t := range tasks {
			all = append(all, t.Tenant.ID)
		}
		if q.After = next; next == 0 {
			break
		}
	}
	for _, after := range []int{0, 1, 63, 64, 65, 128, n - 66, n - 1, n, task.MaxPerPlan} {
		for _, limit := range []int{0, 1, 2, 64, 65, 200, store.MaxStates} {
			got, err := r.Tenants(r.ctx, r.id, after, limit)
			r.ok(err)
			if limit == 0 {
				limit = store.MaxStates
			}
			from := min(after, n)
			if want := all[from:min(from+min(limit, store.MaxStates), n)]; !slices.Equal(got, want) {
				e.Errorf("after %d, limit %d: %d tenants, want %d", after, limit, len(got), len(want))
			}
		}
	}
}

func statesOwned(e *env) {
	r := e.create(2, concurrently(1))
	r.states(0, 0)[1] = task.Failed
	if got := r.states(0, 0); !slices.Equal(got, []task.State{task.Pending, task.Pending}) {
		e.Errorf("states %v after a change of what was answered", got)
	}
}
