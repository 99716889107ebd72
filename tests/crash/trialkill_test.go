//go:build crash

package crash

import (
	"fmt"
	"slices"
	"testing"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/internal/crashtest"
	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/task"
)

// trials returns the rows about workers that die, or are frozen, while they try one task of a plan
// that stays stopped.
func trials(t *testing.T) (all []row) {
	t.Helper()
	if crashtest.ExtentOf(t) == crashtest.Quick {
		return nil
	}
	shared := redistest.Start(t)
	deaths := crashtest.BothSides(crashtest.Death{Op: crashtest.OpClaim, N: 1}, crashtest.Death{Op: crashtest.OpSave, N: 1}, crashtest.Death{Op: crashtest.OpComplete, N: 1})
	for state, action := range map[plan.State]strategy.Action{plan.Failed: strategy.Stop, plan.Paused: strategy.Pause} {
		for i, d := range append(deaths, crashtest.Frozen(deaths[2:3])...) {
			all = append(all, row{
				Name: fmt.Sprintf("one task of a plan in %s: %s", state, d.Fate()), Extent: crashtest.Short,
				Expect: "another goes on with it; the plan stays stopped, and nothing else runs",
				Do: func(t *testing.T) *site {
					t.Helper()
					s := newSite(t, target{Addrs: []string{shared.Addr()}}, fmt.Sprintf("a%s%d:", state, i))
					s.Defs.Commission = crashtest.Commission{Name: "t", Tenants: 6, Concurrency: 2, Broken: 1, Action: action}
					return tryAt(s, state, d)
				},
			})
		}
	}
	return all
}

// tryAt runs a plan until a failure of its third task stops it, and tries that task alone. A worker
// dies or freezes at d, a second one continues. Then the plan is resumed.
func tryAt(s *site, stopped plan.State, d crashtest.Death) *site {
	s.Helper()
	const broken = crashtest.FirstWave + 1
	p, err := s.Engine.Create(s.Context(), s.Defs.Commission.Spec(), cutover.ExecutorElsewhere())
	if err == nil {
		_, err = s.Engine.Start(s.Context(), p.ID)
	}
	if err != nil {
		s.Fatal(err)
	}
	s.Plan, s.Retried = p.ID, 1
	first := s.worker("first")
	s.FinishAs(s.Plan, stopped)
	first.Stop()
	want := s.states()
	if want[broken-1] != task.Failed {
		s.Fatalf("the tasks are %s", want)
	}
	want[broken-1] = task.Completed
	r, err := s.Engine.RetryTask(s.Context(), task.NewID(s.Plan, broken), cutover.FromCheckpoint, cutover.StayStopped())
	if err != nil || r.Stopped {
		s.Fatalf("%+v, %v", r, err)
	}
	s.succeed(d, stopped)
	if got := s.states(); !slices.Equal(got, want) {
		s.Errorf("the tasks are %s, want %s\n%s", got, want, s.Tail())
	}
	if _, err := s.Engine.Resume(s.Context(), s.Plan); err != nil {
		s.Fatal(err)
	}
	s.Finish()
	s.Verdict(s.Plan)
	return s
}

// states returns the states of the tasks of the plan.
func (s *site) states() (all []task.State) {
	s.Helper()
	for _, t := range s.Tasks(s.Plan) {
		all = append(all, t.State)
	}
	return all
}
