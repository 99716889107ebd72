package plan_test

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/task"
)

// TestHistories runs random histories of commands, workers and engines over this package. Nothing
// panics, so no command leads to an impossible transition; the invariants of the plan hold after
// every step; and when no more commands are given, the engines finish and the plan comes to rest.
//
// Each of its 20 parts runs as many histories as -rapid.checks says: 50000 make a million.
func TestHistories(t *testing.T) {
	t.Parallel()
	for i := range 20 {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, history)
		})
	}
}

func history(t *rapid.T) {
	w := drawWorld(t, 6)
	if rapid.IntRange(0, 9).Draw(t, "created only") > 0 {
		w.command("start")
	}
	w.meanwhile = func() { w.race(t) }
	t.Repeat(map[string]func(*rapid.T){
		"": func(t *rapid.T) {
			w.check()
			w.checkExplained()
			w.checkRemoval(rapid.IntRange(1, len(w.tasks)).Draw(t, "explained"))
			if w.steps%4 == 0 {
				w.checkPure(t)
			}
		},
		"claim": func(t *rapid.T) {
			for range rapid.IntRange(1, 6).Draw(t, "claims") {
				w.claim()
			}
		},
		"work":   w.someWork,
		"worker": w.someWork,
		"engine": func(t *rapid.T) {
			switch rapid.SampledFrom([]string{"settle", "settle alone", "sweep", "halt"}).Draw(t, "duty") {
			case "settle":
				w.apply(w.plan.Settle(w.now()))
			case "settle alone":
				w.alone(w.settle)
			case "sweep":
				w.sweep(rapid.IntRange(1, 6).Draw(t, "page"))
			case "halt":
				w.halt()
			}
		},
		"plan command": func(t *rapid.T) {
			w.command(rapid.SampledFrom(planCommandNames()).Draw(t, "command"))
		},
		"wave command": func(t *rapid.T) {
			w.waveCommand(rapid.SampledFrom(waveCommandNames()).Draw(t, "command"), rapid.IntRange(0, 3).Draw(t, "wave"))
		},
		"tune":  func(t *rapid.T) { w.tune(drawTuning(t, len(w.plan.Waves))) },
		"later": func(t *rapid.T) { w.pass(rapid.SampledFrom(hours()).Draw(t, "later")) },
		"task command": func(t *rapid.T) {
			of := rapid.IntRange(1, len(w.tasks)).Draw(t, "task")
			w.taskCommand(of, rapid.SampledFrom(taskCommandNames()).Draw(t, "command"))
		},
		"tasks command": func(t *rapid.T) {
			s := sweepOf(rapid.SampledFrom(taskCommandNames()).Draw(t, "command"))
			s.Filter = drawFilter(t, len(w.plan.Waves))
			w.tasksCommand(s)
		},
	})
	w.finish()
	w.check()
	w.checkNobodyIsForgotten()
	if !w.plan.AtRest() || !w.restTold {
		t.Fatalf("nothing is left to do in %s: at rest %t, and told %t; %v",
			w.plan.State, w.plan.AtRest(), w.restTold, w.plan.Counters)
	}
}

// alone runs f while no worker acts between a decision and its commit.
func (w *world) alone(f func()) {
	meanwhile := w.meanwhile
	w.meanwhile = nil
	f()
	w.meanwhile = meanwhile
}

// race makes up to three changes by workers, between a decision and its commit.
func (w *world) race(t *rapid.T) {
	for range rapid.SampledFrom([]int{0, 0, 1, 2, 3}).Draw(t, "meanwhile") {
		held := w.held()
		n := rapid.IntRange(0, len(held)).Draw(t, "racing")
		if n == len(held) {
			w.claim()
			continue
		}
		w.work(held[n], rapid.SampledFrom([]string{"save", "succeed", "fail", "yield", "hold", "back off"}).Draw(t, "what"))
	}
}

// someWork makes a random worker do one thing, if a worker holds a task.
func (w *world) someWork(t *rapid.T) {
	held := w.held()
	if len(held) == 0 {
		return
	}
	worker := rapid.IntRange(0, len(held)-1).Draw(t, "worker")
	w.work(held[worker], rapid.SampledFrom([]string{"save", "succeed", "fail", "fail", "yield", "vanish", "hold", "back off"}).Draw(t, "what"))
}

// settle applies the steps that are due, and checks that none is due afterwards. A breach that
// rolls the plan or a wave back needs a second pass that opens the undo round, and an undo round
// that has nothing to undo needs another that ends it.
func (w *world) settle() {
	before, at, round := w.plan.State, w.plan.Now, w.plan.Undo.Round
	w.apply(w.plan.Settle(w.now()))
	if before == plan.Running && w.plan.State == plan.RollingBack || round != w.plan.Undo.Round {
		w.apply(w.plan.Settle(w.now())) // opens the undo round
	}
	if w.plan.UndosExhausted {
		w.apply(w.plan.Settle(w.now()))
	}
	p := w.plan
	p.Now = at // later, more may be due
	if d := p.Settle(w.now()); d.Changed {
		w.t.Fatalf("settled in %s, and owes %+v", w.plan.State, d.Events)
	}
}

// command gives a command to the plan.
func (w *world) command(name string) {
	if name == "start" {
		w.answer(w.plan.MarkStarting(uint64(w.steps+1), time.Minute, w.by("ann")))
	}
	before := len(w.log)
	w.answer(planCommands()[name](w.plan, w.by("ann")))
	byAnn := func(e plan.Event) bool { return e.Cause == "resume" && e.Actor == "ann" }
	if !slices.ContainsFunc(w.log[before:], byAnn) {
		return // what goes on after a retry acknowledges nothing
	}
	for i, wave := range w.plan.Waves {
		if wave.Acknowledged != w.failedOf(i+1) {
			w.t.Fatalf("resumed with %d failed in wave %d, acknowledged %d", w.failedOf(i+1), i+1, wave.Acknowledged)
		}
	}
}

// waveCommand approves, rejects or undoes a wave.
func (w *world) waveCommand(name string, wave int) {
	w.answer(waveCommands()[name](w.plan, wave, w.by("cat")))
}

// tune changes the strategy of the plan, unless the change makes no sense.
func (w *world) tune(t strategy.Tuning) {
	d, err := w.plan.Tune(t, w.by("dan"))
	if len(t.Faults(len(w.plan.Waves))) > 0 {
		if !errors.Is(err, plan.ErrInvalid) && !errors.Is(err, plan.ErrNotApplicable) {
			w.t.Fatalf("tuned to %+v: %v", t, err)
		}
		return
	}
	w.answer(d, err)
}

// finish makes engines do all that is due, and a person approve of every wave that waits.
func (w *world) finish() {
	w.drain()
	for w.plan.State == plan.Running && w.plan.Gate == plan.GateApproval {
		w.waveCommand("approve", 0)
		w.drain()
	}
}

// taskCommand gives a command to a task. It never takes the task from its worker,
// and only a retry raises the attempt.
func (w *world) taskCommand(ordinal int, name string) {
	before := w.tasks[ordinal-1]
	d, err := taskCommands()[name](w.plan, before, w.by("bob"))
	for _, e := range d.Edits {
		rise := e.Attempt - before.Attempt
		if e.Release || rise != 0 && (rise != 1 || !strings.HasPrefix(name, "retry")) {
			w.t.Fatalf("%s of task %s releases it %t, and raises its attempt by %d", name, e.ID, e.Release, rise)
		}
	}
	w.answer(d, err)
}

// answer applies a decision, even if the command was refused: then the decision has only the steps
// that were due.
func (w *world) answer(d plan.Decision, err error) {
	switch {
	case errors.Is(err, plan.ErrNotApplicable):
		// Steps that were due name no actor.
		for _, e := range d.Events {
			if e.Actor != "" {
				w.t.Fatalf("a refused command left the event %+v", e)
			}
		}
		if len(d.Edits) > 0 {
			w.t.Fatalf("a refused command left the edits %+v", d.Edits)
		}
	case err != nil:
		w.t.Fatalf("unexpected error: %v", err)
	case !d.Changed && !d.Unchanged:
		w.t.Fatalf("a command in %s was neither applied nor unchanged", w.plan.State)
	}
	w.apply(d)
}

// planCommands returns every command on a plan, by name.
func planCommands() map[string]func(plan.Plan, plan.By) (plan.Decision, error) {
	return map[string]func(plan.Plan, plan.By) (plan.Decision, error){
		"start":    plan.Plan.Start,
		"pause":    plan.Plan.Pause,
		"resume":   plan.Plan.Resume,
		"cancel":   plan.Plan.Cancel,
		"rollback": plan.Plan.Rollback,
		"retry": func(p plan.Plan, by plan.By) (plan.Decision, error) {
			return p.RetryFailed(task.FromCheckpoint, by)
		},
	}
}

func planCommandNames() []string {
	// Some commands are listed more often, so that a history does not end early.
	return []string{
		"start", "pause", "pause", "resume", "resume", "resume", "resume", "retry", "retry", "retry", "cancel", "rollback",
	}
}

// waveCommands returns every command on a wave, by name.
func waveCommands() map[string]func(plan.Plan, int, plan.By) (plan.Decision, error) {
	return map[string]func(plan.Plan, int, plan.By) (plan.Decision, error){
		"approve": plan.Plan.Approve, "reject": plan.Plan.Reject, "rollback": plan.Plan.RollbackWave,
	}
}

func waveCommandNames() []string { return []string{"approve", "approve", "reject", "rollback"} }

// taskCommands returns every command on a task.
func taskCommands() map[string]func(plan.Plan, task.Task, plan.By) (plan.Decision, error) {
	return map[string]func(plan.Plan, task.Task, plan.By) (plan.Decision, error){
		"retry": func(p plan.Plan, t task.Task, by plan.By) (plan.Decision, error) {
			return p.RetryTask(t, task.FromCheckpoint, by)
		},
		"retry from scratch": func(p plan.Plan, t task.Task, by plan.By) (plan.Decision, error) {
			return p.RetryTask(t, task.FromScratch, by)
		},
		"retry and stay stopped": func(p plan.Plan, t task.Task, by plan.By) (plan.Decision, error) {
			by.StayStopped = true
			return p.RetryTask(t, task.FromCheckpoint, by)
		},
		"pause":    plan.Plan.PauseTask,
		"resume":   plan.Plan.ResumeTask,
		"cancel":   plan.Plan.CancelTask,
		"skip":     plan.Plan.SkipTask,
		"rollback": plan.Plan.RollbackTask,
	}
}

func taskCommandNames() []string {
	return []string{"retry", "retry from scratch", "retry and stay stopped", "pause", "resume", "cancel", "skip", "rollback"}
}
