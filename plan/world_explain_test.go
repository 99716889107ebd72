package plan_test

import (
	"slices"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/task"
)

// Whether Plan.Explain agrees with what the world does.

// copied returns a copy of w in which anything may be tried.
func (w *world) copied() *world {
	c := *w
	c.plan, c.tasks, c.log, c.meanwhile = deep(w.plan), slices.Clone(w.tasks), slices.Clone(w.log), nil
	c.waves.ended, c.waves.passed = slices.Clone(w.waves.ended), slices.Clone(w.waves.passed)
	c.waves.approved = slices.Clone(w.waves.approved)
	return &c
}

// checkExplained claims one task after the other until there are none, and compares what is said of
// the tasks with which of them is claimed.
func (w *world) checkExplained() {
	c := w.copied()
	for range 2*len(c.tasks) + 1 {
		if !c.claimsAsExplained() {
			return
		}
	}
	c.t.Fatal("claims never come to an end")
}

// claimsAsExplained claims a task, and reports whether there was one. There is one if some task may
// start, and it is one that may.
func (w *world) claimsAsExplained() bool {
	var may []task.ID
	for _, t := range w.tasks {
		r := w.plan.Explain(t)
		if r.Code == plan.ReasonUnclear {
			w.t.Fatalf("task %s in %s of a plan in %s is unclear: %+v\n%+v", t.ID, t.State, w.plan.State, t, w.plan)
		}
		if r.Code == plan.ReasonMayStart {
			may = append(may, t.ID)
		}
	}
	next := w.claimable()
	if next == nil {
		if len(may) > 0 {
			w.t.Fatalf("%v may start, and nothing can be claimed: %+v", may, w.plan)
		}
		return false
	}
	if code := w.plan.Explain(*next).Code; code != plan.ReasonMayStart && !w.mayBeTakenAs(next, code) &&
		(code != plan.ReasonStopping || !w.plan.Undo.Covers(next.ID.Ordinal())) {
		w.t.Fatalf("task %s in %s is claimed, and was %s: %+v\n%+v", next.ID, next.State, code, next, w.plan)
	}
	return w.claim()
}

// mayBeTakenAs reports whether a claim may take a task although something keeps it from moving: it
// begins to wait again, or the rollback tries its undo again.
func (w *world) mayBeTakenAs(t *task.Task, code plan.ReasonCode) bool {
	switch code {
	case plan.ReasonHold, plan.ReasonBackoff, plan.ReasonProving, plan.ReasonQuota:
		return w.waitsOn(t)
	case plan.ReasonUndoFailed:
		return t.State == task.RollbackFailed && w.plan.Undo.Open
	default:
		return false
	}
}

// checkRemoval removes what keeps a task from moving. Then the task moves, or something else keeps
// it from it.
func (w *world) checkRemoval(ordinal int) {
	c := w.copied()
	t := &c.tasks[ordinal-1]
	before, state := c.plan.Explain(*t), t.State
	if !c.remove(t, before) {
		return
	}
	after := c.plan.Explain(*t)
	same := before.Code == after.Code && before.PlanState == after.PlanState && before.Wave == after.Wave && before.Open == after.Open && before.Sweep == after.Sweep
	if same && t.State == state {
		c.t.Fatalf("task %s is %s in %s although that was removed:\n%+v\n%+v\n%+v", t.ID, before.Code, t.State, before, after, c.plan)
	}
}

// remove removes the reason for which a task does not move, and reports whether it can be removed.
func (w *world) remove(t *task.Task, r plan.Reason) bool {
	switch r.Code {
	case plan.ReasonMayStart:
		for w.plan.Explain(*t).Code == plan.ReasonMayStart && w.claim() {
		}
	case plan.ReasonRunning, plan.ReasonStopping:
		w.letStop(t)
	case plan.ReasonHold, plan.ReasonBackoff, plan.ReasonProving, plan.ReasonBake, plan.ReasonWindow:
		if r.Until.IsZero() {
			return false
		}
		w.pass(r.Until.Sub(w.plan.Now))
	case plan.ReasonStrict, plan.ReasonSlot:
		w.end(w.tasks, task.Running, task.RollingBack)
	case plan.ReasonWave:
		w.end(w.ofWave(r.Open), task.Pending, task.Running, task.Paused, task.RollingBack)
	case plan.ReasonUndoNotOpen:
		if w.plan.Undo.OfWave() || w.plan.Undo.Next > 0 {
			w.drain() // undos of single tasks of the wave are waited for, too
		}
		for i := range w.tasks {
			if w.tasks[i].State == task.Running {
				w.letStop(&w.tasks[i])
			}
		}
	case plan.ReasonBreach:
		w.end(w.tasks, task.Running, task.RollingBack)
		w.apply(w.plan.Settle(w.now()))
	case plan.ReasonStepDue:
		w.apply(w.plan.Settle(w.now()))
	case plan.ReasonSweep:
		for len(w.plan.Sweeps) > 0 {
			w.sweep(6)
		}
	case plan.ReasonUndoFailed:
		if w.plan.State == plan.RollingBack {
			return false // the round may have passed it, or not
		}
		return w.obey(t, r)
	case plan.ReasonDone, plan.ReasonUnclear, plan.ReasonTenantHeld, plan.ReasonWorkerLost, plan.ReasonExecutorNotHere, plan.ReasonNoExecutor:
		return false
	default:
		return w.obey(t, r)
	}
	return true
}

// obey gives the command that a task waits for.
func (w *world) obey(t *task.Task, r plan.Reason) bool {
	ordinal := t.ID.Ordinal()
	switch r.Code {
	case plan.ReasonNotStarted:
		w.command("start")
	case plan.ReasonStarting:
		w.apply(w.plan.UnmarkStarting(w.by("")))
	case plan.ReasonPlanPaused, plan.ReasonPlanFailed:
		if w.plan.Undo.OfWave() || w.plan.Undo.Next > 0 {
			w.drain() // a resume has to wait for the undo of the wave
		}
		w.command("resume")
	case plan.ReasonApproval:
		w.waveCommand("approve", r.Wave)
	case plan.ReasonTaskPaused:
		w.taskCommand(ordinal, "resume")
	case plan.ReasonFailed:
		if w.taskCommand(ordinal, "retry"); t.State != task.Failed {
			return true
		}
		w.undoAll()
	case plan.ReasonUndoFailed, plan.ReasonPlanRollbackFailed:
		w.undoAll()
		if t.State == task.RollbackFailed {
			w.taskCommand(ordinal, "rollback")
		}
	default:
		w.t.Fatalf("no command is known against %s", r.Code)
	}
	return true
}

// undoAll rolls the plan back after all undos of the last rollback have stopped.
func (w *world) undoAll() {
	for i := range w.tasks {
		if t := &w.tasks[i]; t.State == task.RollingBack && w.plan.Undo.Stopping {
			w.letStop(t)
		}
	}
	w.command("rollback")
}

// letStop makes a task stop or, if nothing asks it to, succeed.
func (w *world) letStop(t *task.Task) {
	switch {
	case t.Worker == "":
		w.apply(w.plan.HaltTasks([]task.Task{*t}, w.by("")))
	case w.plan.StopFor(t.ID.Ordinal(), t.Control) != task.Go:
		w.yield(t)
	default:
		w.work(t, "succeed")
	}
}

// end ends those of the tasks that are in one of the states.
func (w *world) end(tasks []task.Task, states ...task.State) {
	for i := range tasks {
		t := &w.tasks[tasks[i].ID.Ordinal()-1]
		switch {
		case !slices.Contains(states, t.State):
		case t.State == task.Pending:
			w.taskCommand(t.ID.Ordinal(), "skip")
		case t.State == task.Paused:
			w.taskCommand(t.ID.Ordinal(), "cancel")
		default:
			w.seize(t)
			w.work(t, "succeed")
		}
	}
}

// seize gives a task in flight to a worker, whatever the rules are.
func (w *world) seize(t *task.Task) {
	w.waitNoMore(t)
	if t.Worker == "" {
		t.Worker = "w"
		w.plan.Counters.Held++
	}
}
