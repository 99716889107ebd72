package plan_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/task"
)

// sweepOf returns the sweep that does to many tasks what a command does to one.
func sweepOf(command string) plan.Sweep {
	kinds := map[string]plan.SweepKind{
		"retry": plan.SweepRetry, "retry from scratch": plan.SweepRetry, "pause": plan.SweepPauseTasks, "resume": plan.SweepResumeTasks,
		"cancel": plan.SweepCancelTasks, "skip": plan.SweepSkipTasks, "rollback": plan.SweepRollbackTasks,
	}
	s := plan.Sweep{Kind: kinds[command]}
	if command == "retry from scratch" {
		s.From = task.FromScratch
	}
	return s
}

// failedFilter selects the failed tasks.
func failedFilter() task.Filter { return task.Filter{States: []task.State{task.Failed}} }

// A command on many tasks does to each what the command on this one task does, in every state of
// the plan and every situation of the task, and counts it so.
func TestManyTasksAsOne(t *testing.T) {
	t.Parallel()
	for _, name := range taskCommandNames() {
		if name == "retry and stay stopped" {
			continue // it is for one task
		}
		for _, state := range states() {
			for _, of := range situations() {
				p, one := of.place(state)
				alone, errAlone := taskCommands()[name](p, one, ann())
				s := sweepOf(name)
				d, err := s.Queue(p, plan.Reach{Matched: 1, Changing: 1}, ann())
				if err != nil {
					if !errors.Is(err, plan.ErrNotApplicable) || errAlone == nil && !alone.Unchanged {
						t.Errorf("%s of %s in %s: %v, of the task alone: %v", name, of.name, state, err, errAlone)
					}
					continue
				}
				if d.Plan.Sweeps[0].Kind != s.Kind {
					continue // the plan first cancels what is paused
				}
				swept := d.Plan.Sweep([]task.Task{one}, 0, nobodyHeld, plan.By{Now: noon()})
				if name == "resume" && one.State == task.Paused && len(alone.Edits) > 0 {
					alone.Edits[0].Request = task.StartRequest // a person wants just the one that he names
					alone.Plan.Counters.Starting++
				}
				if !reflect.DeepEqual(swept.Edits, alone.Edits) {
					t.Errorf("%s of %s in %s: %+v, of the task alone: %+v", name, of.name, state, swept.Edits, alone.Edits)
				}
				if len(alone.Edits) > 0 && alone.Edits[0].State != one.State && swept.Plan.State != alone.Plan.State {
					t.Errorf("%s of %s takes the plan from %s to %s, of the task alone to %s", name, of.name, state, swept.Plan.State, alone.Plan.State)
				}
				if swept.Plan.Counters != alone.Plan.Counters {
					t.Errorf("%s of %s in %s counts %+v, of the task alone %+v", name, of.name, state, swept.Plan.Counters, alone.Plan.Counters)
				}
				checkReach(t, name+" of "+of.name+" in "+state.String(), &s, &p, &one, alone, errAlone)
			}
		}
	}
}

// checkReach checks that a task is counted as the command on it alone answers.
func checkReach(t *testing.T, what string, s *plan.Sweep, p *plan.Plan, one *task.Task, alone plan.Decision, err error) {
	t.Helper()
	var got plan.Reach
	got.Count(s, p, one)
	want := plan.Reach{Matched: 1}
	switch {
	case err != nil:
		want.NotApplicable = map[task.State]int{one.State: 1}
	case alone.Unchanged:
		want.Unchanged = 1
	default:
		want.Changing = 1
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s is counted as %+v, want %+v", what, got, want)
	}
	if want.Changing == 1 != s.Matches(p, one) {
		t.Errorf("%s matches: %t", what, s.Matches(p, one))
	}
}

// What the plan's counters say is counted without looking at tasks, and the rest is left.
func TestReachFromCounters(t *testing.T) {
	t.Parallel()
	p := in(plan.Running, counts{task.Pending: 10, task.Completed: 7, task.Skipped: 3, task.Failed: 2, task.Running: 1})
	for name, tt := range map[string]struct {
		sweep plan.Sweep
		want  plan.Reach
		left  []task.State
	}{
		"skip all": {
			plan.Sweep{Kind: plan.SweepSkipTasks},
			plan.Reach{Matched: 11, Unchanged: 3, NotApplicable: map[task.State]int{task.Completed: 7, task.Running: 1}},
			[]task.State{task.Pending, task.Failed, task.RollbackFailed},
		},
		"retry what failed": {plan.Sweep{Kind: plan.SweepRetry, Filter: failedFilter()}, plan.Reach{}, []task.State{task.Failed}},
		"pause what is done": {
			plan.Sweep{Kind: plan.SweepPauseTasks, Filter: task.Filter{States: []task.State{task.Completed}}},
			plan.Reach{Matched: 7, NotApplicable: map[task.State]int{task.Completed: 7}},
			nil,
		},
	} {
		var got plan.Reach
		if left := got.CountStates(&tt.sweep, &p); !reflect.DeepEqual(left, tt.left) || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %+v, left %v; want %+v, left %v", name, got, left, tt.want, tt.left)
		}
	}
}

// Commands wait for each other in the order in which they were given, and say of which tasks.
func TestSweepsWaitInOrder(t *testing.T) {
	t.Parallel()
	p := in(plan.Failed, counts{task.Failed: 3, task.Pending: 2})
	eu := task.Filter{Labels: map[string]string{"region": "eu"}}
	first, err := plan.Sweep{Kind: plan.SweepRetry, Filter: eu, From: task.FromScratch}.Queue(p, plan.Reach{Changing: 2}, ann())
	if err != nil {
		t.Fatal(err)
	}
	checkTold(t, first.Events, []string{"plan retry: FAILED to RUNNING by ann, window"})
	if got := first.Events[0].Filter; got != "label region=eu" {
		t.Errorf("the event says that it is about %q", got)
	}
	second, err := first.Plan.RetryFailed(task.FromCheckpoint, plan.By{Actor: "bob", Now: noon()})
	if err != nil {
		t.Fatal(err)
	}
	want := []plan.Sweep{
		{Kind: plan.SweepRetry, Filter: eu, From: task.FromScratch, Last: 5, Actor: "ann", Reason: "window"},
		{Kind: plan.SweepRetry, Filter: failedFilter(), Last: 5, Actor: "bob"},
	}
	if !reflect.DeepEqual(second.Plan.Sweeps, want) {
		t.Errorf("sweeps %+v, want %+v", second.Plan.Sweeps, want)
	}
	if d := second.Plan.Sweep(nil, 0, nobodyHeld, ann()); !reflect.DeepEqual(d.Plan.Sweeps, want[1:]) {
		t.Errorf("after the first there are %+v", d.Plan.Sweeps)
	}
	if len(first.Plan.Sweeps) != 1 {
		t.Errorf("the second command changed the first decision: %+v", first.Plan.Sweeps)
	}
}

// The event of a retry has the filter, also if the plan then says with which tasks it goes on; what
// the plan wakes comes after the retry.
func TestRetryOfAnUndoneWaveTellsItsFilter(t *testing.T) {
	t.Parallel()
	p := inState(plan.Failed)
	p.Undone = []int{p.Wave}
	become(&p, p.Wave, 1, task.Completed, task.Pending)
	become(&p, 1, 1, task.Completed, task.Failed)
	become(&p, 1, 1, task.Completed, task.Paused)
	d, err := plan.Sweep{Kind: plan.SweepRetry, Filter: failedFilter()}.Queue(p, plan.Reach{Changing: 1}, ann())
	if err != nil || len(d.Events) != 2 || d.Events[0].Filter != "state FAILED" || d.Events[1].Filter != "" {
		t.Errorf("events %+v, %v", d.Events, err)
	}
	if s := d.Plan.Sweeps; len(s) != 2 || s[0].Kind != plan.SweepRetry || s[1].Kind != plan.SweepResume {
		t.Errorf("sweeps %+v", s)
	}
}

// A full queue refuses a further command, and nothing else: the plan's own sweep has a place.
func TestFullQueue(t *testing.T) {
	t.Parallel()
	p := in(plan.Running, counts{task.Failed: 3, task.Paused: 2, task.Running: 1, task.Pending: 4})
	by := plan.By{Actor: "ann", Now: noon()}
	for i := range plan.MaxSweeps - 1 {
		d, err := plan.Sweep{Kind: plan.SweepRetry, Filter: failedFilter()}.Queue(p, plan.Reach{Changing: 3}, by)
		if err != nil {
			t.Fatalf("command %d: %v", i, err)
		}
		p = d.Plan
	}
	p.Sweeps[0].After = 4
	_, err := plan.Sweep{Kind: plan.SweepPauseTasks}.Queue(p, plan.Reach{Changing: 1}, by)
	full := new(plan.SweepsFullError)
	if !errors.As(err, &full) || !errors.Is(err, plan.ErrSweepsFull) || len(full.Sweeps) != plan.MaxSweeps-1 || full.Plan != p.ID {
		t.Fatalf("one too many: %v", err)
	}
	const text = `plan 7: 15 commands on many tasks are under way, and no more are accepted; ` +
		`the first, retry of state FAILED by "ann", is at task 4 of 10`
	if err.Error() != text {
		t.Errorf("it says %q", err)
	}
	if _, err := p.RetryFailed(task.FromCheckpoint, by); !errors.Is(err, plan.ErrSweepsFull) {
		t.Errorf("a retry of all: %v", err)
	}
	paused, err := p.Pause(by)
	if err != nil {
		t.Fatal(err)
	}
	resumed, err := paused.Plan.Resume(by)
	if s := resumed.Plan.Sweeps; err != nil || len(s) != plan.MaxSweeps || s[len(s)-1].Kind != plan.SweepResume {
		t.Fatalf("a resume leaves %d sweeps, %v", len(s), err)
	}
	if again, err := resumed.Plan.Pause(by); err != nil || len(again.Plan.Sweeps) != plan.MaxSweeps-1 {
		t.Errorf("a pause leaves %d sweeps, %v", len(again.Plan.Sweeps), err)
	}
	canceled, err := resumed.Plan.Cancel(by)
	if s := canceled.Plan.Sweeps; err != nil || len(s) != 1 || s[0].Kind != plan.SweepCancel {
		t.Errorf("a cancel leaves the sweeps %+v, %v", s, err)
	}
}

// A command that would change nothing is answered so and not queued, even if the queue is full.
func TestNothingToSweep(t *testing.T) {
	t.Parallel()
	p := in(plan.Running, counts{task.Pending: 4}, func(p *plan.Plan) { p.Sweeps = make([]plan.Sweep, plan.MaxSweeps) })
	d, err := plan.Sweep{Kind: plan.SweepRetry}.Queue(p, plan.Reach{Matched: 4, NotApplicable: map[task.State]int{task.Pending: 4}}, ann())
	if err != nil || !d.Unchanged || len(d.Events) > 0 || len(d.Plan.Sweeps) != plan.MaxSweeps {
		t.Errorf("unchanged %t, %d events, %d sweeps, %v", d.Unchanged, len(d.Events), len(d.Plan.Sweeps), err)
	}
}

// A filter with faults, and a kind that is none, are refused before anything else.
func TestQueueRefuses(t *testing.T) {
	t.Parallel()
	p := in(plan.RollingBack, counts{task.RollingBack: 4})
	for name, tt := range map[string]struct {
		sweep plan.Sweep
		is    error
		names string
	}{
		"a wave that is none": {plan.Sweep{Kind: plan.SweepRetry, Filter: task.Filter{Waves: []int{3}}}, plan.ErrInvalid, "Waves[0]"},
		"the plan's state":    {plan.Sweep{Kind: plan.SweepRetry}, plan.ErrNotApplicable, "retry does not apply to a plan in state ROLLING_BACK"},
		"a kind that is none": {plan.Sweep{Kind: 99}, plan.ErrNotApplicable, "SweepKind(99)"},
		"the plan's own kind": {plan.Sweep{Kind: plan.SweepCancel}, plan.ErrNotApplicable, "cancel"},
	} {
		d, err := tt.sweep.Queue(p, plan.Reach{Changing: 1}, ann())
		if !errors.Is(err, tt.is) || !strings.Contains(err.Error(), tt.names) || d.Changed {
			t.Errorf("%s: %v, changed %t", name, err, d.Changed)
		}
	}
}

// A sweep comes to the tasks that there were when the command was given, and to no others.
func TestSweepsLeaveAddedTasks(t *testing.T) {
	t.Parallel()
	d, err := plan.Sweep{Kind: plan.SweepSkipTasks}.Queue(in(plan.Running, counts{task.Pending: 3}), plan.Reach{Changing: 3}, ann())
	if err != nil {
		t.Fatal(err)
	}
	p := d.Plan
	p.TaskCount, p.Counters.States[task.Pending] = 5, 5
	if from, to, more := p.Sweeps[0].Range(&p, 1); from != 1 || to != 3 || !more {
		t.Errorf("it looks after %d until %d, %t", from, to, more)
	}
	if _, _, more := p.Sweeps[0].Range(&p, 3); more {
		t.Error("it looks for added tasks")
	}
	pending := row(task.Pending, task.Pending, task.Pending, task.Pending, task.Pending)
	d = p.Sweep(pending, 0, nobodyHeld, ann())
	if got, want := moved(t, d, task.Skipped), []int{1, 2, 3}; !reflect.DeepEqual(got, want) {
		t.Errorf("skipped %v, want %v", got, want)
	}
}

// A sweep changes what its filter selects, counts it, and counts what another plan holds.
func TestSweepsFollowTheirFilter(t *testing.T) {
	t.Parallel()
	tasks := row(task.Failed, task.Failed, task.Failed, task.Failed)
	for i, code := range []string{"A", "B", "A", "A"} {
		tasks[i].Failure = &task.FailureInfo{ErrorCode: code}
	}
	p := in(plan.Running, counts{task.Failed: 4, task.Pending: 2})
	d, err := plan.Sweep{Kind: plan.SweepRetry, Filter: task.Filter{Codes: []string{"A"}}}.Queue(p, plan.Reach{Changing: 3}, ann())
	if err != nil {
		t.Fatal(err)
	}
	d = d.Plan.Sweep(tasks, 4, func(id task.ID) bool { return id.Ordinal() == 3 }, plan.By{Now: noon()})
	if got, want := moved(t, d, task.Running), []int{1, 4}; !reflect.DeepEqual(got, want) {
		t.Errorf("retried %v, want %v", got, want)
	}
	if s := d.Plan.Sweeps[0]; s.Changed != 2 || s.Held != 1 || s.After != 4 {
		t.Errorf("the sweep is %+v", s)
	}
}

// The end of a command on many tasks tells how many it has left alone because other plans hold
// their tenants.
func TestASweepTellsOfTasksThatOtherPlansHold(t *testing.T) {
	t.Parallel()
	p := in(plan.Paused, counts{task.Failed: 2})
	d, err := p.RetryFailed(task.FromCheckpoint, ann())
	if err != nil {
		t.Fatal(err)
	}
	failed := make([]task.Task, 2)
	for i := range failed {
		failed[i] = task.Task{ID: task.NewID(7, i+1), Control: task.Control{State: task.Failed, Attempt: 1}}
	}
	d = d.Plan.Sweep(failed, 0, func(id task.ID) bool { return id.Ordinal() == 2 }, ann())
	if last := d.Events[len(d.Events)-1]; last.Task != 0 || last.Actor != "" || last.Reason != "1 tasks stay as they are: other plans hold their tenants" {
		t.Errorf("%+v", d.Events)
	}
}
