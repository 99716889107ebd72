package plan_test

import (
	"errors"
	"testing"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/task"
)

func noon() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

func ann() plan.By { return plan.By{Actor: "ann", Reason: "window", Now: noon()} }

// counts are the numbers of tasks by state.
type counts map[task.State]int

// in returns a plan in state s for which no step is due, with its tasks as counted, a tolerance of
// five failures, and whatever else belongs to the state.
func in(s plan.State, c counts, options ...func(*plan.Plan)) plan.Plan {
	p := plan.Plan{ID: 7, Strategy: strategy.Strategy{MaxFailures: strategy.Count(5)}}
	p.State = s
	for state, n := range c {
		p.Counters.States[state] = n
		p.TaskCount += n
	}
	switch s {
	case plan.Running, plan.Failed:
		p.Grant = p.Strategy.Decide(strategy.Rollout{Waves: []strategy.Tally{{Tasks: p.TaskCount}}, Open: 1}).Grant
	case plan.Paused:
		p.PauseReasons = plan.PausedByHand
	case plan.RollingBack:
		p.Undo = plan.Undo{Round: 1, Open: p.Counters.Of(task.Running) == 0}
	case plan.RollbackFailed:
		p.Undo = plan.Undo{Round: 1}
		p.UndosExhausted = true
	case plan.Created, plan.Completed, plan.Canceled, plan.RolledBack:
	}
	if s != plan.Running {
		p.Grant = strategy.Grant{MaxSlots: 1, MaxFailed: p.Grant.MaxFailed}
	}
	for _, o := range options {
		o(&p)
	}
	return p
}

// tolerates sets the number of failed tasks that is tolerated, in the strategy and in the grant.
func tolerates(n int) func(*plan.Plan) {
	return func(p *plan.Plan) {
		p.Strategy.MaxFailures = strategy.Count(n)
		if p.State == plan.Running || p.State == plan.Failed {
			p.Grant.MaxFailed = p.Strategy.MaxFailures.Of(p.TaskCount)
		}
	}
}

func pausesOnBreach(p *plan.Plan)    { p.Strategy.FailureAction = strategy.Pause }
func rollsBackOnBreach(p *plan.Plan) { p.Strategy.FailureAction = strategy.RollbackPlan }
func breached(p *plan.Plan)          { p.Breached = true }
func undosExhausted(p *plan.Plan)    { p.UndosExhausted = true }
func undosStopping(p *plan.Plan)     { p.Undo.Stopping = true }
func pausedByBreach(p *plan.Plan)    { p.PauseReasons = plan.PausedByBreach }
func markedStarting(p *plan.Plan)    { p.Starting = &plan.Starting{Token: 33, Actor: "ann"} }
func acknowledged(n int) func(*plan.Plan) {
	return func(p *plan.Plan) {
		p.Acknowledged = n
		if p.State == plan.Running || p.State == plan.Failed {
			p.Grant.MaxFailed = max(p.Grant.MaxFailed, n)
		}
	}
}

// outcome returns one word for the result of a command on a plan in state before.
func outcome(t *testing.T, before plan.State, d plan.Decision, err error) string {
	t.Helper()
	switch {
	case errors.Is(err, plan.ErrNotApplicable):
		if d.Unchanged {
			t.Error("not applicable and unchanged")
		}
		return "not applicable"
	case err != nil:
		t.Fatalf("unexpected error: %v", err)
	case d.Unchanged:
		return "unchanged"
	case !d.Changed:
		t.Fatal("neither applied nor unchanged")
	case d.Plan.State != before:
		return d.Plan.State.String()
	}
	return "applied"
}
