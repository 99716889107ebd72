package rules_test

import (
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/task"
)

// drawStrategy returns a strategy for a plan of n tasks, and the plan's waves.
func drawStrategy(rt *rapid.T, n int) (strategy.Strategy, []plan.Wave) {
	s := strategy.Strategy{
		MaxConcurrency:  strategy.Count(rapid.SampledFrom([]int{1, 1, 2, 4, 9}).Draw(rt, "concurrency")),
		MaxFailures:     strategy.Count(rapid.IntRange(0, 5).Draw(rt, "failures")),
		MaxSameFailures: rapid.SampledFrom([]int{0, 0, 2}).Draw(rt, "same failures"),
		FailureAction:   rapid.SampledFrom([]strategy.Action{strategy.Stop, strategy.Pause, strategy.RollbackPlan}).Draw(rt, "action"),
	}
	var waves []plan.Wave
	for last := 0; last < n && rapid.IntRange(0, 2).Draw(rt, "wave") > 0; {
		if last += rapid.IntRange(1, 6).Draw(rt, "size"); len(waves) == 2 || last > n {
			last = n
		}
		waves = append(waves, plan.Wave{Last: last})
		s.Waves = append(s.Waves, strategy.Wave{BakeTime: rapid.SampledFrom([]time.Duration{0, 5 * time.Millisecond}).Draw(rt, "bake")})
	}
	if k := len(waves); k > 0 && waves[k-1].Last < n {
		waves[k-1].Last = n
	}
	if len(waves) > 0 && rapid.Bool().Draw(rt, "undoes waves") {
		s.FailureAction = strategy.RollbackWave
	}
	return s, waves
}

func (w *world) planCommand(rt *rapid.T) {
	by := w.by()
	commands := []func(plan.Plan) (plan.Decision, error){
		func(p plan.Plan) (plan.Decision, error) { return p.Pause(by) },
		func(p plan.Plan) (plan.Decision, error) { return p.Resume(by) },
		func(p plan.Plan) (plan.Decision, error) { return p.Resume(by) },
		func(p plan.Plan) (plan.Decision, error) { return p.Cancel(by) },
		func(p plan.Plan) (plan.Decision, error) { return p.Rollback(by) },
		func(p plan.Plan) (plan.Decision, error) { return p.RollbackWave(1, by) },
		func(p plan.Plan) (plan.Decision, error) { return p.RetryFailed(task.FromCheckpoint, by) },
	}
	w.decide(rapid.SampledFrom(commands).Draw(rt, "command"))
}

func (w *world) taskCommand(rt *rapid.T) {
	by := w.by()
	alone := by
	alone.StayStopped = true
	t := rapid.SampledFrom(w.tasks()).Draw(rt, "task")
	commands := []func(plan.Plan) (plan.Decision, error){
		func(p plan.Plan) (plan.Decision, error) { return p.PauseTask(t, by) },
		func(p plan.Plan) (plan.Decision, error) { return p.ResumeTask(t, by) },
		func(p plan.Plan) (plan.Decision, error) { return p.CancelTask(t, by) },
		func(p plan.Plan) (plan.Decision, error) { return p.SkipTask(t, by) },
		func(p plan.Plan) (plan.Decision, error) { return p.RollbackTask(t, by) },
		func(p plan.Plan) (plan.Decision, error) { return p.RetryTask(t, task.FromScratch, by) },
		func(p plan.Plan) (plan.Decision, error) { return p.RetryTask(t, task.FromCheckpoint, alone) },
	}
	w.decide(rapid.SampledFrom(commands).Draw(rt, "command"))
}

// tasksCommand gives a command for the tasks in some states.
func (w *world) tasksCommand(rt *rapid.T) {
	s := plan.Sweep{Kind: rapid.SampledFrom([]plan.SweepKind{
		plan.SweepRetry, plan.SweepSkipTasks, plan.SweepPauseTasks, plan.SweepResumeTasks, plan.SweepCancelTasks, plan.SweepRollbackTasks,
	}).Draw(rt, "kind")}
	s.Filter.States = []task.State{rapid.SampledFrom([]task.State{task.Pending, task.Running, task.Paused, task.Failed}).Draw(rt, "state")}
	tasks := w.tasks()
	w.decide(func(p plan.Plan) (plan.Decision, error) {
		var reach plan.Reach
		for i := range tasks {
			reach.Count(&s, &p, &tasks[i])
		}
		return s.Queue(p, reach, w.by())
	})
}

// engine takes one of the steps that engines take without a command.
func (w *world) engine(rt *rapid.T) {
	step := rapid.SampledFrom([]string{"settle", "settle", "sweep", "halt", "lose"}).Draw(rt, "step")
	tasks := w.tasks()
	w.decide(func(p plan.Plan) (plan.Decision, error) {
		switch step {
		case "sweep":
			return p.Sweep(tasks, 0, func(task.ID) bool { return false }, w.by()), nil
		case "halt":
			idle := slices.DeleteFunc(tasks, func(t task.Task) bool { return t.State != task.Running || t.Worker != "" })
			return p.HaltTasks(idle, w.by()), nil
		case "lose":
			lost := slices.DeleteFunc(tasks, func(t task.Task) bool { return t.Worker != "bob" })
			if len(lost) == 0 {
				return plan.Decision{}, nil
			}
			return p.LoseTasks(lost, 3, w.by()), nil
		}
		return p.Settle(w.now.Time()), nil
	})
}

// addition adds tenants, or gives that up.
func (w *world) addition(rt *rapid.T) {
	n := rapid.IntRange(1, 3).Draw(rt, "tenants")
	if len(w.memory.tasks)+n > 24 {
		rt.Skip("enough tasks")
	}
	w.n++
	a := plan.Adding{Token: uint64(w.n), Tenants: n, TTL: time.Minute}
	w.decide(func(p plan.Plan) (plan.Decision, error) { return a.Mark(p, w.by()) })
	for _, p := range []*plan.Plan{&w.memory.p.Plan, &w.rows.p.Plan} {
		if p.Adding == nil || p.Adding.Token != a.Token {
			return
		}
	}
	first := len(w.memory.tasks) + 1
	if err := w.memory.p.CheckAppend(a.Token, first, n); err != nil {
		rt.Fatal(err)
	}
	w.memory.p.Marks.Appended += n
	w.rows.p.Marks.Appended += n
	if rapid.IntRange(0, 3).Draw(rt, "given up") > 0 {
		w.decide(func(p plan.Plan) (plan.Decision, error) { return a.Complete(p, w.by()) })
	}
}
