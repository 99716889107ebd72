package plan_test

import (
	"reflect"
	"slices"
	"time"

	"pgregory.net/rapid"

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

	// failure, if not nil, is that of every task that fails; otherwise each is drawn.
	failure *task.FailureInfo

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
	w.countAsked()
	if p.Wave != d.Plan.Wave {
		p.WaveEndedAt = time.Time{}
	}
	p.Control = d.Plan.Control
	p.Version++
	if d.Acknowledges {
		w.acknowledgeGroups()
	}
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
	w.countAsked()
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

// overBound reports whether more tasks of a running plan have failed than its grant allows, more of
// the wave of an ordinal than that wave allows, or more in the same way.
func (w *world) overBound(ordinal int) bool {
	p := &w.plan
	wave := w.waveOf(ordinal)
	return p.State == plan.Running && (p.Counters.Of(task.Failed) > p.Grant.MaxFailed ||
		wave > 0 && w.failedOf(wave) > p.Waves[wave-1].MaxFailed || w.crowded(p.Grant.MaxSameFailures, w.tasks[ordinal-1].Failure))
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
	w.countGroups()
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
