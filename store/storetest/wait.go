package storetest

import (
	"slices"
	"time"

	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// reasons are the reasons to wait.
func reasons() []task.WaitReason {
	return []task.WaitReason{task.WaitHold, task.WaitBackoff, task.WaitProving, task.WaitPlace}
}

// wait defers the task of a job. It must not be asked to stop.
func (r *rollout) wait(j *job, why task.WaitReason, after time.Duration) {
	r.Helper()
	if w := r.do(j.deferred(why, after)); !w.State.InFlight() {
		r.Fatalf("task %s was deferred, and is %s", w.Task, w.State)
	}
}

// deferOnce: a task that is deferred stays in flight, without a worker and with its slot.
func deferOnce(e *env, why task.WaitReason) {
	r := e.start(2, concurrently(2))
	r.take("lost", 1)
	r.lose(1, 9)
	j := r.take("worker", 1)[0]
	w := j.work(store.Save)
	w.UndoStep, w.UndoData = "STEP", []byte("0")
	r.do(w)
	before := r.read()
	w = j.deferred(why, time.Hour)
	w.Elapsed = 1999 * time.Microsecond
	changes, view := r.commit(w)
	e.ok(changes[0].Err)
	equal(e, "state answered", changes[0].State, task.Running)

	t := r.task(1)
	equal(e, "state", t.State, task.Running)
	equal(e, "waiting", t.Waiting, true)
	equal(e, "worker", t.Worker, "")
	equal(e, "reason", t.Wait.Why, why)
	if from, to := before.Now.Add(time.Hour), view.Now.Add(time.Hour+time.Millisecond); t.Wait.Until.Before(from) || t.Wait.Until.After(to) {
		e.Errorf("it waits until %s, want a time from %s to %s", t.Wait.Until, from, to)
	}
	if t.Version <= j.Version || t.Token != j.Token || len(t.Undo) != 1 || t.UpdatedAt.Before(j.UpdatedAt) || !t.EndedAt.IsZero() {
		e.Errorf("task %+v, was claimed as %+v", t, j.Task)
	}
	attempt, losses, elapsed, kept, added := 1, 1, time.Millisecond, "", int64(0)
	if why == task.WaitBackoff {
		attempt, losses, elapsed, kept, added = 2, 0, 0, "BROKEN", 1
	}
	equal(e, "attempt", t.Attempt, attempt)
	equal(e, "losses", t.Losses, losses)
	equal(e, "elapsed", t.Elapsed, elapsed)
	equal(e, "failure", code(t.Failure), kept)
	equal(e, "events added", r.read().LastEvent, before.LastEvent+added)
	equal(e, "held", view.Counters.Held, 0)
	equal(e, "waiting, as counted", view.Counters.Waiting, 1)
	equal(e, "due", view.NextDue.Equal(t.Wait.Until), true)
	if got := r.list(store.TaskQuery{Unheld: true}); !slices.Equal(got, []int{1}) {
		e.Errorf("held by nobody: %v, want 1", got)
	}
	equal(e, "held by the worker", len(e.heldBy(r, "worker")), 0)
	changes, _ = r.commit(j.save("LATE", "1"))
	e.is(changes[0].Err, store.ErrFenced)
}

// heldBy joins as an incarnation and returns the tasks that it holds in a plan.
func (e *env) heldBy(r *rollout, incarnation string) map[task.ID]store.Holding {
	e.Helper()
	e.ok(e.Join(e.ctx, incarnation, time.Minute, store.Process{}))
	lost, err := e.Orphans(e.ctx, r.id)
	e.ok(err)
	equal(e, "orphans", len(lost), 0)
	return e.beat(incarnation, time.Minute, r.id)
}

// deferFailure: the failure of an attempt that is repeated stands on the event of the next attempt
// and on the task, until the task succeeds; the plan counts no failure. With another reason a
// failure is dropped.
func deferFailure(e *env) {
	r := e.start(2, tolerating(2, 0))
	jobs := r.take("worker", 2)
	r.wait(jobs[0], task.WaitBackoff, 0)
	ev := r.lastEvent()
	equal(e, "event", brief(ev), "1 retry: RUNNING>RUNNING BROKEN")
	equal(e, "attempt of the event", ev.Attempt, 2)
	equal(e, "tenant of the event", ev.Tenant, tenantOf(1))
	equal(e, "breached", r.read().Breached, false)
	equal(e, "failed", r.read().Counters.Of(task.Failed), 0)

	w := jobs[1].deferred(task.WaitHold, 0)
	w.Failure = &task.FailureInfo{ErrorCode: "IGNORED"}
	r.do(w)
	equal(e, "failure of what holds", code(r.task(2).Failure), "")

	again := r.take("another", 1)[0]
	equal(e, "failure while it runs again", code(again.Failure), "BROKEN")
	equal(e, "attempt while it runs again", again.Attempt, 2)
	r.do(again.save("STEP", "1"))
	r.do(again.work(store.Complete))
	equal(e, "failure when it is done", code(r.task(1).Failure), "")
	equal(e, "attempt when it is done", r.task(1).Attempt, 2)
}

// deferRepeated: a Defer whose answer was lost has no further effect when it is repeated, also
// after the task was claimed again, and does not lengthen the wait.
func deferRepeated(e *env) {
	r := e.start(3, concurrently(3))
	for i, j := range r.take("worker", 3) {
		w := j.deferred(reasons()[i], time.Hour)
		r.do(w)
		first := r.task(i + 1)
		r.again(w)
		again := r.task(i + 1)
		equal(e, "attempt", again.Attempt, first.Attempt)
		equal(e, "due", again.Wait.Until.Equal(first.Wait.Until), true)
	}
	r = e.start(1, concurrently(1))
	w := r.take("old", 1)[0].deferred(task.WaitBackoff, 0)
	r.do(w)
	young := r.take("young", 1)[0]
	r.again(w)
	equal(e, "worker", r.task(1).Worker, "young")
	equal(e, "attempt", r.task(1).Attempt, 2)
	r.do(young.save("MINE", "1"))
	changes, _ := r.commit(w)
	e.is(changes[0].Err, store.ErrFenced)
}

// deferFenced: a worker that lost its task can no longer defer it.
func deferFenced(e *env) {
	r := e.start(2, concurrently(1))
	old := r.take("old", 1)[0]
	r.lose(1, 9)
	young := r.take("young", 1)[0]
	for _, why := range reasons() {
		changes, _ := r.commit(old.deferred(why, 0))
		e.is(changes[0].Err, store.ErrFenced)
	}
	t := r.task(1)
	equal(e, "worker", t.Worker, "young")
	equal(e, "reason", t.Wait.Why, task.NoWait)
	equal(e, "attempt", t.Attempt, 1)
	r.wait(young, task.WaitHold, 0)
	early := store.Change{Task: task.NewID(r.id, 2), Seq: 1, Kind: store.Defer, Wait: task.WaitHold}
	changes, _ := r.commit(early, young.deferred(task.WaitHold, 0))
	e.is(changes[0].Err, store.ErrFenced)
	e.is(changes[1].Err, store.ErrFenced)
}

// deferInvalid: a commit with a change that no store can carry out returns an error and has no
// effect.
func deferInvalid(e *env) {
	r := e.start(2, concurrently(2))
	jobs := r.take("worker", 2)
	for name, change := range map[string]func(w *store.Change){
		"for no reason":             func(w *store.Change) { w.Wait = task.NoWait },
		"for an unknown reason":     func(w *store.Change) { w.Wait = task.WaitPlace + 1 },
		"for less than no time":     func(w *store.Change) { w.After = -1 },
		"for too long":              func(w *store.Change) { w.After = store.MaxWait + 1 },
		"without the failure":       func(w *store.Change) { w.Failure = nil },
		"after less than no time":   func(w *store.Change) { w.Elapsed = -1 },
		"a save, less than no time": func(w *store.Change) { w.Kind, w.Elapsed = store.Save, -time.Hour },
	} {
		w := jobs[0].deferred(task.WaitBackoff, 0)
		change(&w)
		b := store.Batch{Plan: r.id, Changes: []store.Change{jobs[1].work(store.Complete), w}}
		err := r.Commit(e.ctx, &b)
		if e.is(err, store.ErrInvalid); err == nil {
			e.Errorf("%s: no error", name)
		}
	}
	equal(e, "held", r.read().Counters.Held, 2)
	w := jobs[0].deferred(task.WaitHold, store.MaxWait)
	r.do(w)
}

// deferAgenda: engines set timers for tasks that wait, so a plan does not become due.
func deferAgenda(e *env) {
	r := e.start(2, concurrently(2))
	jobs := r.take("worker", 2)
	e.rest(r.id, time.Hour)
	r.wait(jobs[0], task.WaitHold, time.Hour)
	equal(e, "due", e.due(r.id) != nil, false)
	b := store.Batch{Changes: []store.Change{{Kind: store.Defer, State: task.Running}}}
	equal(e, "yields", b.Yields(), false)
}
