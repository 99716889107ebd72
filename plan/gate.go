package plan

import (
	"fmt"
	"slices"
	"time"
)

// advance takes the next step from the open wave to the one after it, and reports whether there was
// one: the end of a bake, a question for an approval, the opening of a wave. Each is an event.
func (d *Decision) advance(by By) bool {
	p := &d.Plan
	if len(p.Waves) == 0 {
		return false
	}
	rules := p.Rules()
	left, bakes := p.baking(&rules)
	next := p.Wave + 1
	switch {
	case p.WaveLeft() > 0 || bakes && left > 0:
		return false
	case bakes:
		p.Gate = GateBaked
		d.noteWave(ByBake, p.Wave, by)
	case p.Wave == len(p.Waves):
		return false
	case p.WaveCounters[next-1].Ended == p.SizeOf(next):
		// Nothing of it is left to be done, so there is nothing to approve of, and nothing to bake.
		p.open(next, GateBaked)
		d.noteWave(ByWave, next, By{Reason: "passed over: all its tasks have ended", Now: by.Now})
	case d.lacksApproval(next):
		if p.Gate == GateApproval {
			return false
		}
		p.Gate = GateApproval
		d.noteWave(ByApproval, next, by)
	default:
		p.open(next, GateNone)
		d.noteWave(ByWave, next, by)
	}
	d.regrant()
	return true
}

// open opens a wave at a gate.
func (p *Plan) open(wave int, at Gate) {
	p.Wave, p.Gate = wave, at
	p.WaveEndedAt = time.Time{} // of the wave before
	p.TrackWaveEnd(p.Now)
}

func (c *Control) approved(wave int) bool {
	_, is := slices.BinarySearch(c.Approved, wave)
	return is
}

// Approve allows a wave to open as soon as the waves before it are over. wave is its number, from
// 1; 0 means the next wave that waits, or will wait, for an approval. An approval may be given
// early.
func (p Plan) Approve(wave int, by By) (Decision, error) {
	d := p.decide(by)
	wave, err := d.waveToApprove(wave, ByApprove)
	switch {
	case err != nil:
		return d, err
	case d.Plan.approved(wave):
		return d.unchanged() // even if it has opened: the caller may not know that he was heard
	case wave <= d.Plan.Wave:
		return d, d.notApplicable(ByApprove, fmt.Sprintf("wave %d has opened already", wave))
	}
	at, _ := slices.BinarySearch(d.Plan.Approved, wave)
	d.Plan.Approved = slices.Insert(slices.Clone(d.Plan.Approved), at, wave)
	d.noteWave(ByApprove, wave, by)
	d.dropApprovalRequest()
	for d.step(By{Now: by.Now}) {
	}
	return d, nil
}

// dropApprovalRequest withdraws the request for an approval that is not needed any more, so that
// the plan does not count as waiting for it, now or after a resume.
func (d *Decision) dropApprovalRequest() {
	p := &d.Plan
	if next := p.Wave + 1; p.Gate == GateApproval && (!d.lacksApproval(next) || p.WaveCounters[next-1].Ended == p.SizeOf(next)) {
		p.Gate = GateBaked
	}
}

// lacksApproval reports whether a wave needs an approval that it does not have.
func (d *Decision) lacksApproval(wave int) bool {
	rules := d.Plan.Rules()
	return rules.Waits(wave) && !d.Plan.approved(wave)
}

// Reject pauses a plan before a wave that needs an approval, and takes back an approval that was
// given. A resume asks again. wave is as in [Plan.Approve].
func (p Plan) Reject(wave int, by By) (Decision, error) {
	d := p.decide(by)
	wave, err := d.waveToApprove(wave, ByReject)
	if err != nil {
		return d, err
	}
	if wave <= d.Plan.Wave {
		return d, d.notApplicable(ByReject, fmt.Sprintf("wave %d has opened already", wave))
	}
	next := &d.Plan
	approved := next.approved(wave)
	if !approved && next.State != Running && (next.State != Paused || next.PauseReasons.Has(PausedByRejection)) {
		return d.unchanged()
	}
	if approved {
		at, _ := slices.BinarySearch(next.Approved, wave)
		next.Approved = slices.Delete(slices.Clone(next.Approved), at, at+1)
	}
	next.Gate = min(next.Gate, GateBaked) // a resume asks again
	if next.State == Running {
		d.move(ByReject, Paused, by)
		next.PauseReasons = PausedByRejection
		d.Events[len(d.Events)-1].Wave = wave
		return d, nil
	}
	if next.State == Paused {
		next.PauseReasons |= PausedByRejection
	}
	d.noteWave(ByReject, wave, by)
	return d, nil
}

// adjustable returns an error if the plan's state does not allow commands about the way that is
// left to it. A start that is under way does not: it may be given up, which is no event, and then
// the event of such a command would be the last one without saying that the plan is at rest.
func (d *Decision) adjustable(c Cause) error {
	switch d.Plan.State {
	case Created, Running, Paused, Failed:
		if d.Plan.Starting == nil {
			return nil
		}
		return d.notApplicable(c, beingStarted)
	case Completed, Canceled, RollingBack, RolledBack, RollbackFailed:
	}
	return d.notApplicable(c, "")
}

// waveToApprove returns the wave that an approval or a rejection is about, or an error if there is
// none.
func (d *Decision) waveToApprove(wave int, c Cause) (int, error) {
	p := &d.Plan
	if err := d.adjustable(c); err != nil {
		return 0, err
	}
	rules := p.Rules()
	switch {
	case len(p.Waves) == 0:
		return 0, d.notApplicable(c, p.wavesThere())
	case wave < 0 || wave > len(p.Waves):
		return 0, d.notApplicable(c, fmt.Sprintf("there is no wave %d: %s", wave, p.wavesThere()))
	case wave == 0:
		for wave = p.Wave + 1; wave <= len(p.Waves) && !rules.Waits(wave); wave++ {
		}
	}
	switch {
	case wave > len(p.Waves):
		return 0, d.notApplicable(c, "no wave waits for an approval")
	case !rules.Waits(wave):
		return 0, d.notApplicable(c, fmt.Sprintf("wave %d needs no approval", wave))
	}
	return wave, nil
}
