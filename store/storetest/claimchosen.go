package storetest

import (
	"slices"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// choose claims tasks, of the pending ones only those that c names.
func choose(r *rollout, c store.Claim) []*job {
	r.Helper()
	c.ID, c.Worker, c.Max, c.Chosen = r.unique("claim"), "worker", store.MaxBatch, true
	b := store.Batch{Plan: r.id, Claim: c}
	r.ok(r.Commit(r.ctx, &b))
	jobs := make([]*job, len(b.Claimed))
	for i, t := range b.Claimed {
		jobs[i] = &job{Task: t}
	}
	return jobs
}

// expectChosen chooses pending tasks, and expects the tasks with these ordinals.
func expectChosen(r *rollout, pending, want []int) []*job {
	r.Helper()
	jobs := choose(r, store.Claim{Pending: pending})
	if got := ordinals(jobs); !slices.Equal(got, want) {
		r.Fatalf("chose %v, claimed %v, want %v", pending, got, want)
	}
	return jobs
}

// claimChosen: a claim gets the pending tasks that it chooses, in its order, of those that may
// begin; what comes before pending tasks it gets as any claim does.
func claimChosen(e *env) {
	r := e.start(200, concurrently(6))
	expectChosen(r, nil, nil)
	jobs := expectChosen(r, []int{150, 3, 150, 201, 7}, []int{150, 3, 7})
	if j := jobs[0]; j.State != task.Running || j.Attempt != 1 || j.Tenant.ID != tenants(150, 1)[0].ID || j.StartedAt.IsZero() {
		e.Errorf("task 150 is claimed as %+v", j.Task)
	}
	r.do(jobs[1].work(store.Yield))
	expectChosen(r, nil, []int{3})
	r.expect(2, 1, 2)
	r.do(jobs[0].work(store.Complete))
	expectChosen(r, []int{10, 11, 12, 13}, []int{10, 11})
	expectChosen(r, []int{14}, nil) // no slot is free
	r.do(jobs[2].work(store.Complete))
	r.grant(strategy.Grant{LastOrdinal: 20, MaxSlots: 100, MaxFailed: 200})
	expectChosen(r, []int{21, 20}, []int{20})
	r.order(5, plan.Plan.SkipTask)
	r.order(30, plan.Plan.SkipTask)
	r.grant(strategy.Grant{LastOrdinal: 200, MaxSlots: 100, MaxFailed: 200})
	expectChosen(r, []int{30, 31}, []int{31})
	r.expect(3, 4, 6, 8)
}

// claimChosenUndo: an undo round finds every task that was chosen, however many before it have not
// begun.
func claimChosenUndo(e *env) {
	r := e.start(300, concurrently(10))
	r.order(299, plan.Plan.SkipTask)
	for _, j := range expectChosen(r, []int{290, 4, 131}, []int{290, 4, 131}) {
		r.do(j.work(store.Complete))
	}
	r.give(plan.Plan.Rollback)
	r.settle()
	undos := r.expect(10, 290, 131, 4)
	for _, j := range undos {
		r.do(j.work(store.Undone))
	}
	equal(e, "undone", r.read().Counters.Of(task.RolledBack), 3)
}

// claimBadChoice: a claim that contradicts itself, or chooses too many, changes nothing.
func claimBadChoice(e *env) {
	r := e.start(3, concurrently(3))
	many := make([]int, store.MaxBatch+1)
	for i := range many {
		many[i] = i + 1
	}
	for _, c := range []store.Claim{
		{Pending: []int{1}}, {Chosen: true, Pending: []int{0}}, {Chosen: true, Pending: []int{-1}}, {Chosen: true, Pending: many},
	} {
		c.ID, c.Worker, c.Max = "bad", "worker", 1
		b := store.Batch{Plan: r.id, Claim: c}
		e.is(r.Commit(e.ctx, &b), store.ErrInvalid)
		equal(e, "claimed", len(b.Claimed), 0)
	}
	r.expect(1, 1)
}
