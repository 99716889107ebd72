package storetest

import (
	"math/rand/v2"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// claimRules: with any grant, in any state and with any tasks in flight, a view and Plan.Claimable
// report what a claim finds, and the log is marked at rest as Plan.AtRest has it. The oracle of
// [Model] judges; here its plan also gets grants that no strategy decides on.
func claimRules(e *env) {
	for i := range 120 {
		x := &ruled{rollout: e.start(7, concurrently(7)), rand: rand.New(rand.NewPCG(1, uint64(i)))}
		x.scatter()
		for range 3 {
			x.compare(i)
			x.claimSome(i)
			x.deferSome()
		}
		x.compare(i)
	}
}

// ruled is a plan with random rules and facts.
type ruled struct {
	*rollout
	rand *rand.Rand
	o    *oracle
}

// scatter claims some tasks, defers some of them, and moves them and the plan by one decision.
func (x *ruled) scatter() {
	for _, j := range x.take("worker", x.rand.IntN(8)) {
		if x.rand.IntN(3) == 0 {
			x.do(j.deferred(task.WaitHold, x.after()))
		}
	}
	tasks := x.all()
	p := x.read()
	x.o = newOracle(p, tasks)
	var err error
	x.o.events, err = x.Events(x.ctx, x.id, 0, 0)
	x.ok(err)
	c := store.Command{ID: x.unique("command"), Version: p.Version, Failed: -1, Decision: plan.Decision{Plan: p, Changed: true}}
	undo := x.rand.IntN(4) == 0
	for _, t := range tasks {
		if t.State == task.Running {
			x.edit(&c.Decision, t, undo)
		}
	}
	c.Plan.State = []plan.State{plan.Running, plan.Running, plan.Paused, plan.Paused, plan.Failed, plan.Canceled}[x.rand.IntN(6)]
	if undo {
		c.Plan.State, c.Plan.Undo = plan.RollingBack, plan.Undo{Round: 1, Open: true}
	}
	c.Plan.Grant = strategy.Grant{
		LastOrdinal: []int{0, 7, 7, 9}[x.rand.IntN(4)], MaxSlots: x.rand.IntN(9), MaxFailed: x.rand.IntN(5), Strict: x.rand.IntN(2) == 0,
	}
	c.Events = append(c.Events, plan.Event{Plan: x.id, Cause: plan.ByResume.String(), From: p.State.String(), To: c.Plan.State.String()})
	x.o.apply(c, x.send(c).Now)
}

// after returns a time to wait that is over at once, or not during the test.
func (x *ruled) after() time.Duration { return time.Duration(x.rand.IntN(2)) * time.Hour }

// edit adds an edit that moves a running task, or none: the worker keeps the task, or the task
// waits. If the plan is to undo its tasks, no task goes on running. Some tasks that stay in flight
// are left as if they had been paused during a wait.
func (x *ruled) edit(d *plan.Decision, t task.Task, undo bool) {
	states := []task.State{task.Completed, task.Failed, task.Failed, task.Paused, task.Canceled, task.RollingBack, task.Running, task.Running}
	n := x.rand.IntN(len(states) + 2)
	if !undo && (n >= len(states) || t.Waiting && x.rand.IntN(2) == 0) {
		return
	}
	e := task.Edit{ID: t.ID, Version: t.Version, Control: t.Control, Release: true}
	e.State = states[n%len(states)]
	if undo && e.State == task.Running {
		e.State = task.Completed
	}
	if x.rand.IntN(3) == 0 {
		e.Wait = task.Wait{Why: task.WaitHold, Until: d.Plan.Now.Add(x.after())}
	}
	if e.State == task.Failed {
		e.Failure = &task.FailureInfo{Reason: "it broke", ErrorCode: "BROKEN", Attempt: 1}
	}
	d.Edits = append(d.Edits, e)
	if e.State != t.State {
		d.Events = append(d.Events, plan.Event{
			Plan: x.id, Task: t.ID, Cause: task.ByFailure.String(), From: t.State.String(), To: e.State.String(),
			Attempt: e.Attempt, Failure: e.Failure,
		})
	}
}

// compare compares what the plan and its view report with what the oracle allows.
func (x *ruled) compare(i int) {
	x.Helper()
	_, view := x.commit()
	p := x.read()
	x.o.now = p.Now
	x.o.plan.UndosExhausted = p.UndosExhausted
	allowed, required := x.o.allowed()
	if p.Counters != x.o.plan.Counters || p.Breached != x.o.plan.Breached || p.Grant != x.o.plan.Grant {
		x.Fatalf("rules %d: plan\n%+v\nwant\n%+v", i, p, x.o.plan)
	}
	if !view.NextDue.Equal(x.o.nextDue()) || !p.NextDue.Equal(x.o.nextDue()) {
		x.Fatalf("rules %d: due at %s and %s, want %s of\n%+v", i, view.NextDue, p.NextDue, x.o.nextDue(), p)
	}
	if view.Claimable != required {
		x.Fatalf("rules %d: claimable %t in the view; left are %v of\n%+v", i, view.Claimable, allowed, p)
	}
	unsure := p.Undo.Open || !p.State.ClaimsRunning() // the counters do not tell who waits
	if required && !p.Claimable() || len(allowed) == 0 && p.Claimable() && !unsure {
		x.Fatalf("rules %d: claimable %t as read; left are %v of\n%+v", i, p.Claimable(), allowed, p)
	}
	events, err := x.Events(x.ctx, x.id, p.LastEvent-1, 1)
	x.ok(err)
	if rest := p.AtRest(); len(events) != 1 || events[0].AtRest != rest || rest && required && p.Grant.LastOrdinal == 0 {
		x.Fatalf("rules %d: at rest %t, last event %+v, left are %v of\n%+v", i, rest, events, allowed, p)
	}
}

// claimSome claims some tasks, and lets the oracle check which.
func (x *ruled) claimSome(i int) {
	x.Helper()
	b := store.Batch{Plan: x.id, Claim: store.Claim{ID: x.unique("claim"), Worker: "worker", Max: 1 + x.rand.IntN(4)}}
	x.ok(x.Commit(x.ctx, &b))
	before, since := len(x.o.events), x.o.now
	again, err := x.o.learn(b.View.Now, x.all())
	if err == nil {
		err = x.o.claim(b.Claim, b.Claimed, again)
	}
	if err != nil {
		x.Fatalf("rules %d: %v, of\n%+v", i, err, x.o.plan)
	}
	x.o.end(before, since)
}

// deferSome lets the worker defer some of its tasks.
func (x *ruled) deferSome() {
	x.Helper()
	for _, t := range x.all() {
		if t.Worker == "" || x.rand.IntN(2) == 0 {
			continue
		}
		w := store.Change{Task: t.ID, Token: t.Token, Seq: 1, Kind: store.Defer, Wait: task.WaitHold, After: x.after()}
		before := len(x.o.events)
		if want := x.o.work(w); x.do(w).State != want.State {
			x.Fatalf("task %s: deferred to %s, want %s", t.ID, x.task(t.ID.Ordinal()).State, want.State)
		}
		x.o.end(before, x.o.now)
	}
	_, view := x.commit()
	if _, err := x.o.learn(view.Now, x.all()); err != nil {
		x.Fatal(err)
	}
}
