package plan_test

import (
	"testing"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/task"
)

func TestAtRestAndOver(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		plan           plan.Plan
		atRest, isOver bool
	}{
		"created":                      {in(plan.Created, counts{task.Pending: 4}), true, false},
		"starting":                     {in(plan.Created, counts{task.Pending: 4}, markedStarting), false, false},
		"running, work left":           {in(plan.Running, counts{task.Pending: 1, task.Completed: 3}), false, false},
		"running, work in flight":      {in(plan.Running, counts{task.Running: 1, task.Completed: 3}), false, false},
		"running, all ended":           {in(plan.Running, counts{task.Completed: 4}), false, false},
		"running, only paused left":    {in(plan.Running, counts{task.Paused: 1, task.Completed: 3}), true, false},
		"running, paused and pending":  {in(plan.Running, counts{task.Paused: 1, task.Pending: 3}), false, false},
		"running, paused and breached": {in(plan.Running, counts{task.Paused: 1, task.Failed: 6}, breached), false, false},
		"running, paused and too many": {in(plan.Running, counts{task.Paused: 1, task.Failed: 6}), false, false},
		"running, paused and sweeping": {in(plan.Running, counts{task.Paused: 1, task.Failed: 1}, retrySweep), false, false},
		"paused":                       {in(plan.Paused, counts{task.Paused: 1, task.Pending: 3}), true, false},
		"paused, work in flight":       {in(plan.Paused, counts{task.Running: 1, task.Pending: 3}), false, false},
		"paused, sweeping":             {in(plan.Paused, counts{task.Failed: 1, task.Pending: 3}, retrySweep), false, false},
		"failed":                       {in(plan.Failed, counts{task.Failed: 1, task.Pending: 3}), true, false},
		"failed, all ended":            {in(plan.Failed, counts{task.Failed: 6, task.Completed: 3}), true, false},
		"failed, tolerated now":        {in(plan.Failed, counts{task.Failed: 5, task.Completed: 3}), false, false},
		"failed, none succeeded":       {in(plan.Failed, counts{task.Failed: 1, task.Skipped: 3}), true, false},
		"failed, one undone":           {in(plan.Failed, counts{task.RolledBack: 1, task.Completed: 3}), true, false},
		"failed, work in flight":       {in(plan.Failed, counts{task.Failed: 1, task.Running: 3}), false, false},
		"completed":                    {in(plan.Completed, counts{task.Completed: 4}), true, true},
		"completed, undo in flight":    {in(plan.Completed, counts{task.RollingBack: 1, task.Completed: 3}), false, false},
		"cancelled":                    {in(plan.Canceled, counts{task.Canceled: 4}), true, true},
		"cancelled, work in flight":    {in(plan.Canceled, counts{task.Canceled: 4, task.Running: 1}), false, false},
		"rolling back":                 {in(plan.RollingBack, counts{task.Completed: 4}), false, false},
		"rolling back, dry":            {in(plan.RollingBack, counts{task.RolledBack: 4}, undosExhausted), false, false},
		"rolled back":                  {in(plan.RolledBack, counts{task.RolledBack: 4}), true, true},
		"rollback failed":              {in(plan.RollbackFailed, counts{task.RollbackFailed: 4}), true, false},
		"rollback failed, stopping":    {in(plan.RollbackFailed, counts{task.RollingBack: 4}, undosStopping), false, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := tt.plan.AtRest(); got != tt.atRest {
				t.Errorf("at rest: %t", got)
			}
			if got := tt.plan.Over(); got != tt.isOver {
				t.Errorf("over: %t", got)
			}
		})
	}
}

func TestEndedAt(t *testing.T) {
	t.Parallel()
	d, err := in(plan.Failed, counts{task.Failed: 1, task.Pending: 1}, func(p *plan.Plan) { p.EndedAt = noon() }).Resume(ann())
	if err != nil || !d.Plan.EndedAt.IsZero() {
		t.Errorf("a plan that runs again ended at %s, %v", d.Plan.EndedAt, err)
	}
	d, err = d.Plan.Cancel(ann())
	if err != nil || !d.Plan.EndedAt.Equal(noon()) {
		t.Errorf("a cancelled plan ended at %s, %v", d.Plan.EndedAt, err)
	}
}

func TestSequentialPlan(t *testing.T) {
	t.Parallel()
	p := in(plan.Created, counts{task.Pending: 4})
	if !p.Sequential() {
		t.Error("the zero strategy does not run one by one")
	}
	p.Strategy.MaxConcurrency = strategy.Count(2)
	if p.Sequential() {
		t.Error("two at once are one by one")
	}
}
