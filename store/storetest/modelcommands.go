package storetest

import (
	"errors"
	"slices"

	"pgregory.net/rapid"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// decide calls f to decide on the plan, and sends the command now or keeps it for later.
func (m *machine) decide(rt *rapid.T, later bool, f func(plan.Plan) (plan.Decision, error)) {
	p, _ := m.read(rt)
	d, err := f(p)
	if err != nil || !d.Changed {
		return
	}
	c := store.Command{ID: m.unique("command"), Version: p.Version, Failed: -1, Decision: d}
	if d.Plan.Acknowledged != p.Acknowledged {
		c.Failed = p.Counters.Of(task.Failed)
	}
	if later {
		m.waiting = append(m.waiting, c)
		return
	}
	m.send(rt, c)
}

// send sends a command and applies it to the oracle.
func (m *machine) send(rt *rapid.T, c store.Command) {
	var a store.Applied
	err := m.try(rt, func() (err error) {
		a, err = m.store.Apply(m.ctx, c)
		return err
	})
	switch {
	case m.o.applied[c.ID]:
		if err != nil || !a.Repeated {
			rt.Fatalf("command %s again: repeated %v, %v", c.ID, a.Repeated, err)
		}
		return
	case m.o.conflict(c):
		if !errors.Is(err, store.ErrConflict) {
			rt.Fatalf("stale command %s: %v", c.ID, err)
		}
		return
	case err != nil:
		rt.Fatalf("command %s: %v", c.ID, err)
	}
	m.o.apply(c)
	if a.Plan.Version <= m.o.plan.Version {
		rt.Fatalf("version %d after %d", a.Plan.Version, m.o.plan.Version)
	}
	m.o.plan.Version = a.Plan.Version
	m.sent = append(m.sent, c)
}

// late sends a command that was decided earlier, or repeats one.
func (m *machine) late(rt *rapid.T) {
	if n := len(m.waiting); n > 0 && rapid.Bool().Draw(rt, "waiting") {
		m.send(rt, m.waiting[n-1])
		m.waiting = m.waiting[:n-1]
		return
	}
	if len(m.sent) == 0 {
		rt.Skip("nothing was sent")
	}
	m.send(rt, rapid.SampledFrom(m.sent[max(0, len(m.sent)-10):]).Draw(rt, "command"))
}

// planCommand gives a command to the plan.
func (m *machine) planCommand(rt *rapid.T) {
	commands := map[string]command{
		"pause": plan.Plan.Pause, "resume": plan.Plan.Resume, "cancel": plan.Plan.Cancel, "rollback": plan.Plan.Rollback,
		"retry": func(p plan.Plan, by plan.By) (plan.Decision, error) { return p.RetryFailed(task.FromCheckpoint, by) },
	}
	c := commands[rapid.SampledFrom([]string{"pause", "resume", "resume", "cancel", "rollback", "retry"}).Draw(rt, "command")]
	later := rapid.IntRange(0, 4).Draw(rt, "later") == 0
	m.decide(rt, later, func(p plan.Plan) (plan.Decision, error) { return c(p, by()) })
}

// taskCommand gives a command to one task.
func (m *machine) taskCommand(rt *rapid.T) {
	commands := []taskCommand{
		plan.Plan.PauseTask, plan.Plan.ResumeTask, plan.Plan.CancelTask, plan.Plan.SkipTask, plan.Plan.RollbackTask,
		func(p plan.Plan, t task.Task, by plan.By) (plan.Decision, error) {
			return p.RetryTask(t, task.FromScratch, by)
		},
	}
	c := commands[rapid.IntRange(0, len(commands)-1).Draw(rt, "command")]
	_, tasks := m.read(rt)
	t := rapid.SampledFrom(tasks).Draw(rt, "task")
	later := rapid.IntRange(0, 4).Draw(rt, "later") == 0
	m.decide(rt, later, func(p plan.Plan) (plan.Decision, error) { return c(p, t, by()) })
}

// waiter pauses a task that waits, or resumes one that was paused during its wait: the other
// commands rarely meet both.
func (m *machine) waiter(rt *rapid.T) {
	_, tasks := m.read(rt)
	tasks = slices.DeleteFunc(tasks, func(t task.Task) bool {
		return !t.Waiting && (t.State != task.Paused || t.Wait.Why == task.NoWait)
	})
	if len(tasks) == 0 {
		rt.Skip("nothing waits")
	}
	t := rapid.SampledFrom(tasks).Draw(rt, "task")
	m.decide(rt, false, func(p plan.Plan) (plan.Decision, error) {
		if t.Waiting {
			return p.PauseTask(t, by())
		}
		return p.ResumeTask(t, by())
	})
}

// engine takes one of the steps that engines take without a command.
func (m *machine) engine(rt *rapid.T) {
	step := rapid.SampledFrom([]string{"settle", "settle", "sweep", "halt", "lose"}).Draw(rt, "step")
	_, tasks := m.read(rt)
	m.decide(rt, false, func(p plan.Plan) (plan.Decision, error) {
		switch step {
		case "sweep":
			return p.Sweep(tasks, 0, func(task.ID) bool { return false }, by()), nil
		case "halt":
			idle := slices.DeleteFunc(tasks, func(t task.Task) bool { return t.State != task.Running || t.Worker != "" })
			return p.HaltTasks(idle, by()), nil
		case "lose":
			lost := slices.DeleteFunc(tasks, func(t task.Task) bool { return t.Worker != "bob" })
			if len(lost) == 0 {
				return plan.Decision{}, nil
			}
			return p.LoseTasks(lost, 1, by()), nil
		}
		return p.Settle(by().Now), nil
	})
}

// compare compares everything that can be read with the oracle.
func (m *machine) compare(rt *rapid.T) {
	p, tasks := m.read(rt)
	o := m.o
	if _, undos := o.undoable(); p.UndosExhausted && undos {
		rt.Fatal("no undo is said to be left, but there is one")
	}
	o.plan.UndosExhausted, o.now = p.UndosExhausted, p.Now
	if due := o.nextDue(); p.Now.IsZero() || !p.NextDue.Equal(due) {
		rt.Fatalf("the next task is due at %s at %s, want %s", p.NextDue, p.Now, due)
	}
	if p.State != o.plan.State || p.Version != o.plan.Version || p.Counters != o.plan.Counters || p.Breached != o.plan.Breached ||
		p.Grant != o.plan.Grant || p.Acknowledged != o.plan.Acknowledged || p.Undo != o.plan.Undo || p.PauseReasons != o.plan.PauseReasons ||
		!slices.Equal(p.Sweeps, o.plan.Sweeps) || (p.Starting == nil) != (o.plan.Starting == nil) || p.StartToken != o.plan.StartToken {
		rt.Fatalf("plan\n%+v\nwant\n%+v", p, o.plan)
	}
	m.compareRules(rt, p)
	for i := range tasks {
		m.compareTask(rt, tasks[i], &o.tasks[i])
	}
	m.compareStates(rt, tasks)
	events := m.events(rt)
	for i := range max(len(events), len(o.events)) {
		if i >= len(events) || i >= len(o.events) {
			rt.Fatalf("%d events, want %d", len(events), len(o.events))
		}
		if got, want := events[i], o.events[i]; brief(got) != brief(want) || got.Seq != want.Seq || got.Tenant != want.Tenant || got.Attempt != want.Attempt {
			rt.Fatalf("event %d: %q of attempt %d, want %q of %d", got.Seq, brief(got), got.Attempt, brief(want), want.Attempt)
		}
	}
}

// compareRules compares Plan.Claimable and Plan.AtRest with what a claim would find. Claimable may
// report true although a claim would find no task, because the counters do not show which tasks
// wait for a worker or whether an undo is left. It must not report false if a claim would find a
// task, except while a rollback is being stopped: then engines do not claim undos that a store
// would assign.
func (m *machine) compareRules(rt *rapid.T, p plan.Plan) {
	allowed, required := m.o.allowed()
	if required && !p.Claimable() && !p.Undo.Stopping {
		rt.Fatalf("a claim finds one of %v, and the plan says that there is none:\n%+v", allowed, p)
	}
	unsure := p.Undo.Open || !p.State.ClaimsRunning()
	if p.Claimable() && len(allowed) == 0 && !unsure {
		rt.Fatalf("a claim finds nothing, and the plan says that there is something:\n%+v", p)
	}
	if p.AtRest() && required && p.State != plan.Running {
		rt.Fatalf("the plan is at rest, and a claim finds one of %v:\n%+v", allowed, p)
	}
}

// compareTask compares one task. Its version must rise with every claim, command and change of
// state, may rise when the task is released, and must not rise otherwise.
func (m *machine) compareTask(rt *rapid.T, got task.Task, want *oracleTask) {
	rose := got.Version > want.Version
	if want.must && !rose || !want.must && !want.may && got.Version != want.Version {
		rt.Fatalf("task %s: version %d after %d; has to rise: %v, may: %v", got.ID, got.Version, want.Version, want.must, want.may)
	}
	want.Version, want.must, want.may = got.Version, false, false

	sameCheckpoint := (got.Checkpoint == nil) == (want.Checkpoint == nil)
	if sameCheckpoint && got.Checkpoint != nil {
		sameCheckpoint = got.Checkpoint.Step == want.Checkpoint.Step && string(got.Checkpoint.Data) == string(want.Checkpoint.Data)
	}
	if got.State != m.o.state(want) || got.Worker != want.Worker || got.Token != want.Token || got.Attempt != want.Attempt ||
		got.Request != want.Request || got.PausedIndividually != want.PausedIndividually || got.Losses != want.Losses ||
		got.Waiting != want.Waiting || got.Wait.Why != want.Wait.Why || !got.Wait.Until.Equal(want.Wait.Until) || got.Elapsed != want.Elapsed ||
		!sameCheckpoint || len(got.Undo) != len(want.Undo) || code(got.Failure) != code(want.Failure) {
		rt.Fatalf("task\n%+v\nwant\n%+v", got, want.Task)
	}
}

// compareStates compares the result of States with the tasks.
func (m *machine) compareStates(rt *rapid.T, tasks []task.Task) {
	var states []task.State
	m.call(rt, func() (err error) { states, err = m.store.States(m.ctx, m.id, 0, 0); return err })
	same := func(s task.State, t task.Task) bool { return s == t.State }
	if !slices.EqualFunc(states, tasks, same) {
		rt.Fatalf("states %v of the tasks\n%+v", states, tasks)
	}
}

func code(f *task.FailureInfo) string {
	if f == nil {
		return ""
	}
	return f.ErrorCode
}
