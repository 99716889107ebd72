package plan

import (
	"cmp"
	"time"

	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/task"
)

// Settle returns the decision for the steps that are due without a command: the transition that
// follows from the plan's facts, or several in a row. An engine calls it whenever it reconciles a
// plan; if no step is due the decision has not Changed.
func (p Plan) Settle(now time.Time) Decision {
	d := Decision{Plan: p}
	by := By{Now: now}
	for d.step(by) {
	}
	return d
}

// step takes one step that is due and reports whether another may be due.
func (d *Decision) step(by By) bool {
	d.endStopping()
	if d.settleWaveUndo(by) {
		return true
	}
	switch d.Plan.State {
	case Running:
		return d.settleRunning(by)
	case RollingBack:
		return d.settleRollback(by)
	case Canceled:
		return d.settleCanceled()
	case Failed:
		return d.settleFailed(by)
	case Created, Paused, Completed, RolledBack, RollbackFailed:
	}
	return false
}

// settleRunning carries out the failure action of a running plan as soon as a commit has breached
// the bound. When nothing is in flight, it decides whether and how the plan ends.
func (d *Decision) settleRunning(by By) bool {
	p := &d.Plan
	verdict := d.regrant()
	if p.Breached {
		return d.breach(by)
	}
	c := p.Counters
	if len(p.Sweeps) > 0 {
		return false
	}
	if !verdict.Breach && d.advance(by) {
		return true
	}
	if c.InFlight() > 0 {
		return false
	}
	rules := p.Rules()
	left, bakes := p.baking(&rules)
	switch {
	case verdict.Breach:
		return d.breach(by)
	case c.Of(task.Pending) > 0 || c.Of(task.Paused) > 0 || bakes && left > 0 || p.Adding != nil || p.undoneWave() > 0:
		return false
	case c.Of(task.Failed) == p.TaskCount:
		d.move(ByFailure, Failed, by)
	default:
		d.move(BySuccess, Completed, by)
	}
	return true
}

// breach carries out the failure action, and reports whether another step may be due.
func (d *Decision) breach(by By) bool {
	p := &d.Plan
	action := p.Rules().FailureAction
	if action == strategy.RollbackPlan && p.Undo.Stopping {
		return false // undos that were canceled stop first, so that the rollback does not take them up
	}
	by = By{Reason: d.breachText(), Now: by.Now}
	switch action {
	case strategy.Pause:
		d.move(ByBreach, Paused, by)
		p.PauseReasons = PausedByBreach
	case strategy.RollbackPlan:
		d.rollBack(ByBreach, by)
		// If the breach is part of this decision, a claim may still start a task before it is
		// committed: the undo round opens later.
		return false
	case strategy.RollbackWave:
		wave := cmp.Or(exceeding(p), p.Wave) // the open one, if only the plan has too many failures
		d.move(ByBreach, Failed, by)
		p.Undo.Next = wave
	case strategy.Stop:
		d.move(ByBreach, Failed, by)
	}
	return true
}

// breachText says which bound is exceeded: the plan's, that of a wave, or that of a group.
func (d *Decision) breachText() string {
	t := excess(&d.Plan)
	if t.failed <= t.tolerated {
		return "" // the breach was healed before it was acted on
	}
	return t.String()
}

// settleFailed completes a failed plan of which nothing is left to be done, after retries and skips
// have brought its failures down to what is tolerated.
func (d *Decision) settleFailed(by By) bool {
	if !recovered(&d.Plan) {
		return false
	}
	d.move(BySuccess, Completed, by)
	return true
}

// settleRollback opens the undo round when no task is running any more, and ends the rollback when
// every undo of the round has ended.
func (d *Decision) settleRollback(by By) bool {
	p := &d.Plan
	c := p.Counters
	if c.Of(task.Running) > 0 {
		return false
	}
	if !p.Undo.Open {
		p.Undo.Open = true
		p.UndosExhausted = false
		d.Changed = true
		return false
	}
	if !p.UndosExhausted || c.InFlight() > 0 {
		return false
	}
	if c.Of(task.RollbackFailed) > 0 {
		d.move(ByUndoFailure, RollbackFailed, by)
	} else {
		d.move(ByUndo, RolledBack, by)
	}
	p.Undo.Open = false
	return true
}

// settleWaveUndo takes the next step of the undo of a wave, and reports whether another may be due:
// the one that the failure action asks for begins, its round opens when nothing of the wave is in
// flight any more, and ends when every undo has ended.
func (d *Decision) settleWaveUndo(by By) bool {
	p := &d.Plan
	u := &p.Undo
	switch {
	case !u.OfWave() && u.Next > 0 && u.Stopping:
		return false // undos that were canceled stop first
	case !u.OfWave() && u.Next > 0:
		d.rollBackWave(u.Next, By{Reason: "the plan's failure action", Now: by.Now})
		return false
	case !u.OfWave() || undoing(p).InFlight > 0:
		return false
	case !u.Open:
		u.Open, p.UndosExhausted, d.Changed = true, false, true
		return false
	case !p.UndosExhausted:
		return false
	}
	cause, wave := ByUndo, p.undoneWave()
	if undoing(p).RollbackFailed > 0 {
		cause = ByUndoFailure
	}
	u.First, u.Last, u.Open = 0, 0, false
	d.noteWave(cause, wave, by)
	d.regrant()
	return true
}

// undoing returns the counters of the wave that is being undone. A plan that has canceled its
// pending tasks keeps no counters of waves: then all of it is waited for.
func undoing(p *Plan) WaveCounters {
	if p.State.CancelsPending() {
		return WaveCounters{InFlight: p.Counters.InFlight(), RollbackFailed: p.Counters.Of(task.RollbackFailed)}
	}
	return p.WaveCounters[p.undoneWave()-1]
}

// endStopping records that the undos of a canceled rollback have stopped.
func (d *Decision) endStopping() {
	p := &d.Plan
	if p.Undo.Stopping && p.Counters.Of(task.RollingBack) == 0 {
		p.Undo.Stopping = false
		d.Changed = true
		d.regrant() // failed tasks may have been undone
	}
}

// settleCanceled begins a sweep that cancels the tasks that are still paused in a canceled plan.
// They came to their boundary after the plan was read for the cancel, and before the cancel was
// committed.
func (d *Decision) settleCanceled() bool {
	p := &d.Plan
	if p.Counters.Of(task.Paused) > 0 && len(p.Sweeps) == 0 {
		p.sweep(Sweep{Kind: SweepCancel})
		d.Changed = true
	}
	return false
}
