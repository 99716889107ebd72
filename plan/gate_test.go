package plan_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/task"
)

// A wave of which nothing is left is passed over: it needs no approval and does not bake, and the
// event says so.
func TestAnEmptyWaveIsPassedOver(t *testing.T) {
	t.Parallel()
	p := waved(1, 2, 4, 6)
	p.Strategy.Waves[1] = strategy.Wave{Approval: true, BakeTime: time.Hour}
	ended(&p)
	become(&p, 2, 2, task.Pending, task.Skipped)
	d := p.Settle(noon())
	if got := causesOf(d.Events); !slices.Equal(got, []string{"wave", "wave"}) || d.Plan.Wave != 3 || d.Plan.Grant.LastOrdinal != 6 {
		t.Fatalf("events %v, wave %d, grant %+v", got, d.Plan.Wave, d.Plan.Grant)
	}
	if d.Events[0].Wave != 2 || d.Events[0].Reason == "" || d.Events[1].Wave != 3 || d.Events[1].Reason != "" {
		t.Errorf("events %+v", d.Events)
	}
}

// A plan that is paused while it waits for an approval, by a rejection or by hand, asks again after
// the resume.
func TestAResumeAsksAgain(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		stop func(plan.Plan) (plan.Decision, error)
		why  plan.PauseReasons
	}{
		"rejected": {func(p plan.Plan) (plan.Decision, error) { return p.Reject(0, ann()) }, plan.PausedByRejection},
		"paused":   {func(p plan.Plan) (plan.Decision, error) { return p.Pause(ann()) }, plan.PausedByHand},
	} {
		p := waved(1, 2, 4)
		p.Strategy.Waves[1].Approval = true
		ended(&p)
		d, err := tt.stop(p.Settle(noon()).Plan)
		if err != nil || d.Plan.State != plan.Paused || d.Plan.PauseReasons != tt.why {
			t.Fatalf("%s: %s for %s, %v", name, d.Plan.State, d.Plan.PauseReasons, err)
		}
		if d, err = d.Plan.Resume(ann()); err != nil || d.Plan.AtRest() {
			t.Fatalf("%s: at rest %t before it has asked, %v", name, d.Plan.AtRest(), err)
		}
		if d = d.Plan.Settle(noon()); !slices.Equal(causesOf(d.Events), []string{"approval"}) || !d.Plan.AtRest() {
			t.Errorf("%s: events %v, at rest %t", name, causesOf(d.Events), d.Plan.AtRest())
		}
	}
}

// An approval or a rejection of a wave that is not there is refused with the waves that are.
func TestAWaveThatIsNotThereCannotBeApproved(t *testing.T) {
	t.Parallel()
	approves := waved(1, 2, 4)
	approves.Strategy.Waves[1].Approval = true
	tests := map[string]struct {
		plan plan.Plan
		wave int
		why  string // of the refusal
	}{
		"without waves":           {in(plan.Running, counts{task.Pending: 2}), 1, "the plan has no waves"},
		"the next, without waves": {in(plan.Running, counts{task.Pending: 2}), 0, "the plan has no waves"},
		"after the last":          {approves, 3, "there is no wave 3: the plan has the waves 1 to 2"},
		"before the first":        {approves, -1, "there is no wave -1: the plan has the waves 1 to 2"},
		"none that waits":         {waved(1, 2, 4), 0, "no wave waits for an approval"},
		"one that does not wait":  {waved(1, 2, 4), 2, "wave 2 needs no approval"},
	}
	for name, tt := range tests {
		for command, give := range map[string]func(int, plan.By) (plan.Decision, error){"approve": tt.plan.Approve, "reject": tt.plan.Reject} {
			_, err := give(tt.wave, ann())
			var refused *plan.StateError
			if !errors.As(err, &refused) || refused.Command != command || refused.Why != tt.why {
				t.Errorf("%s: %s: %v, want %q", name, command, err, tt.why)
			}
		}
	}
}

// No wave opens while more tasks are failed than a tuning allows, even if the tasks in flight are
// those of an earlier wave.
func TestNoWaveOpensWhileTooManyHaveFailed(t *testing.T) {
	t.Parallel()
	p := waved(2, 2, 4, 6)
	p.Strategy.MaxFailures = strategy.Percent(100)
	become(&p, 1, 1, task.Completed, task.Running)
	ended(&p)
	become(&p, 2, 2, task.Completed, task.Failed)
	p.Tuning.MaxFailures = strategy.Count(1)
	if d := p.Settle(noon()); d.Plan.Wave != 2 || len(d.Events) != 0 {
		t.Errorf("wave %d, events %v", d.Plan.Wave, causesOf(d.Events))
	}
	become(&p, 1, 1, task.Running, task.Completed)
	if d := p.Settle(noon()); d.Plan.State != plan.Failed {
		t.Errorf("%s, events %v", d.Plan.State, causesOf(d.Events))
	}
}

// A plan wakes for whatever is due first.
func TestWakeIn(t *testing.T) {
	t.Parallel()
	in := func(d time.Duration) time.Time { return noon().Add(d) }
	tests := map[string]struct {
		change func(*plan.Plan)
		want   time.Duration // 0: it does not wake
	}{
		"nothing": {func(*plan.Plan) {}, 0},
		"a wait":  {func(p *plan.Plan) { p.Counters.Waiting, p.NextDue = 1, in(time.Second) }, time.Second},
		"a bake": {func(p *plan.Plan) {
			ended(p)
			p.Strategy.BakeTime = time.Hour
		}, time.Hour},
		"a bake of a breached plan": {func(p *plan.Plan) {
			ended(p)
			become(p, 1, 1, task.Completed, task.Failed)
			p.Strategy.BakeTime = time.Hour
		}, 0},
		"an opening": {func(p *plan.Plan) { p.Grant.NotBefore, p.Grant.NotAfter = in(time.Minute), in(time.Hour) }, time.Minute},
		"a closing":  {func(p *plan.Plan) { p.Grant.NotAfter = in(time.Hour) }, time.Hour},
		"an opening with nothing pending in the wave": {func(p *plan.Plan) {
			become(p, 1, 2, task.Pending, task.Running)
			p.Grant.NotBefore = in(time.Minute)
		}, 0},
		"a wait before an opening": {func(p *plan.Plan) {
			p.Counters.Waiting, p.NextDue, p.Grant.NotBefore = 1, in(time.Second), in(time.Minute)
		}, time.Second},
		"an opening before a wait": {func(p *plan.Plan) {
			p.Counters.Waiting, p.NextDue, p.Grant.NotBefore = 1, in(time.Hour), in(time.Minute)
		}, time.Minute},
		"paused": {func(p *plan.Plan) { p.State, p.Grant.NotBefore = plan.Paused, in(time.Minute) }, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := waved(1, 2, 4)
			tt.change(&p)
			if got, wakes := p.WakeIn(); got != tt.want || wakes != (tt.want > 0) {
				t.Errorf("wakes in %s: %t, want %s", got, wakes, tt.want)
			}
		})
	}
}
