package storetest

import (
	"errors"
	"fmt"
	"sync"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

func commitCases() []testCase {
	return []testCase{
		{name: "whole life", run: wholeLife},
		{name: "one refused does not refuse others", run: oneRefused},
		{name: "stale version", run: staleVersion},
		{name: "stale task version", run: staleTaskVersion},
		{name: "failed tasks that nobody has seen", run: unseenFailures},
		{name: "stale token", run: staleToken},
		{name: "released token", run: releasedToken},
		{name: "save and command do not meet", run: saveAndCommand},
		{name: "first undo entry wins", run: firstUndoWins},
		{name: "save forgives losses", run: saveForgives},
		{name: "impossible change", run: impossibleChange},
		{name: "concurrent", run: concurrentCommits},
		{name: "too large", run: tooLarge},
	}
}

// wholeLife takes one task from its claim through two saves to its completion.
func wholeLife(e *env) {
	r := e.start(1, concurrently(1))
	j := r.take("worker", 1)[0]
	equal(e, "state when claimed", j.State, task.Running)
	equal(e, "attempt when claimed", j.Attempt, 1)
	w := j.save("SWITCHED", `{"n":1}`)
	w.UndoStep, w.UndoData = "SWITCH", []byte(`"blue"`)
	equal(e, "state after the save", r.do(w).State, task.Running)

	t := r.task(1)
	if t.Checkpoint == nil || t.Checkpoint.Step != "SWITCHED" || string(t.Checkpoint.Data) != `{"n":1}` {
		e.Errorf("checkpoint %+v", t.Checkpoint)
	}
	r.do(j.save("TOLD", `null`))
	if t := r.task(1); t.Checkpoint == nil || t.Checkpoint.Step != "TOLD" || string(t.Checkpoint.Data) != `null` {
		e.Errorf("second checkpoint %+v", t.Checkpoint)
	}
	equal(e, "state when done", r.do(j.work(store.Complete)).State, task.Completed)

	t = r.task(1)
	equal(e, "worker when done", t.Worker, "")
	equal(e, "tenant", t.Tenant.ID, tenantOf(1))
	if t.Checkpoint != nil || t.Failure != nil {
		e.Errorf("done with checkpoint %+v, failure %+v", t.Checkpoint, t.Failure)
	}
	if data, ok := t.Undo.Get("SWITCH"); !ok || string(data) != `"blue"` {
		e.Errorf("done with undo log %+v", t.Undo)
	}
	if t.StartedAt.IsZero() || t.EndedAt.Before(t.StartedAt) || t.UpdatedAt.Before(t.StartedAt) {
		e.Errorf("times %v, %v, %v", t.StartedAt, t.UpdatedAt, t.EndedAt)
	}
	equal(e, "plan", r.settle().State, plan.Completed)
}

func oneRefused(e *env) {
	r := e.start(4, concurrently(4))
	jobs := r.take("worker", 3)
	stale, foreign, none := jobs[1].work(store.Complete), jobs[2].work(store.Complete), jobs[2].work(store.Complete)
	stale.Token--
	foreign.Task = task.NewID(r.id+1, 3)
	none.Task = task.NewID(r.id, 5)
	changes, view := r.commit(jobs[0].work(store.Complete), stale, foreign, none, jobs[2].work(store.Fail))
	for i, want := range []error{nil, store.ErrFenced, store.ErrNotFound, store.ErrNotFound, nil} {
		e.is(changes[i].Err, want)
	}
	equal(e, "completed", view.Counters.Of(task.Completed), 1)
	equal(e, "failed", view.Counters.Of(task.Failed), 1)
	equal(e, "held", view.Counters.Held, 1)
	equal(e, "the refused one", r.task(2).State, task.Running)
	if f := r.task(3).Failure; f == nil || f.ErrorCode != "BROKEN" {
		e.Errorf("failure %+v", f)
	}
}

func staleVersion(e *env) {
	r := e.start(2, concurrently(1))
	pause := r.decision(func(p plan.Plan) (plan.Decision, error) { return p.Pause(by()) })
	cancel := r.decision(func(p plan.Plan) (plan.Decision, error) { return p.Cancel(by()) })
	paused := r.send(pause)
	_, err := r.Apply(e.ctx, cancel)
	e.is(err, store.ErrConflict)
	p := r.read()
	equal(e, "state", p.State, plan.Paused)
	equal(e, "version", p.Version, paused.Version)
	equal(e, "events", p.LastEvent, paused.LastEvent)
	equal(e, "task", r.task(1).State, task.Pending)
}

// staleTaskVersion: if one of two edits is stale, neither is applied.
func staleTaskVersion(e *env) {
	r := e.start(2, concurrently(2))
	c := r.decision(func(p plan.Plan) (plan.Decision, error) {
		d, err := p.SkipTask(r.task(2), by())
		if err != nil {
			return d, err
		}
		next, err := d.Plan.SkipTask(r.task(1), by())
		next.Edits = append(d.Edits, next.Edits...)
		next.Events = append(d.Events, next.Events...)
		return next, err
	})
	before := r.read()
	j := r.take("worker", 1)[0]
	_, err := r.Apply(e.ctx, c)
	e.is(err, store.ErrConflict)
	equal(e, "the edit that was not stale", r.task(2).State, task.Pending)
	equal(e, "version", r.read().Version, before.Version)
	equal(e, "the worker's next save", r.do(j.save("STEP", "1")).Stop, task.Go)
}

// unseenFailures: a command that acknowledges failures is refused if another task has failed since
// the command was decided.
func unseenFailures(e *env) {
	r := e.start(3, tolerating(3, 0))
	jobs := r.take("worker", 3)
	r.do(jobs[0].work(store.Fail))
	r.settle()
	resume := r.decision(func(p plan.Plan) (plan.Decision, error) { return p.Resume(by()) })
	resume.Failed = 1
	r.do(jobs[1].work(store.Fail))
	_, err := r.Apply(e.ctx, resume)
	e.is(err, store.ErrConflict)
	equal(e, "plan", r.read().State, plan.Failed)
	resume = r.decision(func(p plan.Plan) (plan.Decision, error) { return p.Resume(by()) })
	resume.Failed = 2
	p := r.send(resume)
	equal(e, "acknowledged", p.Acknowledged, 2)
	equal(e, "plan", p.State, plan.Running)
}

// staleToken: changes by a worker that was presumed dead are refused.
func staleToken(e *env) {
	r := e.start(1, concurrently(1))
	old := r.take("old", 1)[0]
	r.do(old.save("FIRST", "1"))
	r.lose(1, 3)
	young := r.take("young", 1)[0]
	if young.Token <= old.Token {
		e.Errorf("token %d after %d", young.Token, old.Token)
	}
	for _, w := range []store.Change{old.save("SECOND", "2"), old.work(store.Complete), old.work(store.Fail), old.work(store.Yield)} {
		changes, _ := r.commit(w)
		var fenced *store.FencedError
		if !errors.As(changes[0].Err, &fenced) {
			e.Fatalf("change %d of a stale worker: %v", w.Kind, changes[0].Err)
		}
		equal(e, "holder", fenced.Worker, "young")
		equal(e, "newest token", fenced.Newest, young.Token)
	}
	t := r.task(1)
	equal(e, "state", t.State, task.Running)
	equal(e, "worker", t.Worker, "young")
	equal(e, "losses", t.Losses, 1)
	if t.Checkpoint == nil || t.Checkpoint.Step != "FIRST" {
		e.Errorf("checkpoint %+v", t.Checkpoint)
	}
	r.do(young.work(store.Complete))
}

func releasedToken(e *env) {
	r := e.start(3, concurrently(2))
	jobs := r.take("worker", 2)
	r.do(jobs[0].work(store.Complete))
	r.do(jobs[1].work(store.Yield))
	for _, j := range jobs {
		changes, _ := r.commit(j.save("LATE", "1"))
		e.is(changes[0].Err, store.ErrFenced)
	}
	forged, early := store.Change{Task: jobs[1].ID, Seq: 1, Kind: store.Complete}, store.Change{Task: task.NewID(r.id, 3)}
	changes, _ := r.commit(forged, early)
	e.is(changes[0].Err, store.ErrFenced)
	e.is(changes[1].Err, store.ErrFenced)
	equal(e, "the one that nobody has claimed", r.task(3).State, task.Pending)
	equal(e, "the one handed back", r.task(2).State, task.Running)
}

// saveAndCommand: a save does not make a command fail, and a command does not make a save fail.
func saveAndCommand(e *env) {
	r := e.start(2, concurrently(2))
	j := r.take("worker", 1)[0]
	c := r.decision(func(p plan.Plan) (plan.Decision, error) { return p.PauseTask(r.task(1), by()) })
	equal(e, "stop before the request", r.do(j.save("ONE", "1")).Stop, task.Go)
	r.send(c)
	equal(e, "stop after the request", r.do(j.save("TWO", "2")).Stop, task.StopPause)
	equal(e, "state", r.task(1).State, task.Running)
	r.order(1, plan.Plan.ResumeTask)
	equal(e, "stop after it was withdrawn", r.do(j.save("THREE", "3")).Stop, task.Go)
	r.give(plan.Plan.Pause)
	equal(e, "stop by the plan", r.do(j.save("FOUR", "4")).Stop, task.StopPause)
	r.give(plan.Plan.Cancel)
	equal(e, "stop by the plan's cancel", r.do(j.save("FIVE", "5")).Stop, task.StopCancel)
	equal(e, "what is done is done", r.do(j.work(store.Complete)).State, task.Completed)
}

func firstUndoWins(e *env) {
	r := e.start(1, concurrently(1))
	j := r.take("worker", 1)[0]
	for i, step := range []string{"A", "B", "A"} {
		w := j.work(store.Save)
		w.UndoStep, w.UndoData = step, fmt.Appendf(nil, "%d", i)
		r.do(w)
	}
	t := r.task(1)
	if t.Checkpoint != nil {
		e.Errorf("undo entries made a checkpoint %+v", t.Checkpoint)
	}
	if len(t.Undo) != 2 || t.Undo[0].Step != "A" || string(t.Undo[0].Data) != "0" || t.Undo[1].Step != "B" {
		e.Errorf("undo log %+v", t.Undo)
	}
}

func saveForgives(e *env) {
	r := e.start(1, concurrently(1))
	for range 2 {
		r.take("worker", 1)
		r.lose(1, 3)
	}
	equal(e, "losses", r.task(1).Losses, 2)
	j := r.take("worker", 1)[0]
	w := j.work(store.Save)
	w.UndoStep, w.UndoData = "A", []byte("1")
	r.do(w)
	equal(e, "losses after an undo entry", r.task(1).Losses, 2)
	r.do(j.save("STEP", "1"))
	equal(e, "losses after a checkpoint", r.task(1).Losses, 0)
	equal(e, "attempt", r.task(1).Attempt, 1)
}

// impossibleChange: a change that does not fit the task's state is refused and has no effect.
func impossibleChange(e *env) {
	r := e.start(2, concurrently(2))
	running := r.take("worker", 1)[0]
	r.run(1, store.Complete)
	r.order(2, plan.Plan.RollbackTask)
	undoing := r.take("worker", 1)[0]
	equal(e, "the undo", undoing.State, task.RollingBack)
	for _, w := range []store.Change{
		running.work(store.Undone), running.work(store.UndoFail), running.work(store.Defer + 1),
		undoing.work(store.Complete), undoing.work(store.Fail),
	} {
		changes, _ := r.commit(w)
		e.refused(fmt.Sprintf("work of kind %d", w.Kind), changes[0].Err)
	}
	equal(e, "the running one", r.task(1).State, task.Running)
	equal(e, "the one being undone", r.task(2).State, task.RollingBack)
}

// concurrentCommits: many workers of one plan commit concurrently; the final check compares the
// counters.
func concurrentCommits(e *env) {
	const workers, each = 8, 20
	r := e.start(workers*each, concurrently(workers*each))
	var group sync.WaitGroup
	for w := range workers {
		group.Go(func() {
			worker := fmt.Sprintf("worker-%d", w)
			for i := range each {
				b := store.Batch{Plan: r.id, Claim: store.Claim{ID: fmt.Sprintf("%s-%d", worker, i), Worker: worker, Max: 1}}
				if err := e.Commit(e.ctx, &b); err != nil || len(b.Claimed) != 1 {
					e.Errorf("claim %d of %s: %d tasks, %v", i, worker, len(b.Claimed), err)
					return
				}
				j := job{Task: b.Claimed[0]}
				kind := store.Complete
				if i%5 == 0 {
					kind = store.Fail
				}
				for _, w := range []store.Change{j.save("STEP", "1"), j.work(kind)} {
					b := store.Batch{Plan: r.id, Changes: []store.Change{w}}
					if err := errors.Join(e.Commit(e.ctx, &b), b.Changes[0].Err); err != nil {
						e.Errorf("change %d of task %s: %v", w.Seq, w.Task, err)
					}
				}
			}
		})
	}
	group.Wait()
	c := r.read().Counters
	equal(e, "failed", c.Of(task.Failed), workers*each/5)
	equal(e, "completed", c.Of(task.Completed), workers*each*4/5)
	equal(e, "at the end", r.settle().State, plan.Completed)
}

// tooLarge: a call beyond its limit returns an error and changes nothing.
func tooLarge(e *env) {
	r := e.start(store.MaxBatch+1, concurrently(store.MaxBatch+1))
	b := store.Batch{Plan: r.id, Claim: store.Claim{ID: "many", Worker: "worker", Max: store.MaxBatch + 1}}
	e.refused("a claim", r.Commit(e.ctx, &b))
	equal(e, "tasks claimed", len(b.Claimed), 0)
	equal(e, "tasks held", r.read().Counters.Held, 0)

	jobs := append(r.take("worker", store.MaxBatch), r.take("worker", 1)...)
	b = store.Batch{Plan: r.id}
	for _, j := range jobs {
		b.Changes = append(b.Changes, j.work(store.Complete))
	}
	e.refused("changes", r.Commit(e.ctx, &b))
	equal(e, "completed", r.read().Counters.Of(task.Completed), 0)

	c := r.decision(func(p plan.Plan) (plan.Decision, error) {
		d := plan.Decision{Plan: p, Changed: true}
		for _, j := range jobs {
			d.Edits = append(d.Edits, task.Edit{ID: j.ID, Version: j.Version, Control: j.Control})
		}
		return d, nil
	})
	_, err := r.Apply(e.ctx, c)
	e.refused("edits", err)
	b = store.Batch{Plan: r.id}
	e.ok(r.Commit(e.ctx, &b)) // an empty batch only reads the view
	equal(e, "view", b.View.Counters.Held, store.MaxBatch+1)
}
