package memstore

import (
	"maps"
	"slices"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/task"
)

// countInWave counts, in its wave, a task that goes from one state to another.
func (p *rollout) countInWave(ordinal uint32, from, to task.State) {
	if len(p.plan.Waves) == 0 || p.plan.State.CancelsPending() || from == to {
		return
	}
	c := &p.plan.WaveCounters[p.plan.WaveOf(int(ordinal))-1]
	if from == task.Failed {
		c.Failed--
	}
	if to == task.Failed {
		c.Failed++
	}
	if from.Ended() {
		c.Ended--
	}
	if to.Ended() {
		c.Ended++
	}
}

// endWave keeps the time at which the last task of the open wave ended.
func (p *rollout) endWave(at stamp) {
	switch none := p.plan.WaveEndedAt.IsZero(); {
	case p.plan.WaveLeft() > 0 || len(p.plan.Waves) > 0 && p.plan.Wave == 0:
		if !none {
			p.plan.WaveEndedAt = stamp(0).time()
		}
	case none:
		p.plan.WaveEndedAt = at.time()
	}
}

// waveExceeded reports whether the wave of a task has more failed tasks than it may.
func (p *rollout) waveExceeded(ordinal uint32) bool {
	if len(p.plan.Waves) == 0 {
		return false
	}
	w := p.plan.WaveOf(int(ordinal)) - 1
	return p.plan.WaveCounters[w].Failed > p.plan.Waves[w].MaxFailed
}

// ownControl returns a copy of c that shares no memory with c.
func ownControl(c plan.Control) plan.Control {
	c.Sweeps = slices.Clone(c.Sweeps)
	c.Waves = slices.Clone(c.Waves)
	c.Approved = slices.Clone(c.Approved)
	c.Tuning.Windows = slices.Clone(c.Tuning.Windows)
	c.Tuning.Waves = maps.Clone(c.Tuning.Waves)
	if c.Starting != nil {
		s := *c.Starting
		c.Starting = &s
	}
	return c
}

// waveCounters returns the counters of that many waves, nil for a plan without waves.
func waveCounters(waves int) []plan.WaveCounters {
	if waves == 0 {
		return nil
	}
	return make([]plan.WaveCounters, waves)
}
