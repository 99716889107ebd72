package plan

import (
	"fmt"
	"slices"
	"time"

	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/task"
)

// Wave is a slice of a plan's ordinals that is opened together. It begins after the last ordinal of
// the wave before it.
type Wave struct {
	// Last is the last ordinal of the wave.
	Last int
	// Acknowledged counts the failures of the wave that the last resume accepted. Invariant:
	// Acknowledged <= failed tasks of the wave, except while it is being undone.
	Acknowledged int
	// MaxFailed is the number of failed tasks of the wave above which the plan is breached.
	MaxFailed int
}

// wavesThere says, to somebody who named another one, which waves the plan has.
func (c *Control) wavesThere() string {
	if len(c.Waves) == 0 {
		return "the plan has no waves"
	}
	return fmt.Sprintf("the plan has the waves 1 to %d", len(c.Waves))
}

// WaveCounters count tasks of a wave.
type WaveCounters struct {
	// Failed counts the tasks that are FAILED, Ended those that have ended, the failed ones too.
	Failed, Ended int
	// InFlight counts the tasks that are RUNNING or ROLLING_BACK, RollbackFailed those that are
	// ROLLBACK_FAILED.
	InFlight, RollbackFailed int
}

// Move counts a task of the wave that goes from one state to another.
func (c *WaveCounters) Move(from, to task.State) {
	c.Failed += one(to == task.Failed) - one(from == task.Failed)
	c.Ended += one(to.Ended()) - one(from.Ended())
	c.InFlight += one(to.InFlight()) - one(from.InFlight())
	c.RollbackFailed += one(to == task.RollbackFailed) - one(from == task.RollbackFailed)
}

func one(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// Gate is what a plan has passed on its way from one wave to the next.
type Gate uint8

// The gates, in their order.
const (
	// GateNone: the open wave is being worked on, or bakes.
	GateNone Gate = iota
	// GateBaked: the open wave has ended, and its bake is over.
	GateBaked
	// GateApproval: the next wave waits for an approval.
	GateApproval

	// NumGates is the number of gates.
	NumGates = int(GateApproval) + 1
)

// FirstOf returns the first ordinal of wave n, from 1.
func (c *Control) FirstOf(n int) int {
	if n <= 1 {
		return 1
	}
	return c.Waves[n-2].Last + 1
}

// WaveOf returns the number of the wave of an ordinal, from 1.
func (c *Control) WaveOf(ordinal int) int {
	i, _ := slices.BinarySearchFunc(c.Waves, ordinal, func(w Wave, o int) int { return w.Last - o })
	return i + 1
}

// SizeOf returns the number of tasks of wave n, from 1.
func (c *Control) SizeOf(n int) int { return c.Waves[n-1].Last - c.FirstOf(n) + 1 }

// openNumber returns the number of the open wave, 0 if none is open yet. A plan without waves is
// one wave, which is always open.
func (c *Control) openNumber() int {
	if len(c.Waves) == 0 {
		return 1
	}
	return c.Wave
}

// WaveLeft returns how many tasks of the open wave have not ended, 0 if no wave is open yet. In a
// plan without waves all tasks are the open wave.
func (p *Plan) WaveLeft() int {
	switch {
	case len(p.Waves) == 0:
		return p.Counters.Left()
	case p.Wave == 0:
		return 0
	}
	return p.SizeOf(p.Wave) - p.WaveCounters[p.Wave-1].Ended
}

// TrackWaveEnd brings WaveEndedAt up to date after a step that counted tasks or opened a wave: the
// time is cleared while the open wave has tasks left, or none is open yet; otherwise it becomes
// now, by the store's clock, unless it was set by an earlier step. A step that opens a wave has to
// clear WaveEndedAt itself, because the time is that of the wave before.
func (p *Plan) TrackWaveEnd(now time.Time) {
	switch {
	case p.openNumber() == 0 || p.WaveLeft() > 0:
		p.WaveEndedAt = time.Time{}
	case p.WaveEndedAt.IsZero():
		p.WaveEndedAt = now
	}
}

// PendingBeyond returns how many tasks of the waves after the open one are pending. None of them
// may begin yet. Only commands change the number; it counts as long as WaveCounters do.
func (p *Plan) PendingBeyond() int {
	n := 0
	for i := p.Wave; i < len(p.Waves); i++ {
		n += p.SizeOf(i+1) - p.WaveCounters[i].Ended
	}
	return n
}

// GatesPassed reports whether a plan can end as soon as all its tasks have ended: its last
// wave is open, and that wave's bake is over or it has none. Only commands, and steps of the plan
// itself, change it.
func (p *Plan) GatesPassed() bool {
	if p.Wave < len(p.Waves) {
		return false
	}
	rules := p.Rules()
	return p.Gate == GateBaked || p.bake(&rules) == 0
}

// bake returns how long the open wave bakes under these rules.
func (c *Control) bake(rules *strategy.Strategy) time.Duration {
	return rules.Bake(c.openNumber(), max(1, len(c.Waves)))
}

// heldUp reports whether nothing keeps a running plan open, in which no task is in flight, but
// tasks that were paused individually. They may be tasks of earlier waves that were retried.
func (p *Plan) heldUp() bool {
	c := &p.Counters
	return c.Of(task.Paused) > 0 && c.Of(task.Pending) == p.PendingBeyond() && (p.WaveLeft() > 0 || p.GatesPassed())
}

// Rules returns the plan's strategy as it applies now: as the plan was created, and as it was tuned
// since.
func (p Plan) Rules() strategy.Strategy { return p.Strategy.Tuned(p.Tuning) }

// tallies returns what a decision needs to know about the waves of a plan. A failure that was
// acknowledged and then retried is no longer acknowledged.
func tallies(p *Plan) []strategy.Tally {
	if len(p.Waves) == 0 {
		failed := p.Counters.Of(task.Failed)
		return []strategy.Tally{{Tasks: p.TaskCount, Failed: failed, Acknowledged: min(p.Acknowledged, failed)}}
	}
	list := make([]strategy.Tally, len(p.Waves))
	for i, w := range p.Waves {
		failed := p.WaveCounters[i].Failed
		list[i] = strategy.Tally{Tasks: p.SizeOf(i + 1), Failed: failed, Acknowledged: min(w.Acknowledged, failed)}
	}
	return list
}

// Admits reports whether the failures that there are, in the plan, in its open wave and in each of
// its groups, allow a pending task to begin.
func (p *Plan) Admits() bool {
	inFlight := p.Counters.InFlight()
	if p.FailureGroups.exceeding(&p.Grant) != nil || !p.Grant.Admits(p.Counters.Of(task.Failed), p.Grant.MaxFailed, inFlight) {
		return false
	}
	if p.Wave == 0 {
		return true
	}
	return p.Grant.Admits(p.WaveCounters[p.Wave-1].Failed, p.Waves[p.Wave-1].MaxFailed, inFlight)
}

// Exceeds reports whether more tasks are failed than the plan's grant allows, more of the wave of
// an ordinal than that wave allows, or more in the group of a failure than the grant allows. The
// commit that makes the task with that ordinal FAILED in a running plan, with that failure,
// breaches the plan if Exceeds reports true after it.
func (p *Plan) Exceeds(ordinal int, f *task.FailureInfo) bool {
	if p.Counters.Of(task.Failed) > p.Grant.MaxFailed || p.Grant.MaxSameFailures > 0 && p.FailureGroups.Of(f).exceeds(&p.Grant) {
		return true
	}
	w := p.WaveOf(ordinal)
	return w <= len(p.Waves) && p.WaveCounters[w-1].Failed > p.Waves[w-1].MaxFailed
}

// Exceeded reports whether more tasks are failed than the plan's grant or one of its waves allows,
// or more of one group than the grant allows.
func (p *Plan) Exceeded() bool {
	return p.Counters.Of(task.Failed) > p.Grant.MaxFailed || exceeding(p) > 0 || p.FailureGroups.exceeding(&p.Grant) != nil
}

// exceeding returns the number of the first wave that has more failures than it tolerates, or 0.
func exceeding(p *Plan) int {
	for i, w := range p.Waves {
		if p.WaveCounters[i].Failed > w.MaxFailed {
			return i + 1
		}
	}
	return 0
}

// excess returns the failures that exceed a tolerance, and that tolerance: of the plan as a whole,
// of a wave, or of a group. If none is exceeded it returns those of the plan.
func excess(p *Plan) tolerance {
	all := tolerance{failed: p.Counters.Of(task.Failed), tolerated: p.Grant.MaxFailed}
	wave := exceeding(p)
	switch group := p.FailureGroups.exceeding(&p.Grant); {
	case all.failed > all.tolerated:
		return all
	case wave > 0:
		return tolerance{wave: wave, failed: p.WaveCounters[wave-1].Failed, tolerated: p.Waves[wave-1].MaxFailed}
	case group != nil:
		alike := &task.FailureInfo{ErrorCode: group.ErrorCode, Step: group.Step}
		return tolerance{alike: alike, failed: group.Failed, tolerated: group.tolerated(&p.Grant)}
	}
	return all
}

// baking returns the time until the bake of the open wave is over. bakes is false if the wave does
// not bake now: it has tasks left, has no bake time, or has baked.
func (p *Plan) baking(rules *strategy.Strategy) (left time.Duration, bakes bool) {
	if p.State != Running || p.Gate != GateNone || p.openNumber() == 0 || p.WaveLeft() > 0 {
		return 0, false
	}
	bake := p.bake(rules)
	if p.WaveEndedAt.IsZero() {
		return bake, bake > 0 // the store is about to say when
	}
	return p.WaveEndedAt.Add(bake).Sub(p.Now), bake > 0
}
