//go:build crash

package crash

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/internal/crashtest"
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
	if crashtest.ExtentOf(t) == crashtest.Quick {
		return nil
	}
	shared := redistest.Start(t)
	add := func(name, expect string, do func(s *site) *site) {
		prefix := fmt.Sprintf("v%d:", len(all))
		all = append(all, row{Name: "undo of a wave: " + name, Extent: crashtest.Short, Expect: expect, Do: func(t *testing.T) *site {
			t.Helper()
			s := newSite(t, target{Addrs: []string{shared.Addr()}}, prefix)
			s.Defs.Capacity = 2
			s.Defs.Commission = crashtest.Commission{Key: "k", Name: "t", Tenants: waveTenants, Concurrency: 4, Waves: true}
			return do(s)
		}})
	}
	for _, d := range slices.Concat(waveUndoDeaths(), crashtest.Frozen(waveUndoFreezes())) {
		add(d.Fate(), "another goes on; the wave is undone once, and nothing else", func(s *site) *site { return undoWaveAt(s, d) })
	}
	const stops = "what runs in the wave is cancelled, then the wave is undone; the plan is completed again"
	for _, d := range append(crashtest.BothSides(crashtest.Death{Op: crashtest.OpYield, N: 1}), crashtest.Death{}, crashtest.Death{Freeze: true}) {
		name := d.Fate()
		if d.Op == "" {
			name = map[bool]string{false: "kill -9", true: "SIGSTOP"}[d.Freeze]
		}
		add("what runs there, "+name, stops, func(s *site) *site { return undoRunningWaveAt(s, d) })
	}
	const breach = "a breach undoes the wave; a resume goes on with what is left of it"
	for _, d := range crashtest.BothSides(crashtest.Death{Op: crashtest.OpBreach, N: 1}, crashtest.Death{Op: crashtest.OpUndoOpens, N: 1}, crashtest.Death{Op: crashtest.OpUndone, N: 2}, crashtest.Death{Op: crashtest.OpUndoEnds, N: 1}) {
		add("after a breach, "+d.Fate(), breach, func(s *site) *site { return undoFailedWaveAt(s, d) })
	}
	return all
}

// waveUndoDeaths returns the calls before and after which a worker dies that undoes a wave.
func waveUndoDeaths() []crashtest.Death {
	return crashtest.BothSides(
		crashtest.Death{Op: crashtest.OpUndoOpens, N: 1},
		crashtest.Death{Op: crashtest.OpClaim, N: 1},
		crashtest.Death{Op: crashtest.OpUndone, N: 1},
		crashtest.Death{Op: crashtest.OpUndone, N: 1 + lastUndone - firstUndone}, // the last one
		crashtest.Death{Op: crashtest.OpUndoEnds, N: 1},
	)
}

// waveUndoFreezes returns those at which it is frozen.
func waveUndoFreezes() []crashtest.Death {
	return crashtest.BothSides(crashtest.Death{Op: crashtest.OpUndoOpens, N: 1}, crashtest.Death{Op: crashtest.OpUndone, N: 1}, crashtest.Death{Op: crashtest.OpUndoEnds, N: 1})
}

// undoWaveAt undoes a wave of a plan that is over. A worker dies or freezes at d, a second one
// continues.
func undoWaveAt(s *site, d crashtest.Death) *site {
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
	s.AwaitCount("mover", crashtest.Made, 1)
	s.Plan = s.Newest()
	s.awaitLastWave()
	s.Finish()
	mover.Stop()
	s.Defs.Commission.Key = "" // the workers that follow just work
}

// rollBackWave gives the rollback command for the wave, and names the states that follow.
func (s *site) rollBackWave() {
	s.Helper()
	if _, err := s.Engine.RollbackWave(s.Context(), s.Plan, undoneWave); err != nil {
		s.Fatal(err)
	}
	s.Ends = crashtest.Ends{3: task.RolledBack, 4: task.RolledBack, 5: task.RolledBack}
}

// succeed starts a worker that dies or freezes at d, and then a second one that continues until the
// plan is at rest in a state. A frozen worker then goes on with its call.
func (s *site) succeed(d crashtest.Death, state plan.State) {
	s.Helper()
	victim := s.worker("victim", func(o *orders) { o.Death = d })
	if d.Freeze {
		victim.AwaitFrozen()
	} else {
		victim.AwaitEnd()
	}
	since := time.Now()
	s.worker("heir")
	s.FinishAs(s.Plan, state)
	s.TookOver("victim", since)
	if d.Freeze {
		s.wakeUp(victim, since)
		s.FinishAs(s.Plan, state)
	}
}

// wakeUp thaws a worker after its lease is over, waits until it knows, and shuts it down.
func (s *site) wakeUp(victim *crashtest.Proc, since time.Time) {
	s.Helper()
	s.Await("the lease to be well over", func() bool { return time.Since(since) > 2*crashtest.Lease })
	victim.Thaw()
	s.AwaitCount("victim", crashtest.LostOne, 1)
	victim.Stop()
}

// undoRunningWaveAt undoes a wave of which a worker runs a task that was retried. The worker dies
// at d, where it gives the task back, or in the middle of a step, or is frozen there.
func undoRunningWaveAt(s *site, d crashtest.Death) *site {
	s.Helper()
	s.Defs.Commission.Broken, s.Retried = 1, 1
	s.Ends = crashtest.Ends{firstUndone: task.Failed}
	s.carryOutWaves()
	if _, err := s.Engine.RetryTask(s.Context(), task.NewID(s.Plan, firstUndone), cutover.FromCheckpoint); err != nil {
		s.Fatal(err)
	}
	victim := s.worker("victim", func(o *orders) { o.Death, o.Pace = crashtest.Death{Op: d.Op, After: d.After, N: d.N}, time.Second })
	s.AwaitCount("victim", crashtest.Effect, 1)
	if d.Freeze {
		victim.Freeze()
	}
	s.rollBackWave()
	switch {
	case d.Op != "":
		victim.AwaitEnd()
	case !d.Freeze:
		victim.Kill()
	}
	since := time.Now()
	s.worker("heir")
	s.Finish()
	if d.Freeze {
		s.wakeUp(victim, since)
		s.Finish()
	}
	return s.judgeWave()
}

// undoFailedWaveAt starts a worker that creates, starts and runs a plan of which the second wave
// fails and is undone, and that dies at d. A second worker with the same commission continues.
func undoFailedWaveAt(s *site, d crashtest.Death) *site {
	s.Helper()
	s.Defs.Commission.Broken, s.Defs.Commission.Action = 2, strategy.RollbackWave
	s.Ends = crashtest.Ends{3: task.RolledBack, 4: task.RolledBack}
	s.worker("victim", func(o *orders) { o.Death = d }).AwaitEnd()
	died := time.Now()
	s.worker("heir")
	s.AwaitCount("heir", crashtest.Made, 1)
	s.Plan = s.Newest()
	s.FinishAs(s.Plan, plan.Failed)
	s.checkUndoneWave()
	if _, err := s.Engine.Resume(s.Context(), s.Plan); err != nil {
		s.Fatal(err)
	}
	return s.passThrough(died)
}

// judgeWave judges a plan that is over and of which the wave was undone.
func (s *site) judgeWave() *site {
	s.Helper()
	s.checkUndoneWave()
	s.Verdict(s.Plan)
	return s
}

// checkUndoneWave checks the plan and its events: the wave was undone in one round, in which no
// task was undone while one of the wave ran, none twice, and none of another wave.
func (s *site) checkUndoneWave() {
	s.Helper()
	p, err := s.Store.Plan(s.Context(), s.Plan)
	if err != nil || p.Undo.OfWave() || p.Undo.Round != 1 || !slices.Equal(p.Undone, []int{undoneWave}) {
		s.Errorf("%+v, undone %v, %v", p.Undo, p.Undone, err)
	}
	for _, fault := range replayWaveUndo(s.Events(s.Plan)) {
		s.Errorf("%s\n%s", fault, s.Tail())
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
