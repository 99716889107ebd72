//go:build crash

package crash

import (
	"fmt"
	"slices"
	"testing"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/task"
)

// trials returns the rows about workers that die, or are frozen, while they try one task of a plan
// that stays stopped.
func trials(t *testing.T) (all []row) {
	t.Helper()
	if extentOf(t) == quick {
		return nil
	}
	shared := redistest.Start(t)
	deaths := bothSides(death{Op: opClaim, N: 1}, death{Op: opSave, N: 1}, death{Op: opComplete, N: 1})
	for state, action := range map[plan.State]strategy.Action{plan.Failed: strategy.Stop, plan.Paused: strategy.Pause} {
		for i, d := range append(deaths, frozen(deaths[2:3])...) {
			all = append(all, row{
				name: fmt.Sprintf("one task of a plan in %s: %s", state, d.fate()), extent: short,
				expect: "another goes on with it; the plan stays stopped, and nothing else runs",
				do: func(t *testing.T) *site {
					t.Helper()
					s := newSite(t, target{Addrs: []string{shared.Addr()}}, fmt.Sprintf("a%s%d:", state, i))
					s.defs.Commission = commission{Name: "t", Tenants: 6, Concurrency: 2, Broken: 1, Action: action}
					return tryAt(s, state, d)
				},
			})
		}
	}
	return all
}

// tryAt runs a plan until a failure of its third task stops it, and tries that task alone. A worker
// dies or freezes at d, a second one continues. Then the plan is resumed.
func tryAt(s *site, stopped plan.State, d death) *site {
	s.Helper()
	const broken = firstWave + 1
	p, err := s.engine.Create(s.Context(), s.defs.Commission.spec(), cutover.ExecutorElsewhere())
	if err == nil {
		_, err = s.engine.Start(s.Context(), p.ID)
	}
	if err != nil {
		s.Fatal(err)
	}
	s.plan, s.retried = p.ID, 1
	first := s.worker("first")
	s.finishAs(s.plan, stopped)
	first.stop()
	want := s.states()
	if want[broken-1] != task.Failed {
		s.Fatalf("the tasks are %s", want)
	}
	want[broken-1] = task.Completed
	r, err := s.engine.RetryTask(s.Context(), task.NewID(s.plan, broken), cutover.FromCheckpoint, cutover.StayStopped())
	if err != nil || r.Stopped {
		s.Fatalf("%+v, %v", r, err)
	}
	s.succeed(d, stopped)
	if got := s.states(); !slices.Equal(got, want) {
		s.Errorf("the tasks are %s, want %s\n%s", got, want, s.tail())
	}
	if _, err := s.engine.Resume(s.Context(), s.plan); err != nil {
		s.Fatal(err)
	}
	s.finish()
	s.verdict(s.plan)
	return s
}

// states returns the states of the tasks of the plan.
func (s *site) states() (all []task.State) {
	s.Helper()
	for _, t := range s.tasks(s.plan) {
		all = append(all, t.State)
	}
	return all
}
