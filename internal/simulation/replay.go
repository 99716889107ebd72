package simulation

import (
	"slices"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/task"
)

// replay follows the events of a plan and holds the state that they report.
type replay struct {
	w            *world
	p            plan.Plan
	state        string
	tasks        []reported // indexed by ordinal - 1
	total        int        // the number of tasks, without those that are added later
	failed       int
	acknowledged int
	tuned        bool // its strategy was changed: the claims before it were made under another
	waves        waveReplay
	groups       groupReplay
	rest         bool // the previous event is marked AtRest: nothing may follow without a command
}

// reported is the state of a task according to the events.
type reported struct {
	state   string
	attempt int
}

func newReplay(w *world, p plan.Plan) *replay {
	r := &replay{w: w, p: p, tasks: make([]reported, p.TaskCount), total: p.TaskCount - p.Added}
	r.waves.replay, r.waves.acknowledged, r.waves.approved = r, make([]int, len(p.Waves)), make(map[int]bool)
	r.groups = groupReplay{r, make(map[task.ID]plan.FailureGroup), make(map[plan.FailureGroup]int)}
	for i := range r.tasks {
		r.tasks[i].state = task.Pending.String()
	}
	return r
}

// run replays the events and compares the result with the plan and its tasks.
func (r *replay) run(events []plan.Event, tasks []task.Task) {
	for i, e := range events {
		if e.Seq != int64(i)+1 {
			r.w.faultf("plan %s: event %d has number %d", r.p.ID, i+1, e.Seq)
		}
		if r.rest && e.Actor == "" {
			r.w.faultf("plan %s: event %d of nobody after all was at rest: %+v", r.p.ID, e.Seq, e)
		}
		r.rest = e.AtRest
		if e.Task == 0 {
			r.plan(e)
		} else {
			r.task(e)
		}
		r.acknowledged = min(r.acknowledged, r.failed)
		r.waves.retried()
	}
	if r.state != r.p.State.String() {
		r.w.faultf("the events of plan %s end in %s, it is %s", r.p.ID, r.state, r.p.State)
	}
	if r.p.AtRest() && !r.rest {
		r.w.faultf("plan %s is at rest in %s, its last event does not say so", r.p.ID, r.p.State)
	}
	if r.total != r.p.TaskCount {
		r.w.faultf("plan %s has %d tasks, by its events %d", r.p.ID, r.p.TaskCount, r.total)
	}
	if r.acknowledged != r.p.Acknowledged {
		r.w.faultf("plan %s has %d failures acknowledged, by its events %d", r.p.ID, r.p.Acknowledged, r.acknowledged)
	}
	r.groups.compare()
	for i, t := range tasks {
		if got := r.tasks[i]; got.state != t.State.String() || got.attempt != t.Attempt {
			r.w.faultf("the events tell of task %s as %+v, it is %s in attempt %d", t.ID, got, t.State, t.Attempt)
		}
	}
}

// plan applies a plan event.
func (r *replay) plan(e plan.Event) {
	if e.From != r.state {
		r.w.faultf("plan %s: event %d from %s, it was %s", r.p.ID, e.Seq, e.From, r.state)
	}
	known := slices.ContainsFunc(plan.Transitions(), func(t plan.Transition) bool {
		return t.From.String() == e.From && t.Cause.String() == e.Cause && t.To.String() == e.To
	})
	if e.From != e.To && e.From != "" && !known {
		r.w.faultf("plan %s: no such transition: %+v", r.p.ID, e)
	}
	if e.Cause == plan.ByBreach.String() && e.To != r.afterBreach().String() {
		r.w.faultf("plan %s with the action %s is %s after a breach", r.p.ID, r.p.Strategy.FailureAction, e.To)
	}
	r.state = e.To
	r.total += e.Added
	if e.Cause == plan.ByTune.String() {
		r.tuned = true
	}
	r.waves.plan(e)
	switch {
	case e.Cause == plan.ByResume.String() && e.From != e.To:
		r.acknowledged = r.failed
		r.waves.acknowledge()
		r.groups.acknowledge()
	case e.To == plan.RollingBack.String():
		r.acknowledged = 0
	}
	if s, err := plan.ParseState(e.To); err == nil && s.CancelsPending() {
		r.cancelPending()
	}
}

// afterBreach returns the state that a breach leads to.
func (r *replay) afterBreach() plan.State {
	switch r.p.Strategy.FailureAction {
	case strategy.Pause:
		return plan.Paused
	case strategy.RollbackPlan:
		return plan.RollingBack
	case strategy.Stop, strategy.RollbackWave:
	}
	return plan.Failed
}

func (r *replay) cancelPending() {
	for i := range r.tasks {
		if r.tasks[i].state == task.Pending.String() {
			r.tasks[i].state = task.Canceled.String()
		}
	}
}

// task applies a task event.
func (r *replay) task(e plan.Event) {
	if e.Task.Ordinal() > r.total {
		r.w.faultf("plan %s: event %d of task %s while there are %d tasks", r.p.ID, e.Seq, e.Task, r.total)
	}
	t := &r.tasks[e.Task.Ordinal()-1]
	if e.From != t.state {
		r.w.faultf("plan %s: event %d of task %s from %s, it was %s", r.p.ID, e.Seq, e.Task, e.From, t.state)
	}
	known := slices.ContainsFunc(task.Transitions(), func(tr task.Transition) bool {
		return tr.From.String() == e.From && tr.Cause.String() == e.Cause && tr.To.String() == e.To
	})
	if e.From != e.To && !known {
		r.w.faultf("plan %s: no such transition: %+v", r.p.ID, e)
	}
	r.attempt(e, t)
	r.claim(e)
	r.waves.task(e)
	r.groups.task(e)
	r.undo(e)
	switch task.Failed.String() {
	case e.From:
		r.failed--
	case e.To:
		r.failed++
		if e.Failure == nil {
			r.w.faultf("plan %s: event %d of a failure without one", r.p.ID, e.Seq)
		}
	}
	t.state, t.attempt = e.To, e.Attempt
}

// attempt checks that only a first claim and a retry raise the attempt, and that the engine retries
// no more often than the plan says.
func (r *replay) attempt(e plan.Event, t *reported) {
	want := t.attempt
	switch {
	case e.Cause == task.ByRetry.String() && e.From == e.To && e.Actor != "":
		// A person ends the wait for an attempt that the engine has begun.
	case e.Cause == task.ByClaim.String(), e.Cause == task.ByRetry.String():
		want++
	}
	if e.Cause == task.ByRetry.String() && e.Actor == "" && e.Attempt > r.p.Strategy.Retry.Attempts {
		r.w.faultf("plan %s: event %d begins attempt %d by itself", r.p.ID, e.Seq, e.Attempt)
	}
	if e.Attempt != want {
		r.w.faultf("plan %s: event %d is of attempt %d, want %d", r.p.ID, e.Seq, e.Attempt, want)
	}
}

// claim checks that a pending task is claimed only in a running plan, and only while no more tasks
// have failed, or in a Strict plan or wave are failed or in flight, than allowed.
func (r *replay) claim(e plan.Event) {
	if e.Cause != task.ByClaim.String() {
		return
	}
	inFlight := 0
	if r.p.Strategy.ConcurrencyMode == strategy.Strict || r.waves.canary() {
		inFlight = r.inFlight()
	}
	r.waves.claim(e, inFlight)
	if r.tuned {
		return
	}
	r.groups.claim(e)
	allowed := max(r.p.Strategy.MaxFailures.Of(r.total), r.acknowledged)
	if r.state != plan.Running.String() || r.failed+inFlight > allowed {
		r.w.faultf("plan %s: event %d claims a task in %s with %d failed of %d allowed, and %d that may fail",
			r.p.ID, e.Seq, r.state, r.failed, allowed, inFlight)
	}
}

// inFlight counts the tasks that are running or being rolled back.
func (r *replay) inFlight() (n int) {
	for _, t := range r.tasks {
		if t.state == task.Running.String() || t.state == task.RollingBack.String() {
			n++
		}
	}
	return n
}

// undo checks that the plan undoes no task while another one runs that it is to undo, and that a
// wave's undo touches no other wave.
func (r *replay) undo(e plan.Event) {
	if e.Cause != task.ByRollback.String() {
		return
	}
	wave := 0
	if r.state != plan.RollingBack.String() {
		if e.Actor != "" {
			return // somebody asked for the undo of this task
		}
		if wave = r.waves.undoing; wave == 0 || r.p.WaveOf(e.Task.Ordinal()) != wave {
			r.w.faultf("plan %s: event %d undoes task %s in %s, of the waves %d is undone", r.p.ID, e.Seq, e.Task, r.state, wave)
		}
	}
	for i, t := range r.tasks {
		if t.state == task.Running.String() && (wave == 0 || r.p.WaveOf(i+1) == wave) {
			r.w.faultf("plan %s: event %d undoes task %s while task #%d runs", r.p.ID, e.Seq, e.Task, i+1)
		}
	}
}
