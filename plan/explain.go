package plan

import "github.com/cutover-go/cutover/task"

// Explain returns the reason for which a task of the plan does not move, or says that it does. It
// asks the functions that decide: if it says [ReasonMayStart] of some tasks, the next claim of a
// worker takes a task. Which one it does not say: those in flight come first, then pending ones by
// their ordinals. Apart from these a claim takes only
//
//   - what was paused during a wait, and goes on waiting in a slot: [ReasonHold], [ReasonBackoff],
//     [ReasonProving] or [ReasonQuota];
//   - an undo that failed, if a rollback tries it again: [ReasonUndoFailed];
//   - what runs in a wave that is being undone, in order to stop it: [ReasonStopping].
//
// p.Now is the time of the answer. The two should have been read shortly after each other.
func (p Plan) Explain(t task.Task) Reason {
	r := explainer{&p, &t}.explain()
	r.Task, r.TaskState, r.PlanState, r.Attempt = t.ID, t.State, p.State, t.Attempt
	return r
}

// explainer explains a task of a plan.
type explainer struct {
	*Plan
	t *task.Task
}

func (x explainer) explain() Reason {
	t := x.t
	switch {
	case t.Worker != "":
		return x.held()
	case t.State.InFlight():
		return x.unheld()
	case (x.State == RollingBack || x.Undo.Covers(t.ID.Ordinal())) && t.Undoable():
		return x.undo()
	case x.Undo.Next > 0 && x.Undo.Next == x.WaveOf(t.ID.Ordinal()) && t.Undoable():
		return x.undoNext()
	}
	if x.Starting == nil { // otherwise its sweeps wait for the start
		for i := range x.Sweeps {
			if s := &x.Sweeps[i]; s.ahead(x.Plan, t) {
				return s.reason()
			}
		}
	}
	switch t.State {
	case task.Pending:
		return x.pending()
	case task.Paused:
		return x.paused()
	case task.Failed:
		return Reason{Code: ReasonFailed, Failure: t.Failure}
	case task.RollbackFailed:
		return Reason{Code: ReasonUndoFailed, Failure: t.Failure}
	case task.Running, task.Completed, task.Skipped, task.Canceled, task.RollingBack, task.RolledBack:
	}
	return x.done()
}

// done explains a task of which nothing is left to be done. One that was skipped because another
// plan works on its tenant says so.
func (x explainer) done() Reason {
	if x.t.State == task.Skipped {
		return Reason{Code: ReasonDone, Failure: x.t.Failure}
	}
	return Reason{Code: ReasonDone}
}

// held explains a task that a worker holds.
func (x explainer) held() Reason {
	t := x.t
	r := Reason{Code: ReasonRunning, Worker: t.Worker, ChangedAt: t.UpdatedAt}
	if t.Checkpoint != nil {
		r.Step = t.Checkpoint.Step
	}
	if r.Stop = x.StopFor(t.ID.Ordinal(), t.Control); r.Stop != task.Go {
		r.Code, r.Alone, r.Wave = ReasonStopping, t.Request == task.Request(r.Stop), x.stoppedWith()
	}
	return r
}

// stoppedWith returns the number of the wave with whose undo the task is stopped, 0 if it is
// stopped for another reason.
func (x explainer) stoppedWith() int {
	if x.t.State == task.RollingBack || !x.Undo.Covers(x.t.ID.Ordinal()) {
		return 0
	}
	return x.undoneWave()
}

// unheld explains a task in flight that no worker holds.
func (x explainer) unheld() Reason {
	t := x.t
	switch stop := x.StopFor(t.ID.Ordinal(), t.Control); {
	case stop != task.Go:
		return Reason{Code: ReasonStopping, Stop: stop, Alone: t.Request == task.Request(stop), Wave: x.stoppedWith()}
	case t.State == task.Running && t.Request == task.StartRequest && x.State == Failed:
		return x.failures(ReasonPlanFailed) // an engine pauses it
	case t.State == task.Running && t.Request == task.StartRequest && x.Breached:
		return x.failures(ReasonBreach)
	case t.State == task.Running && !x.Claims(t.Request, x.Breached):
		return Reason{Code: ReasonUnclear}
	case t.Wait.Until.After(x.Now):
		return waiting(t)
	case t.Waiting:
		return x.slots(ReasonMayStart) // it has its slot already
	}
	return x.inTurn()
}

// waiting explains a task whose wait is not over.
func waiting(t *task.Task) Reason {
	switch t.Wait.Why {
	case task.WaitBackoff:
		return Reason{Code: ReasonBackoff, Until: t.Wait.Until, Failure: t.Failure}
	case task.WaitProving:
		return Reason{Code: ReasonProving, Until: t.Wait.Until}
	case task.WaitPlace:
		return Reason{Code: ReasonQuota, Until: t.Wait.Until}
	case task.NoWait, task.WaitHold:
	}
	return Reason{Code: ReasonHold, Until: t.Wait.Until}
}

// undo explains a task that a rollback of the plan, or of its wave, has to undo.
func (x explainer) undo() Reason {
	before := x.Counters.Of(task.Running)
	if x.Undo.OfWave() {
		before = undoing(x.Plan).InFlight
	}
	switch {
	case !x.Undo.Open && before > 0:
		return Reason{Code: ReasonUndoNotOpen, InFlight: before}
	case !x.Undo.Open:
		return Reason{Code: ReasonStepDue}
	case x.t.State == task.RollbackFailed:
		r := Reason{Code: ReasonUndoFailed, Failure: x.t.Failure}
		if x.Undo.OfWave() {
			r.Wave = x.undoneWave()
		}
		return r
	case x.UndosExhausted:
		return Reason{Code: ReasonUnclear} // the round has gone past it
	}
	return x.inTurn()
}

// undoNext explains a task of the wave that the failure action is about to undo: another wave is
// being undone, or undos that were canceled stop first.
func (x explainer) undoNext() Reason {
	if x.Undo.OfWave() {
		return Reason{Code: ReasonUndoNotOpen, InFlight: undoing(x.Plan).InFlight}
	}
	if n := x.Counters.Of(task.RollingBack); n > 0 {
		return Reason{Code: ReasonUndoNotOpen, InFlight: n}
	}
	return Reason{Code: ReasonStepDue}
}

// inTurn explains a task that needs nothing but a slot.
func (x explainer) inTurn() Reason {
	if slotFree(x.Plan) {
		return x.slots(ReasonMayStart)
	}
	return x.slots(ReasonSlot)
}

func (x explainer) slots(c ReasonCode) Reason {
	return Reason{Code: c, Slots: x.Counters.Slots(), MaxSlots: x.Grant.MaxSlots}
}

// paused explains a paused task that no sweep is about to reach.
func (x explainer) paused() Reason {
	switch x.State {
	case Running, Paused, Failed:
		if x.t.PausedIndividually {
			return Reason{Code: ReasonTaskPaused}
		}
		return x.stopped()
	case Canceled:
		return Reason{Code: ReasonStepDue} // see settleCanceled
	case Created, Completed, RollingBack, RolledBack, RollbackFailed:
	}
	return x.stopped()
}

// stopped explains a task that waits for a command on its plan.
func (x explainer) stopped() Reason {
	switch x.State {
	case Created:
		if s := x.Starting; s != nil {
			return Reason{Code: ReasonStarting, Actor: s.Actor}
		}
		return Reason{Code: ReasonNotStarted}
	case Paused:
		return Reason{Code: ReasonPlanPaused, PauseReasons: x.PauseReasons}
	case Failed:
		return x.failures(ReasonPlanFailed)
	case RollbackFailed:
		return Reason{Code: ReasonPlanRollbackFailed}
	case Running, Completed, Canceled, RollingBack, RolledBack:
	}
	return Reason{Code: ReasonUnclear}
}

// pending explains a pending task.
func (x explainer) pending() Reason {
	switch {
	case x.State.CancelsPending():
		return Reason{Code: ReasonDone} // it counts as canceled
	case x.State != Running:
		return x.stopped()
	case x.Breached:
		return x.failures(ReasonBreach)
	case !x.Admits() && x.Exceeded():
		return x.exceeded()
	case x.t.ID.Ordinal() > x.Grant.LastOrdinal:
		return x.closed()
	case !x.Grant.Opens(x.Now):
		return x.window()
	case !x.Admits():
		return x.failures(ReasonStrict)
	}
	return x.inTurn()
}

// closed explains a pending task up to which the grant does not reach: its wave is not open,
// or nothing is.
func (x explainer) closed() Reason {
	rules := x.Rules()
	left, bakes := x.baking(&rules)
	wave := x.WaveOf(x.t.ID.Ordinal())
	switch {
	case closing(x.Sweeps) != nil:
		return closing(x.Sweeps).reason()
	case wave <= x.openNumber():
		return x.window() // only a host that does not know a zone closes an open wave
	case x.WaveLeft() > 0:
		return Reason{Code: ReasonWave, Wave: wave, Open: x.Wave, Left: x.WaveLeft()}
	case bakes && left > 0:
		return Reason{Code: ReasonBake, Wave: x.Wave, Until: x.Now.Add(left)}
	case x.Gate == GateApproval:
		return Reason{Code: ReasonApproval, Wave: x.Wave + 1}
	case x.Exceeded() || len(x.Sweeps) > 0:
		return x.exceeded()
	}
	return Reason{Code: ReasonStepDue}
}

// exceeded explains a pending task while failures exceed a tolerance, but the plan is not
// breached yet, or while a sweep puts off the next step of the waves. A sweep, which may retry the
// failed tasks, comes first.
func (x explainer) exceeded() Reason {
	if len(x.Sweeps) > 0 {
		return x.Sweeps[0].reason()
	}
	return x.failures(ReasonBreach)
}

// window explains a pending task outside of the maintenance windows.
func (x explainer) window() Reason {
	rules := x.Rules()
	s, known := openings(&rules)
	switch {
	case !known && x.Grant.NotBefore.After(x.Now):
		return Reason{Code: ReasonWindow, Until: x.Grant.NotBefore}
	case !known:
		return Reason{Code: ReasonWindow}
	case s == nil:
		return Reason{Code: ReasonStepDue}
	}
	switch o, opens := s.Next(x.Now); {
	case !opens:
		return Reason{Code: ReasonWindow}
	case o.NotBefore.After(x.Now):
		return Reason{Code: ReasonWindow, Until: o.NotBefore}
	}
	return Reason{Code: ReasonStepDue} // they have opened, and the grant does not show it yet
}

// failures returns a reason with the failures that are compared with a tolerance: those of the plan
// or, if they are within it, of the wave or of the group that exceeds its own.
func (x explainer) failures(c ReasonCode) Reason {
	r := Reason{Code: c, InFlight: x.Counters.InFlight()}
	if c != ReasonStrict {
		t := excess(x.Plan)
		r.Wave, r.Failed, r.Tolerated, r.Failure = t.wave, t.failed, t.tolerated, t.alike
		return r
	}
	r.Failed, r.Tolerated = x.Counters.Of(task.Failed), x.Grant.MaxFailed
	if x.Wave > 0 && x.Grant.Admits(r.Failed, r.Tolerated, r.InFlight) {
		r.Wave, r.Failed, r.Tolerated = x.Wave, x.WaveCounters[x.Wave-1].Failed, x.Waves[x.Wave-1].MaxFailed
	}
	return r
}

// ahead reports whether the sweep has yet to change a task of the plan.
func (s *Sweep) ahead(p *Plan, t *task.Task) bool {
	at := s.Place(p, t.ID.Ordinal())
	return at > s.After && (s.Last == 0 || at <= s.Last) && s.Matches(p, t)
}

func (s *Sweep) reason() Reason {
	return Reason{Code: ReasonSweep, Sweep: s.Kind, Actor: s.Actor, Because: s.Reason}
}
