package plan_test

import (
	"testing"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/task"
)

// backingOff returns a task of plan 7 that waits for its third attempt until an hour after noon.
func backingOff() task.Task {
	t := lost(task.Running, 0)[0]
	t.Worker, t.Waiting, t.Attempt, t.Version = "", true, 3, 5
	t.Wait = task.Wait{Why: task.WaitBackoff, Until: noon().Add(time.Hour)}
	t.Failure = &task.FailureInfo{ErrorCode: "BROKEN"}
	return t
}

// waitingPlan sets how many tasks workers hold and how many wait, and when the first of these is
// due, counted from now.
func waitingPlan(held, waiting int, due time.Duration) func(*plan.Plan) {
	return func(p *plan.Plan) {
		p.Counters.Held, p.Counters.Waiting = held, waiting
		p.Now, p.NextDue = noon(), noon().Add(due)
	}
}

// A retry of a task in its backoff ends the wait. It is no further attempt, keeps the failure of
// the last one, and leaves the plan as it is.
func TestRetryTaskEndsABackoff(t *testing.T) {
	t.Parallel()
	for _, s := range []plan.State{plan.Running, plan.Paused, plan.Failed} {
		for _, from := range []task.RetryFrom{task.FromCheckpoint, task.FromScratch} {
			p := in(s, counts{task.Running: 3, task.Completed: 1}, waitingPlan(1, 2, time.Hour))
			of := backingOff()
			d, err := p.RetryTask(of, from, ann())
			if err != nil || len(d.Edits) != 1 || len(d.Events) != 1 || d.Plan.State != s {
				t.Fatalf("in %s: %+v, %v", s, d, err)
			}
			if c := d.Plan.Counters; c.Waiting != 1 || c.Held != 1 || c.Of(task.Running) != 3 {
				t.Errorf("in %s: counters %+v", s, c)
			}
			e := d.Edits[0]
			if e.Wait != (task.Wait{}) || e.Attempt != 3 || e.Failure == nil || e.State != task.Running || e.Release || !e.RetriedAt.Equal(noon()) {
				t.Errorf("in %s: edit %+v", s, e)
			}
			if e.DropCheckpoint != (from == task.FromScratch) || e.DropUndo {
				t.Errorf("%s: drops the checkpoint: %t, the undo log: %t", from, e.DropCheckpoint, e.DropUndo)
			}
			ev := d.Events[0]
			if ev.Cause != "retry" || ev.From != "RUNNING" || ev.To != "RUNNING" || ev.Attempt != 3 || ev.Actor != "ann" || ev.Failure != nil {
				t.Errorf("in %s: event %+v", s, ev)
			}
		}
	}
}

// The plan is paused while a task waits: the edit that halts the task is counted as the store
// counts it, and a task that is resumed has no slot yet.
func TestHaltOfWaitingTasks(t *testing.T) {
	t.Parallel()
	p := in(plan.Paused, counts{task.Running: 2}, waitingPlan(1, 1, time.Hour))
	d := p.HaltTasks([]task.Task{backingOff()}, ann())
	if c := d.Plan.Counters; c.Waiting != 0 || c.Held != 1 || c.Of(task.Paused) != 1 || c.Slots() != 1 {
		t.Fatalf("counters %+v", c)
	}
	e := d.Edits[0]
	if e.State != task.Paused || e.Wait != backingOff().Wait || e.PausedIndividually {
		t.Errorf("edit %+v", e)
	}
	paused := backingOff()
	paused.Control, paused.Waiting = e.Control, false
	p = in(plan.Running, counts{task.Running: 1, task.Paused: 1}, waitingPlan(1, 0, 0))
	d, err := p.ResumeTask(paused, ann())
	if err != nil || d.Plan.Counters.Waiting != 0 || d.Edits[0].Wait != paused.Wait || d.Edits[0].State != task.Running {
		t.Errorf("resumed: %+v, %v", d, err)
	}
}

// The loss of a worker leaves the counter of waiting tasks alone: a task that a worker holds does
// not wait.
func TestLossAfterAWait(t *testing.T) {
	t.Parallel()
	of := backingOff()
	of.Worker, of.Waiting = "w1", false
	p := in(plan.Running, counts{task.Running: 2}, waitingPlan(1, 1, time.Hour))
	d := p.LoseTasks([]task.Task{of}, 3, ann())
	if c := d.Plan.Counters; c.Held != 0 || c.Waiting != 1 || d.Edits[0].Wait != of.Wait {
		t.Errorf("counters %+v, edit %+v", c, d.Edits[0])
	}
}

func TestSlots(t *testing.T) {
	t.Parallel()
	var c plan.Counters
	if c.Slots() != 0 {
		t.Errorf("%d slots of nothing", c.Slots())
	}
	c.Held, c.Waiting = 3, 4
	c.States[task.Running], c.States[task.RollingBack] = 9, 2
	if c.Slots() != 7 || c.InFlight() != 11 {
		t.Errorf("%d slots, %d in flight", c.Slots(), c.InFlight())
	}
}

func TestDueIn(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		waiting int
		due     time.Duration
		want    time.Duration
	}{
		"later":         {2, time.Minute, time.Minute},
		"now":           {1, 0, 0},
		"long since":    {1, -time.Hour, 0},
		"nothing waits": {0, time.Minute, 0},
	} {
		p := in(plan.Running, counts{task.Running: 2}, waitingPlan(0, tt.waiting, tt.due))
		if tt.waiting == 0 {
			p.NextDue = time.Time{}
		}
		d, waits := p.DueIn()
		if d != tt.want || waits != (tt.waiting > 0) {
			t.Errorf("%s: due in %s, waits: %t", name, d, waits)
		}
		if d, wakes := p.WakeIn(); d != tt.want || wakes != waits {
			t.Errorf("%s: wakes in %s: %t", name, d, wakes)
		}
	}
}

// What a claim finds among tasks that wait, as far as a plan alone shows.
func TestClaimableOfWaitingTasks(t *testing.T) {
	t.Parallel()
	soon := time.Second
	slots := func(n int) func(*plan.Plan) {
		return func(p *plan.Plan) { p.Grant.MaxSlots = n }
	}
	running, undoing := counts{task.Running: 3}, counts{task.RollingBack: 3}
	for name, tt := range map[string]struct {
		plan plan.Plan
		want bool
	}{
		"all wait":                       {in(plan.Running, running, slots(9), waitingPlan(0, 3, soon)), false},
		"one is due":                     {in(plan.Running, running, slots(9), waitingPlan(0, 3, 0)), true},
		"one is due, no slot is free":    {in(plan.Running, running, slots(3), waitingPlan(0, 3, 0)), true},
		"one is due, too few slots":      {in(plan.Running, running, slots(1), waitingPlan(1, 2, -soon)), true},
		"one has no slot":                {in(plan.Running, running, slots(3), waitingPlan(1, 1, soon)), true},
		"one has no slot, none is free":  {in(plan.Running, running, slots(2), waitingPlan(1, 1, soon)), false},
		"one pending":                    {in(plan.Running, counts{task.Running: 2, task.Pending: 1}, slots(3), waitingPlan(0, 2, soon)), true},
		"one pending, no slot is free":   {in(plan.Running, counts{task.Running: 2, task.Pending: 1}, slots(2), waitingPlan(1, 1, soon)), false},
		"due in a failed plan":           {in(plan.Failed, running, slots(1), waitingPlan(0, 3, 0)), true},
		"due in a paused plan":           {in(plan.Paused, running, slots(9), waitingPlan(0, 3, 0)), false},
		"due in a cancelled plan":        {in(plan.Canceled, running, slots(9), waitingPlan(0, 3, 0)), false},
		"an undo is due":                 {in(plan.Paused, undoing, slots(1), waitingPlan(0, 3, 0)), true},
		"an undo is due, undos stop":     {in(plan.RollbackFailed, undoing, slots(9), waitingPlan(0, 3, 0), undosStopping), false},
		"an undo is not due":             {in(plan.RollingBack, undoing, slots(9), waitingPlan(0, 3, soon), undosExhausted), false},
		"an undo is not due, others are": {in(plan.RollingBack, undoing, slots(9), waitingPlan(0, 3, soon)), true},
	} {
		if got := tt.plan.Claimable(); got != tt.want {
			t.Errorf("%s: claimable %t of %+v", name, got, tt.plan.Counters)
		}
	}
}

// A task that waits is in flight, so a strict plan counts it as one that may still fail.
func TestStrictCountsWaitingTasks(t *testing.T) {
	t.Parallel()
	strict := func(failures int) func(*plan.Plan) {
		return func(p *plan.Plan) {
			p.Grant = strategy.Grant{LastOrdinal: 9, MaxSlots: 9, MaxFailed: failures, Strict: true}
		}
	}
	c := counts{task.Running: 2, task.Pending: 2}
	for failures, want := range []bool{false, false, true} {
		if p := in(plan.Running, c, waitingPlan(0, 2, time.Hour), strict(failures)); p.Claimable() != want {
			t.Errorf("%d tolerated: claimable %t", failures, p.Claimable())
		}
	}
}
