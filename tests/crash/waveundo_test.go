//go:build crash

package crash

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/task"
)

// The second wave of a plan in these rows is undone: the ordinals 3 to 5.
const undoneWave, firstUndone, lastUndone = 2, 3, 5

// waveUndos returns the rows about workers that die, or are frozen, while a wave is undone.
func waveUndos(t *testing.T) (all []row) {
	t.Helper()
	if extentOf(t) == quick {
		return nil
	}
	shared := redistest.Start(t)
	add := func(name, expect string, do func(s *site) *site) {
		prefix := fmt.Sprintf("v%d:", len(all))
		all = append(all, row{name: "undo of a wave: " + name, extent: short, expect: expect, do: func(t *testing.T) *site {
			t.Helper()
			s := newSite(t, target{Addrs: []string{shared.Addr()}}, prefix)
			s.defs.Capacity = 2
			s.defs.Commission = commission{Key: "k", Name: "t", Tenants: waveTenants, Concurrency: 4, Waves: true}
			return do(s)
		}})
	}
	for _, d := range slices.Concat(waveUndoDeaths(), frozen(waveUndoFreezes())) {
		add(d.fate(), "another goes on; the wave is undone once, and nothing else", func(s *site) *site { return undoWaveAt(s, d) })
	}
	const stops = "what runs in the wave is cancelled, then the wave is undone; the plan is completed again"
	for _, d := range append(bothSides(death{Op: opYield, N: 1}), death{}, death{Freeze: true}) {
		name := d.fate()
		if d.Op == "" {
			name = map[bool]string{false: "kill -9", true: "SIGSTOP"}[d.Freeze]
		}
		add("what runs there, "+name, stops, func(s *site) *site { return undoRunningWaveAt(s, d) })
	}
	const breach = "a breach undoes the wave; a resume goes on with what is left of it"
	for _, d := range bothSides(death{Op: opBreach, N: 1}, death{Op: opUndoOpens, N: 1}, death{Op: opUndone, N: 2}, death{Op: opUndoEnds, N: 1}) {
		add("after a breach, "+d.fate(), breach, func(s *site) *site { return undoFailedWaveAt(s, d) })
	}
	return all
}

// waveUndoDeaths returns the calls before and after which a worker dies that undoes a wave.
func waveUndoDeaths() []death {
	return bothSides(
		death{Op: opUndoOpens, N: 1},
		death{Op: opClaim, N: 1},
		death{Op: opUndone, N: 1},
		death{Op: opUndone, N: 1 + lastUndone - firstUndone}, // the last one
		death{Op: opUndoEnds, N: 1},
	)
}

// waveUndoFreezes returns those at which it is frozen.
func waveUndoFreezes() []death {
	return bothSides(death{Op: opUndoOpens, N: 1}, death{Op: opUndone, N: 1}, death{Op: opUndoEnds, N: 1})
}

// undoWaveAt undoes a wave of a plan that is over. A worker dies or freezes at d, a second one
// continues.
func undoWaveAt(s *site, d death) *site {
	s.Helper()
	s.carryOutWaves()
	s.rollBackWave()
	s.succeed(d, plan.Completed)
	return s.judgeWave()
}

// carryOutWaves runs the plan of the commission to its end.
func (s *site) carryOutWaves() {
	s.Helper()
	mover := s.worker("mover")
	s.awaitCount("mover", made, 1)
	s.plan = s.newest()
	s.awaitLastWave()
	s.finish()
	mover.stop()
	s.defs.Commission.Key = "" // the workers that follow just work
}

// rollBackWave gives the rollback command for the wave, and names the states that follow.
func (s *site) rollBackWave() {
	s.Helper()
	if _, err := s.engine.RollbackWave(s.Context(), s.plan, undoneWave); err != nil {
		s.Fatal(err)
	}
	s.ends = ends{3: task.RolledBack, 4: task.RolledBack, 5: task.RolledBack}
}

// succeed starts a worker that dies or freezes at d, and then a second one that continues until the
// plan is at rest in a state. A frozen worker then goes on with its call.
func (s *site) succeed(d death, state plan.State) {
	s.Helper()
	victim := s.worker("victim", func(o *orders) { o.Death = d })
	if d.Freeze {
		victim.awaitFrozen()
	} else {
		victim.awaitEnd()
	}
	since := time.Now()
	s.worker("heir")
	s.finishAs(s.plan, state)
	s.tookOver("victim", since)
	if d.Freeze {
		s.wakeUp(victim, since)
		s.finishAs(s.plan, state)
	}
}

// wakeUp thaws a worker after its lease is over, waits until it knows, and shuts it down.
func (s *site) wakeUp(victim *proc, since time.Time) {
	s.Helper()
	s.await("the lease to be well over", func() bool { return time.Since(since) > 2*lease })
	victim.thaw()
	s.awaitCount("victim", lostOne, 1)
	victim.stop()
}

// undoRunningWaveAt undoes a wave of which a worker runs a task that was retried. The worker dies
// at d, where it gives the task back, or in the middle of a step, or is frozen there.
func undoRunningWaveAt(s *site, d death) *site {
	s.Helper()
	s.defs.Commission.Broken, s.retried = 1, 1
	s.ends = ends{firstUndone: task.Failed}
	s.carryOutWaves()
	if _, err := s.engine.RetryTask(s.Context(), task.NewID(s.plan, firstUndone), cutover.FromCheckpoint); err != nil {
		s.Fatal(err)
	}
	victim := s.worker("victim", func(o *orders) { o.Death, o.Pace = death{Op: d.Op, After: d.After, N: d.N}, time.Second })
	s.awaitCount("victim", effect, 1)
	if d.Freeze {
		victim.freeze()
	}
	s.rollBackWave()
	switch {
	case d.Op != "":
		victim.awaitEnd()
	case !d.Freeze:
		victim.kill()
	}
	since := time.Now()
	s.worker("heir")
	s.finish()
	if d.Freeze {
		s.wakeUp(victim, since)
		s.finish()
	}
	return s.judgeWave()
}

// undoFailedWaveAt starts a worker that creates, starts and runs a plan of which the second wave
// fails and is undone, and that dies at d. A second worker with the same commission continues.
func undoFailedWaveAt(s *site, d death) *site {
	s.Helper()
	s.defs.Commission.Broken, s.defs.Commission.Action = 2, strategy.RollbackWave
	s.ends = ends{3: task.RolledBack, 4: task.RolledBack}
	s.worker("victim", func(o *orders) { o.Death = d }).awaitEnd()
	died := time.Now()
	s.worker("heir")
	s.awaitCount("heir", made, 1)
	s.plan = s.newest()
	s.finishAs(s.plan, plan.Failed)
	s.checkUndoneWave()
	if _, err := s.engine.Resume(s.Context(), s.plan); err != nil {
		s.Fatal(err)
	}
	return s.passThrough(died)
}

// judgeWave judges a plan that is over and of which the wave was undone.
func (s *site) judgeWave() *site {
	s.Helper()
	s.checkUndoneWave()
	s.verdict(s.plan)
	return s
}

// checkUndoneWave checks the plan and its events: the wave was undone in one round, in which no
// task was undone while one of the wave ran, none twice, and none of another wave.
func (s *site) checkUndoneWave() {
	s.Helper()
	p, err := s.store.Plan(s.Context(), s.plan)
	if err != nil || p.Undo.OfWave() || p.Undo.Round != 1 || !slices.Equal(p.Undone, []int{undoneWave}) {
		s.Errorf("%+v, undone %v, %v", p.Undo, p.Undone, err)
	}
	for _, fault := range replayWaveUndo(s.events(s.plan)) {
		s.Errorf("%s\n%s", fault, s.tail())
	}
}

// replayWaveUndo returns what is wrong with the undo of the wave according to the events of a plan.
func replayWaveUndo(events []plan.Event) (faults []string) {
	running, undone, ended := make(map[task.ID]bool), make(map[task.ID]int), 0
	for _, e := range events {
		ordinal := e.Task.Ordinal()
		own := ordinal >= firstUndone && ordinal <= lastUndone
		switch {
		case e.Task == 0 && e.Wave == undoneWave && e.Cause == plan.ByUndo.String():
			ended++
		case e.Task == 0 || e.From == e.To:
		case e.To != task.RollingBack.String():
			if delete(running, e.Task); own && e.To == task.Running.String() {
				running[e.Task] = true
			}
		case !own || len(running) > 0 || undone[e.Task] > 0:
			faults = append(faults, fmt.Sprintf("event %d: task %s is undone, after %d times, while %v run", e.Seq, e.Task, undone[e.Task], running))
		default:
			undone[e.Task]++
		}
	}
	if len(undone) < 2 || ended != 1 {
		faults = append(faults, fmt.Sprintf("%d tasks were undone, in %d rounds", len(undone), ended))
	}
	return faults
}
