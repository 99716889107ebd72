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

// waved returns a running plan whose waves end with these ordinals, of which the given one is open.
// All tasks before the open wave are completed, and all others pending.
func waved(open int, lasts ...int) plan.Plan {
	p := plan.Plan{ID: 7, TaskCount: lasts[len(lasts)-1]}
	p.State, p.Wave, p.Now = plan.Running, open, noon()
	p.Strategy.Waves = make([]strategy.Wave, len(lasts))
	p.WaveCounters = make([]plan.WaveCounters, len(lasts))
	for i, last := range lasts {
		p.Waves = append(p.Waves, plan.Wave{Last: last})
		if i+1 < open {
			p.WaveCounters[i].Ended = p.SizeOf(i + 1)
			p.Counters.States[task.Completed] += p.SizeOf(i + 1)
		}
	}
	p.Counters.States[task.Pending] = p.TaskCount - p.Counters.Of(task.Completed)
	if open > 0 {
		p.Grant = strategy.Grant{LastOrdinal: lasts[open-1], MaxSlots: 1}
	}
	return p
}

// become moves tasks of a wave of p from one state to another.
func become(p *plan.Plan, wave, n int, from, to task.State) {
	for range n {
		p.Counters.Move(from, to)
		p.WaveCounters[wave-1].Move(from, to)
	}
}

// ended makes all pending tasks of the open wave completed, at the present time.
func ended(p *plan.Plan) {
	become(p, p.Wave, p.SizeOf(p.Wave), task.Pending, task.Completed)
	p.TrackWaveEnd(p.Now)
}

// causesOf returns the causes of events, in order.
func causesOf(events []plan.Event) (causes []string) {
	for _, e := range events {
		causes = append(causes, e.Cause)
	}
	return causes
}

// Tasks that were paused individually put a plan at rest, whichever of the waves they are in; a
// pending task of the open wave does not let it rest, one of a later wave does.
func TestPausedTasksOfAnyWavePutAPlanAtRest(t *testing.T) {
	t.Parallel()
	pending := waved(2, 2, 4, 6)
	become(&pending, 1, 1, task.Completed, task.Paused)
	become(&pending, 2, 1, task.Pending, task.Completed)
	if pending.AtRest() || !pending.Claimable() {
		t.Errorf("a task of the open wave is pending: at rest %t, claimable %t", pending.AtRest(), pending.Claimable())
	}
	both := pending
	both.WaveCounters = slices.Clone(both.WaveCounters)
	become(&both, 2, 1, task.Pending, task.Paused)
	if !both.AtRest() || both.Claimable() {
		t.Errorf("only paused tasks are left of two waves: at rest %t, claimable %t", both.AtRest(), both.Claimable())
	}
	earlier := waved(2, 2, 4, 6)
	become(&earlier, 1, 1, task.Completed, task.Paused)
	ended(&earlier)
	if earlier.AtRest() {
		t.Error("at rest, although the next wave opens")
	}
	last := waved(3, 2, 4, 6)
	become(&last, 1, 1, task.Completed, task.Paused)
	ended(&last)
	last.Strategy.FinalBakeTime = time.Hour
	if last.AtRest() {
		t.Error("at rest, although the last wave bakes")
	}
	if last.Gate = plan.GateBaked; !last.AtRest() {
		t.Error("not at rest, although only a paused task is left")
	}
}

// The retry of a task of the open wave begins the way to the next wave anew, even if the task ends
// before an engine looks at the plan.
func TestARetryRestartsTheBake(t *testing.T) {
	t.Parallel()
	p := waved(1, 2, 4)
	p.Strategy.BakeTime, p.Strategy.MaxFailures = time.Hour, strategy.Percent(100)
	p.Strategy.Waves[1].Approval = true
	p.Waves[0].MaxFailed, p.Grant.MaxFailed = 2, 4
	become(&p, 1, 2, task.Pending, task.Failed)
	p.WaveEndedAt = noon().Add(-time.Hour)
	d := p.Settle(noon())
	if got := causesOf(d.Events); !slices.Equal(got, []string{"bake", "approval"}) || d.Plan.Gate != plan.GateApproval {
		t.Fatalf("events %v, gate %d", got, d.Plan.Gate)
	}
	failed := task.Task{ID: task.NewID(7, 1), Control: task.Control{State: task.Failed, Attempt: 1}}
	d, err := d.Plan.RetryTask(failed, task.FromCheckpoint, ann())
	if err != nil || d.Plan.Gate != plan.GateNone || !d.Plan.WaveEndedAt.IsZero() {
		t.Fatalf("gate %d, ended at %s, %v", d.Plan.Gate, d.Plan.WaveEndedAt, err)
	}
	p = d.Plan
	p.WaveCounters = slices.Clone(p.WaveCounters)
	become(&p, 1, 1, task.Running, task.Completed)
	p.WaveEndedAt = noon()
	if d := p.Settle(noon()); len(d.Events) != 0 {
		t.Errorf("events %v before the end of the bake", causesOf(d.Events))
	}
	p.Now = noon().Add(time.Hour)
	if got := causesOf(p.Settle(noon()).Events); !slices.Equal(got, []string{"bake", "approval"}) {
		t.Errorf("events %v after the bake", got)
	}
}

// A bake is not over because the store has not said yet when the wave ended.
func TestABakeBeginsWithTheEndOfTheWave(t *testing.T) {
	t.Parallel()
	p := waved(1, 2, 4)
	p.Strategy.BakeTime = time.Hour
	ended(&p)
	p.WaveEndedAt = time.Time{}
	if d := p.Settle(noon()); d.Plan.Wave != 1 || len(d.Events) != 0 {
		t.Errorf("wave %d, events %v", d.Plan.Wave, causesOf(d.Events))
	}
	if in, wakes := p.WakeIn(); wakes {
		t.Errorf("wakes in %s", in)
	}
}

// A tuned FailureAction is the one that a breach takes.
func TestATunedFailureActionCounts(t *testing.T) {
	t.Parallel()
	p := in(plan.Running, counts{task.Running: 1, task.Failed: 5, task.Pending: 3})
	pause := strategy.Pause
	d, err := p.Tune(strategy.Tuning{MaxFailures: strategy.Count(4), FailureAction: &pause}, ann())
	if err != nil || d.Plan.State != plan.Running {
		t.Fatalf("%s, %v", d.Plan.State, err)
	}
	d.Plan.Counters.Move(task.Running, task.Completed)
	if d := d.Plan.Settle(noon()); d.Plan.State != plan.Paused || d.Plan.PauseReasons != plan.PausedByBreach {
		t.Errorf("%s for %s", d.Plan.State, d.Plan.PauseReasons)
	}
}

// Undos are bounded by the plan, not by the wave that is open.
func TestUndosAreBoundedByThePlanAlone(t *testing.T) {
	t.Parallel()
	p := waved(1, 1, 9)
	p.Strategy.MaxConcurrency = strategy.Count(5)
	p = p.Settle(noon()).Plan
	d, err := p.Rollback(ann())
	if err != nil || p.Grant.MaxSlots != 1 || d.Plan.Grant.MaxSlots != 5 {
		t.Errorf("%d slots in the first wave, %d for undos, %v", p.Grant.MaxSlots, d.Plan.Grant.MaxSlots, err)
	}
}

// Approvals and tunings take back a question that is not asked any more, so that a resume does not
// find the plan waiting for nothing.
func TestAQuestionIsTakenBackWhileThePlanIsPaused(t *testing.T) {
	t.Parallel()
	p := waved(1, 2, 4)
	p.Strategy.Waves[1].Approval = true
	ended(&p)
	p = p.Settle(noon()).Plan
	d, err := p.Pause(ann())
	if err != nil || d.Plan.Gate != plan.GateApproval {
		t.Fatalf("gate %d, %v", d.Plan.Gate, err)
	}
	no := false
	tuned, err := d.Plan.Tune(strategy.Tuning{Waves: map[int]strategy.WaveTuning{2: {Approval: &no}}}, ann())
	if err != nil {
		t.Fatal(err)
	}
	approved, err := d.Plan.Approve(0, ann())
	if err != nil {
		t.Fatal(err)
	}
	for name, p := range map[string]plan.Plan{"tuned": tuned.Plan, "approved": approved.Plan} {
		d, err := p.Resume(ann())
		if err != nil || d.Plan.AtRest() {
			t.Errorf("%s: at rest after the resume, with gate %d, %v", name, d.Plan.Gate, err)
		}
		if d = d.Plan.Settle(noon()); d.Plan.Wave != 2 {
			t.Errorf("%s: wave %d after the resume", name, d.Plan.Wave)
		}
	}
	again, err := approved.Plan.Approve(2, ann())
	if err != nil || !again.Unchanged {
		t.Errorf("approved again: unchanged %t, %v", again.Unchanged, err)
	}
}

// While a start is under way, a command on what is ahead of the plan does not apply: it would leave
// an event behind which the plan comes to rest without another one.
func TestAPlanThatIsBeingStartedIsLeftAlone(t *testing.T) {
	t.Parallel()
	p := waved(0, 2, 4)
	p.State, p.Grant, p.Starting = plan.Created, strategy.Grant{}, &plan.Starting{Token: 3}
	p.Strategy.Waves[1].Approval = true
	for name, command := range map[string]func() (plan.Decision, error){
		"approve": func() (plan.Decision, error) { return p.Approve(2, ann()) },
		"reject":  func() (plan.Decision, error) { return p.Reject(2, ann()) },
		"tune":    func() (plan.Decision, error) { return p.Tune(strategy.Tuning{MaxFailures: strategy.Count(1)}, ann()) },
		"note":    func() (plan.Decision, error) { return plan.Note(p, plan.By{Actor: "ann", Reason: "r"}) },
		"skip":    func() (plan.Decision, error) { return p.SkipTask(task.Task{ID: task.NewID(7, 1)}, ann()) },
	} {
		if _, err := command(); !errors.Is(err, plan.ErrNotApplicable) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
