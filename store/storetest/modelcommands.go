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
	var p plan.Plan
	m.call(rt, func() (err error) { p, err = m.store.Plan(m.ctx, m.id); return err })
	if err := m.o.learnEnd(p.WaveEndedAt); err != nil {
		rt.Fatal(err)
	}
	d, err := f(p)
	if err != nil || !d.Changed {
		return
	}
	c := store.Command{ID: m.unique("command"), Version: p.Version, Failed: -1, Decision: d}
	if d.Plan.Acknowledged != p.Acknowledged || !d.Plan.Tuning.Equal(p.Tuning) || d.Plan.State == plan.Running && p.State != plan.Running {
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
	if err := m.o.checkWaves(c.Events, &c.Plan); err != nil {
		rt.Fatalf("command %s: %v", c.ID, err)
	}
	m.o.apply(c, a.Plan.Now)
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
	names := []string{"pause", "resume", "resume", "cancel", "rollback", "retry"}
	if m.calm {
		names = []string{"resume", "retry"}
	}
	c := commands[rapid.SampledFrom(names).Draw(rt, "command")]
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
		tryTask, tryTask,
	}
	c := commands[rapid.IntRange(0, len(commands)-1).Draw(rt, "command")]
	_, tasks := m.read(rt)
	t := rapid.SampledFrom(tasks).Draw(rt, "task")
	later := rapid.IntRange(0, 4).Draw(rt, "later") == 0
	m.decide(rt, later, func(p plan.Plan) (plan.Decision, error) { return c(p, t, by()) })
}

// tasksCommand gives a command for the tasks in some states.
func (m *machine) tasksCommand(rt *rapid.T) {
	kinds := []plan.SweepKind{
		plan.SweepRetry, plan.SweepSkipTasks, plan.SweepPauseTasks, plan.SweepResumeTasks, plan.SweepCancelTasks, plan.SweepRollbackTasks,
	}
	s := plan.Sweep{Kind: rapid.SampledFrom(kinds).Draw(rt, "kind")}
	s.Filter.States = rapid.SliceOfNDistinct(rapid.SampledFrom([]task.State{
		task.Pending, task.Running, task.Paused, task.Failed, task.Completed, task.Canceled,
	}), 0, 2, rapid.ID[task.State]).Draw(rt, "states")
	s.Filter.Tenant = rapid.SampledFrom([]string{"", "", tenants(1, 1)[0].ID}).Draw(rt, "tenant")
	_, tasks := m.read(rt)
	later := rapid.IntRange(0, 4).Draw(rt, "later") == 0
	m.decide(rt, later, func(p plan.Plan) (plan.Decision, error) {
		var reach plan.Reach
		for i := range tasks {
			reach.Count(&s, &p, &tasks[i])
		}
		return s.Queue(p, reach, by())
	})
}

// tries gives tasks that could be tried alone, in a plan that is stopped, to workers: commands that
// are drawn for any task and plan rarely do.
func (m *machine) tries(rt *rapid.T) {
	p, tasks := m.read(rt)
	tasks = slices.DeleteFunc(tasks, func(t task.Task) bool {
		return t.State != task.Failed && t.State != task.Paused && (t.State != task.Running || t.Worker != "")
	})
	if len(tasks) == 0 || p.State != plan.Failed && p.State != plan.Paused {
		rt.Skip("nothing to try")
	}
	t := rapid.SampledFrom(tasks).Draw(rt, "task")
	m.decide(rt, false, func(p plan.Plan) (plan.Decision, error) { return tryTask(p, t, by()) })
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
