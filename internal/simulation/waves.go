package simulation

import (
	"maps"
	"strings"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/task"
)

// waveReplay follows the waves of a plan in its events. What depends on the strategy it checks only
// until the plan is tuned.
type waveReplay struct {
	*replay
	open         int          // the open wave, 0 if none is open yet
	passed       bool         // nothing of the open wave was left when it opened: it does not bake
	baked        bool         // the bake of the open wave is over
	approved     map[int]bool // by wave
	acknowledged []int        // failures of each wave that a resume accepted
	undoing      int          // the wave that is being undone by itself, 0 if none is
}

// plan applies a plan event.
func (v *waveReplay) plan(e plan.Event) {
	v.undo(e)
	switch e.Cause {
	case plan.ByApprove.String():
		v.approved[e.Wave] = true
	case plan.ByReject.String():
		delete(v.approved, e.Wave)
	case plan.ByBake.String():
		if e.Wave != v.open || v.passed {
			v.w.faultf("plan %s: event %d ends the bake of wave %d, wave %d is open", v.p.ID, e.Seq, e.Wave, v.open)
		}
		v.over(e)
		v.baked = true
	case plan.ByWave.String():
		v.opens(e)
	case plan.BySuccess.String():
		if len(v.p.Waves) > 0 {
			v.over(e)
			v.ready(e)
		}
		if v.open != v.count() {
			v.w.faultf("plan %s: event %d completes it, wave %d of %d is open", v.p.ID, e.Seq, v.open, v.count())
		}
	}
}

// undo follows the undo of a wave. What has passed of the open wave, and of the way to the next
// one, is void when that wave is undone.
func (v *waveReplay) undo(e plan.Event) {
	switch {
	case e.Wave == 0:
		if s, err := plan.ParseState(e.To); err == nil && s.CancelsPending() && e.From != e.To {
			v.undoing = 0 // a rollback of the plan takes over, or a cancel stops the undo
		}
	case e.Cause == plan.ByRollback.String():
		v.undoing = e.Wave
		if e.Wave == v.open {
			v.baked, v.passed = false, false
			maps.DeleteFunc(v.approved, func(wave int, _ bool) bool { return wave > v.open })
		}
	case e.Cause == plan.ByUndo.String(), e.Cause == plan.ByUndoFailure.String(), e.Cause == plan.ByCancel.String():
		if e.Wave != v.undoing {
			v.w.faultf("plan %s: event %d (%s) of wave %d while wave %d is undone", v.p.ID, e.Seq, e.Cause, e.Wave, v.undoing)
		}
		v.undoing = 0
	}
}

// count returns how many waves the plan has, without those that are added later.
func (v *waveReplay) count() int {
	if len(v.p.Waves) == 0 {
		return 0
	}
	return v.p.WaveOf(v.total)
}

// opens checks that a wave opens after the one before it: when its tasks have ended, its bake is
// over and, unless nothing of the new wave is left, the new wave is approved of.
func (v *waveReplay) opens(e plan.Event) {
	if e.Wave != v.open+1 {
		v.w.faultf("plan %s: event %d opens wave %d after wave %d", v.p.ID, e.Seq, e.Wave, v.open)
	}
	v.over(e)
	v.ready(e)
	v.open, v.baked, v.passed = e.Wave, false, strings.HasPrefix(e.Reason, "passed over")
	ended := v.ended(e.Wave)
	switch {
	case v.passed != ended:
		v.w.faultf("plan %s: event %d opens wave %d, of which all has ended: %t, for the reason %q", v.p.ID, e.Seq, e.Wave, ended, e.Reason)
	case !v.tuned && !v.passed && v.p.Strategy.Waits(e.Wave) && !v.approved[e.Wave]:
		v.w.faultf("plan %s: event %d opens wave %d, approved are %v", v.p.ID, e.Seq, e.Wave, v.approved)
	}
}

// ready checks that the bake of the open wave is over.
func (v *waveReplay) ready(e plan.Event) {
	if v.open == 0 || v.tuned || v.passed || v.baked {
		return
	}
	if bake := v.p.Strategy.Bake(v.open, v.count()); bake > 0 {
		v.w.faultf("plan %s: event %d (%s) before the bake of wave %d is over", v.p.ID, e.Seq, e.Cause, v.open)
	}
}

// over checks that all tasks of the open wave have ended.
func (v *waveReplay) over(e plan.Event) {
	if v.open > 0 && !v.ended(v.open) {
		v.w.faultf("plan %s: event %d (%s) while tasks of wave %d have not ended", v.p.ID, e.Seq, e.Cause, v.open)
	}
}

// ended reports whether all tasks of a wave have ended.
func (v *waveReplay) ended(wave int) bool {
	for i, t := range v.tasks {
		if s, _ := task.ParseState(t.state); v.p.WaveOf(i+1) == wave && !s.Ended() {
			return false
		}
	}
	return true
}

// failedOf returns how many tasks of a wave are failed.
func (v *waveReplay) failedOf(wave int) (n int) {
	for i, t := range v.tasks {
		if v.p.WaveOf(i+1) == wave && t.state == task.Failed.String() {
			n++
		}
	}
	return n
}

// acknowledge records that a resume accepted all failures.
func (v *waveReplay) acknowledge() {
	for i := range v.acknowledged {
		v.acknowledged[i] = v.failedOf(i + 1)
	}
}

// retried forgets acknowledged failures that are failures no longer.
func (v *waveReplay) retried() {
	for i, n := range v.acknowledged {
		v.acknowledged[i] = min(n, v.failedOf(i+1))
	}
}

// task records that a task of the open wave is to be done again: the wave then bakes again.
func (v *waveReplay) task(e plan.Event) {
	from, _ := task.ParseState(e.From)
	to, _ := task.ParseState(e.To)
	if from.Ended() && !to.Ended() && v.p.WaveOf(e.Task.Ordinal()) == v.open {
		v.baked, v.passed = false, false
	}
}

// rules returns the rules of the open wave; those of a plan without waves, and of a wave that was
// added, are empty.
func (v *waveReplay) rules() (w strategy.Wave) {
	if v.open > 0 && v.open <= len(v.p.Strategy.Waves) {
		w = v.p.Strategy.Waves[v.open-1]
	}
	return w
}

// canary reports whether the open wave is a canary.
func (v *waveReplay) canary() bool { return v.rules().Canary }

// claim checks that a pending task belongs to the open wave, and that the failures of that wave
// allow it to begin.
func (v *waveReplay) claim(e plan.Event, inFlight int) {
	if len(v.p.Waves) == 0 {
		return
	}
	if wave := v.p.WaveOf(e.Task.Ordinal()); wave != v.open {
		v.w.faultf("plan %s: event %d claims a task of wave %d while wave %d is open", v.p.ID, e.Seq, wave, v.open)
	}
	if v.tuned || v.open == 0 {
		return
	}
	own, size := v.rules(), v.p.SizeOf(v.open)
	allowed := own.MaxFailures.Of(size)
	switch {
	case own.Canary:
		allowed = 0
	case own.MaxFailures.Kind == strategy.AmountUnset:
		allowed = v.p.Strategy.MaxFailures.Of(size)
	}
	allowed = max(allowed, v.acknowledged[v.open-1])
	if failed := v.failedOf(v.open); failed+inFlight > allowed {
		v.w.faultf("plan %s: event %d claims a task of wave %d with %d failed of %d allowed, and %d that may fail",
			v.p.ID, e.Seq, v.open, failed, allowed, inFlight)
	}
}
