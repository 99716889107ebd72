package storetest

import (
	"fmt"
	"slices"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/plan/strategy/window"
	"github.com/cutover-go/cutover/task"
)

// waveLog is what the oracle knows about the waves of its plan from the tasks, the events and the
// strategy, and not from what the plan says about its waves.
type waveLog struct {
	opened   int   // the wave of the last event of an opening
	passed   bool  // all tasks of that wave had ended when it opened
	baked    bool  // its bake is over; a later tuning does not change that
	approved []int // the waves that were approved of

	// While endUnknown, WaveEndedAt is only the latest possible time; endFrom is the earliest.
	endUnknown bool
	endFrom    time.Time
}

// waveOf returns the wave of an ordinal, 0 without waves.
func (o *oracle) waveOf(ordinal int) int {
	for i, w := range o.plan.Waves {
		if ordinal <= w.Last {
			return i + 1
		}
	}
	return 0
}

// countWaves counts the tasks of every wave. When the plan's state cancels pending tasks the
// counters stay as they are.
func (o *oracle) countWaves() {
	if o.plan.State.CancelsPending() || len(o.plan.Waves) == 0 {
		return
	}
	o.plan.WaveCounters = make([]plan.WaveCounters, len(o.plan.Waves))
	for i := range o.tasks {
		c := &o.plan.WaveCounters[o.waveOf(i+1)-1]
		s := o.tasks[i].State
		if s.Ended() {
			c.Ended++
		}
		if s.InFlight() {
			c.InFlight++
		}
		if s == task.Failed {
			c.Failed++
		}
		if s == task.RollbackFailed {
			c.RollbackFailed++
		}
	}
}

// exceeds reports whether more tasks are failed than the plan allows, more of the wave of the task
// with that ordinal than the wave allows, or more in the same way.
func (o *oracle) exceeds(ordinal int) bool {
	w := o.waveOf(ordinal)
	return o.plan.Counters.Of(task.Failed) > o.plan.Grant.MaxFailed || tooMany(o.plan.FailureGroups, o.plan.Grant.MaxSameFailures, o.tasks[ordinal-1].Failure) ||
		w > 0 && o.plan.WaveCounters[w-1].Failed > o.plan.Waves[w-1].MaxFailed
}

// admits reports whether the failures in the plan, and in the open wave, allow a pending task to
// begin.
func (o *oracle) admits() bool {
	p := &o.plan
	risk := 0
	if p.Grant.Strict {
		risk = p.Counters.InFlight()
	}
	return !tooMany(p.FailureGroups, p.Grant.MaxSameFailures, nil) && p.Counters.Of(task.Failed)+risk <= p.Grant.MaxFailed &&
		(p.Wave == 0 || p.WaveCounters[p.Wave-1].Failed+risk <= p.Waves[p.Wave-1].MaxFailed)
}

// opens reports whether the times of the grant allow a pending task to begin. It is unsure for a
// call during which one of the times came.
func (o *oracle) opens() (open, sure bool) {
	g := &o.plan.Grant
	open, sure = !o.now.Before(g.NotBefore) && (g.NotAfter.IsZero() || o.now.Before(g.NotAfter)), true
	for _, edge := range []time.Time{g.NotBefore, g.NotAfter} {
		if !o.since.IsZero() && edge.After(o.since) && !edge.After(o.now) {
			open, sure = true, false
		}
	}
	return open, sure
}

// trackEnd keeps when the last task of the open wave ended, after a step between two times.
func (o *oracle) trackEnd(from, to time.Time) {
	p, left := &o.plan, 0
	switch {
	case len(p.Waves) == 0:
		left = p.Counters.Left()
	case p.Wave == 0:
		left = 1
	default:
		left = p.SizeOf(p.Wave) - p.WaveCounters[p.Wave-1].Ended
	}
	switch {
	case left > 0:
		p.WaveEndedAt, o.waves.endUnknown = time.Time{}, false
	case p.WaveEndedAt.IsZero():
		p.WaveEndedAt, o.waves.endFrom, o.waves.endUnknown = to, from, true
	}
}

// learnEnd takes over the WaveEndedAt of the store if it is possible.
func (o *oracle) learnEnd(got time.Time) error {
	want := o.plan.WaveEndedAt
	if o.waves.endUnknown && !got.Before(o.waves.endFrom) && !got.After(want) {
		o.plan.WaveEndedAt, o.waves.endUnknown = got, false
	} else if !got.Equal(want) {
		return fmt.Errorf("the open wave ended at %s, want %s, at the earliest %s", got, want, o.waves.endFrom)
	}
	return nil
}

// begin returns an error if a pending task that began, as these events say, must not begin by the
// strategy: its wave is not the one that opened last, or the windows are not open.
func (o *oracle) begin(events []plan.Event) error {
	for _, e := range events {
		if e.Cause == task.ByClaim.String() {
			if err := o.begins(e.Task.Ordinal()); err != nil {
				return err
			}
		}
	}
	return nil
}

func (o *oracle) begins(ordinal int) error {
	if w := o.waveOf(ordinal); w != o.waves.opened || o.plan.State != plan.Running {
		return fmt.Errorf("task %d of wave %d begins in %s, wave %d has opened", ordinal, w, o.plan.State, o.waves.opened)
	}
	s, err := window.New(o.plan.Rules().Windows)
	if err != nil {
		return err
	}
	if open, _ := s.At(o.now); !open {
		return fmt.Errorf("task %d begins at %s, outside of the windows", ordinal, o.now)
	}
	return nil
}

// waveCheck goes through the events of one command.
type waveCheck struct {
	*oracle
	rules  strategy.Strategy
	waves  []plan.Wave
	states []task.State
	ended  time.Time // when the open wave ended
	adding bool      // tenants are being added
	now    time.Time // what the decision was told
}

// checkWaves returns an error if a command takes a step that is not due: no wave opens before the
// one before it has ended and baked and, unless nothing of it is left, was approved of; the plan is
// not completed before the last bake is over, or while tenants are being added.
func (o *oracle) checkWaves(events []plan.Event, after *plan.Plan) error {
	c := waveCheck{oracle: o, rules: o.plan.Rules(), waves: o.plan.Waves, ended: o.plan.WaveEndedAt, adding: o.plan.Adding != nil, now: after.Now}
	for i := range o.tasks {
		c.states = append(c.states, o.tasks[i].State)
	}
	for _, e := range events {
		if err := c.event(e, after); err != nil {
			return fmt.Errorf("%w; opened %d, passed over: %t, baked: %t, approved %d",
				err, o.waves.opened, o.waves.passed, o.waves.baked, o.waves.approved)
		}
	}
	return nil
}

func (c *waveCheck) event(e plan.Event, after *plan.Plan) (err error) {
	log := &c.oracle.waves
	switch {
	case e.Task != 0:
		return c.follow(e)
	case e.Cause == plan.ByWave.String():
		return c.opening(e.Wave)
	case e.Cause == plan.ByBake.String():
		err = c.baked(e.Wave)
		log.baked = true
	case e.Cause == plan.ByApproval.String():
		if e.Wave > 1 {
			err = c.baked(e.Wave - 1)
			log.baked = true
		}
		if e.Wave != log.opened+1 || !c.rules.Waits(e.Wave) || slices.Contains(log.approved, e.Wave) {
			err = fmt.Errorf("wave %d asks for an approval", e.Wave)
		}
	case e.Cause == plan.ByApprove.String():
		log.approved = append(log.approved, e.Wave)
	case e.Cause == plan.ByRollback.String():
		if e.Wave > 0 && e.Wave == log.opened {
			log.baked, log.passed = false, false
			log.approved = slices.DeleteFunc(log.approved, func(n int) bool { return n > e.Wave })
		}
	case e.Cause == plan.ByReject.String():
		log.approved = slices.DeleteFunc(log.approved, func(n int) bool { return n == e.Wave })
	case e.Cause == plan.ByTune.String():
		c.rules = after.Rules()
	case e.Cause == plan.ByAdd.String():
		c.grown(e, after)
	case e.To == plan.Completed.String() && e.From != e.To:
		if err = c.baked(log.opened); log.opened != len(c.waves) || c.adding {
			err = fmt.Errorf("completed after wave %d of %d, while tenants are being added: %t", log.opened, len(c.waves), c.adding)
		}
	}
	return err
}

// grown follows the end of an addition of tenants.
func (c *waveCheck) grown(e plan.Event, after *plan.Plan) {
	c.waves, c.adding = after.Waves, false
	for range e.Added {
		c.states = append(c.states, task.Pending)
	}
	if len(c.waves) == 0 && e.Added > 0 {
		c.ended = time.Time{}
	}
}

// follow follows the event of a task.
func (c *waveCheck) follow(e plan.Event) error {
	to, err := task.ParseState(e.To)
	log := &c.oracle.waves
	ofOpen := c.waveOf(e.Task.Ordinal()) == log.opened
	at := &c.states[e.Task.Ordinal()-1]
	if ofOpen && at.Ended() && !to.Ended() {
		log.baked, log.passed, c.ended = false, false, time.Time{}
	}
	*at = to
	if ofOpen && c.ended.IsZero() && c.over(log.opened) {
		c.ended = c.now
	}
	return err
}

// over reports whether all tasks of a wave have ended; without waves, of the plan.
func (c *waveCheck) over(wave int) bool {
	first, last := 1, len(c.states)
	if wave > 0 {
		last = c.waves[wave-1].Last
	}
	if wave > 1 {
		first = c.waves[wave-2].Last + 1
	}
	return !slices.ContainsFunc(c.states[first-1:last], func(s task.State) bool { return !s.Ended() })
}

func (c *waveCheck) opening(wave int) error {
	log := &c.oracle.waves
	if wave != log.opened+1 {
		return fmt.Errorf("wave %d opens", wave)
	}
	if wave > 1 {
		if err := c.baked(wave - 1); err != nil {
			return err
		}
	}
	log.opened, log.passed, log.baked, c.ended = wave, c.over(wave), false, time.Time{}
	if log.passed {
		c.ended = c.now
	}
	if c.rules.Waits(wave) && !log.passed && !slices.Contains(log.approved, wave) {
		return fmt.Errorf("wave %d opens without an approval", wave)
	}
	return nil
}

// baked returns an error unless the open wave, without waves the plan, has ended and baked.
func (c *waveCheck) baked(wave int) error {
	log := &c.oracle.waves
	if wave != log.opened || !c.over(wave) {
		return fmt.Errorf("wave %d is over, and is not open or has tasks left", wave)
	}
	if log.baked || log.passed {
		return nil // a wave that is passed over does not bake
	}
	if until := c.ended.Add(c.rules.Bake(max(1, wave), max(1, len(c.waves)))); c.ended.IsZero() || c.now.Before(until) {
		return fmt.Errorf("wave %d is over at %s, its bake ends at %s", wave, c.now, until)
	}
	return nil
}
