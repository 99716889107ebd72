//go:build crash

package crash

import (
	"fmt"
	"slices"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/plan/strategy/window"
	"github.com/cutover-go/cutover/task"
)

// checkWaves checks the events of a plan with waves: no task began before the wave before its own
// had ended, had baked and, where it needs that, before its own was approved of; none while more
// tasks were failed than tolerated, above the concurrency, or outside of the windows.
func (s *site) checkWaves(id plan.ID) {
	s.Helper()
	p, err := s.Store.Plan(s.Context(), id)
	if err != nil {
		s.Fatal(err)
	}
	r, err := replayWaves(p, s.Events(id))
	if err != nil {
		s.Fatal(err)
	}
	for _, fault := range r.faults {
		s.Errorf("%s\n%s", fault, s.Tail())
	}
	if r.open != len(p.Waves) {
		s.Errorf("wave %d of %d was opened", r.open, len(p.Waves))
	}
}

// waveReplay is the state of a plan according to the events replayed so far.
type waveReplay struct {
	p        plan.Plan
	rules    strategy.Strategy
	windows  *window.Schedule
	open     int // the open wave
	baked    bool
	approved []int
	states   []task.State // by ordinal - 1
	ended    time.Time    // when a task of the open wave ended last
	faults   []string
}

// replayWaves replays the events of a plan and records what began too early as faults. No tuning
// in these plans makes anything stricter, so the present rules are those of the whole time.
func replayWaves(p plan.Plan, events []plan.Event) (*waveReplay, error) {
	r := &waveReplay{p: p, rules: p.Rules(), states: make([]task.State, p.TaskCount)}
	var err error
	if r.windows, err = window.New(r.rules.Windows); err != nil {
		return nil, err
	}
	for _, e := range events {
		if e.Task == 0 {
			r.plan(e)
		} else if err := r.task(e); err != nil {
			return nil, err
		}
	}
	return r, nil
}

func (r *waveReplay) plan(e plan.Event) {
	switch e.Cause {
	case plan.ByApprove.String():
		r.approved = append(r.approved, e.Wave)
	case plan.ByBake.String():
		r.baked = true
		if bake := r.rules.Bake(r.open, len(r.p.Waves)); e.Wave != r.open || r.ended.IsZero() || e.At.Sub(r.ended) < bake {
			r.fault("event %d: the bake of wave %d of %s is over at %s, the wave ended at %s", e.Seq, e.Wave, bake, e.At, r.ended)
		}
	case plan.ByWave.String():
		if e.Wave != r.open+1 {
			r.fault("event %d: wave %d opens after wave %d", e.Seq, e.Wave, r.open)
		}
		r.over(e)
		if r.rules.Waits(e.Wave) && !slices.Contains(r.approved, e.Wave) {
			r.fault("event %d: wave %d opens without an approval", e.Seq, e.Wave)
		}
		r.open, r.baked, r.ended = e.Wave, false, time.Time{}
	case plan.BySuccess.String():
		r.over(e)
	}
}

// over checks that the open wave has ended and baked.
func (r *waveReplay) over(e plan.Event) {
	if r.open == 0 {
		return
	}
	if n := r.count(r.open, task.State.Ended); n < r.p.SizeOf(r.open) {
		r.fault("event %d (%s): of wave %d only %d tasks have ended", e.Seq, e.Cause, r.open, n)
	}
	if !r.baked && r.rules.Bake(r.open, len(r.p.Waves)) > 0 {
		r.fault("event %d (%s): wave %d has not baked", e.Seq, e.Cause, r.open)
	}
}

func (r *waveReplay) task(e plan.Event) error {
	to, err := task.ParseState(e.To)
	if err != nil {
		return err
	}
	if e.Cause == task.ByClaim.String() {
		r.begins(e)
	}
	state := &r.states[e.Task.Ordinal()-1]
	if r.p.WaveOf(e.Task.Ordinal()) == r.open && !state.Ended() && to.Ended() {
		r.ended = e.At
	}
	*state = to
	return nil
}

// begins checks that a task may begin.
func (r *waveReplay) begins(e plan.Event) {
	wave := r.p.WaveOf(e.Task.Ordinal())
	if wave != r.open {
		r.fault("event %d: task %s of wave %d begins while wave %d is open", e.Seq, e.Task, wave, r.open)
		return
	}
	own, size := r.rules.Waves[wave-1], r.p.SizeOf(wave)
	running := r.count(0, func(s task.State) bool { return s == task.Running })
	slots := r.rules.Concurrency(r.p.TaskCount)
	if own.MaxConcurrency.Kind != strategy.AmountUnset {
		slots = min(slots, own.MaxConcurrency.AtLeastOne(size))
	}
	if running >= slots {
		r.fault("event %d: task %s begins while %d of %d run", e.Seq, e.Task, running, slots)
	}
	failed, allowed := r.count(wave, func(s task.State) bool { return s == task.Failed }), r.rules.Tolerated(wave, strategy.Tally{Tasks: size})
	if own.Canary {
		failed += running
	}
	if failed > allowed {
		r.fault("event %d: task %s begins, %d of wave %d are failed or may fail, of %d tolerated", e.Seq, e.Task, failed, wave, allowed)
	}
	if open, _ := r.windows.At(e.At); !open {
		r.fault("event %d: task %s begins at %s, outside of the windows", e.Seq, e.Task, e.At)
	}
}

// count returns how many tasks of a wave, or of the plan if wave is 0, are in such a state.
func (r *waveReplay) count(wave int, is func(task.State) bool) (n int) {
	for i, s := range r.states {
		if (wave == 0 || r.p.WaveOf(i+1) == wave) && is(s) {
			n++
		}
	}
	return n
}

func (r *waveReplay) fault(format string, args ...any) {
	r.faults = append(r.faults, fmt.Sprintf(format, args...))
}
