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
	p.plan.WaveCounters[p.plan.WaveOf(int(ordinal))-1].Move(from, to)
}

// ownControl returns a copy of c that shares no memory with c.
func ownControl(c plan.Control) plan.Control {
	c.Sweeps = slices.Clone(c.Sweeps)
	for i := range c.Sweeps {
		c.Sweeps[i].Filter = c.Sweeps[i].Filter.Clone()
	}
	c.Waves = slices.Clone(c.Waves)
	c.Approved = slices.Clone(c.Approved)
	c.Undone = slices.Clone(c.Undone)
	c.Tuning.Windows = slices.Clone(c.Tuning.Windows)
	c.Tuning.Waves = maps.Clone(c.Tuning.Waves)
	if c.Starting != nil {
		s := *c.Starting
		c.Starting = &s
	}
	if c.Adding != nil {
		a := *c.Adding
		c.Adding = &a
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
