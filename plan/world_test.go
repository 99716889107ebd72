package plan_test

import (
	"reflect"
	"slices"
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
	waves waveLog
	log   []plan.Event // of the plan, not of tasks

	// restTold reports that the newest event was marked AtRest.
	restTold bool

	// meanwhile, if not nil, runs between a decision and its commit.
	meanwhile func()
}

// newWorld returns a plan of that many tasks, with waves that end with these ordinals.
func newWorld(t *rapid.T, tasks int, s strategy.Strategy, lasts ...int) *world {
	w := &world{t: t, tasks: make([]task.Task, tasks), restTold: true}
	w.plan = plan.Plan{ID: 1, TaskCount: tasks, Strategy: s}
	w.plan.Counters.States[task.Pending] = tasks
	w.plan.Now = noon()
	for _, last := range lasts {
		w.plan.Waves = append(w.plan.Waves, plan.Wave{Last: last})
	}
	if len(lasts) > 0 {
		w.plan.WaveCounters = make([]plan.WaveCounters, len(lasts))
	}
	w.waves = waveLog{ended: make([]time.Time, max(1, len(lasts))), passed: make([]bool, len(lasts))}
	for i := range w.tasks {
		w.tasks[i].ID = task.NewID(1, i+1)
	}
	return w
}

// now is the time of an engine's clock, which has nothing to do with the store's: that is plan.Now.
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
	w.checkWaveEvents(d)
	p := &w.plan
	var failed []int
	for _, e := range d.Edits {
		if w.edit(e) {
			failed = append(failed, e.ID.Ordinal())
		}
	}
	w.countWaves()
	if p.Wave != d.Plan.Wave {
		p.WaveEndedAt = time.Time{}
	}
	p.Control = d.Plan.Control
	p.Version++
	if p.State.CancelsPending() {
		w.cancelPending()
	}
	if transition(d) {
		p.Breached = false
	}
	for _, ordinal := range failed {
		p.Breached = p.Breached || w.overBound(ordinal)
	}
	w.endWave()
	if p.Undo.Round != base.Undo.Round {
		w.undo = len(w.tasks)
		p.UndosExhausted = false
	}
	if w.steps == steps && !reflect.DeepEqual(p.Facts, d.Plan.Facts) {
		w.t.Fatalf("the decision has the facts %+v, the store %+v", d.Plan.Facts, p.Facts)
	}
	for _, e := range d.Events {
		if e.Task == 0 {
			w.log = append(w.log, e)
		}
	}
	w.step()
	w.seekUndo()
	if len(d.Events) > 0 {
		w.restTold = p.AtRest()
	}
}

// step counts a change, after which a second has passed.
func (w *world) step() {
	w.findNextDue()
	w.steps++
	w.pass(time.Second)
}

// pass lets time pass by the store's clock.
func (w *world) pass(d time.Duration) { w.plan.Now = w.plan.Now.Add(d) }

// conflicts reports whether the plan, or a task that the decision edits, has changed since the
// decision was made. If the decision changes how many failures are allowed, or makes the plan run
// again in spite of them, a change of the number of failed tasks is a conflict as well.
func (w *world) conflicts(base plan.Plan, d plan.Decision) bool {
	if d.Plan.Version != w.plan.Version {
		return true
	}
	judges := d.Plan.Acknowledged != base.Acknowledged || !reflect.DeepEqual(d.Plan.Tuning, base.Tuning) ||
		d.Plan.State == plan.Running && base.State != plan.Running
	if judges && base.Counters.Of(task.Failed) != w.plan.Counters.Of(task.Failed) {
		return true
	}
	for _, e := range d.Edits {
		if w.tasks[e.ID.Ordinal()-1].Version != e.Version {
			return true
		}
	}
	return false
}

// overBound reports whether more tasks of a running plan have failed than its grant allows, or more
// of the wave of an ordinal than that wave allows.
func (w *world) overBound(ordinal int) bool {
	p := &w.plan
	wave := w.waveOf(ordinal)
	return p.State == plan.Running && (p.Counters.Of(task.Failed) > p.Grant.MaxFailed ||
		wave > 0 && w.failedOf(wave) > p.Waves[wave-1].MaxFailed)
}

// transition reports whether an event of the decision is a change of the plan's own state.
func transition(d plan.Decision) bool {
	return slices.ContainsFunc(d.Events, func(e plan.Event) bool { return e.Task == 0 && e.From != e.To })
}

// edit applies a change of a task and reports whether it made the task fail.
func (w *world) edit(e task.Edit) (failed bool) {
	t := &w.tasks[e.ID.Ordinal()-1]
	failed = t.State != task.Failed && e.State == task.Failed
	w.plan.Counters.Move(t.State, e.State)
	w.waitNoMore(t)
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
	w.moved(t, e.State)
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
	if t := w.due(); t != nil {
		return t
	}
	if p.Counters.Slots() >= p.Grant.MaxSlots {
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
	if !p.Breached && w.admits() {
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
		if t := &w.tasks[i]; t.State == s && t.Worker == "" && !t.Waiting {
			return t
		}
	}
	return nil
}

// claim gives the next task to a worker, or lets it wait on, and reports whether there was one.
func (w *world) claim() bool {
	t := w.claimable()
	if t == nil {
		return false
	}
	if w.waitsOn(t) {
		w.wait(t)
		t.Version++
		w.step()
		return true
	}
	w.waitNoMore(t)
	switch {
	case t.State == task.Pending:
		w.checkBegins(t)
		w.shift(t, task.ByClaim)
		t.Attempt = 1
	case !t.State.InFlight():
		w.shift(t, task.ByRollback)
		t.PausedIndividually, t.Losses, t.Wait = false, 0, task.Wait{}
	}
	t.Worker = "w"
	t.Version++
	t.Token++
	w.plan.Counters.Held++
	w.countWaves()
	w.endWave()
	w.step()
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
	w.moved(t, next)
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
		if cause != task.ByPause {
			t.Wait = task.Wait{}
		}
	}
	t.Worker = ""
	t.Version++
	w.plan.Counters.Held--
	w.countWaves()
	w.endWave()
	if cause == task.ByFailure && w.overBound(t.ID.Ordinal()) {
		w.plan.Breached = true
	}
	w.step()
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
		w.step()
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
	case "hold":
		w.postpone(t, task.WaitHold)
	case "back off":
		w.postpone(t, task.WaitBackoff)
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

// drain makes engines do everything that is due without a command, now and later. Every worker that
// is asked to stop stops, and the others succeed.
func (w *world) drain() {
	w.meanwhile = nil
	for range 200 {
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
		if w.steps != before {
			continue
		}
		in, wakes := w.plan.WakeIn()
		if w.plan.AtRest() || !wakes {
			return // the caller checks that it is at rest
		}
		w.pass(max(in, time.Millisecond))
	}
	w.t.Fatal("engines never come to an end")
}
