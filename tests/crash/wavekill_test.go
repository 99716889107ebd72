//go:build crash

package crash

import (
	"fmt"
	"testing"
	"time"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/internal/crashtest"
	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/plan"
)

// waveTenants is the number of tenants of the plans in these rows; their waves have 2, 3, 2 and 2.
const waveTenants = 9

// waveKills returns the rows about workers that die on the way from one wave to the next.
func waveKills(t *testing.T) (all []row) {
	t.Helper()
	if crashtest.ExtentOf(t) == crashtest.Quick {
		return nil
	}
	shared := redistest.Start(t)
	place := func(t *testing.T, name string, i int) *site {
		t.Helper()
		s := newSite(t, target{Addrs: []string{shared.Addr()}}, fmt.Sprintf("w%s%d:", name, i))
		s.Defs.Capacity = 2
		s.Defs.Commission = crashtest.Commission{Key: "k", Name: "t", Tenants: waveTenants, Concurrency: 4, Waves: true}
		return s
	}
	const expect = "the waves go on one after the other: ended, baked, approved of, each once"
	for i, d := range waveDeaths() {
		all = append(all, row{Name: "waves: dies " + d.String(), Extent: crashtest.Short, Expect: expect, Do: func(t *testing.T) *site {
			t.Helper()
			return waveKillAt(place(t, "k", i), d)
		}})
	}
	for i, d := range failureDeaths() {
		all = append(all, row{
			Name: "waves: dies " + d.String(), Extent: crashtest.Short,
			Expect: "one failure of the wave is tolerated, the second ends the plan; a retry heals it",
			Do: func(t *testing.T) *site {
				t.Helper()
				return failureKillAt(place(t, "f", i), d)
			},
		})
	}
	for i, d := range crashtest.BothSides(crashtest.Death{Op: crashtest.OpBake, N: 1}, crashtest.Death{Op: crashtest.OpTune, N: 1}, crashtest.Death{Op: crashtest.OpApprove, N: 1}, crashtest.Death{Op: crashtest.OpWave, N: 1}) {
		all = append(all, row{Name: "waves: one of two dies " + d.String(), Extent: crashtest.Short, Expect: expect, Do: func(t *testing.T) *site {
			t.Helper()
			return oneOfTwoDies(place(t, "t", i), d)
		}})
	}
	for i, d := range append(crashtest.BothSides(crashtest.Death{Op: crashtest.OpClaim, N: 1}), crashtest.Death{}) {
		name := "a window: dies " + d.String()
		if d.Op == "" {
			name = "a window: dies before it opens"
		}
		all = append(all, row{Name: name, Extent: crashtest.Short, Expect: "tasks begin when it opens, and not before", Do: func(t *testing.T) *site {
			t.Helper()
			return windowKillAt(place(t, "o", i), d)
		}})
	}
	return all
}

// waveDeaths returns the store calls before and after which a worker dies. The first wave bakes,
// the third needs an approval, the fourth opens by itself, and bakes.
func waveDeaths() []crashtest.Death {
	return crashtest.BothSides(
		crashtest.Death{Op: crashtest.OpWave, N: 1},     // starts the plan
		crashtest.Death{Op: crashtest.OpComplete, N: 2}, // the last task of the first wave
		crashtest.Death{Op: crashtest.OpBake, N: 1},     // opens the second wave
		crashtest.Death{Op: crashtest.OpComplete, N: 5}, // the last task of the second wave
		crashtest.Death{Op: crashtest.OpAsk, N: 1},
		crashtest.Death{Op: crashtest.OpTune, N: 1},
		crashtest.Death{Op: crashtest.OpApprove, N: 1}, // opens the third wave
		crashtest.Death{Op: crashtest.OpWave, N: 2},    // opens the fourth wave
		crashtest.Death{Op: crashtest.OpComplete, N: waveTenants},
		crashtest.Death{Op: crashtest.OpBake, N: 2}, // ends the plan
	)
}

// failureDeaths returns the calls before and after which a worker dies that fails tasks: the first
// failure is tolerated, the second is a breach.
func failureDeaths() []crashtest.Death {
	return crashtest.BothSides(crashtest.Death{Op: crashtest.OpFail, N: 1}, crashtest.Death{Op: crashtest.OpFail, N: 2})
}

// waveKillAt starts a worker that creates, starts, tunes and approves of a plan with waves, and
// dies at d. A second worker with the same commission continues.
func waveKillAt(s *site, d crashtest.Death) *site {
	s.Helper()
	victim := s.worker("victim", func(o *orders) { o.Death = d })
	victim.AwaitEnd()
	return s.inherit(time.Now())
}

// inherit starts a worker that continues what the victim has left, and judges the result.
func (s *site) inherit(died time.Time) *site {
	s.Helper()
	s.worker("heir")
	s.AwaitCount("heir", crashtest.Made, 1)
	s.Plan = s.Newest()
	return s.passThrough(died)
}

// passThrough waits for the end of the plan, and judges it. The plan is at rest on its way, too,
// until a worker approves of its third wave.
func (s *site) passThrough(died time.Time) *site {
	s.Helper()
	s.awaitLastWave()
	s.Finish()
	s.TookOver("victim", died)
	s.Verdict(s.Plan)
	s.checkWaves(s.Plan)
	return s
}

func (s *site) awaitLastWave() {
	s.Helper()
	s.AwaitFor(s.SettleTime, "the last wave to open", func() bool {
		p, err := s.Store.Plan(s.Context(), s.Plan)
		return err == nil && p.Wave == len(p.Waves)
	})
}

// failureKillAt is waveKillAt for a plan in which more tasks of the second wave fail than it
// tolerates, until they are retried.
func failureKillAt(s *site, d crashtest.Death) *site {
	s.Helper()
	s.Defs.Commission.Broken, s.Retried = 2, 2
	s.worker("victim", func(o *orders) { o.Death = d }).AwaitEnd()
	died := time.Now()
	s.worker("heir")
	s.AwaitCount("heir", crashtest.Made, 1)
	s.Plan = s.Newest()
	s.FinishAs(s.Plan, plan.Failed)
	if _, err := s.Engine.RetryFailed(s.Context(), s.Plan, cutover.FromCheckpoint); err != nil {
		s.Fatal(err)
	}
	return s.passThrough(died)
}

// oneOfTwoDies starts two workers that both do everything and would both die at d, so that the one
// that makes the call first dies, while the other may be about to make it. A third worker starts
// when one is dead.
func oneOfTwoDies(s *site, d crashtest.Death) *site {
	s.Helper()
	mortal := func(o *orders) { o.Death = d }
	first, second := s.worker("victim", mortal), s.worker("second", mortal)
	s.Await("one of them to die", func() bool { return first.Over() || second.Over() })
	return s.inherit(time.Now())
}

// windowKillAt starts a worker while the window of its plan is closed. It dies at d or, without a
// death, as soon as the plan is started. The window opens at the next full minute that is not too
// near.
func windowKillAt(s *site, d crashtest.Death) *site {
	s.Helper()
	const near = 15 * time.Second
	opens := time.Now().Add(near).UTC().Truncate(time.Minute).Add(time.Minute)
	s.Defs.Commission.Opens = opens
	s.SettleTime = time.Until(opens) + crashtest.Timeout
	victim := s.worker("victim", func(o *orders) { o.Death = d })
	if d.Op == "" {
		s.AwaitCount("victim", crashtest.Made, 1)
		victim.Kill()
		return s.inherit(time.Now())
	}
	s.AwaitFor(s.SettleTime, "the victim's death", victim.Over)
	if died := time.Now(); died.Before(opens) {
		s.Errorf("tasks were claimed %s before the window opened", opens.Sub(died))
	}
	return s.inherit(time.Now())
}
