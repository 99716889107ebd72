package plan_test

import (
	"slices"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/plan/strategy/window"
	"github.com/cutover-go/cutover/task"
)

// waveLog is what the world itself knows about the waves of its plan, from the tasks and the events
// and not from the plan.
type waveLog struct {
	opened   int         // the wave of the last event of an opening
	ended    []time.Time // when a task of each wave ended last; without waves, of the plan
	passed   []bool      // waves whose tasks had all ended when they opened
	baked    bool        // the bake of the open wave was over; a later tuning does not change that
	approved []int       // in ascending order
}

// waveOf returns the wave of an ordinal, 0 without waves.
func (w *world) waveOf(ordinal int) int {
	for i, wave := range w.plan.Waves {
		if ordinal <= wave.Last {
			return i + 1
		}
	}
	return 0
}

// ofWave returns the tasks of a wave, or of the plan if it has none.
func (w *world) ofWave(wave int) []task.Task {
	if len(w.plan.Waves) == 0 {
		return w.tasks
	}
	first := 0
	if wave > 1 {
		first = w.plan.Waves[wave-2].Last
	}
	return w.tasks[first:w.plan.Waves[wave-1].Last]
}

func (w *world) failedOf(wave int) (n int) {
	for _, t := range w.ofWave(wave) {
		if t.State == task.Failed {
			n++
		}
	}
	return n
}

// moved notes when a task ends.
func (w *world) moved(t *task.Task, to task.State) {
	if !t.State.Ended() && to.Ended() {
		w.waves.ended[max(0, w.waveOf(t.ID.Ordinal())-1)] = w.plan.Now
	}
}

// countWaves counts the tasks of every wave, unless the plan's state cancels pending tasks.
func (w *world) countWaves() {
	p := &w.plan
	if len(p.Waves) == 0 || p.State.CancelsPending() {
		return
	}
	p.WaveCounters = make([]plan.WaveCounters, len(p.Waves))
	for i := range p.Waves {
		for _, t := range w.ofWave(i + 1) {
			if t.State.Ended() {
				p.WaveCounters[i].Ended++
			}
			if t.State == task.Failed {
				p.WaveCounters[i].Failed++
			}
			if t.State.InFlight() {
				p.WaveCounters[i].InFlight++
			}
			if t.State == task.RollbackFailed {
				p.WaveCounters[i].RollbackFailed++
			}
		}
	}
}

// endWave keeps the time at which the last task of the open wave ended.
func (w *world) endWave() {
	p := &w.plan
	switch {
	case len(p.Waves) > 0 && p.Wave == 0, p.WaveLeft() > 0:
		p.WaveEndedAt = time.Time{}
	case p.WaveEndedAt.IsZero():
		p.WaveEndedAt = p.Now
	}
}

// admits reports whether the grant lets a pending task begin: by the failures of the plan and of
// the open wave, and by the time.
func (w *world) admits() bool {
	p := &w.plan
	risk := 0
	if p.Grant.Strict {
		risk = p.Counters.InFlight()
	}
	if w.crowded(p.Grant.MaxSameFailures, nil) || p.Counters.Of(task.Failed)+risk > p.Grant.MaxFailed {
		return false
	}
	if p.Wave > 0 && w.failedOf(p.Wave)+risk > p.Waves[p.Wave-1].MaxFailed {
		return false
	}
	return !p.Now.Before(p.Grant.NotBefore) && (p.Grant.NotAfter.IsZero() || p.Now.Before(p.Grant.NotAfter))
}

// checkBegins verifies, from the strategy and not from the grant, that a pending task may begin
// now: its wave is the open one, a slot is free, the failures are tolerated, and the windows are
// open.
func (w *world) checkBegins(t *task.Task) {
	p, rules := &w.plan, w.plan.Rules()
	wave := w.waveOf(t.ID.Ordinal())
	if p.State != plan.Running || wave != p.Wave || wave != w.waves.opened {
		w.t.Fatalf("%s of wave %d begins in %s, wave %d is open", t.ID, wave, p.State, p.Wave)
	}
	slots, failed, allowed, inFlight := rules.MaxConcurrency.AtLeastOne(p.TaskCount), p.Counters.Of(task.Failed), rules.MaxFailures.Of(p.TaskCount), 0
	strict := rules.ConcurrencyMode.String() == "Strict"
	waveFailed, waveAllowed := failed, max(allowed, p.Acknowledged)
	if wave > 0 {
		own, size := rules.Waves[wave-1], len(w.ofWave(wave))
		if own.MaxConcurrency.String() == "" {
			own.MaxConcurrency = rules.MaxConcurrency
		}
		if own.MaxFailures.String() == "" {
			own.MaxFailures = rules.MaxFailures
		}
		slots = min(slots, own.MaxConcurrency.AtLeastOne(size))
		waveFailed, waveAllowed = w.failedOf(wave), own.MaxFailures.Of(size)
		if own.Canary {
			strict, waveAllowed = true, 0
		}
		waveAllowed = max(waveAllowed, p.Waves[wave-1].Acknowledged)
	}
	if strict {
		inFlight = p.Counters.InFlight()
	}
	if p.Counters.Slots() >= slots || failed+inFlight > max(allowed, p.Acknowledged) || waveFailed+inFlight > waveAllowed {
		w.t.Fatalf("%s begins with %d of %d slots taken, %d failed of %d, in its wave %d of %d, %d in flight that count",
			t.ID, p.Counters.Slots(), slots, failed, max(allowed, p.Acknowledged), waveFailed, waveAllowed, inFlight)
	}
	if w.crowded(rules.MaxSameFailures, nil) {
		w.t.Fatalf("%s begins although %d may fail in the same way: %+v", t.ID, rules.MaxSameFailures, p.FailureGroups)
	}
	s, err := window.New(rules.Windows)
	if err != nil {
		w.t.Fatal(err)
	}
	if open, _ := s.At(p.Now); !open {
		w.t.Fatalf("%s begins at %s, outside of the windows", t.ID, p.Now)
	}
}

// checkWaveEvents verifies that what a decision says about waves is due: no wave opens before the
// one before it has ended and baked and, unless it is passed over, before it is approved; the plan
// is not completed before the last bake is over. It follows the events, because a step may come
// before or after a change of a task in the same decision.
func (w *world) checkWaveEvents(d plan.Decision) {
	c := waveCheck{world: w, log: &w.waves, rules: w.plan.Rules(), ended: slices.Clone(w.waves.ended)}
	for _, t := range w.tasks {
		c.states = append(c.states, t.State)
	}
	for _, e := range d.Events {
		if e.Task != 0 {
			c.follow(e)
			continue
		}
		switch e.Cause {
		case "wave":
			c.opens(e.Wave)
		case "bake":
			c.baked(e.Wave)
			c.log.baked = true
		case "approval":
			if e.Wave > 1 {
				c.baked(e.Wave - 1)
				c.log.baked = true
			}
			if e.Wave != c.log.opened+1 || !c.rules.Waits(e.Wave) || slices.Contains(c.log.approved, e.Wave) {
				w.t.Fatalf("wave %d asks for an approval after wave %d; approved are %d", e.Wave, c.log.opened, c.log.approved)
			}
		case "tune":
			c.rules = d.Plan.Rules()
		case "approve":
			c.log.approved = append(c.log.approved, e.Wave)
			slices.Sort(c.log.approved)
		case "rollback":
			if e.Wave > 0 && e.Wave == c.log.opened {
				c.log.baked, c.log.passed[e.Wave-1] = false, false
				c.log.approved = slices.DeleteFunc(slices.Clone(c.log.approved), func(n int) bool { return n > e.Wave })
			}
		case "reject":
			c.log.approved = slices.DeleteFunc(slices.Clone(c.log.approved), func(n int) bool { return n == e.Wave })
		case "success":
			if c.log.opened != len(w.plan.Waves) {
				w.t.Fatalf("completed after wave %d of %d", c.log.opened, len(w.plan.Waves))
			}
			c.baked(c.log.opened)
		}
	}
}

// waveCheck goes through the events of one decision.
type waveCheck struct {
	*world
	log    *waveLog
	rules  strategy.Strategy
	states []task.State // of all tasks, as of the event
	ended  []time.Time  // as in waveLog, as of the event
}

func (c *waveCheck) follow(e plan.Event) {
	to, err := task.ParseState(e.To)
	if err != nil {
		c.t.Fatal(err)
	}
	at := &c.states[e.Task.Ordinal()-1]
	if !at.Ended() && to.Ended() {
		c.ended[max(0, c.waveOf(e.Task.Ordinal())-1)] = c.plan.Now
	}
	if at.Ended() && !to.Ended() && c.waveOf(e.Task.Ordinal()) == c.log.opened {
		c.log.baked = false
	}
	*at = to
}

// over reports whether all tasks of a wave have ended.
func (c *waveCheck) over(wave int) bool {
	for _, t := range c.ofWave(wave) {
		if !c.states[t.ID.Ordinal()-1].Ended() {
			return false
		}
	}
	return true
}

func (c *waveCheck) opens(wave int) {
	if wave != c.log.opened+1 {
		c.t.Fatalf("wave %d opens after wave %d", wave, c.log.opened)
	}
	if wave > 1 {
		c.baked(wave - 1)
	}
	c.log.opened, c.log.passed[wave-1], c.log.baked = wave, c.over(wave), false
	if c.rules.Waits(wave) && !c.log.passed[wave-1] && !slices.Contains(c.log.approved, wave) {
		c.t.Fatalf("wave %d opens; approved are %d", wave, c.log.approved)
	}
}

// baked verifies that a wave has ended and is baked; without waves, the plan.
func (c *waveCheck) baked(wave int) {
	if !c.over(wave) {
		c.t.Fatalf("wave %d is over, and has tasks left", wave)
	}
	i := max(0, wave-1)
	if c.log.baked || wave > 0 && c.log.passed[i] {
		return // a wave that is passed over does not bake
	}
	if ends := c.ended[i].Add(c.rules.Bake(i+1, max(1, len(c.plan.Waves)))); c.plan.Now.Before(ends) {
		c.t.Fatalf("wave %d is over at %s, its bake ends at %s", wave, c.plan.Now, ends)
	}
}
