package storetest

import (
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// rollout is a plan in the store under test.
type rollout struct {
	*env
	id plan.ID
}

// command is a command of the pure core on a plan.
type command func(plan.Plan, plan.By) (plan.Decision, error)

// taskCommand is a command of the pure core on a task.
type taskCommand func(plan.Plan, task.Task, plan.By) (plan.Decision, error)

// read returns the plan.
func (r *rollout) read() plan.Plan {
	r.Helper()
	p, err := r.Plan(r.ctx, r.id)
	r.ok(err)
	return p
}

// task returns a task.
func (r *rollout) task(ordinal int) task.Task {
	r.Helper()
	t, err := r.Task(r.ctx, task.NewID(r.id, ordinal))
	r.ok(err)
	return t
}

// all returns all tasks of a plan that has no more than a page of them.
func (r *rollout) all() []task.Task {
	r.Helper()
	tasks, _, err := r.Tasks(r.ctx, r.id, store.TaskQuery{})
	r.ok(err)
	return tasks
}

// decision returns the decision of f on the current plan, as a command ready to send.
func (r *rollout) decision(f func(plan.Plan) (plan.Decision, error)) store.Command {
	r.Helper()
	p := r.read()
	d, err := f(p)
	r.ok(err)
	return store.Command{ID: r.unique("command"), Version: p.Version, Failed: -1, Decision: d}
}

// send applies a command, which must succeed.
func (r *rollout) send(c store.Command) plan.Plan {
	r.Helper()
	a, err := r.Apply(r.ctx, c)
	r.ok(err)
	return a.Plan
}

// decide calls f to decide on the plan and applies the decision.
func (r *rollout) decide(f func(plan.Plan) (plan.Decision, error)) plan.Plan {
	r.Helper()
	return r.send(r.decision(f))
}

// give gives a command to the plan.
func (r *rollout) give(c command) plan.Plan {
	r.Helper()
	return r.decide(func(p plan.Plan) (plan.Decision, error) { return c(p, by()) })
}

// order gives a command to a task.
func (r *rollout) order(ordinal int, c taskCommand) plan.Plan {
	r.Helper()
	t := r.task(ordinal)
	return r.decide(func(p plan.Plan) (plan.Decision, error) { return c(p, t, by()) })
}

// settle applies the steps that the plan takes without a command, until none is left.
func (r *rollout) settle() plan.Plan {
	r.Helper()
	for range 100 {
		p := r.read()
		d := p.Settle(by().Now)
		if !d.Changed {
			return p
		}
		r.send(store.Command{ID: r.unique("settle"), Version: p.Version, Failed: -1, Decision: d})
	}
	r.Fatalf("plan %s always owes another step", r.id)
	return plan.Plan{}
}

// launch starts the plan.
func (r *rollout) launch() {
	r.Helper()
	r.decide(func(p plan.Plan) (plan.Decision, error) { return p.MarkStarting(7, time.Minute, by()) })
	r.raised(func(p plan.Plan) (plan.Decision, error) { return p.Start(by()) })
}

// lose applies the loss of a task's worker.
func (r *rollout) lose(ordinal, limit int) plan.Plan {
	r.Helper()
	t := r.task(ordinal)
	return r.decide(func(p plan.Plan) (plan.Decision, error) {
		return p.LoseTasks([]task.Task{t}, limit, by()), nil
	})
}

// job is a task that a worker has claimed.
type job struct {
	task.Task
	seq uint32
}

// work returns the worker's next change.
func (j *job) work(kind store.ChangeKind) store.Change {
	j.seq++
	w := store.Change{Task: j.ID, Token: j.Token, Seq: j.seq, Kind: kind}
	switch kind {
	case store.Fail, store.UndoFail:
		w.Failure = &task.FailureInfo{Reason: "it broke", ErrorCode: "BROKEN", Attempt: j.Attempt}
	case store.Save, store.Complete, store.Yield, store.Undone, store.Defer:
	}
	return w
}

// deferred returns the worker's next change, which defers the task.
func (j *job) deferred(why task.WaitReason, after time.Duration) store.Change {
	w := j.work(store.Defer)
	w.Wait, w.After = why, after
	if why == task.WaitBackoff {
		w.Failure = &task.FailureInfo{Reason: "it broke", ErrorCode: "BROKEN", Attempt: j.Attempt, Retryable: true}
	}
	return w
}

// save returns the worker's next change, which saves a checkpoint.
func (j *job) save(step, data string) store.Change {
	w := j.work(store.Save)
	w.Step, w.Data = step, []byte(data)
	return w
}

// claimWith claims up to most tasks for a worker, with a claim id.
func (r *rollout) claimWith(id, worker string, most int) ([]*job, store.View) {
	r.Helper()
	b := store.Batch{Plan: r.id, Claim: store.Claim{ID: id, Worker: worker, Max: most}}
	r.ok(r.Commit(r.ctx, &b))
	jobs := make([]*job, len(b.Claimed))
	for i, t := range b.Claimed {
		jobs[i] = &job{Task: t}
	}
	return jobs, b.View
}

// claim claims up to most tasks for a worker.
func (r *rollout) claim(worker string, most int) []*job {
	r.Helper()
	jobs, _ := r.claimWith(r.unique("claim"), worker, most)
	return jobs
}

// take claims n tasks for a worker and expects to get all of them.
func (r *rollout) take(worker string, n int) []*job {
	r.Helper()
	jobs := r.claim(worker, n)
	if len(jobs) != n {
		r.Fatalf("claimed %d tasks, want %d", len(jobs), n)
	}
	return jobs
}

// commit commits changes and returns their answers.
func (r *rollout) commit(changes ...store.Change) ([]store.Change, store.View) {
	r.Helper()
	b := store.Batch{Plan: r.id, Changes: changes}
	r.ok(r.Commit(r.ctx, &b))
	return b.Changes, b.View
}

// do commits one change, which must succeed.
func (r *rollout) do(w store.Change) store.Change {
	r.Helper()
	changes, _ := r.commit(w)
	if changes[0].Err != nil {
		r.Fatalf("task %s: change %d: %v", w.Task, w.Seq, changes[0].Err)
	}
	return changes[0]
}

// run claims n tasks and ends each with a change of the given kind.
func (r *rollout) run(n int, kind store.ChangeKind) {
	r.Helper()
	for range n {
		r.do(r.take("worker", 1)[0].work(kind))
	}
}

// ordinals returns the ordinals of jobs.
func ordinals(jobs []*job) []int {
	list := make([]int, len(jobs))
	for i, j := range jobs {
		list[i] = j.ID.Ordinal()
	}
	return list
}

// raised calls f to decide on the plan and applies the decision with RaiseTokens.
func (r *rollout) raised(f func(plan.Plan) (plan.Decision, error)) plan.Plan {
	r.Helper()
	c := r.decision(f)
	c.RaiseTokens = true
	return r.send(c)
}

// grant writes a grant that no strategy needs to decide on.
func (r *rollout) grant(g strategy.Grant) {
	r.Helper()
	r.decide(func(p plan.Plan) (plan.Decision, error) {
		p.Grant = g
		return plan.Decision{Plan: p, Changed: true}, nil
	})
}

// retryTask is a retry from the checkpoint, as a command.
func retryTask(p plan.Plan, t task.Task, by plan.By) (plan.Decision, error) {
	return p.RetryTask(t, task.FromCheckpoint, by)
}

// tryTask is a retry that leaves the plan stopped, as a command.
func tryTask(p plan.Plan, t task.Task, by plan.By) (plan.Decision, error) {
	by.StayStopped = true
	return p.RetryTask(t, task.FromCheckpoint, by)
}

// halt applies the stop in force to a task that no worker holds.
func (r *rollout) halt(ordinal int) plan.Plan {
	r.Helper()
	return r.order(ordinal, func(p plan.Plan, t task.Task, by plan.By) (plan.Decision, error) {
		return p.HaltTasks([]task.Task{t}, by), nil
	})
}

// ends completes a task.
func (j *job) ends(r *rollout) {
	r.Helper()
	r.do(j.work(store.Complete))
}

// outwait sleeps until the waits of tasks are over by the store's clock.
func (r *rollout) outwait(ordinals ...int) {
	r.Helper()
	for _, o := range ordinals {
		until := r.task(o).Wait.Until
		for left := until.Sub(r.read().Now); left > 0; left = until.Sub(r.read().Now) {
			time.Sleep(left)
		}
	}
}
