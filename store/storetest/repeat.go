package storetest

import (
	"slices"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

func repeatCases() []testCase {
	return []testCase{
		{name: "change", run: repeatedChange},
		{name: "change after a release", run: repeatedAfterRelease},
		{name: "change after another worker's claim", run: repeatedAfterClaim},
		{name: "change after another worker's change", run: repeatedAfterChange},
		{name: "commit with a claim", run: repeatedCommit},
		{name: "claim", run: repeatedClaim},
		{name: "claim of which some are done", run: repeatedClaimPartly},
		{name: "claim whose tasks were lost", run: repeatedClaimLost},
		{name: "command", run: repeatedCommand},
		{name: "command after many others", run: repeatedOldCommand},
		{name: "refused command", run: refusedCommand},
	}
}

// again repeats a change, which must succeed and change nothing.
func (r *rollout) again(w store.Change) store.Change {
	r.Helper()
	before, t := r.read(), r.task(w.Task.Ordinal())
	w = r.do(w)
	after := r.task(w.Task.Ordinal())
	equal(r.env, "events after a repeat", r.read().LastEvent, before.LastEvent)
	equal(r.env, "counters after a repeat", r.read().Counters, before.Counters)
	equal(r.env, "state after a repeat", after.State, t.State)
	equal(r.env, "version after a repeat", after.Version, t.Version)
	equal(r.env, "state answered to a repeat", w.State, t.State)
	return w
}

func repeatedChange(e *env) {
	r := e.start(1, concurrently(1))
	j := r.take("worker", 1)[0]
	one, two := j.save("ONE", "1"), j.save("TWO", "2")
	r.do(one)
	r.again(one)
	r.do(two)
	r.again(one)
	if c := r.task(1).Checkpoint; c == nil || c.Step != "TWO" {
		e.Errorf("checkpoint %+v after a repeat of an older save", c)
	}
	r.give(plan.Plan.Pause)
	equal(e, "a repeat tells what is in force", r.again(two).Stop, task.StopPause)
	done := j.work(store.Complete)
	r.do(done)
	r.again(done)
	r.again(two)
}

func repeatedAfterRelease(e *env) {
	r := e.start(4, concurrently(4))
	kinds := []store.ChangeKind{store.Complete, store.Fail, store.Yield, store.Yield}
	jobs := r.take("worker", len(kinds))
	r.order(4, plan.Plan.CancelTask)
	for i, j := range jobs {
		w := j.work(kinds[i])
		r.do(w)
		r.again(w)
	}
	r.give(plan.Plan.Cancel)
	r.give(plan.Plan.Rollback)
	for i, j := range jobs {
		j.seq--
		r.again(j.work(kinds[i]))
	}
}

// repeatedAfterClaim: a Yield whose answer was lost has no effect when it is repeated after another
// worker has claimed the task.
func repeatedAfterClaim(e *env) {
	r := e.start(1, concurrently(1))
	old := r.take("old", 1)[0]
	yield := old.work(store.Yield)
	r.do(yield)
	r.take("young", 1)
	r.again(yield)
	equal(e, "worker", r.task(1).Worker, "young")
	changes, _ := r.commit(old.save("NEXT", "1"))
	e.is(changes[0].Err, store.ErrFenced)
}

func repeatedAfterChange(e *env) {
	r := e.start(1, concurrently(1))
	old := r.take("old", 1)[0]
	yield := old.work(store.Yield)
	r.do(yield)
	young := r.take("young", 1)[0]
	r.do(young.save("MINE", "1"))
	changes, _ := r.commit(yield)
	e.is(changes[0].Err, store.ErrFenced)
	equal(e, "worker", r.task(1).Worker, "young")
}

// repeatedCommit: a commit with changes and a claim has no further effect when it is repeated after
// a lost answer, and returns the same tasks.
func repeatedCommit(e *env) {
	r := e.start(10, concurrently(4))
	jobs := r.take("worker", 4)
	b := store.Batch{Plan: r.id, Claim: store.Claim{ID: "carried", Worker: "worker", Max: 3}}
	b.Changes = []store.Change{jobs[0].work(store.Complete), jobs[1].work(store.Fail), jobs[2].save("STEP", "1")}
	e.ok(r.Commit(e.ctx, &b))
	equal(e, "claimed", len(b.Claimed), 2)
	first := slices.Clone(b.Claimed)
	before := r.read()

	e.ok(r.Commit(e.ctx, &b))
	for _, w := range b.Changes {
		e.ok(w.Err)
	}
	sameClaim(e, first, b.Claimed)
	after := r.read()
	equal(e, "events", after.LastEvent, before.LastEvent)
	equal(e, "counters", after.Counters, before.Counters)
}

// sameClaim compares the tasks of two claims, in any order.
func sameClaim(e *env, want, got []task.Task) {
	e.Helper()
	tokens := make(map[task.ID]task.Token)
	for _, t := range want {
		tokens[t.ID] = t.Token
	}
	for _, t := range got {
		if token, ok := tokens[t.ID]; !ok || token != t.Token {
			e.Errorf("claimed again: task %s under token %d, was %d", t.ID, t.Token, token)
		}
		delete(tokens, t.ID)
	}
	if len(tokens) > 0 {
		e.Errorf("not claimed again: %v", tokens)
	}
}

func repeatedClaim(e *env) {
	r := e.start(10, concurrently(10))
	claim := func(most int) []task.Task {
		b := store.Batch{Plan: r.id, Claim: store.Claim{ID: "once", Worker: "worker", Max: most}}
		e.ok(r.Commit(e.ctx, &b))
		return slices.Clone(b.Claimed)
	}
	first := claim(3)
	equal(e, "claimed", len(first), 3)
	r.take("another", 2)
	sameClaim(e, first, claim(3))
	sameClaim(e, first, claim(3))
	equal(e, "held", r.read().Counters.Held, 5)
}

func repeatedClaimPartly(e *env) {
	r := e.start(10, concurrently(10))
	jobs, _ := r.claimWith("once", "worker", 3)
	r.do(jobs[0].work(store.Complete))
	r.do(jobs[1].work(store.Yield))
	r.take("another", 1)
	again, _ := r.claimWith("once", "worker", 3)
	if got := ordinals(again); !slices.Equal(got, []int{3}) {
		e.Errorf("claimed again: tasks %v, want 3", got)
	}
	r.do(jobs[2].work(store.Complete))
	again, _ = r.claimWith("once", "worker", 3)
	equal(e, "claimed when all are done", len(again), 0)
}

// repeatedClaimLost: one of the claim's two tasks was taken away. A late repeat must not return
// that task.
func repeatedClaimLost(e *env) {
	r := e.start(3, concurrently(3))
	r.claimWith("once", "old", 2)
	r.lose(1, 3)
	young := r.take("young", 1)[0]
	equal(e, "taken over", young.ID.Ordinal(), 1)
	again, _ := r.claimWith("once", "old", 2)
	if got := ordinals(again); !slices.Equal(got, []int{2}) {
		e.Errorf("claimed again: tasks %v, want 2", got)
	}
}

func repeatedCommand(e *env) {
	r := e.start(2, concurrently(2))
	r.take("worker", 1)
	c := r.decision(func(p plan.Plan) (plan.Decision, error) { return p.CancelTask(r.task(1), by()) })
	r.send(c)
	r.order(2, plan.Plan.SkipTask)
	before := r.read()
	a, err := r.Apply(e.ctx, c)
	e.ok(err)
	equal(e, "repeated", a.Repeated, true)
	equal(e, "version answered", a.Plan.Version, before.Version)
	after := r.read()
	equal(e, "version", after.Version, before.Version)
	equal(e, "events", after.LastEvent, before.LastEvent)
}

func repeatedOldCommand(e *env) {
	r := e.start(1, concurrently(1))
	first := r.decision(func(p plan.Plan) (plan.Decision, error) { return p.Pause(by()) })
	r.send(first)
	for i := range store.KeptCommands - 1 {
		if i%2 == 0 {
			r.give(plan.Plan.Resume)
		} else {
			r.give(plan.Plan.Pause)
		}
	}
	before := r.read()
	a, err := r.Apply(e.ctx, first)
	e.ok(err)
	equal(e, "repeated", a.Repeated, true)
	equal(e, "version", r.read().Version, before.Version)
	equal(e, "state", r.read().State, before.State)
}

// refusedCommand: a command that was refused is not remembered.
func refusedCommand(e *env) {
	r := e.start(1, concurrently(1))
	c := r.decision(func(p plan.Plan) (plan.Decision, error) { return p.Pause(by()) })
	c.Version++
	for range 2 {
		_, err := r.Apply(e.ctx, c)
		e.is(err, store.ErrConflict)
	}
	c.Version--
	a, err := r.Apply(e.ctx, c)
	e.ok(err)
	equal(e, "repeated", a.Repeated, false)
	equal(e, "state", a.Plan.State, plan.Paused)
}
