package plan_test

import (
	"slices"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/task"
)

// check verifies everything that must hold between any two steps.
func (w *world) check() {
	w.checkCounters()
	w.checkControl()
	w.checkGrant()
	w.checkRest()
	w.checkWaits()
	for _, t := range w.tasks {
		if t.Worker != "" && !t.State.InFlight() {
			w.t.Fatalf("task %s is held in %s", t.ID, t.State)
		}
		if t.PausedIndividually && t.State != task.Paused {
			w.t.Fatalf("task %s is paused alone in %s", t.ID, t.State)
		}
		if t.Request != task.NoRequest && t.State != task.Running {
			w.t.Fatalf("task %s is asked to %s in %s", t.ID, t.Request, t.State)
		}
	}
}

// checkCounters verifies that the counters match the tasks.
func (w *world) checkCounters() {
	var want plan.Counters
	for _, t := range w.tasks {
		want.States[t.State]++
		if t.Worker != "" {
			want.Held++
		}
		if t.Waiting {
			want.Waiting++
		}
		if t.Worker == "" {
			want.Unhold(t.Request, 1)
		}
	}
	if got := w.plan.Counters; got != want {
		w.t.Fatalf("the plan counts %+v, there are %+v", got, want)
	}
	if want.Total() != w.plan.TaskCount || want.Held > want.InFlight() {
		w.t.Fatalf("%d tasks, %d held, %d in flight", want.Total(), want.Held, want.InFlight())
	}
}

func (w *world) checkControl() {
	p := &w.plan
	if len(p.Sweeps) > plan.MaxSweeps {
		w.t.Fatalf("%d sweeps are under way", len(p.Sweeps))
	}
	if p.Acknowledged > p.Counters.Of(task.Failed) && !p.Undo.OfWave() && !p.Undo.Stopping {
		w.t.Fatalf("%d acknowledged, %d failed", p.Acknowledged, p.Counters.Of(task.Failed))
	}
	if (p.PauseReasons != 0) != (p.State == plan.Paused) {
		w.t.Fatalf("paused for %v in %s", p.PauseReasons.Strings(), p.State)
	}
	ended := []plan.State{plan.Completed, plan.Failed, plan.Canceled, plan.RolledBack, plan.RollbackFailed}
	if p.EndedAt.IsZero() == slices.Contains(ended, p.State) {
		w.t.Fatalf("ended at %s in %s", p.EndedAt, p.State)
	}
	w.checkUndo()
	switch p.State {
	case plan.RolledBack:
		for _, t := range w.tasks {
			if t.Undoable() || t.State.InFlight() {
				w.t.Fatalf("the plan is rolled back, task %s is %s in attempt %d", t.ID, t.State, t.Attempt)
			}
		}
	case plan.Completed:
		if c := p.Counters; c.Of(task.Pending)+c.Of(task.Paused)+c.Of(task.Running) > 0 {
			w.t.Fatalf("the plan is completed with %v", c.States)
		}
	case plan.Created, plan.Running, plan.Paused, plan.Failed, plan.Canceled, plan.RollingBack, plan.RollbackFailed:
	}
}

// checkUndo verifies that undos are claimed only while nothing runs that is to be undone, that the
// pending tasks of a wave that is being undone cannot begin, and that a stop of undos ends.
func (w *world) checkUndo() {
	p := &w.plan
	u := p.Undo
	if u.Open && !u.OfWave() && (p.State != plan.RollingBack || p.Counters.Of(task.Running) > 0) {
		w.t.Fatalf("undos are open in %s with %d running", p.State, p.Counters.Of(task.Running))
	}
	if u.Stopping && (u.OfWave() || u.Open || p.State != plan.RollbackFailed && p.State != plan.Canceled && p.State != plan.Completed && p.State != plan.Running) {
		w.t.Fatalf("undos are stopping in %s: %+v", p.State, u)
	}
	if !u.OfWave() {
		return
	}
	if p.State == plan.RollingBack || p.State == plan.RolledBack || p.State == plan.RollbackFailed || w.waveOf(u.First) > w.waves.opened {
		w.t.Fatalf("a wave is undone in %s: %+v, wave %d is open", p.State, u, w.waves.opened)
	}
	for _, t := range w.tasks[u.First-1 : u.Last] {
		if u.Open && t.State == task.Running || t.State == task.Pending && p.State == plan.Running && t.ID.Ordinal() <= p.Grant.LastOrdinal {
			w.t.Fatalf("%s is %s in %s while %+v", t.ID, t.State, p.State, u)
		}
	}
}

// checkGrant verifies that only the grant of a running plan opens pending tasks, that this grant
// allows as many failures as are tolerated or as were acknowledged, whichever is more, and that no
// pending task can be claimed while more tasks than that have failed.
func (w *world) checkGrant() {
	p := &w.plan
	failed := p.Counters.Of(task.Failed)
	rules := p.Rules()
	allowed := max(rules.MaxFailures.Of(p.TaskCount), p.Acknowledged)
	if p.State != plan.Running && (p.Grant.LastOrdinal != 0 || p.Grant.MaxFailed != 0 && p.State != plan.Failed) {
		w.t.Fatalf("a plan in %s grants %+v", p.State, p.Grant)
	}
	for i, wave := range p.Waves {
		tally := strategy.Tally{Tasks: len(w.ofWave(i + 1)), Acknowledged: wave.Acknowledged}
		if p.State == plan.Running && (wave.Acknowledged > w.failedOf(i+1) && !p.Undo.Covers(wave.Last) || wave.MaxFailed != rules.Tolerated(i+1, tally)) {
			w.t.Fatalf("wave %d: %d failed, %d acknowledged, %d allowed", i+1, w.failedOf(i+1), wave.Acknowledged, wave.MaxFailed)
		}
	}
	if (p.State == plan.Running || p.State == plan.Failed) && p.Grant.MaxFailed != allowed {
		w.t.Fatalf("%d failures granted, %d allowed", p.Grant.MaxFailed, allowed)
	}
	same := 0
	if p.State == plan.Running || p.State == plan.Failed {
		same = rules.MaxSameFailures
	}
	if p.Grant.MaxSameFailures != same {
		w.t.Fatalf("a plan in %s allows %d failures of one kind, want %d", p.State, p.Grant.MaxSameFailures, same)
	}
	if t := w.claimable(); t != nil && t.State == task.Pending && (w.crowded(same, nil) || p.State != plan.Running || failed > allowed) {
		w.t.Fatalf("%s can be claimed in %s with %d failed of %d allowed", t.ID, p.State, failed, allowed)
	}
}

// checkRest verifies that a plan that is over is at rest, and that a plan at rest has no step that
// is due and no task that can be claimed.
func (w *world) checkRest() {
	p := w.plan
	if p.Over() && !p.AtRest() {
		w.t.Fatalf("over and not at rest in %s", p.State)
	}
	if !p.AtRest() {
		return
	}
	if d := p.Settle(w.now()); len(d.Events) > 0 {
		w.t.Fatalf("at rest in %s, and owes %+v", p.State, d.Events)
	}
	if t := w.claimable(); t != nil {
		w.t.Fatalf("at rest in %s, and %s in %s can be claimed", p.State, t.ID, t.State)
	}
}

// checkNobodyIsForgotten verifies that the sweeps have missed no task: a running plan has no task
// that the plan's own pause stopped, and a canceled plan has no paused task.
func (w *world) checkNobodyIsForgotten() {
	for _, t := range w.tasks {
		paused := t.State == task.Paused
		if paused && !t.PausedIndividually && w.plan.State == plan.Running || paused && w.plan.State == plan.Canceled {
			w.t.Fatalf("task %s is left %s in a plan that is %s", t.ID, t.State, w.plan.State)
		}
	}
}

// checkEvents verifies that the events of d lead the plan and its edited tasks from their present
// states to their states after d, and that each change of state is a row of a transition table.
func (w *world) checkEvents(d plan.Decision) {
	at := w.plan.State.String()
	tasks := map[task.ID]string{}
	for _, e := range d.Events {
		if e.Plan != w.plan.ID || e.Seq != 0 || e.AtRest || !e.At.IsZero() {
			w.t.Fatalf("event %+v", e)
		}
		if e.Task == 0 {
			if e.From != at || e.From != e.To && !slices.Contains(planRows(), [3]string{e.From, e.Cause, e.To}) {
				w.t.Fatalf("event %+v of a plan in %s", e, at)
			}
			at = e.To
			continue
		}
		from := w.tasks[e.Task.Ordinal()-1].State.String()
		if e.From != from || e.From != e.To && !slices.Contains(taskRows(), [3]string{e.From, e.Cause, e.To}) {
			w.t.Fatalf("event %+v of a task in %s", e, from)
		}
		tasks[e.Task] = e.To
	}
	if at != d.Plan.State.String() {
		w.t.Fatalf("the events end in %s, the plan in %s", at, d.Plan.State)
	}
	for _, e := range d.Edits {
		to, recorded := tasks[e.ID]
		if before := w.tasks[e.ID.Ordinal()-1].State; recorded && to != e.State.String() || !recorded && before != e.State {
			w.t.Fatalf("the events end in %q, task %s in %s", to, e.ID, e.State)
		}
	}
}

func planRows() [][3]string {
	var rows [][3]string
	for _, r := range plan.Transitions() {
		rows = append(rows, [3]string{r.From.String(), r.Cause.String(), r.To.String()})
	}
	return rows
}

func taskRows() [][3]string {
	var rows [][3]string
	for _, r := range task.Transitions() {
		rows = append(rows, [3]string{r.From.String(), r.Cause.String(), r.To.String()})
	}
	return rows
}
