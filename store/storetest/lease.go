package storetest

import (
	"errors"
	"slices"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

func leaseCases() []testCase {
	return []testCase{
		{name: "names all that is held", run: leaseHoldings},
		{name: "tells what is in force", run: leaseStops},
		{name: "never comes back", run: leaseExpires},
		{name: "lives as long as it is renewed", run: leaseRenewed},
		{name: "ends when it is given back", run: leaseLeft},
		{name: "orphans", run: leaseOrphans},
		{name: "many orphans", run: leaseManyOrphans},
		{name: "too many plans", run: leaseTooMany},
	}
}

// beat renews a lease and returns the tasks in the answer.
func (e *env) beat(incarnation string, ttl time.Duration, plans ...plan.ID) map[task.ID]store.Holding {
	e.Helper()
	held, err := e.Heartbeat(e.ctx, incarnation, ttl, plans)
	e.ok(err)
	byTask := make(map[task.ID]store.Holding)
	for _, h := range held {
		if _, twice := byTask[h.Task]; twice {
			e.Errorf("task %s is named twice", h.Task)
		}
		byTask[h.Task] = h
	}
	return byTask
}

func leaseHoldings(e *env) {
	one, two := e.start(150, concurrently(150)), e.start(3, concurrently(3))
	e.ok(e.Join(e.ctx, "me", time.Minute, store.Process{}))
	e.ok(e.Join(e.ctx, "you", time.Minute, store.Process{}))
	equal(e, "holdings at first", len(e.beat("me", time.Minute, one.id, two.id)), 0)
	jobs := slices.Concat(one.take("me", store.MaxBatch), one.take("me", 20), two.take("me", 1))
	one.take("you", 5)

	held := e.beat("me", time.Minute, one.id, two.id, two.id+100)
	equal(e, "holdings", len(held), len(jobs))
	for _, j := range jobs {
		h := held[j.ID]
		if h.Token != j.Token || h.Worker != "me" || h.Stop != task.Go {
			e.Fatalf("task %s under token %d is named as %+v", j.ID, j.Token, h)
		}
	}
	equal(e, "holdings in one plan", len(e.beat("me", time.Minute, two.id)), 1)
	equal(e, "holdings in no plan", len(e.beat("me", time.Minute)), 0)
	two.do(jobs[len(jobs)-1].work(store.Complete))
	equal(e, "holdings after the end", len(e.beat("me", time.Minute, two.id)), 0)
}

func leaseStops(e *env) {
	r := e.start(3, concurrently(3))
	e.ok(e.Join(e.ctx, "me", time.Minute, store.Process{}))
	jobs := r.take("me", 3)
	r.order(1, plan.Plan.PauseTask)
	r.order(2, plan.Plan.CancelTask)
	held := e.beat("me", time.Minute, r.id)
	for i, want := range []task.Stop{task.StopPause, task.StopCancel, task.Go} {
		equal(e, "stop", held[jobs[i].ID].Stop, want)
	}
	r.give(plan.Plan.Pause)
	held = e.beat("me", time.Minute, r.id)
	for i, want := range []task.Stop{task.StopPause, task.StopCancel, task.StopPause} {
		equal(e, "stop of a paused plan", held[jobs[i].ID].Stop, want)
	}
}

// leaseExpires: a heartbeat does not restore an expired lease. The task of its worker is an orphan,
// but the worker still holds the task and can save.
func leaseExpires(e *env) {
	r := e.start(1, concurrently(1))
	e.ok(e.Join(e.ctx, "me", e.h.TTL, store.Process{}))
	j := r.take("me", 1)[0]
	e.outlast(e.h.TTL)
	for range 2 {
		_, err := e.Heartbeat(e.ctx, "me", e.h.TTL, []plan.ID{r.id})
		e.is(err, store.ErrLeaseExpired)
	}
	lost, err := e.Orphans(e.ctx, r.id)
	e.ok(err)
	equal(e, "orphans", len(lost), 1)
	// The worker still holds the task: only a newer token ends its hold.
	r.do(j.save("STEP", "1"))
	_, err = e.Heartbeat(e.ctx, "nobody", e.h.TTL, nil)
	e.is(err, store.ErrLeaseExpired)
}

func leaseRenewed(e *env) {
	e.inTime(func(ttl time.Duration) bool {
		r, me := e.start(1, concurrently(1)), "me for "+ttl.String()
		e.ok(e.Join(e.ctx, me, ttl, store.Process{}))
		renewed := time.Now()
		e.ok(e.Join(e.ctx, me, ttl, store.Process{})) // a repeat after a lost answer
		r.take(me, 1)
		for range 6 {
			time.Sleep(ttl / 3)
			again := time.Now()
			held, err := e.Heartbeat(e.ctx, me, ttl, []plan.ID{r.id})
			lost, err2 := e.Orphans(e.ctx, r.id)
			if time.Since(renewed) >= ttl {
				return false
			}
			renewed = again
			e.ok(errors.Join(err, err2))
			equal(e, "holdings", len(held), 1)
			equal(e, "orphans", len(lost), 0)
		}
		return true
	})
}

func leaseLeft(e *env) {
	r := e.start(1, concurrently(1))
	e.ok(e.Join(e.ctx, "me", time.Minute, store.Process{}))
	r.take("me", 1)
	e.ok(e.Leave(e.ctx, "me"))
	e.ok(e.Leave(e.ctx, "me"))
	_, err := e.Heartbeat(e.ctx, "me", time.Minute, nil)
	e.is(err, store.ErrLeaseExpired)
	lost, err := e.Orphans(e.ctx, r.id)
	e.ok(err)
	equal(e, "orphans", len(lost), 1)
}

func leaseOrphans(e *env) {
	r := e.start(4, concurrently(4))
	e.ok(e.Join(e.ctx, "alive", time.Minute, store.Process{}))
	r.take("alive", 1)
	dead := r.take("dead", 2)
	r.order(3, plan.Plan.CancelTask)
	lost, err := e.Orphans(e.ctx, r.id)
	e.ok(err)
	equal(e, "orphans", len(lost), 2)
	for _, h := range lost {
		i := slices.IndexFunc(dead, func(j *job) bool { return j.ID == h.Task })
		if i < 0 || h.Token != dead[i].Token || h.Worker != "dead" {
			e.Errorf("orphan %+v", h)
			continue
		}
		want := task.Go
		if h.Task.Ordinal() == 3 {
			want = task.StopCancel
		}
		equal(e, "stop", h.Stop, want)
	}
	r.lose(2, 3)
	r.lose(3, 3)
	lost, err = e.Orphans(e.ctx, r.id)
	e.ok(err)
	equal(e, "orphans that were taken", len(lost), 0)
	young := r.take("alive", 1)[0]
	equal(e, "claimed again", young.Attempt, 1)
}

// leaseManyOrphans: one answer has at most MaxBatch orphans, and repeated calls find all of them.
func leaseManyOrphans(e *env) {
	const n = store.MaxBatch + 30
	r := e.start(n, concurrently(n))
	r.take("dead", store.MaxBatch)
	r.take("dead", 30)
	found := 0
	for range n {
		lost, err := e.Orphans(e.ctx, r.id)
		e.ok(err)
		if len(lost) == 0 {
			break
		}
		if len(lost) > store.MaxBatch {
			e.Fatalf("%d orphans in one answer", len(lost))
		}
		found += len(lost)
		tasks := make([]task.Task, len(lost))
		for i, h := range lost {
			tasks[i] = r.task(h.Task.Ordinal())
		}
		r.decide(func(p plan.Plan) (plan.Decision, error) { return p.LoseTasks(tasks, 3, by()), nil })
	}
	equal(e, "orphans", found, n)
}

func leaseTooMany(e *env) {
	e.ok(e.Join(e.ctx, "me", time.Minute, store.Process{}))
	_, err := e.Heartbeat(e.ctx, "me", time.Minute, make([]plan.ID, store.MaxBatch+1))
	e.refused("a heartbeat for too many plans", err)
}
