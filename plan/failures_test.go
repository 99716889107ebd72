package plan_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/task"
)

// failing returns a task of plan 7 that has failed.
func failing() task.Task {
	return task.Task{ID: task.NewID(7, 1), Control: task.Control{State: task.Failed, Attempt: 1}}
}

// Settle judges the failures of a running plan as soon as the plan is breached. Otherwise it waits
// until nothing is in flight and no sweep is under way. It does not judge a paused plan.
func TestJudge(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		plan plan.Plan
		want string // the state after Settle
		by   plan.Cause
	}{
		"work left":                 {in(plan.Running, counts{task.Pending: 1, task.Completed: 3}), "RUNNING", 0},
		"work in flight":            {in(plan.Running, counts{task.Running: 1, task.Completed: 3}), "RUNNING", 0},
		"an undo in flight":         {in(plan.Running, counts{task.RollingBack: 1, task.Completed: 3}), "RUNNING", 0},
		"a paused task":             {in(plan.Running, counts{task.Paused: 1, task.Completed: 3}), "RUNNING", 0},
		"all completed":             {in(plan.Running, counts{task.Completed: 4}), "COMPLETED", plan.BySuccess},
		"all skipped or cancelled":  {in(plan.Running, counts{task.Skipped: 2, task.Canceled: 2}), "COMPLETED", plan.BySuccess},
		"an undo failed":            {in(plan.Running, counts{task.RollbackFailed: 1, task.Completed: 3}), "COMPLETED", plan.BySuccess},
		"ended within tolerance":    {in(plan.Running, counts{task.Failed: 5, task.Completed: 5}), "COMPLETED", plan.BySuccess},
		"ended above tolerance":     {in(plan.Running, counts{task.Failed: 6, task.Completed: 5}), "FAILED", plan.ByBreach},
		"all failed, all tolerated": {in(plan.Running, counts{task.Failed: 4}), "FAILED", plan.ByFailure},
		"all failed, acknowledged":  {in(plan.Running, counts{task.Failed: 6}, acknowledged(6)), "FAILED", plan.ByFailure},
		"all failed but a skipped":  {in(plan.Running, counts{task.Failed: 4, task.Skipped: 1}), "COMPLETED", plan.BySuccess},
		"breached, work in flight":  {in(plan.Running, counts{task.Failed: 6, task.Running: 3}, breached), "FAILED", plan.ByBreach},
		"breached with Pause":       {in(plan.Running, counts{task.Failed: 6, task.Running: 3}, breached, pausesOnBreach), "PAUSED", plan.ByBreach},
		"breached, to be undone": {
			in(plan.Running, counts{task.Failed: 6, task.Running: 3, task.Pending: 1}, breached, rollsBackOnBreach), "ROLLING_BACK", plan.ByBreach,
		},
		"breached by the last task": {in(plan.Running, counts{task.Failed: 6, task.Completed: 1}, breached, rollsBackOnBreach), "ROLLING_BACK", plan.ByBreach},
		"over, to be undone":        {in(plan.Running, counts{task.Failed: 6, task.Pending: 3}, rollsBackOnBreach), "ROLLING_BACK", plan.ByBreach},
		"tolerated, nothing undone": {in(plan.Running, counts{task.Failed: 4}, rollsBackOnBreach), "FAILED", plan.ByFailure},
		"over, work in flight":      {in(plan.Running, counts{task.Failed: 6, task.Running: 3}), "RUNNING", 0},
		"over, nothing in flight":   {in(plan.Running, counts{task.Failed: 6, task.Pending: 3}), "FAILED", plan.ByBreach},
		"over, with Pause":          {in(plan.Running, counts{task.Failed: 6, task.Pending: 3}, pausesOnBreach), "PAUSED", plan.ByBreach},
		"over, acknowledged":        {in(plan.Running, counts{task.Failed: 6, task.Pending: 3}, acknowledged(6)), "RUNNING", 0},
		"one more than that":        {in(plan.Running, counts{task.Failed: 7, task.Pending: 3}, acknowledged(6)), "FAILED", plan.ByBreach},
		"paused by hand":            {in(plan.Paused, counts{task.Failed: 6, task.Pending: 3}, breached), "PAUSED", 0},
		"paused, all ended":         {in(plan.Paused, counts{task.Completed: 4}), "PAUSED", 0},
		"sweep under way":           {in(plan.Running, counts{task.Failed: 6, task.Pending: 3}, retrySweep), "RUNNING", 0},
		"sweep, all others ended":   {in(plan.Running, counts{task.Failed: 1, task.Completed: 3}, retrySweep), "RUNNING", 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := tt.plan.Settle(noon())
			if got := d.Plan.State.String(); got != tt.want {
				t.Fatalf("settled in %s, want %s", got, tt.want)
			}
			if tt.plan.State == d.Plan.State {
				if len(d.Events) > 0 {
					t.Errorf("events %+v", d.Events)
				}
				return
			}
			want := plan.Event{Plan: 7, Cause: tt.by.String(), From: "RUNNING", To: tt.want}
			if failed := tt.plan.Counters.Of(task.Failed); tt.by == plan.ByBreach {
				want.Reason = fmt.Sprintf("%d failed, %d tolerated", failed, failed-1)
			}
			if len(d.Events) != 1 || d.Events[0] != want || !d.Changed {
				t.Errorf("events %+v, want %+v", d.Events, want)
			}
			if d.Plan.Breached || d.Plan.Grant.LastOrdinal != 0 || d.Plan.Grant.MaxFailed != 0 && tt.want != "FAILED" {
				t.Errorf("breached %t, grant %+v", d.Plan.Breached, d.Plan.Grant)
			}
			byBreach := tt.want == "PAUSED"
			if d.Plan.PauseReasons.Has(plan.PausedByBreach) != byBreach || d.Plan.PauseReasons.Has(plan.PausedByHand) {
				t.Errorf("paused for %v", d.Plan.PauseReasons.Strings())
			}
		})
	}
}

func retrySweep(p *plan.Plan) { p.Sweeps = []plan.Sweep{{Kind: plan.SweepRetry}} }

// A resume acknowledges the present failures. The plan may then have as many failures as were
// acknowledged, or as the strategy tolerates if that is more.
func TestResumeAcknowledges(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		plan                plan.Plan
		acknowledged, grant int
	}{
		"none failed":         {in(plan.Paused, counts{task.Pending: 10}), 0, 5},
		"within tolerance":    {in(plan.Paused, counts{task.Failed: 3, task.Pending: 7}), 3, 5},
		"above tolerance":     {in(plan.Failed, counts{task.Failed: 6, task.Pending: 7}), 6, 6},
		"more than last time": {in(plan.Failed, counts{task.Failed: 8, task.Pending: 7}, acknowledged(6)), 8, 8},
		"fewer than last time": {
			in(plan.Failed, counts{task.Failed: 6, task.Pending: 7}, acknowledged(6), func(p *plan.Plan) {
				p.Counters.Move(task.Failed, task.Skipped)
			}), 5, 5,
		},
		"paused by hand, judged on resume": {in(plan.Paused, counts{task.Failed: 9, task.Pending: 7}, breached), 9, 9},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, err := tt.plan.Resume(ann())
			if err != nil || d.Plan.State != plan.Running {
				t.Fatalf("resumed into %s, %v", d.Plan.State, err)
			}
			if d.Plan.Acknowledged != tt.acknowledged || d.Plan.Grant.MaxFailed != tt.grant {
				t.Errorf("%d acknowledged, %d granted", d.Plan.Acknowledged, d.Plan.Grant.MaxFailed)
			}
			if d.Plan.Breached || d.Plan.PauseReasons != 0 {
				t.Errorf("breached %t, paused for %v", d.Plan.Breached, d.Plan.PauseReasons.Strings())
			}
			if after := d.Plan.Settle(noon()); after.Plan.State != plan.Running {
				t.Errorf("what was acknowledged is judged again: %s", after.Plan.State)
			}
		})
	}
}

// A retry of a task removes the task's failure and acknowledges no other.
func TestRetryDoesNotAcknowledge(t *testing.T) {
	t.Parallel()
	p := in(plan.Failed, counts{task.Failed: 3, task.Pending: 7}, tolerates(0))
	d, err := p.RetryTask(failing(), task.FromCheckpoint, ann())
	if err != nil || d.Plan.State != plan.Running || d.Plan.Acknowledged != 0 || d.Plan.Grant.MaxFailed != 0 {
		t.Fatalf("%s with %d acknowledged, grant %+v, %v", d.Plan.State, d.Plan.Acknowledged, d.Plan.Grant, err)
	}
	p = d.Plan
	if p.Counters.Of(task.Failed) != 2 || p.Counters.Of(task.Running) != 1 {
		t.Fatalf("counters %v", p.Counters.States)
	}
	// The two other failures exceed what the grant allows, so no pending task can be claimed. The
	// plan is judged when nothing is in flight, even though the retry succeeds.
	if d := p.Settle(noon()); d.Plan.State != plan.Running {
		t.Fatalf("judged while the retry is in flight: %s", d.Plan.State)
	}
	p.Counters.Move(task.Running, task.Completed)
	if d := p.Settle(noon()); d.Plan.State != plan.Failed {
		t.Errorf("two failures are not judged again: %s", d.Plan.State)
	}
}

// A command that removes a failure also lowers the number of acknowledged failures: nobody has seen
// the failure of the task that fails next.
func TestHealingLowersAcknowledged(t *testing.T) {
	t.Parallel()
	heal := map[string]func(plan.Plan) (plan.Decision, error){
		"retry":    func(p plan.Plan) (plan.Decision, error) { return p.RetryTask(failing(), task.FromCheckpoint, ann()) },
		"skip":     func(p plan.Plan) (plan.Decision, error) { return p.SkipTask(failing(), ann()) },
		"cancel":   func(p plan.Plan) (plan.Decision, error) { return p.CancelTask(failing(), ann()) },
		"rollback": func(p plan.Plan) (plan.Decision, error) { return p.RollbackTask(failing(), ann()) },
	}
	for name, command := range heal {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := in(plan.Running, counts{task.Failed: 3, task.Pending: 7}, tolerates(0), acknowledged(3))
			d, err := command(p)
			if err != nil {
				t.Fatal(err)
			}
			if d.Plan.Acknowledged != 2 || d.Plan.Grant.MaxFailed != 2 {
				t.Fatalf("%d acknowledged, %d granted, want 2", d.Plan.Acknowledged, d.Plan.Grant.MaxFailed)
			}
			p = d.Plan
			p.Counters.Move(task.Pending, task.Failed)
			p.Breached = p.Counters.Of(task.Failed) > p.Grant.MaxFailed
			if d := p.Settle(noon()); d.Plan.State != plan.Failed {
				t.Errorf("a new failure is not judged: %s", d.Plan.State)
			}
		})
	}
}

// A plan whose only failure was retried successfully completes. So does a plan whose only failure
// was skipped, also if it has stayed FAILED.
func TestHealedPlanCompletes(t *testing.T) {
	t.Parallel()
	p := in(plan.Failed, counts{task.Failed: 1, task.Completed: 3}, tolerates(0))
	d, err := p.RetryTask(failing(), task.FromCheckpoint, ann())
	if err != nil {
		t.Fatal(err)
	}
	d.Plan.Counters.Move(task.Running, task.Completed)
	if d := d.Plan.Settle(noon()); d.Plan.State != plan.Completed {
		t.Errorf("after the retry: %s", d.Plan.State)
	}

	d, err = p.SkipTask(failing(), ann())
	if err != nil || d.Plan.State != plan.Failed {
		t.Fatalf("skip: %s, %v", d.Plan.State, err)
	}
	if d := d.Plan.Settle(noon()); d.Plan.State != plan.Completed {
		t.Errorf("after the skip: %s", d.Plan.State)
	}
}

// A failed plan completes as soon as all of its tasks have ended, some with success, and the
// failures that are left are tolerated. A plan that is paused stays paused.
func TestFailedPlanRecovers(t *testing.T) {
	t.Parallel()
	waves := func(failed ...int) func(*plan.Plan) {
		return func(p *plan.Plan) {
			p.Waves = []plan.Wave{{Last: 3, MaxFailed: 1}, {Last: 6, MaxFailed: 0}}
			p.Wave, p.WaveCounters = 2, []plan.WaveCounters{{Failed: failed[0], Ended: 3}, {Failed: failed[1], Ended: 3}}
		}
	}
	six := counts{task.Failed: 1, task.Completed: 5}
	sweeping := func(p *plan.Plan) { p.Sweeps = []plan.Sweep{{Kind: plan.SweepRetry}} }
	bakes := func(p *plan.Plan) { p.Strategy.FinalBakeTime = time.Hour }
	adding := func(p *plan.Plan) { p.Adding = &plan.Adding{Token: 1, Tenants: 1} }
	for name, tt := range map[string]struct {
		plan plan.Plan
		want plan.State
	}{
		"no failures":             {in(plan.Failed, counts{task.Skipped: 1, task.Completed: 3}), plan.Completed},
		"tolerated":               {in(plan.Failed, counts{task.Failed: 5, task.Completed: 1}), plan.Completed},
		"acknowledged":            {in(plan.Failed, counts{task.Failed: 6, task.Completed: 1}, acknowledged(6)), plan.Completed},
		"too many":                {in(plan.Failed, counts{task.Failed: 6, task.Completed: 1}), plan.Failed},
		"tolerated in each wave":  {in(plan.Failed, six, waves(1, 0)), plan.Completed},
		"too many in a wave":      {in(plan.Failed, six, waves(0, 1)), plan.Failed},
		"too many in a wave over": {in(plan.Failed, counts{task.Failed: 2, task.Completed: 4}, waves(2, 0)), plan.Failed},
		"none succeeded":          {in(plan.Failed, counts{task.Failed: 1, task.Skipped: 3}), plan.Failed},
		"work left":               {in(plan.Failed, counts{task.Pending: 1, task.Completed: 3}), plan.Failed},
		"in flight":               {in(plan.Failed, counts{task.Running: 1, task.Completed: 3}), plan.Failed},
		"one paused":              {in(plan.Failed, counts{task.Paused: 1, task.Completed: 3}), plan.Failed},
		"a wave not open":         {in(plan.Failed, six, waves(1, 0), func(p *plan.Plan) { p.Wave = 1 }), plan.Failed},
		"a bake left":             {in(plan.Failed, six, bakes), plan.Failed},
		"baked":                   {in(plan.Failed, six, bakes, func(p *plan.Plan) { p.Gate = plan.GateBaked }), plan.Completed},
		"one undone":              {in(plan.Failed, counts{task.RolledBack: 1, task.Completed: 3}), plan.Failed},
		"one undo failed":         {in(plan.Failed, counts{task.RollbackFailed: 1, task.Completed: 3}), plan.Failed},
		"a sweep under way":       {in(plan.Failed, counts{task.Completed: 3}, sweeping), plan.Failed},
		"tenants being added":     {in(plan.Failed, counts{task.Completed: 3}, adding), plan.Failed},
		"paused":                  {in(plan.Paused, counts{task.Completed: 3}), plan.Paused},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := tt.plan
			d := p.Settle(noon())
			if d.Plan.State != tt.want || p.AtRest() && len(d.Events) > 0 {
				t.Errorf("it is %s, want %s; at rest before %t, events %+v", d.Plan.State, tt.want, p.AtRest(), d.Events)
			}
			if d.Plan.State == plan.Completed && !d.Plan.AtRest() {
				t.Error("it is completed and not at rest")
			}
		})
	}
}

// The pause of a failed plan with work in flight keeps the breach among its reasons, and stops what
// runs.
func TestPauseOfFailedPlan(t *testing.T) {
	t.Parallel()
	d, err := in(plan.Failed, counts{task.Failed: 6, task.Running: 2, task.Pending: 3}).Pause(ann())
	if err != nil || d.Plan.PauseReasons != plan.PausedByHand|plan.PausedByBreach {
		t.Fatalf("paused for %v, %v", d.Plan.PauseReasons.Strings(), err)
	}
	if stop := d.Plan.StopFor(1, task.Control{State: task.Running}); stop != task.StopPause {
		t.Errorf("what runs is told to %s", stop)
	}
	if d, err = d.Plan.Resume(ann()); err != nil || d.Plan.Acknowledged != 6 || len(d.Plan.Sweeps) != 1 {
		t.Errorf("resumed with %d acknowledged, sweeps %+v, %v", d.Plan.Acknowledged, d.Plan.Sweeps, err)
	}
}

// A breach ends the retries of failed tasks that are still to come: nothing more is to start.
func TestABreachEndsRetries(t *testing.T) {
	t.Parallel()
	p := in(plan.Running, counts{task.Failed: 6, task.Running: 3, task.Pending: 5}, breached)
	p.Sweeps = []plan.Sweep{{Kind: plan.SweepPauseTasks}, {Kind: plan.SweepRetry, After: 3}}
	p = p.Settle(noon()).Plan
	if p.State != plan.Failed || len(p.Sweeps) != 1 || p.Sweeps[0].Kind != plan.SweepPauseTasks {
		t.Errorf("%s, sweeps %+v", p.State, p.Sweeps)
	}
}
