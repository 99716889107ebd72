package storetest

import (
	"reflect"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

func sweepCases() []testCase {
	return []testCase{
		{name: "keeps every field of a sweep", run: sweepsKept},
		{name: "keeps a sweep of its own", run: sweepsOwned},
		{name: "sweeps that wait close the grant", run: sweepsHoldBack},
		{name: "a sweep by states and ordinals", run: sweepsInBatches},
	}
}

// fullSweep is a sweep with every field set that a command sets.
func fullSweep(k plan.SweepKind) plan.Sweep {
	return plan.Sweep{Kind: k, From: task.FromScratch, Filter: task.Filter{
		States: []task.State{task.Failed, task.Pending}, Codes: []string{"A\t\n", "B"}, Steps: []string{"\x00 step"},
		Waves: []int{2, 1}, Labels: map[string]string{"region": "eu ß", "tier": ""}, Tenant: "t\x00",
	}}
}

// queue queues a command for the tasks that a filter selects, as if it changed one of them.
func queue(r *rollout, s plan.Sweep) plan.Plan {
	r.Helper()
	return r.decide(func(p plan.Plan) (plan.Decision, error) { return s.Queue(p, plan.Reach{Changing: 1}, by()) })
}

// sweepsKept: sweeps are read as they were written, and so is the filter in the event of a command.
func sweepsKept(e *env) {
	r := e.startWaved(concurrently(1), 2, 5)
	var want []plan.Sweep
	for i := range plan.NumSweepKinds {
		k := plan.SweepKind(i)
		if k == plan.SweepResume || k == plan.SweepCancel {
			continue // the plan's own have no filter
		}
		s := fullSweep(k)
		queue(r, s)
		s.Last, s.Actor, s.Reason = 5, by().Actor, by().Reason
		want = append(want, s)
		if got := r.lastEvent().Filter; got != s.Filter.String() {
			e.Errorf("the event of %s is about %q, want %q", k, got, s.Filter.String())
		}
	}
	if got := r.read().Sweeps; !reflect.DeepEqual(got, want) {
		e.Fatalf("the sweeps are\n%+v\nwant\n%+v", got, want)
	}
	r.decide(func(p plan.Plan) (plan.Decision, error) {
		d := plan.Decision{Plan: p, Changed: true}
		d.Plan.Sweeps = []plan.Sweep{{Kind: plan.SweepRetry, From: task.FromCheckpoint, After: 3, Last: 4, Changed: 7, Held: 9}}
		want = d.Plan.Sweeps
		return d, nil
	})
	if got := r.read().Sweeps; !reflect.DeepEqual(got, want) {
		e.Errorf("the sweeps are\n%+v\nwant\n%+v", got, want)
	}
}

// sweepsOwned: what a caller does to the filter of a command, or of a plan that it has read, does
// not change the plan.
func sweepsOwned(e *env) {
	r := e.startWaved(concurrently(1), 2, 5)
	given, want := fullSweep(plan.SweepSkipTasks), fullSweep(plan.SweepSkipTasks)
	read := queue(r, given).Sweeps[0]
	for _, f := range []task.Filter{given.Filter, read.Filter, r.read().Sweeps[0].Filter} {
		f.States[0], f.Codes[0], f.Waves[0], f.Labels["region"] = task.Running, "changed", 99, "changed"
	}
	if got := r.read().Sweeps[0].Filter; !reflect.DeepEqual(got, want.Filter) {
		e.Errorf("the filter is %+v, want %+v", got, want.Filter)
	}
}

// sweepsHoldBack: while tasks are to be skipped, none begins.
func sweepsHoldBack(e *env) {
	r := e.start(3, concurrently(3))
	queue(r, plan.Sweep{Kind: plan.SweepSkipTasks})
	r.expect(3)
	tasks := r.all()
	r.decide(func(p plan.Plan) (plan.Decision, error) {
		return p.Sweep(tasks[:2], 0, func(task.ID) bool { return false }, by()), nil
	})
	r.expect(3, 3)
}

// sweepsInBatches: a sweep that reads only the tasks that its kind, filter and waves leave comes to
// exactly those that it changes.
func sweepsInBatches(e *env) {
	r := e.createWaved(concurrently(9), 3, 70, 75, 140)
	r.order(72, plan.Plan.SkipTask)
	queue(r, plan.Sweep{Kind: plan.SweepSkipTasks, Filter: task.Filter{Waves: []int{3, 1}}})
	for range 100 {
		p := r.read()
		if len(p.Sweeps) == 0 {
			break
		}
		s := &p.Sweeps[0]
		from, to, more := s.Range(&p, s.After)
		var tasks []task.Task
		next := 0
		if more {
			var err error
			tasks, next, err = e.Tasks(e.ctx, r.id, store.TaskQuery{After: from, Until: to, States: s.States(), Limit: 2})
			e.ok(err)
			if next == 0 {
				next = to
			}
		}
		r.decide(func(p plan.Plan) (plan.Decision, error) {
			return p.Sweep(tasks, next, func(task.ID) bool { return false }, by()), nil
		})
	}
	for i, got := range r.shown() {
		want := task.Pending
		if o := i + 1; o <= 3 || o > 70 && o <= 75 {
			want = task.Skipped
		}
		if got != want {
			e.Errorf("task %d is %s, want %s", i+1, got, want)
		}
	}
	if n := len(r.read().Sweeps); n != 0 {
		e.Errorf("%d sweeps are left", n)
	}
}
