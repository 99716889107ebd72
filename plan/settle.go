package plan

import (
	"time"

	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/task"
)

// Settle returns what the plan owes by itself: the transition that follows from
// its facts, perhaps several in a row. An engine calls it whenever it looks at a
// plan; without anything owed the decision has not Changed.
func (p Plan) Settle(now time.Time) Decision {
	d := Decision{Plan: p}
	by := By{Now: now}
	for d.step(by) {
	}
	return d
}

// step takes one step that the plan owes and reports whether there was one.
func (d *Decision) step(by By) bool {
	switch d.Plan.State {
	case Running:
		return d.judge(by)
	case RollingBack:
		return d.unwind(by)
	case RollbackFailed:
		return d.calm()
	case Canceled:
		return d.sweepUp()
	case Created, Paused, Failed, Completed, RolledBack:
	}
	return false
}

// judge weighs the failures of a running plan: at once when a commit breached
// the bound, and again when nothing is in flight.
func (d *Decision) judge(by By) bool {
	p := &d.Plan
	verdict := d.regrant(by.Now)
	if p.Breached {
		d.breach(by)
		return true
	}
	c := p.Counters
	if c.InFlight() > 0 || len(p.Sweeps) > 0 {
		return false
	}
	switch {
	case verdict.Breach:
		d.breach(by)
	case c.Of(task.Pending) > 0 || c.Of(task.Paused) > 0:
		return false
	case c.Of(task.Failed) == p.TaskCount:
		d.move(ByFailure, Failed, by)
	default:
		d.move(BySuccess, Completed, by)
	}
	return true
}

func (d *Decision) breach(by By) {
	switch d.Plan.Strategy.FailureAction {
	case strategy.Pause:
		d.move(ByBreach, Paused, by)
		d.Plan.PauseReasons = PausedByBreach
	case strategy.Stop:
		d.move(ByBreach, Failed, by)
	}
}

// unwind opens the undo round once nothing runs, and closes the rollback once
// the round is through.
func (d *Decision) unwind(by By) bool {
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

// calm ends the stopping of a cancelled rollback.
func (d *Decision) calm() bool {
	p := &d.Plan
	if p.Undo.Stopping && p.Counters.Of(task.RollingBack) == 0 {
		p.Undo.Stopping = false
		d.Changed = true
	}
	return false
}

// sweepUp cancels what is still paused in a cancelled plan: a task that came to its
// boundary between the reading that the cancel was decided on and its commit.
func (d *Decision) sweepUp() bool {
	p := &d.Plan
	if p.Counters.Of(task.Paused) > 0 && len(p.Sweeps) == 0 {
		p.sweep(Sweep{Kind: SweepCancel})
		d.Changed = true
	}
	return false
}
