package plan

import (
	"slices"
	"time"

	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/task"
)

// Left returns the time that is left until any engine may give up the addition under way of a plan
// that has been idle for so long. 0 or less means that it may do so now, or that the addition was
// given up.
func (a Adding) Left(idle time.Duration) time.Duration {
	switch {
	case a.GivenUp:
		return 0
	case a.TTL <= 0:
		return DefaultStartTTL - idle
	}
	return a.TTL - idle
}

// Mark marks a plan to which tenants are about to be added. The plan does not end before the
// addition is complete or given up. The error is an *[InvalidError] if there is no room for so
// many.
func (a Adding) Mark(p Plan, by By) (Decision, error) {
	d := p.decide(by)
	if err := d.adjustable(ByAdd); err != nil {
		return d, err
	}
	if p.Adding != nil && p.Adding.Token != a.Token {
		return d, d.notApplicable(ByAdd, "other tenants are being added; try again")
	}
	if err := d.room(a.Tenants); err != nil {
		return d, err
	}
	a.GivenUp = false
	d.Plan.Adding, d.Plan.Dropped = &a, 0
	d.Changed = true
	return d, nil
}

// room returns an *[InvalidError] if there is no room for n tasks more.
func (d *Decision) room(n int) error {
	p := &d.Plan
	var e InvalidError
	if p.TaskCount+n > task.MaxPerPlan {
		e.add("Tenants", "has %d tenants, and the plan has %d; the limit is %d", n, p.TaskCount, task.MaxPerPlan)
	}
	if len(p.Waves) == strategy.MaxWaves && p.Wave == len(p.Waves) {
		e.add("Tenants", "need a wave of their own, and the plan has %d; the limit is %d", len(p.Waves), strategy.MaxWaves)
	}
	if e.Total > 0 {
		return &e
	}
	return nil
}

// Complete completes the addition with this token: the tenants become the plan's last tasks,
// PENDING. They belong to the last wave if it has not opened yet, otherwise to a new one. In a plan
// without waves they may begin at once. The error is an *[InvalidError] if they need a wave that
// the plan has no room for, because the last one has opened since the plan was marked.
func (a Adding) Complete(p Plan, by By) (Decision, error) {
	d := p.decide(by)
	if err := d.adjustable(ByAdd); err != nil {
		return d, err
	}
	next := &d.Plan
	if next.Adding == nil || next.Adding.Token != a.Token || next.Adding.GivenUp {
		return d, d.notApplicable(ByAdd, "the addition was given up")
	}
	n := next.Adding.Tenants
	if err := d.room(n); err != nil {
		return d, err
	}
	next.Adding = nil
	next.TaskCount, next.Added = next.TaskCount+n, next.Added+n
	next.Counters.States[task.Pending] += n
	d.noteAdded(n, d.growWaves(n), by)
	next.TrackWaveEnd(next.Now)
	d.dropApprovalRequest()
	d.regrant()
	for d.step(By{Now: by.Now}) {
	}
	return d, nil
}

// growWaves makes room for n tasks at the end, and returns the number of their wave, 0 without
// waves.
func (d *Decision) growWaves(n int) int {
	p := &d.Plan
	if len(p.Waves) == 0 {
		return 0
	}
	p.Waves = slices.Clone(p.Waves)
	if p.Wave < len(p.Waves) {
		p.Waves[len(p.Waves)-1].Last += n
	} else {
		p.Waves = append(p.Waves, Wave{Last: p.TaskCount})
		p.WaveCounters = append(slices.Clone(p.WaveCounters), WaveCounters{})
		d.counted = true
	}
	return len(p.Waves)
}

// GiveUp makes sure that the addition with this token is not completed any more.
func (a Adding) GiveUp(p Plan, by By) Decision {
	d := p.decide(by)
	if marked := p.Adding; marked != nil && marked.Token == a.Token && !marked.GivenUp {
		next := *marked
		next.GivenUp = true
		d.Plan.Adding, d.Plan.Dropped, d.Changed = &next, marked.Tenants, true
	}
	return d
}

// Drop records that the tenants of the addition with this token, which was given up, are released,
// except for the first left of them. If none is left it removes the mark.
func (a Adding) Drop(p Plan, left int, by By) Decision {
	d := p.decide(by)
	marked := d.Plan.Adding
	switch {
	case marked == nil || marked.Token != a.Token || !marked.GivenUp:
	case left > 0:
		next := *marked
		next.Tenants = min(left, next.Tenants)
		d.Plan.Adding, d.Changed = &next, true
	default:
		d.Plan.Adding = nil
		d.noteAdded(0, 0, By{Actor: marked.Actor, Reason: "given up", Now: by.Now})
		for d.step(By{Now: by.Now}) {
		}
	}
	return d
}

// noteAdded records that n tenants were added to a wave.
func (d *Decision) noteAdded(n, wave int, by By) {
	d.noteWave(ByAdd, wave, by)
	d.Events[len(d.Events)-1].Added = n
}
