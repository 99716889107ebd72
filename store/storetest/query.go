package storetest

import (
	"reflect"
	"slices"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

func queryCases() []testCase {
	return []testCase{
		{name: "plans", run: queryPlans},
		{name: "tasks", run: queryTasks},
		{name: "tasks that nobody holds", run: queryUnheld},
		{name: "tasks by their ordinals", run: queryAt},
		{name: "tasks by the page", run: queryPages},
		{name: "cancelled pending tasks", run: queryCanceled},
		{name: "belongs to the caller", run: queryOwned},
		{name: "idle", run: queryIdle},
	}
}

func queryPlans(e *env) {
	var ids []plan.ID
	for range 5 {
		ids = append(ids, e.create(1, concurrently(1)).id)
	}
	(&rollout{env: e, id: ids[1]}).give(plan.Plan.Cancel)
	(&rollout{env: e, id: ids[3]}).give(plan.Plan.Cancel)
	_, err := e.BeginCreate(e.ctx, e.announce(1, concurrently(1)))
	e.ok(err)
	slices.Reverse(ids) // newest first: 4 3 2 1 0
	for _, test := range []struct {
		name string
		q    store.PlanQuery
		want []plan.ID
	}{
		{"all", store.PlanQuery{}, ids},
		{"two", store.PlanQuery{Limit: 2}, ids[:2]},
		{"the next two", store.PlanQuery{Before: ids[1], Limit: 2}, ids[2:4]},
		{"before the first", store.PlanQuery{Before: ids[4]}, nil},
		{"before all", store.PlanQuery{Before: ids[0] + 100}, ids},
		{"created", store.PlanQuery{States: []plan.State{plan.Created}}, []plan.ID{ids[0], ids[2], ids[4]}},
		{"created or cancelled", store.PlanQuery{States: []plan.State{plan.Created, plan.Canceled}, Limit: 4}, ids[:4]},
		{"one cancelled", store.PlanQuery{States: []plan.State{plan.Canceled}, Limit: 1, Before: ids[1]}, ids[3:4]},
		{"running", store.PlanQuery{States: []plan.State{plan.Running}}, nil},
	} {
		plans, err := e.Plans(e.ctx, test.q)
		e.ok(err)
		var got []plan.ID
		for _, p := range plans {
			got = append(got, p.ID)
		}
		if !slices.Equal(got, test.want) {
			e.Errorf("%s: plans %v, want %v", test.name, got, test.want)
		}
	}
}

// list reads all pages of a query and returns the ordinals.
func (r *rollout) list(q store.TaskQuery) []int {
	r.Helper()
	var found []int
	for range 1000 {
		tasks, next, err := r.Tasks(r.ctx, r.id, q)
		r.ok(err)
		for _, t := range tasks {
			found = append(found, t.ID.Ordinal())
		}
		if next == 0 {
			return found
		}
		if next <= q.After {
			r.Fatalf("the page after %d is the one after %d", q.After, next)
		}
		q.After = next
	}
	r.Fatal("there is always another page")
	return nil
}

// mixed returns a plan with tasks in several states: 1 completed, 2 failed, 3 running and held, 4
// running without a worker, 5 rolling back without a worker, 6 skipped, the others pending.
func (e *env) mixed(n int) *rollout {
	r := e.start(n, concurrently(n))
	jobs := r.take("worker", 5)
	r.do(jobs[0].work(store.Complete))
	r.do(jobs[1].work(store.Fail))
	r.do(jobs[3].work(store.Yield))
	r.do(jobs[4].work(store.Complete))
	r.order(5, plan.Plan.RollbackTask)
	r.order(6, plan.Plan.SkipTask)
	return r
}

func queryTasks(e *env) {
	r := e.mixed(9)
	for _, test := range []struct {
		name string
		q    store.TaskQuery
		want []int
	}{
		{"all", store.TaskQuery{}, []int{1, 2, 3, 4, 5, 6, 7, 8, 9}},
		{"after 7", store.TaskQuery{After: 7}, []int{8, 9}},
		{"after the last", store.TaskQuery{After: 9}, nil},
		{"far after the last", store.TaskQuery{After: task.MaxPerPlan}, nil},
		{"pages of two", store.TaskQuery{Limit: 2}, []int{1, 2, 3, 4, 5, 6, 7, 8, 9}},
		{"running", store.TaskQuery{States: []task.State{task.Running}}, []int{3, 4}},
		{"pending after 7", store.TaskQuery{States: []task.State{task.Pending}, After: 7}, []int{8, 9}},
		{"ended", store.TaskQuery{States: []task.State{task.Completed, task.Failed, task.Skipped}, Limit: 1}, []int{1, 2, 6}},
		{"paused", store.TaskQuery{States: []task.State{task.Paused}}, nil},
		{"up to 3", store.TaskQuery{Until: 3}, []int{1, 2, 3}},
		{"from 3 to 6, by two", store.TaskQuery{After: 2, Until: 6, Limit: 2}, []int{3, 4, 5, 6}},
		{"one", store.TaskQuery{After: 3, Until: 4}, []int{4}},
		{"none", store.TaskQuery{After: 4, Until: 4}, nil},
		{"less than none", store.TaskQuery{After: 6, Until: 4}, nil},
		{"up to beyond the last", store.TaskQuery{After: 7, Until: task.MaxPerPlan}, []int{8, 9}},
		{"pending from 4 to 7", store.TaskQuery{States: []task.State{task.Pending}, After: 3, Until: 7}, []int{7}},
	} {
		if got := r.list(test.q); !slices.Equal(got, test.want) {
			e.Errorf("%s: tasks %v, want %v", test.name, got, test.want)
		}
	}
}

// queryAt: TasksAt returns tasks in the order of the ordinals passed, each as Task returns it, and
// ignores ordinals that the plan does not have.
func queryAt(e *env) {
	r := e.mixed(130)
	for _, test := range []struct{ ordinals, want []int }{
		{nil, nil},
		{[]int{3}, []int{3}},
		{[]int{130, 2, 65, 1, 131, 4, 0, -1, 1 << 30}, []int{130, 2, 65, 1, 4}},
		{[]int{131}, nil},
	} {
		tasks, err := e.TasksAt(e.ctx, r.id, test.ordinals)
		e.ok(err)
		var got []int
		for _, t := range tasks {
			got = append(got, t.ID.Ordinal())
			alone, err := e.Task(e.ctx, t.ID)
			e.ok(err)
			if !reflect.DeepEqual(t, alone) {
				e.Errorf("task %s is %+v among others, and %+v alone", t.ID, t, alone)
			}
		}
		if !slices.Equal(got, test.want) {
			e.Errorf("tasks at %v: %v, want %v", test.ordinals, got, test.want)
		}
	}
	_, err := e.TasksAt(e.ctx, r.id+100, []int{1})
	e.is(err, store.ErrNotFound)
	_, err = e.TasksAt(e.ctx, r.id, make([]int, store.MaxBatch+1))
	e.refused("too many ordinals", err)
}

func queryUnheld(e *env) {
	r := e.mixed(9)
	if got := r.list(store.TaskQuery{Unheld: true}); !slices.Equal(got, []int{4, 5}) {
		e.Errorf("in flight and held by nobody: %v, want 4 and 5", got)
	}
	if got := r.list(store.TaskQuery{Unheld: true, States: []task.State{task.Running}, Limit: 1}); !slices.Equal(got, []int{4}) {
		e.Errorf("running and held by nobody: %v, want 4", got)
	}
	if got := r.list(store.TaskQuery{Unheld: true, Until: 4}); !slices.Equal(got, []int{4}) {
		e.Errorf("held by nobody up to 4: %v, want 4", got)
	}
	if got := r.list(store.TaskQuery{Unheld: true, After: 4, Until: 5}); !slices.Equal(got, []int{5}) {
		e.Errorf("held by nobody from 5 to 5: %v, want 5", got)
	}
	r.take("another", 2)
	if got := r.list(store.TaskQuery{Unheld: true}); len(got) > 0 {
		e.Errorf("held by nobody: %v, want none", got)
	}
}

func queryPages(e *env) {
	const n = 2*store.MaxPage + 10
	r := e.create(n, concurrently(1))
	for _, limit := range []int{0, store.MaxPage} {
		tasks, next, err := e.Tasks(e.ctx, r.id, store.TaskQuery{Limit: limit})
		e.ok(err)
		if len(tasks) > store.MaxPage || next != len(tasks) {
			e.Errorf("limit %d: %d tasks, the next page after %d", limit, len(tasks), next)
		}
	}
	if got := r.list(store.TaskQuery{}); len(got) != n || got[0] != 1 || got[n-1] != n || !slices.IsSorted(got) {
		e.Errorf("%d tasks in all, want %d in order", len(got), n)
	}
	for _, part := range [][2]int{{0, 64}, {63, 65}, {1, 128}, {64, 1999}, {1000, 2 * store.MaxPage}} {
		got := r.list(store.TaskQuery{After: part[0], Until: part[1]})
		if len(got) != part[1]-part[0] || got[0] != part[0]+1 || got[len(got)-1] != part[1] {
			e.Errorf("%d tasks after %d until %d", len(got), part[0], part[1])
		}
	}
}

func queryCanceled(e *env) {
	r := e.mixed(9)
	before := r.task(8)
	r.give(plan.Plan.Cancel)
	if got := r.list(store.TaskQuery{States: []task.State{task.Canceled}}); !slices.Equal(got, []int{7, 8, 9}) {
		e.Errorf("cancelled: %v, want 7, 8 and 9", got)
	}
	if got := r.list(store.TaskQuery{States: []task.State{task.Pending}}); len(got) > 0 {
		e.Errorf("pending: %v, want none", got)
	}
	after := r.task(8)
	equal(e, "state", after.State, task.Canceled)
	equal(e, "version", after.Version, before.Version)
	equal(e, "attempt", after.Attempt, 0)
	equal(e, "counted", r.read().Counters.Of(task.Canceled), 3)
}

// queryOwned: the caller may change returned values without effect on the store.
func queryOwned(e *env) {
	r := e.start(1, tolerating(1, 1))
	j := r.take("worker", 1)[0]
	w := j.save("STEP", `"abc"`)
	w.UndoStep, w.UndoData = "STEP", []byte(`"xyz"`)
	r.do(w)
	fail := j.work(store.Fail)
	r.do(fail)
	fail.Failure.Reason = "changed"
	t := r.task(1)
	if t.Checkpoint == nil || len(t.Undo) != 1 || t.Failure == nil || r.lastEvent().Failure == nil {
		e.Fatalf("task %+v, last event %+v", t, r.lastEvent())
	}
	copy(t.Checkpoint.Data, `"###"`)
	copy(t.Undo[0].Data, `"###"`)
	t.Failure.Reason = "changed"
	r.lastEvent().Failure.Reason = "changed"

	t = r.task(1)
	equal(e, "checkpoint", string(t.Checkpoint.Data), `"abc"`)
	equal(e, "undo entry", string(t.Undo[0].Data), `"xyz"`)
	equal(e, "failure", t.Failure.Reason, "it broke")
	equal(e, "event", r.lastEvent().Failure.Reason, "it broke")
}

// queryIdle: Idle is the time since the control changed, by the store's clock.
func queryIdle(e *env) {
	r := e.start(1, concurrently(1))
	e.outlast(e.h.TTL)
	r.run(1, store.Complete)
	if idle := r.read().Idle; idle < e.h.TTL {
		e.Errorf("idle for %s after a worker's commit, want at least %s", idle, e.h.TTL)
	}
	settled := time.Now()
	p := r.settle()
	if p.Idle < 0 || p.Idle > e.h.TTL+time.Since(settled) {
		e.Errorf("idle for %s after a step of the plan", p.Idle)
	}
}
