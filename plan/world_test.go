package plan_test

import (
	"reflect"
	"time"

	"pgregory.net/rapid"

	"github.com/cutover-go/cutover/checkpoint"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/task"
)

// world is a plan and its tasks in a store that is as simple as possible: a decision is applied
// immediately, and everything that a store or an engine does is a method of world.
type world struct {
	t     *rapid.T
	plan  plan.Plan
	tasks []task.Task
	undo  int // the next ordinal of the open undo round, 0 at its end
	steps int // the number of changes so far

	// restTold reports that the newest event was marked AtRest.
	restTold bool

	// meanwhile, if not nil, runs between a decision and its commit.
	meanwhile func()
}

func newWorld(t *rapid.T, tasks int, s strategy.Strategy) *world {
	w := &world{t: t, tasks: make([]task.Task, tasks), restTold: true}
	w.plan = plan.Plan{ID: 1, TaskCount: tasks, Strategy: s}
	w.plan.Counters.States[task.Pending] = tasks
	for i := range w.tasks {
		w.tasks[i].ID = task.NewID(1, i+1)
	}
	return w
}

func (w *world) now() time.Time { return noon().Add(time.Duration(w.steps) * time.Second) }

func (w *world) by(actor string) plan.By { return plan.By{Actor: actor, Now: w.now()} }

// apply commits a decision as a store does: it compares the version of the plan, which workers do
// not raise, and keeps the store's own facts. w.meanwhile stands for the workers that act between
// the reading of the plan and the commit of the decision.
func (w *world) apply(d plan.Decision) {
	if !d.Changed {
		if len(d.Events) > 0 || len(d.Edits) > 0 {
			w.t.Fatalf("events %v and edits %v of a decision that changed nothing", d.Events, d.Edits)
		}
		return
	}
	base, steps := w.plan, w.steps
	if w.meanwhile != nil {
		w.meanwhile()
	}
	if w.conflicts(base, d) {
		return
	}
	w.checkEvents(d)
	p := &w.plan
	p.Control = d.Plan.Control
	p.Version++
	raised := false
	for _, e := range d.Edits {
		raised = w.edit(e) || raised
	}
	if p.State.CancelsPending() {
		w.cancelPending()
	}
	if p.State != base.State || len(planEvents(d)) > 1 {
		p.Breached = false
	}
	p.Breached = p.Breached || raised && w.overBound()
	if p.Undo.Round != base.Undo.Round {
		w.undo = len(w.tasks)
		p.UndosExhausted = false
	}
	if w.steps == steps && !reflect.DeepEqual(p.Facts, d.Plan.Facts) {
		w.t.Fatalf("the decision has the facts %+v, the store %+v", d.Plan.Facts, p.Facts)
	}
	w.steps++
	w.seekUndo()
	if len(d.Events) > 0 {
		w.restTold = p.AtRest()
	}
}

// conflicts reports whether the plan, or a task that the decision edits, has changed since the
// decision was made. If the decision changes the acknowledged failures, a change of the number of
// failed tasks is a conflict as well.
func (w *world) conflicts(base plan.Plan, d plan.Decision) bool {
	if d.Plan.Version != w.plan.Version {
		return true
	}
	if d.Plan.Acknowledged != base.Acknowledged && base.Counters.Of(task.Failed) != w.plan.Counters.Of(task.Failed) {
		return true
	}
	for _, e := range d.Edits {
		if w.tasks[e.ID.Ordinal()-1].Version != e.Version {
			return true
		}
	}
	return false
}

// overBound reports whether more tasks of a running plan have failed than its grant allows.
func (w *world) overBound() bool {
	p := &w.plan
	return p.State == plan.Running && p.Counters.Of(task.Failed) > p.Grant.MaxFailed
}

func planEvents(d plan.Decision) []plan.Event {
	var events []plan.Event
	for _, e := range d.Events {
		if e.Task == 0 {
			events = append(events, e)
		}
	}
	return events
}

// edit applies a change of a task and reports whether it made the task fail.
func (w *world) edit(e task.Edit) (failed bool) {
	t := &w.tasks[e.ID.Ordinal()-1]
	failed = t.State != task.Failed && e.State == task.Failed
	w.plan.Counters.Move(t.State, e.State)
	if e.Release && t.Worker != "" {
		t.Worker = ""
		w.plan.Counters.Held--
	}
	if e.DropCheckpoint {
		t.Checkpoint = nil
	}
	if e.DropUndo {
		w.t.Fatalf("task %s: a command drops the undo log", t.ID)
	}
	t.Control = e.Control
	t.Version++
	return failed
}

// cancelPending cancels the pending tasks of a plan whose state cancels them, as the counters do.
func (w *world) cancelPending() {
	w.plan.Counters.CancelPending()
	for i := range w.tasks {
		if w.tasks[i].State == task.Pending {
			w.tasks[i].State = task.Canceled
		}
	}
}

// seekUndo advances the open undo round to the next task to undo, or to the end of the round.
func (w *world) seekUndo() *task.Task {
	if !w.plan.Undo.Open || w.plan.UndosExhausted {
		return nil
	}
	for ; w.undo > 0; w.undo-- {
		if t := &w.tasks[w.undo-1]; t.Undoable() {
			return t
		}
	}
	w.plan.UndosExhausted = true
	return nil
}

// claimable returns the task that is claimed next, or nil.
func (w *world) claimable() *task.Task {
	p := &w.plan
	if p.Counters.Held >= p.Grant.MaxSlots {
		return nil
	}
	if p.State.ClaimsRunning() {
		if t := w.unheld(task.Running); t != nil {
			return t
		}
	}
	if t := w.unheld(task.RollingBack); t != nil {
		return t
	}
	risk := p.Counters.Of(task.Failed)
	if p.Grant.Strict {
		risk += p.Counters.InFlight()
	}
	if !p.Breached && risk <= p.Grant.MaxFailed {
		for i := range min(p.Grant.LastOrdinal, len(w.tasks)) {
			if w.tasks[i].State == task.Pending {
				return &w.tasks[i]
			}
		}
	}
	return w.seekUndo()
}

func (w *world) unheld(s task.State) *task.Task {
	for i := range w.tasks {
		if t := &w.tasks[i]; t.State == s && t.Worker == "" {
			return t
		}
	}
	return nil
}

// claim gives the next task to a worker and reports whether a task could be claimed.
func (w *world) claim() bool {
	t := w.claimable()
	if t == nil {
		return false
	}
	switch {
	case t.State == task.Pending:
		w.shift(t, task.ByClaim)
		t.Attempt = 1
	case !t.State.InFlight():
		w.shift(t, task.ByRollback)
		t.PausedIndividually, t.Losses = false, 0
	}
	t.Worker = "w"
	t.Version++
	t.Token++
	w.plan.Counters.Held++
	w.steps++
	w.seekUndo()
	w.restTold = false
	return true
}

// shift changes the state of a task for a cause that a worker may have.
func (w *world) shift(t *task.Task, c task.Cause) {
	next, ok := t.State.Next(c)
	if !ok {
		w.t.Fatalf("task %s: %s in %s", t.ID, c, t.State)
	}
	w.plan.Counters.Move(t.State, next)
	t.State = next
	t.Version++
}

// release ends a worker's hold and, if there is an outcome, changes the state of the task for
// cause.
func (w *world) release(t *task.Task, cause task.Cause, outcome bool) {
	if outcome {
		w.shift(t, cause)
		t.PausedIndividually = cause == task.ByPause && t.Request == task.PauseRequest
		t.Request = task.NoRequest
	}
	t.Worker = ""
	t.Version++
	w.plan.Counters.Held--
	w.steps++
	if cause == task.ByFailure && w.overBound() {
		w.plan.Breached = true
	}
	w.seekUndo()
	if outcome {
		w.restTold = w.plan.AtRest()
	}
}

// yield ends a worker's hold, and applies the stop in force.
func (w *world) yield(t *task.Task) {
	switch stop := w.plan.StopFor(t.Control); {
	case stop == task.Go:
		w.release(t, 0, false)
	case t.State == task.RollingBack:
		w.release(t, task.ByUndoFailure, true)
	case stop == task.StopPause:
		w.release(t, task.ByPause, true)
	default:
		w.release(t, task.ByCancel, true)
	}
}

// work makes the worker that holds t do one thing.
func (w *world) work(t *task.Task, what string) {
	running := t.State == task.Running
	switch what {
	case "save":
		t.Checkpoint = &checkpoint.Checkpoint{Step: "S", Data: []byte(`{}`)}
		t.Losses = 0
		w.steps++
	case "succeed":
		if running {
			w.release(t, task.BySuccess, true)
			t.Checkpoint, t.Failure = nil, nil
		} else {
			w.release(t, task.ByUndo, true)
		}
	case "fail":
		t.Failure = &task.FailureInfo{ErrorCode: "BROKEN"}
		if running {
			w.release(t, task.ByFailure, true)
		} else {
			w.release(t, task.ByUndoFailure, true)
		}
	case "yield":
		w.yield(t)
	case "vanish":
		w.apply(w.plan.LoseTasks([]task.Task{*t}, 1, w.by("")))
	}
}

// sweep advances a sweep by a page of n tasks.
func (w *world) sweep(n int) {
	if len(w.plan.Sweeps) == 0 {
		return
	}
	after := w.plan.Sweeps[0].After
	end := min(after+n, len(w.tasks))
	page := append([]task.Task(nil), w.tasks[after:end]...)
	next := end
	if end == len(w.tasks) {
		next = 0
	}
	w.apply(w.plan.Sweep(page, next, func(task.ID) bool { return false }, w.by("")))
}

// halt applies the plan's control to every task that no worker holds.
func (w *world) halt() {
	var waiting []task.Task
	for _, t := range w.tasks {
		if t.State == task.Running && t.Worker == "" {
			waiting = append(waiting, t)
		}
	}
	w.apply(w.plan.HaltTasks(waiting, w.by("")))
}

// held returns the tasks that workers hold.
func (w *world) held() []*task.Task {
	var held []*task.Task
	for i := range w.tasks {
		if w.tasks[i].Worker != "" {
			held = append(held, &w.tasks[i])
		}
	}
	return held
}

// drain makes engines do everything that is due without a command. Every worker that is asked to
// stop stops, and the others succeed.
func (w *world) drain() {
	w.meanwhile = nil
	for range 100 {
		before := w.steps
		w.apply(w.plan.UnmarkStarting(w.by("")))
		w.apply(w.plan.Settle(w.now()))
		w.sweep(3)
		w.halt()
		for w.claim() {
		}
		for _, t := range w.held() {
			if w.plan.StopFor(t.Control) != task.Go {
				w.yield(t)
			} else {
				w.work(t, "succeed")
			}
		}
		if w.steps == before {
			return
		}
	}
	w.t.Fatal("engines never come to an end")
}
