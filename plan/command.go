package plan

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cutover-go/cutover/task"
)

// beingStarted is why some commands do not apply to a plan while its tenants are being locked:
// their events would be the last ones if the start is given up, and say that the plan is not at
// rest.
const beingStarted = "it is being started; try again"

// decide settles p and returns the decision so far, for a command to add to.
func (p Plan) decide(by By) Decision { return p.Settle(by.Now) }

// MarkStarting marks a created plan whose tenants are about to be locked under token. The plan
// still shows CREATED. ttl is as in [Starting]. If the plan is marked as Skipping, that start goes
// on, under its own token.
func (p Plan) MarkStarting(token uint64, ttl time.Duration, by By) (Decision, error) {
	d := p.decide(by)
	switch {
	case p.State == Running:
		return d.unchanged()
	case p.State != Created:
		return d, d.notApplicable(ByStart, "")
	case p.Adding != nil:
		return d, d.notApplicable(ByStart, "tenants are being added; try again")
	}
	next := Starting{Token: token, TTL: ttl, Actor: by.Actor, Reason: by.Reason}
	if p.Starting != nil && p.Starting.Skipping {
		next.Token, next.Skipping = p.Starting.Token, true
	}
	d.Plan.Starting, d.Changed = &next, true
	return d, nil
}

// UnmarkStarting removes the mark of a start that failed or whose process is gone. It does nothing
// if that start has skipped tasks: it can only be finished.
func (p Plan) UnmarkStarting(by By) Decision {
	d := p.decide(by)
	if p.Starting != nil && !p.Starting.Skipping {
		d.Plan.Starting = nil
		d.Changed = true
	}
	return d
}

// HeldTask is a task whose tenant another plan works on, by the task By.
type HeldTask struct {
	task.Task
	By task.ID
}

// SkipHeld skips those of the tasks that are pending, and marks the start under way as Skipping. It
// is Unchanged if none is.
func SkipHeld(p Plan, held []HeldTask, by By) (Decision, error) {
	d := p.decide(by)
	if p.State != Created || p.Starting == nil {
		return d, d.notApplicable(ByStart, "the start was given up")
	}
	for i := range held {
		if e, err := held[i].SkipHeld(held[i].By, by.Now); err == nil {
			d.edit(held[i].Task, e, by)
		}
	}
	if len(d.Edits) == 0 {
		return d.unchanged()
	}
	next := *p.Starting
	next.Skipping = true
	d.Plan.Starting = &next
	d.regrant()
	return d, nil
}

// Start makes a plan that is marked as starting run.
func (p Plan) Start(by By) (Decision, error) {
	d := p.decide(by)
	switch {
	case p.State == Running:
		return d.unchanged()
	case p.State != Created:
		return d, d.notApplicable(ByStart, "")
	case p.Starting == nil:
		return d, d.notApplicable(ByStart, "the start was given up")
	}
	d.Plan.StartToken, d.Plan.Starting = p.Starting.Token, nil
	d.Plan.StartedAt, d.Plan.StartedBy = by.Now, by.Actor
	d.move(ByStart, Running, by)
	for d.advance(By{Now: by.Now}) {
	}
	return d, nil
}

// Pause stops the plan: no further task starts, and running tasks stop at their next boundary.
// Undos go on. A failed plan, in which nothing starts anyway, can be paused while tasks are in
// flight; the breach stays among its reasons.
func (p Plan) Pause(by By) (Decision, error) {
	d := p.decide(by)
	switch d.Plan.State {
	case Running:
		d.move(ByPause, Paused, by)
		d.Plan.PauseReasons = PausedByHand
		return d, nil
	case Paused:
		if d.Plan.PauseReasons.Has(PausedByHand) {
			return d.unchanged()
		}
		d.Plan.PauseReasons |= PausedByHand
		d.note(ByPause, Paused, Paused, by)
		return d, nil
	case Failed:
		if d.Plan.Counters.InFlight() == 0 {
			return d, d.notApplicable(ByPause, "nothing is in flight")
		}
		d.move(ByPause, Paused, by)
		d.Plan.PauseReasons = PausedByHand | PausedByBreach
		return d, nil
	case Created, Completed, Canceled, RollingBack, RolledBack, RollbackFailed:
	}
	return d, d.notApplicable(ByPause, "")
}

// Resume continues a paused or failed plan and acknowledges its failures so far.
func (p Plan) Resume(by By) (Decision, error) {
	d := p.decide(by)
	next := &d.Plan
	switch next.State {
	case Running:
		return d.unchanged()
	case Paused, Failed:
	case Created, Completed, Canceled, RollingBack, RolledBack, RollbackFailed:
		return d, d.notApplicable(ByResume, "")
	}
	if next.undoesOpenWave() {
		return d, d.notApplicable(ByResume, beingUndone(next.Wave))
	}
	d.acknowledge()
	d.wake(by)
	d.move(ByResume, Running, by)
	return d, nil
}

// Note records the command's reason as an event, and leaves the plan as it is. A note without a
// reason is an *[InvalidError].
func Note(p Plan, by By) (Decision, error) {
	d := p.decide(by)
	if strings.TrimSpace(by.Reason) == "" {
		var e InvalidError
		e.add("Reason", "is empty")
		return d, &e
	}
	if p.Starting != nil {
		return d, d.notApplicable(ByNote, beingStarted)
	}
	d.note(ByNote, d.Plan.State, d.Plan.State, by)
	return d, nil
}

// wake begins to wake the tasks that no person has paused, before the plan runs again. Running
// tasks of a paused plan may come to their boundary, and pause, before the decision is committed.
func (d *Decision) wake(by By) {
	p := &d.Plan
	if p.Counters.Of(task.Paused) > 0 || p.State == Paused && p.Counters.Of(task.Running) > 0 {
		p.sweep(Sweep{Kind: SweepResume, Actor: by.Actor, Reason: by.Reason})
	}
}

// acknowledge accepts all failures that there are.
func (d *Decision) acknowledge() {
	p := &d.Plan
	d.Acknowledges = true
	d.ownGroups()
	p.FailureGroups.Acknowledge()
	p.Acknowledged = p.Counters.Of(task.Failed)
	if len(p.Waves) == 0 {
		return
	}
	p.Waves = slices.Clone(p.Waves)
	for i := range p.Waves {
		p.Waves[i].Acknowledged = p.WaveCounters[i].Failed
	}
}

// Cancel ends the plan: its pending tasks are canceled with it, and tasks in flight stop. In every
// state, the undos of a wave stop, and a rollback of many tasks begins no more undos, also if the
// plan itself is over. If a rollback of the plan is canceled, its undos stop and the plan becomes
// ROLLBACK_FAILED.
func (p Plan) Cancel(by By) (Decision, error) {
	d := p.decide(by)
	switch d.Plan.State {
	case Created, Running, Paused, Failed:
		d.Plan.Starting = nil
		d.stopUndo()
		d.move(ByCancel, Canceled, by)
		if d.Plan.Counters.Of(task.Paused) > 0 {
			d.Plan.sweep(Sweep{Kind: SweepCancel, Actor: by.Actor, Reason: by.Reason})
		}
		return d, nil
	case RollingBack:
		d.Plan.Undo.Open = false
		d.Plan.Undo.Stopping = true // until Settle finds no undo in flight
		d.move(ByCancel, RollbackFailed, by)
		return d, nil
	case Canceled, Completed:
		if d.Plan.undoneWave() > 0 || slices.ContainsFunc(d.Plan.Sweeps, rollsBack) {
			d.noteWave(ByCancel, d.Plan.undoneWave(), by)
			d.stopUndo()
			d.Plan.dropSweep(SweepRollbackTasks)
			d.regrant()
			return d, nil
		}
		if d.Plan.State == Canceled {
			return d.unchanged()
		}
	case RolledBack, RollbackFailed:
	}
	return d, d.notApplicable(ByCancel, "")
}

// Rollback undoes the plan: tasks in flight are canceled first, then every task that has run is
// undone, in reverse order.
func (p Plan) Rollback(by By) (Decision, error) {
	d := p.decide(by)
	switch d.Plan.State {
	case Running, Paused, Failed, Completed, Canceled, RollbackFailed:
		if d.Plan.Undo.Stopping {
			return d, d.notApplicable(ByRollback, undosStopping)
		}
	case RollingBack, RolledBack:
		return d.unchanged()
	case Created:
		return d, d.notApplicable(ByRollback, "it has not been started")
	}
	d.rollBack(ByRollback, by)
	// If the plan runs, a claim may still start a task before this rollback is committed; Settle
	// then opens the round later.
	d.Plan.Undo.Open = p.State != Running && d.Plan.Counters.Of(task.Running) == 0
	return d, nil
}

// rollBack begins a rollback whose undo round is not open yet.
func (d *Decision) rollBack(c Cause, by By) {
	d.move(c, RollingBack, by)
	d.Plan.Undo = Undo{Round: d.Plan.Undo.Round + 1}
	d.Plan.UndosExhausted = false
	d.Plan.Acknowledged = 0 // tolerances do not apply, and the failed tasks are undone
}

// RollbackWave undoes what has run of a wave, in reverse order; the rest of the plan goes on as it
// is. wave is its number, from 1. A wave that has passed can be undone in any state; the open one
// while the plan does not run. Tasks that have not begun stay pending.
func (p Plan) RollbackWave(wave int, by By) (Decision, error) {
	d := p.decide(by)
	next := &d.Plan
	why := ""
	switch {
	case next.State == Created || next.State == RollbackFailed:
	case len(next.Waves) == 0:
		why = next.wavesThere()
	case wave < 1 || wave > len(next.Waves):
		why = fmt.Sprintf("there is no wave %d: %s", wave, next.wavesThere())
	case next.State == RollingBack || next.State == RolledBack:
		return d.unchanged()
	case next.undoneWave() == wave:
		return d.unchanged()
	case next.undoneWave() > 0:
		why = beingUndone(next.undoneWave())
	case next.Undo.Stopping:
		why = undosStopping
	case wave > next.Wave:
		why = fmt.Sprintf("wave %d has not opened", wave)
	case wave == next.Wave && next.State == Running:
		why = fmt.Sprintf("wave %d is open; pause the plan first", wave)
	default:
		d.rollBackWave(wave, by)
		return d, nil
	}
	return d, d.notApplicable(ByRollback, why)
}

// rollsBack reports whether s is a rollback of many tasks.
func rollsBack(s Sweep) bool { return s.Kind == SweepRollbackTasks }

// undosStopping is why a rollback does not apply.
const undosStopping = "the undos of the last rollback are still stopping"

// rollBackWave begins the undo of a wave. Its round is not open yet: tasks of the wave may be in
// flight, or may be claimed before the decision is committed. The way from the open wave to the
// next one begins anew, because what was approved of is not there any more.
func (d *Decision) rollBackWave(wave int, by By) {
	p := &d.Plan
	p.Undo = Undo{Round: p.Undo.Round + 1, First: p.FirstOf(wave), Last: p.Waves[wave-1].Last}
	p.UndosExhausted = false
	if at, is := slices.BinarySearch(p.Undone, wave); !is {
		p.Undone = slices.Insert(slices.Clone(p.Undone), at, wave)
	}
	if wave == p.Wave {
		p.Gate = GateNone
		later, _ := slices.BinarySearch(p.Approved, wave+1)
		p.Approved = slices.Clip(p.Approved[:later])
	}
	d.noteWave(ByRollback, wave, by)
}

// stopUndo stops the undo of a wave.
func (d *Decision) stopUndo() {
	u := &d.Plan.Undo
	if u.OfWave() {
		u.Stopping = true // until Settle finds no undo in flight
	}
	u.First, u.Last, u.Next, u.Open = 0, 0, 0, false
}

// RetryFailed retries all failed tasks. It does not acknowledge their failures. The error may be a
// *[SweepsFullError].
func (p Plan) RetryFailed(from task.RetryFrom, by By) (Decision, error) {
	failed := task.Filter{States: []task.State{task.Failed}}
	return Sweep{Kind: SweepRetry, Filter: failed, From: from}.Queue(p, Reach{Changing: p.Counters.Of(task.Failed)}, by)
}

// rerun makes the plan run again because of a retry; a paused plan stays paused.
func (d *Decision) rerun(by By) {
	switch d.Plan.State {
	case Failed, Completed:
		d.wake(by)
		d.move(ByRetry, Running, by)
	case Running, Paused:
		d.note(ByRetry, d.Plan.State, d.Plan.State, by)
	case Created, Canceled, RollingBack, RolledBack, RollbackFailed:
	}
}

// sweep adds s, which is the plan's own, in place of any sweep of the same kind that is under way.
func (c *Control) sweep(s Sweep) {
	c.dropSweep(s.Kind)
	c.Sweeps = append(c.Sweeps, s)
}

// dropSweep removes the sweep of that kind. It does not change the old slice, which the plan as it
// was read still uses.
func (c *Control) dropSweep(kind SweepKind) {
	var kept []Sweep
	for _, s := range c.Sweeps {
		if s.Kind != kind {
			kept = append(kept, s)
		}
	}
	c.Sweeps = kept
}
