package storetest

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

func claimCases() []testCase {
	return []testCase{
		{name: "pending by ordinal", run: claimPending},
		{name: "pending as chosen", run: claimChosen},
		{name: "undo of what was chosen", run: claimChosenUndo},
		{name: "a choice that makes no sense", run: claimBadChoice},
		{name: "what waits comes first", run: claimOrder},
		{name: "no more than may be held", run: claimHeld},
		{name: "no further than is open", run: claimOpen},
		{name: "what was skipped or cancelled", run: claimPassesOver},
		{name: "by the state of the plan", run: claimByState},
		{name: "greater tokens", run: claimTokens},
		{name: "concurrent", run: claimConcurrent},
		{name: "claimable tells the truth", run: claimable},
		{name: "strict", run: claimStrict},
		{name: "strict, with what waits for a worker", run: claimStrictUnheld},
		{name: "random rules and facts", run: claimRules},
	}
}

// expect claims up to most tasks and expects the tasks with these ordinals, in this order.
func (r *rollout) expect(most int, want ...int) []*job {
	r.Helper()
	jobs := r.claim("worker", most)
	if got := ordinals(jobs); !slices.Equal(got, want) {
		r.Fatalf("claimed %v, want %v", got, want)
	}
	return jobs
}

func claimPending(e *env) {
	r := e.create(250, concurrently(250))
	equal(e, "claimed before the start", len(r.claim("worker", 1)), 0)
	r.decide(func(p plan.Plan) (plan.Decision, error) { return p.MarkStarting(1, time.Minute, by()) })
	r.decide(func(p plan.Plan) (plan.Decision, error) { return p.Start(by()) })
	next := 1
	for _, n := range []int{1, 3, store.MaxBatch, store.MaxBatch, store.MaxBatch, 5} {
		jobs := r.claim("worker", n)
		if want := min(n, 251-next); len(jobs) != want {
			e.Fatalf("claimed %d tasks, want %d", len(jobs), want)
		}
		for _, j := range jobs {
			if j.ID.Ordinal() != next || j.State != task.Running || j.Worker != "worker" || j.Attempt != 1 || j.StartedAt.IsZero() {
				e.Fatalf("task %d is claimed as %+v", next, j.Task)
			}
			next++
		}
	}
	b := store.Batch{Plan: r.id, Claim: store.Claim{ID: "none", Worker: "worker"}}
	e.ok(r.Commit(e.ctx, &b))
	equal(e, "claimed when none are wanted", len(b.Claimed), 0)
}

// claimOrder: claims get first RUNNING tasks without a worker, then ROLLING_BACK tasks without a
// worker, then PENDING tasks.
func claimOrder(e *env) {
	r := e.start(6, concurrently(3))
	r.run(1, store.Complete)
	jobs := r.take("worker", 2)
	r.do(jobs[0].work(store.Yield))
	r.do(jobs[1].work(store.Yield))
	r.order(1, plan.Plan.RollbackTask)
	first := ordinals(r.take("worker", 2))
	slices.Sort(first)
	if !slices.Equal(first, []int{2, 3}) {
		e.Errorf("claimed first: %v, want the running ones, 2 and 3", first)
	}
	undo := r.expect(2, 1)[0]
	equal(e, "state of the undo", undo.State, task.RollingBack)
	r.do(undo.work(store.Undone))
	r.expect(2, 4)
}

func claimHeld(e *env) {
	r := e.start(10, concurrently(3))
	jobs := r.expect(10, 1, 2, 3)
	r.expect(10)
	r.do(jobs[1].work(store.Complete))
	r.expect(10, 4)

	// Tasks that wait for a worker after a command are claimed only when fewer than three tasks are
	// held.
	retry := func(p plan.Plan, t task.Task, by plan.By) (plan.Decision, error) {
		return p.RetryTask(t, task.FromCheckpoint, by)
	}
	r.do(jobs[0].work(store.Fail))
	r.expect(10, 5)
	r.order(1, retry)
	r.expect(10)
	r.order(2, plan.Plan.RollbackTask)
	r.expect(10)
	r.do(jobs[2].work(store.Complete))
	r.expect(10, 1)
	equal(e, "held", r.read().Counters.Held, 3)
}

// claimOpen: claims get only the tasks that the grant allows, even if the plan has more.
func claimOpen(e *env) {
	r := e.start(10, concurrently(10))
	r.grant(strategy.Grant{LastOrdinal: 3, MaxSlots: 4, MaxFailed: 10})
	r.expect(10, 1, 2, 3)
	r.grant(strategy.Grant{LastOrdinal: 6, MaxSlots: 4, MaxFailed: 10})
	r.expect(10, 4)
	r.grant(strategy.Grant{LastOrdinal: 6, MaxSlots: 100, MaxFailed: 10})
	r.expect(10, 5, 6)
	r.grant(strategy.Grant{MaxSlots: 100})
	r.expect(10)
	r.grant(strategy.Grant{LastOrdinal: 100, MaxSlots: 100})
	r.expect(3, 7, 8, 9)
}

func claimPassesOver(e *env) {
	r := e.start(5, concurrently(5))
	r.order(1, plan.Plan.SkipTask)
	r.order(3, plan.Plan.CancelTask)
	r.expect(2, 2, 4)
	r.order(5, plan.Plan.SkipTask)
	r.expect(2)
}

// claimByState: a running plan's tasks are claimed in the order of claimOrder. If the plan is
// paused, canceled or rolled back, only the undo that a command requested is claimed.
func claimByState(e *env) {
	for _, test := range []struct {
		name    string
		command command
		running bool // RUNNING tasks are claimed
	}{
		{"running", nil, true},
		{"paused", plan.Plan.Pause, false},
		{"cancelled", plan.Plan.Cancel, false},
		{"rolled back", plan.Plan.Rollback, false},
	} {
		r := e.start(4, concurrently(4))
		r.run(1, store.Complete)
		r.order(1, plan.Plan.RollbackTask)
		j := r.take("worker", 2)[1]
		equal(e, "waits", j.ID.Ordinal(), 2)
		r.do(j.work(store.Yield))
		if test.command != nil {
			r.give(test.command)
		}
		r.do((&job{Task: r.task(1)}).work(store.Yield))
		got := ordinals(r.claim("another", 4))
		want := []int{1}
		if test.running {
			want = []int{2, 1, 3, 4}
		}
		if !slices.Equal(got, want) {
			e.Errorf("%s: claimed %v, want %v", test.name, got, want)
		}
	}
}

func claimTokens(e *env) {
	r := e.start(1, concurrently(1))
	last, version := task.Token(0), uint64(0)
	for range 20 {
		j := r.take("worker", 1)[0]
		if j.Token <= last || j.Version <= version {
			e.Fatalf("token %d, version %d after %d, %d", j.Token, j.Version, last, version)
		}
		last, version = j.Token, j.Version
		r.do(j.work(store.Yield))
	}
}

// claimConcurrent: no task is assigned twice, and never more tasks than the grant allows.
func claimConcurrent(e *env) {
	const workers, held, n = 8, 20, 200
	r := e.start(n, concurrently(held))
	var mu sync.Mutex
	var group sync.WaitGroup
	taken := make(map[int]int)
	for w := range workers {
		group.Go(func() {
			worker := fmt.Sprintf("worker-%d", w)
			b := store.Batch{Plan: r.id}
			for i := 0; i < n; i++ {
				b.Claim = store.Claim{ID: fmt.Sprintf("%s-%d", worker, i), Worker: worker, Max: 3}
				if err := e.Commit(e.ctx, &b); err != nil {
					e.Errorf("commit: %v", err)
					return
				}
				if b.View.Counters.Held > held {
					e.Errorf("%d tasks are held, %d may be", b.View.Counters.Held, held)
				}
				if b.View.Counters.Of(task.Pending) == 0 && len(b.Claimed) == 0 {
					return
				}
				b.Changes = b.Changes[:0]
				mu.Lock()
				for _, t := range b.Claimed {
					taken[t.ID.Ordinal()]++
					b.Changes = append(b.Changes, (&job{Task: t}).work(store.Complete))
				}
				mu.Unlock()
			}
		})
	}
	group.Wait()
	for o := 1; o <= n; o++ {
		if taken[o] != 1 {
			e.Errorf("task %d was claimed %d times", o, taken[o])
		}
	}
}

// claimable: the view of a commit reports correctly whether a further claim would find tasks.
func claimable(e *env) {
	r := e.start(3, tolerating(2, 0))
	probe := func(what string) {
		e.Helper()
		_, view := r.commit()
		jobs := r.claim("worker", 1)
		equal(e, what+": claimable", view.Claimable, len(jobs) > 0)
		for _, j := range jobs {
			r.do(j.work(store.Yield))
		}
	}
	probe("fresh")
	jobs := r.take("worker", 2)
	probe("full")
	r.do(jobs[0].work(store.Complete))
	probe("one done")
	r.give(plan.Plan.Pause)
	probe("paused")
	r.give(plan.Plan.Resume)
	r.do(jobs[1].work(store.Fail))
	probe("breached")
	r.settle()
	probe("failed")
	r.give(plan.Plan.Rollback)
	probe("rolling back")
	r.settle()
	probe("undo")
}
