package plan_test

import (
	"reflect"
	"slices"
	"testing"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/task"
)

// row returns tasks of plan 7 with these states, by ordinal.
func row(states ...task.State) []task.Task {
	tasks := make([]task.Task, len(states))
	for i, s := range states {
		tasks[i] = task.Task{ID: task.NewID(7, i+1), Control: task.Control{State: s, Attempt: 1}}
	}
	return tasks
}

// count counts tasks by state.
func count(tasks []task.Task) counts {
	c := counts{}
	for _, t := range tasks {
		c[t.State]++
	}
	return c
}

func nobodyHeld(task.ID) bool { return false }

// moved returns the ordinals of the tasks that a decision edits, and checks that each moves to the
// state to.
func moved(t *testing.T, d plan.Decision, to task.State) []int {
	t.Helper()
	var ordinals []int
	for _, e := range d.Edits {
		if e.State != to {
			t.Errorf("task %s goes to %s, want %s", e.ID, e.State, to)
		}
		ordinals = append(ordinals, e.ID.Ordinal())
	}
	return ordinals
}

func TestResumeWakesWhatThePlanPaused(t *testing.T) {
	t.Parallel()
	tasks := row(task.Paused, task.Paused, task.Completed, task.Running, task.Paused)
	tasks[1].PausedIndividually = true
	p := in(plan.Paused, count(tasks))
	d, err := p.Resume(ann())
	if err != nil {
		t.Fatal(err)
	}
	want := []plan.Sweep{{Kind: plan.SweepResume, Actor: "ann", Reason: "window"}}
	if !reflect.DeepEqual(d.Plan.Sweeps, want) {
		t.Fatalf("sweeps %+v, want %+v", d.Plan.Sweeps, want)
	}
	d = d.Plan.Sweep(tasks, 0, nobodyHeld, plan.By{Now: noon()})
	if got, want := moved(t, d, task.Running), []int{1, 5}; !reflect.DeepEqual(got, want) {
		t.Errorf("woke %v, want %v", got, want)
	}
	if len(d.Plan.Sweeps) != 0 || d.Plan.Counters.Of(task.Paused) != 1 {
		t.Errorf("sweeps %+v, counters %v", d.Plan.Sweeps, d.Plan.Counters.States)
	}
	for _, e := range d.Events {
		if e.Cause != "resume" || e.Actor != "ann" || e.Reason != "window" || e.From != "PAUSED" || e.To != "RUNNING" {
			t.Errorf("event %+v", e)
		}
	}
	if d, err := in(plan.Paused, counts{task.Pending: 4}).Resume(ann()); err != nil || d.Plan.Sweeps != nil {
		t.Errorf("nothing is paused, and the resume sweeps %+v, %v", d.Plan.Sweeps, err)
	}
}

// A retry of all failed tasks goes over the tasks in batches. Each batch starts where the previous
// one ended.
func TestRetryFailedInBatches(t *testing.T) {
	t.Parallel()
	tasks := row(task.Failed, task.Completed, task.Failed, task.Failed, task.Failed)
	p := in(plan.Failed, count(tasks), tolerates(0), acknowledged(4))
	d, err := p.RetryFailed(task.FromScratch, ann())
	if err != nil || d.Plan.State != plan.Running || d.Plan.Acknowledged != 4 {
		t.Fatalf("%s with %d acknowledged, %v", d.Plan.State, d.Plan.Acknowledged, err)
	}
	batches := []struct {
		from, to, next int
		moved          []int
		failed         int
	}{
		{0, 3, 3, []int{1, 3}, 2},
		// After a crash a batch may overlap the previous one: the sweep skips the tasks that it has
		// edited.
		{0, 4, 4, []int{4}, 1},
		{4, 5, 0, []int{5}, 0},
	}
	for _, b := range batches {
		d = d.Plan.Sweep(tasks[b.from:b.to], b.next, nobodyHeld, plan.By{Now: noon()})
		if got := moved(t, d, task.Running); !reflect.DeepEqual(got, b.moved) {
			t.Errorf("batch %+v retried %v", b, got)
		}
		for _, e := range d.Edits {
			if e.Attempt != 2 || !e.DropCheckpoint {
				t.Errorf("edit %+v", e)
			}
		}
		p := d.Plan
		if p.Counters.Of(task.Failed) != b.failed || p.Acknowledged != b.failed || p.Grant.MaxFailed != b.failed {
			t.Errorf("batch %+v: %d failed, %d acknowledged, %d granted",
				b, p.Counters.Of(task.Failed), p.Acknowledged, p.Grant.MaxFailed)
		}
		if got := len(p.Sweeps); (b.next == 0) != (got == 0) || got > 0 && p.Sweeps[0].After != b.next {
			t.Errorf("batch %+v left the sweeps %+v", b, p.Sweeps)
		}
	}
	if d := d.Plan.Sweep(tasks, 0, nobodyHeld, plan.By{Now: noon()}); d.Changed {
		t.Error("a plan without sweeps was swept")
	}
}

// A sweep skips a task whose tenant another plan holds: the task stays failed.
func TestSweepPassesOverHeldTenants(t *testing.T) {
	t.Parallel()
	tasks := row(task.Failed, task.Failed, task.Failed)
	p := in(plan.Running, count(tasks), retrySweep)
	held := func(id task.ID) bool { return id.Ordinal() == 2 }
	d := p.Sweep(tasks, 0, held, plan.By{Now: noon()})
	if got, want := moved(t, d, task.Running), []int{1, 3}; !reflect.DeepEqual(got, want) {
		t.Errorf("retried %v, want %v", got, want)
	}
	if d.Plan.Counters.Of(task.Failed) != 1 || len(d.Plan.Sweeps) != 0 {
		t.Errorf("%d failed, sweeps %+v", d.Plan.Counters.Of(task.Failed), d.Plan.Sweeps)
	}
}

func TestCancelSweepsPausedTasks(t *testing.T) {
	t.Parallel()
	tasks := row(task.Paused, task.Paused, task.Completed, task.Failed)
	tasks[1].PausedIndividually = true
	d, err := in(plan.Paused, count(tasks)).Cancel(ann())
	if err != nil || len(d.Plan.Sweeps) != 1 || d.Plan.Over() || d.Plan.AtRest() {
		t.Fatalf("sweeps %+v, over %t, at rest %t, %v", d.Plan.Sweeps, d.Plan.Over(), d.Plan.AtRest(), err)
	}
	d = d.Plan.Sweep(tasks, 0, nobodyHeld, plan.By{Now: noon()})
	if got, want := moved(t, d, task.Canceled), []int{1, 2}; !reflect.DeepEqual(got, want) {
		t.Errorf("cancelled %v, want %v", got, want)
	}
	if !d.Plan.Over() || !d.Plan.AtRest() {
		t.Error("swept, and neither over nor at rest")
	}
}

// A resume of a paused plan begins a sweep if tasks still run, because they may pause before the
// resume is committed. A resume of a failed plan, whose tasks do not pause, begins none.
func TestResumeLooksForWhatStopsMeanwhile(t *testing.T) {
	t.Parallel()
	d, err := in(plan.Paused, counts{task.Running: 1, task.Pending: 3}).Resume(ann())
	if err != nil || len(d.Plan.Sweeps) != 1 || d.Plan.Sweeps[0].Kind != plan.SweepResume {
		t.Errorf("sweeps %+v, %v", d.Plan.Sweeps, err)
	}
	d, err = in(plan.Failed, counts{task.Running: 1, task.Pending: 3}).Resume(ann())
	if err != nil || len(d.Plan.Sweeps) != 0 {
		t.Errorf("nothing stops in a failed plan: sweeps %+v, %v", d.Plan.Sweeps, err)
	}
}

// Settle gives a canceled plan that has a paused task, and no sweep, a sweep that cancels the task.
func TestCanceledPlanSweepsUp(t *testing.T) {
	t.Parallel()
	p := in(plan.Canceled, counts{task.Paused: 1, task.Canceled: 3})
	if p.Over() || p.AtRest() {
		t.Error("over or at rest with a paused task")
	}
	d := p.Settle(noon())
	if want := []plan.Sweep{{Kind: plan.SweepCancel}}; !d.Changed || !reflect.DeepEqual(d.Plan.Sweeps, want) {
		t.Errorf("changed %t, sweeps %+v", d.Changed, d.Plan.Sweeps)
	}
	if again := d.Plan.Settle(noon()); again.Changed {
		t.Errorf("settled twice: %+v", again.Plan.Sweeps)
	}
}

// If the last batch of a sweep causes no task event, a plan event records the end of the sweep: the
// end may put the plan at rest, and AtRest is set on an event.
func TestSweepTellsOfItsEnd(t *testing.T) {
	t.Parallel()
	alone := row(task.Paused, task.Completed)
	alone[0].PausedIndividually = true
	resumed, err := in(plan.Paused, count(alone)).Resume(ann())
	if err != nil {
		t.Fatal(err)
	}
	d := resumed.Plan.Sweep(alone[:1], 1, nobodyHeld, plan.By{Now: noon()})
	checkTold(t, d.Events, []string{})
	d = d.Plan.Sweep(alone[1:], 0, nobodyHeld, plan.By{Now: noon()})
	checkTold(t, d.Events, []string{"plan resume: RUNNING to RUNNING by ann, window"})
	if !d.Plan.AtRest() {
		t.Error("only a task that a person paused is left, and the plan is not at rest")
	}

	for i := range plan.NumSweepKinds {
		kind := plan.SweepKind(i)
		p := in(plan.Paused, counts{task.Running: 1}, func(p *plan.Plan) { p.Sweeps = []plan.Sweep{{Kind: kind}} })
		d := p.Sweep(nil, 0, nobodyHeld, plan.By{Now: noon()})
		checkTold(t, d.Events, []string{"plan " + kind.String() + ": PAUSED to PAUSED"})
	}
}

// A pause drops the sweep of an earlier resume. A cancel or a rollback drops all earlier sweeps.
func TestSweepsAreDropped(t *testing.T) {
	t.Parallel()
	both := func(p *plan.Plan) {
		p.Sweeps = []plan.Sweep{{Kind: plan.SweepResume}, {Kind: plan.SweepRetry}}
	}
	tests := map[string][]plan.SweepKind{
		"pause":    {plan.SweepRetry},
		"cancel":   {plan.SweepCancel},
		"rollback": nil,
	}
	for name, want := range tests {
		p := in(plan.Running, counts{task.Paused: 1, task.Failed: 1, task.Pending: 2}, both)
		d, err := planCommands()[name](p, ann())
		if err != nil {
			t.Fatal(err)
		}
		var got []plan.SweepKind
		for _, s := range d.Plan.Sweeps {
			got = append(got, s.Kind)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s leaves the sweeps %v, want %v", name, got, want)
		}
	}
}

// States returns exactly the states in which Matches can be true.
func TestSweepStates(t *testing.T) {
	t.Parallel()
	for i := range plan.NumSweepKinds {
		s := plan.Sweep{Kind: plan.SweepKind(i)}
		listed := map[task.State]bool{}
		for _, state := range s.States() {
			listed[state] = true
		}
		found := map[task.State]bool{}
		for _, of := range situations() {
			p, one := of.place(plan.Running)
			if s.Matches(&p, &one) {
				found[one.State] = true
			}
		}
		if !reflect.DeepEqual(found, listed) {
			t.Errorf("%s matches in %v, and lists %v", s.Kind, found, listed)
		}
		s.Filter.States = []task.State{task.Failed, task.RollingBack}
		if got := s.States(); len(got) > 1 || len(got) == 1 && got[0] != task.Failed || (len(got) == 1) != listed[task.Failed] {
			t.Errorf("%s of failed tasks lists %v", s.Kind, got)
		}
	}
	p, one := situations()[12].place(plan.Running)
	if (&plan.Sweep{Kind: 99}).Matches(&p, &one) {
		t.Error("a kind that does not exist matches")
	}
}

// A rollback goes through the plan backwards, and leaves out waves that its filter does not select
// and tasks that were added later. Other commands go forwards.
func TestRollbackOfASetGoesBackwards(t *testing.T) {
	t.Parallel()
	p := waved(3, 2, 5, 9)
	all := plan.Sweep{Kind: plan.SweepRollbackTasks, Last: 7}
	some := all
	some.Filter.Waves = []int{1, 3}
	skip := plan.Sweep{Kind: plan.SweepSkipTasks, Last: 7}
	for _, tt := range []struct {
		s        plan.Sweep
		passed   int
		from, to int
		more     bool
	}{
		{all, 0, 3, 7, true},
		{all, 4, 0, 3, true},
		{all, 7, 0, 0, false},
		{some, 0, 5, 7, true},
		{some, 2, 0, 2, true},
		{some, 3, 0, 2, true},
		{some, 6, 0, 1, true},
		{some, 7, 0, 0, false},
		{skip, 0, 0, 7, true},
		{skip, 4, 4, 7, true},
	} {
		if from, to, more := tt.s.Ahead(&p, tt.passed, 4); from != tt.from || to != tt.to || more != tt.more {
			t.Errorf("%s of %s, after place %d: after %d until %d, %t", tt.s.Kind, &tt.s.Filter, tt.passed, from, to, more)
		}
	}
	if got := [...]int{all.Place(&p, 7), all.Place(&p, 1), all.Place(&p, 8), skip.Place(&p, 1)}; got != [...]int{1, 7, 0, 1} {
		t.Errorf("places %v", got)
	}
}

// A batch of a rollback changes no task that an earlier batch has passed, and none that was added
// after the command.
func TestRollbackOfASetInBatches(t *testing.T) {
	t.Parallel()
	tasks := row(task.Completed, task.Completed, task.Completed, task.Completed, task.Completed)
	p := in(plan.Completed, count(tasks), func(p *plan.Plan) {
		p.Sweeps = []plan.Sweep{{Kind: plan.SweepRollbackTasks, Last: 4}}
	})
	for _, b := range []struct {
		next int
		want []int
	}{{1, []int{4}}, {3, []int{2, 3}}, {0, []int{1}}} {
		page := tasks
		if b.next > 0 {
			page = tasks[4-b.next:]
		}
		d := p.Sweep(page, b.next, nobodyHeld, ann())
		if got := moved(t, d, task.RollingBack); !slices.Equal(got, b.want) {
			t.Errorf("the batch up to place %d changes %v, want %v", b.next, got, b.want)
		}
		p = d.Plan
	}
	if len(p.Sweeps) > 0 {
		t.Errorf("sweeps %+v", p.Sweeps)
	}
}
