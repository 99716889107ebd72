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

// waitKeepsSlot: tasks that wait take slots, so nothing else begins. What is due is claimed
// although no slot is free.
func waitKeepsSlot(e *env) {
	r := e.start(5, concurrently(3))
	jobs := r.take("worker", 3)
	r.wait(jobs[0], task.WaitHold, time.Hour)
	r.wait(jobs[1], task.WaitBackoff, time.Hour)
	idle := func(what string) {
		e.Helper()
		_, view := r.commit()
		equal(e, what+": claimable", view.Claimable, false)
		equal(e, what+": claimable as read", r.read().Claimable(), false)
		r.expect(5)
	}
	idle("one held, two wait")
	equal(e, "slots", r.read().Counters.Slots(), 3)
	b := store.Batch{Plan: r.id, Claim: store.Claim{ID: "with", Worker: "worker", Max: 5}}
	b.Changes = []store.Change{jobs[2].deferred(task.WaitProving, time.Hour)}
	e.ok(r.Commit(e.ctx, &b))
	equal(e, "claimed with the third", len(b.Claimed), 0)
	idle("three wait")

	r.order(2, plan.Plan.PauseTask) // frees a slot
	next := r.expect(5, 4)[0]
	idle("one held, two wait again")
	b = store.Batch{Plan: r.id, Claim: store.Claim{ID: "due", Worker: "worker", Max: 5}}
	b.Changes = []store.Change{next.deferred(task.WaitHold, 0)}
	e.ok(r.Commit(e.ctx, &b))
	if len(b.Claimed) != 1 {
		e.Fatalf("claimed %d tasks at once, want the one that was deferred", len(b.Claimed))
	}
	(&job{Task: b.Claimed[0]}).ends(r)
	r.expect(5, 5)
}

// waitFewerSlots: the bound on slots may become smaller than what is taken. Tasks whose waits are
// over are claimed nevertheless, up to the number asked for, and nothing begins in their place.
func waitFewerSlots(e *env) {
	r := e.start(6, concurrently(4))
	for i, j := range r.take("worker", 3) {
		after := []time.Duration{time.Hour, 0, 0}[i]
		r.wait(j, task.WaitHold, after)
	}
	r.grant(strategy.Grant{LastOrdinal: 6, MaxSlots: 1, MaxFailed: 6})
	_, view := r.commit()
	equal(e, "claimable", view.Claimable, true)
	equal(e, "claimable as read", r.read().Claimable(), true)
	due := append(r.take("worker", 1), r.claim("worker", 6)...)
	equal(e, "claimed", len(due), 2)
	_, view = r.commit()
	equal(e, "claimable, nothing due", view.Claimable, false)
	for _, j := range due {
		j.ends(r)
	}
	r.expect(6) // task 1 waits in the only slot
	r.grant(strategy.Grant{MaxSlots: 0})
	r.order(1, awake)
	r.expect(6)
	r.grant(strategy.Grant{LastOrdinal: 6, MaxSlots: 2, MaxFailed: 6})
	r.expect(6, 1, 4)
}

// awake ends any wait of a task.
func awake(p plan.Plan, t task.Task, _ plan.By) (plan.Decision, error) {
	e := edited(t, t.State)
	e.Wait = task.Wait{}
	return plan.Decision{Plan: p, Changed: true, Edits: []task.Edit{e}}, nil
}

// waitMany: a claim gets no more of the tasks that are due than it asks for.
func waitMany(e *env) {
	const n = 2*store.MaxBatch + 10
	r := e.start(n+1, concurrently(n))
	jobs := slices.Concat(r.take("worker", store.MaxBatch), r.take("worker", store.MaxBatch), r.take("worker", n-2*store.MaxBatch))
	for part := range slices.Chunk(jobs, store.MaxBatch) {
		var changes []store.Change
		for _, j := range part {
			changes = append(changes, j.deferred(task.WaitBackoff, 0))
		}
		changes, _ = r.commit(changes...)
		for _, w := range changes {
			e.ok(w.Err)
		}
	}
	seen := make(map[int]bool)
	for _, want := range []int{store.MaxBatch, store.MaxBatch, n - 2*store.MaxBatch, 0} {
		got := r.claim("worker", store.MaxBatch)
		if len(got) != want {
			e.Fatalf("claimed %d tasks, want %d", len(got), want)
		}
		for _, j := range got {
			if o := j.ID.Ordinal(); seen[o] || o > n || j.Attempt != 2 {
				e.Errorf("task %d is claimed for attempt %d, again: %t", o, j.Attempt, seen[o])
			}
			seen[j.ID.Ordinal()] = true
		}
	}
}

// waitConcurrent: many workers defer each task once. No task is assigned twice for one attempt, and
// never are more slots taken than the grant allows.
func waitConcurrent(e *env) {
	const workers, slots, n = 6, 10, 60
	r := e.start(n, concurrently(slots))
	var mu sync.Mutex
	var group sync.WaitGroup
	taken := make(map[[2]int]int)
	for w := range workers {
		group.Go(func() {
			worker := fmt.Sprintf("worker-%d", w)
			b := store.Batch{Plan: r.id}
			for i := range 100 * n {
				b.Claim = store.Claim{ID: fmt.Sprintf("%s-%d", worker, i), Worker: worker, Max: 2}
				if err := e.Commit(e.ctx, &b); err != nil {
					e.Errorf("commit: %v", err)
					return
				}
				if c := b.View.Counters; c.Slots() > slots {
					e.Errorf("%d tasks are held and %d wait, %d slots there are", c.Held, c.Waiting, slots)
				}
				if b.View.Counters.Of(task.Completed) == n {
					return
				}
				b.Changes = b.Changes[:0]
				mu.Lock()
				for _, t := range b.Claimed {
					taken[[2]int{t.ID.Ordinal(), t.Attempt}]++
					j := &job{Task: t}
					if t.Attempt == 1 {
						b.Changes = append(b.Changes, j.deferred(task.WaitBackoff, time.Millisecond))
					} else {
						b.Changes = append(b.Changes, j.work(store.Complete))
					}
				}
				mu.Unlock()
				if len(b.Claimed) == 0 {
					time.Sleep(time.Millisecond)
				}
			}
			e.Error("the tasks are never done")
		})
	}
	group.Wait()
	for o := 1; o <= n; o++ {
		for attempt := 1; attempt <= 2; attempt++ {
			if times := taken[[2]int{o, attempt}]; times != 1 {
				e.Errorf("task %d was claimed %d times for attempt %d", o, times, attempt)
			}
		}
	}
}
