package storetest

import (
	"fmt"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// yield is one case in which an executor returned without an outcome, or in which its task was
// deferred, with the expected state of the task.
type yield struct {
	request taskCommand // the command on the task; nil for none
	plan    command     // the command on the plan; nil for none
	want    task.State
	alone   bool // the task is paused individually
	kept    bool // the task keeps the failure
	breach  bool // another task fails first
}

// stops are the cases, by what is in force for the task.
func stops() map[string]yield {
	return map[string]yield{
		"nothing asked":               {want: task.Running},
		"pause asked":                 {request: plan.Plan.PauseTask, want: task.Paused, alone: true},
		"cancel asked":                {request: plan.Plan.CancelTask, want: task.Canceled, kept: true},
		"plan paused":                 {plan: plan.Plan.Pause, want: task.Paused},
		"plan paused, pause asked":    {request: plan.Plan.PauseTask, plan: plan.Plan.Pause, want: task.Paused, alone: true},
		"plan paused, cancel asked":   {request: plan.Plan.CancelTask, plan: plan.Plan.Pause, want: task.Canceled, kept: true},
		"plan cancelled":              {plan: plan.Plan.Cancel, want: task.Canceled, kept: true},
		"plan cancelled, pause asked": {request: plan.Plan.PauseTask, plan: plan.Plan.Cancel, want: task.Canceled, kept: true},
		"plan rolled back":            {plan: plan.Plan.Rollback, want: task.Canceled, kept: true},
		"plan failed":                 {plan: settle, breach: true, want: task.Running},
	}
}

func yieldCases() []testCase {
	var cases []testCase
	for name, y := range stops() {
		cases = append(cases, testCase{name: "yield, " + name, run: func(e *env) { yields(e, y) }})
	}
	return append(cases,
		testCase{name: "yield of an undo", run: yieldUndo},
		testCase{name: "yield of an undo that is stopping", run: yieldStoppingUndo},
	)
}

// settle is the step that a plan takes without a command, as a command.
func settle(p plan.Plan, by plan.By) (plan.Decision, error) { return p.Settle(by.Now), nil }

func yields(e *env, y yield) {
	r := e.start(3, tolerating(2, 0))
	jobs := r.take("worker", 2)
	r.do(jobs[0].save("STEP", "1"))
	r.steer(y, jobs[1])
	w := jobs[0].work(store.Yield)
	w.Failure = &task.FailureInfo{Reason: "told to stop", ErrorCode: "STOPPED"}
	equal(e, "state answered", r.do(w).State, y.want)

	t := r.task(1)
	equal(e, "state", t.State, y.want)
	equal(e, "worker", t.Worker, "")
	equal(e, "request", t.Request, task.NoRequest)
	equal(e, "paused alone", t.PausedIndividually, y.alone)
	equal(e, "failure kept", t.Failure != nil && t.Failure.ErrorCode == "STOPPED", y.kept)
	if t.Checkpoint == nil {
		e.Error("the checkpoint is gone")
	}
	equal(e, "ended", !t.EndedAt.IsZero(), y.want.Ended())
	equal(e, "attempt", t.Attempt, 1)
}

// steer brings into force what a case asks of task 1. other is the job of the task that fails
// first, if one has to.
func (r *rollout) steer(y yield, other *job) {
	r.Helper()
	if y.request != nil {
		r.order(1, y.request)
	}
	if y.breach {
		r.do(other.work(store.Fail))
	}
	if y.plan != nil {
		r.give(y.plan)
	}
}

// undoing returns a plan of one task whose undo a worker has claimed, and the job of that worker.
func undoing(e *env) (*rollout, *job) {
	r := e.start(1, concurrently(1))
	r.run(1, store.Complete)
	r.give(plan.Plan.Rollback)
	r.settle()
	j := r.take("worker", 1)[0]
	equal(e, "state", j.State, task.RollingBack)
	return r, j
}

func yieldUndo(e *env) {
	r, j := undoing(e)
	equal(e, "stop", r.do(j.save("UNDOING", "1")).Stop, task.Go)
	equal(e, "state answered", r.do(j.work(store.Yield)).State, task.RollingBack)
	equal(e, "worker", r.task(1).Worker, "")
	next := r.take("another", 1)[0]
	equal(e, "state when claimed again", next.State, task.RollingBack)
	r.do(next.work(store.Undone))
	t := r.task(1)
	if t.Checkpoint != nil || len(t.Undo) > 0 || t.Failure != nil {
		e.Errorf("undone, and left with %+v", t)
	}
	equal(e, "plan", r.settle().State, plan.RolledBack)
}

func yieldStoppingUndo(e *env) {
	r, j := undoing(e)
	r.give(plan.Plan.Cancel)
	equal(e, "stop", r.do(j.save("UNDOING", "1")).Stop, task.StopCancel)
	w := j.work(store.Yield)
	w.Failure = &task.FailureInfo{Reason: "stopped", ErrorCode: task.CodeRollbackStopped}
	equal(e, "state answered", r.do(w).State, task.RollbackFailed)
	if f := r.task(1).Failure; f == nil || f.ErrorCode != task.CodeRollbackStopped {
		e.Errorf("failure %+v", f)
	}
	p := r.settle()
	equal(e, "plan", p.State, plan.RollbackFailed)
	equal(e, "stopping", fmt.Sprint(p.Undo.Stopping), "false")
}
