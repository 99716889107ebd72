package simulation

import (
	"context"
	"errors"
	"slices"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// checkPlans checks everything that must hold for every plan at rest.
func (w *world) checkPlans(ctx context.Context) {
	for _, p := range w.plans(ctx) {
		tasks := w.tasks(ctx, p.ID)
		if len(tasks) == 0 {
			continue // the plan was removed just now
		}
		w.store.check(tasks)
		w.checkCounters(p, tasks)
		w.checkWaves(p, tasks)
		w.checkOutcome(ctx, p, tasks)
		w.checkSkips(p, tasks)
		events := w.events(ctx, p.ID)
		if n := int64(len(events)); n != p.LastEvent {
			w.faultf("plan %s has %d events, the last is %d", p.ID, n, p.LastEvent)
		}
		newReplay(w, p).run(events, tasks)
	}
}

// events returns the whole log of a plan.
func (w *world) events(ctx context.Context, id plan.ID) (all []plan.Event) {
	for {
		page, err := w.store.Events(ctx, id, int64(len(all)), store.MaxPage)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			w.faultf("events of %s: %v", id, err)
		}
		if len(page) == 0 {
			return all
		}
		all = append(all, page...)
	}
}

// checkCounters counts the tasks and compares the plan's counters with the result.
func (w *world) checkCounters(p plan.Plan, tasks []task.Task) {
	var want plan.Counters
	for _, t := range tasks {
		want.States[t.State]++
		if t.Worker != "" {
			want.Held++
		}
		if t.Waiting {
			want.Waiting++
		}
		if (t.State == task.Failed || t.State == task.RollbackFailed) && t.Failure == nil {
			w.faultf("task %s is %s without a failure", t.ID, t.State)
		}
		w.checkAttempts(t)
		if t.Waiting && (!t.State.InFlight() || t.Worker != "" || t.Wait.Why == task.NoWait) || t.State.Ended() && t.Wait.Why != task.NoWait {
			w.faultf("task %s is %s, held by %q, waiting %t for %+v", t.ID, t.State, t.Worker, t.Waiting, t.Wait)
		}
	}
	if p.Counters != want {
		w.faultf("plan %s counts %+v, there are %+v", p.ID, p.Counters, want)
	}
	if p.Acknowledged > want.Of(task.Failed) {
		w.faultf("plan %s: %d acknowledged of %d failed", p.ID, p.Acknowledged, want.Of(task.Failed))
	}
}

// checkAttempts compares a task that failed with its last attempt.
func (w *world) checkAttempts(t task.Task) {
	undo := t.State == task.RollbackFailed
	if t.Failure == nil || t.State != task.Failed && !undo {
		return
	}
	n := len(t.Attempts)
	if n == 0 || n > task.MaxAttempts || t.Attempts[n-1].ErrorCode != t.Failure.ErrorCode || t.Attempts[n-1].Number != t.Attempt || t.Attempts[n-1].Undo != undo {
		w.faultf("task %s is %s by %+v, its attempts are %+v", t.ID, t.State, t.Failure, t.Attempts)
	}
}

// checkWaves counts the tasks of each wave and compares the plan's counters with the result.
func (w *world) checkWaves(p plan.Plan, tasks []task.Task) {
	if len(p.Waves) == 0 || p.State.CancelsPending() {
		return
	}
	want := make([]plan.WaveCounters, len(p.Waves))
	for _, t := range tasks {
		c := &want[p.WaveOf(t.ID.Ordinal())-1]
		if t.State == task.Failed {
			c.Failed++
		}
		if t.State.Ended() {
			c.Ended++
		}
		if t.State.InFlight() {
			c.InFlight++
		}
		if t.State == task.RollbackFailed {
			c.RollbackFailed++
		}
	}
	if !slices.Equal(p.WaveCounters, want) {
		w.faultf("plan %s counts %+v in its waves %+v, there are %+v", p.ID, p.WaveCounters, p.Waves, want)
	}
	for i, wave := range p.Waves {
		if wave.Acknowledged > want[i].Failed {
			w.faultf("plan %s: wave %d has %d acknowledged of %d failed", p.ID, i+1, wave.Acknowledged, want[i].Failed)
		}
	}
}

// checkOutcome checks that a plan's state follows from its tasks.
func (w *world) checkOutcome(ctx context.Context, p plan.Plan, tasks []task.Task) {
	c := p.Counters
	undoable := 0
	for _, t := range tasks {
		if t.Undoable() {
			undoable++
		}
		if t.PausedIndividually && t.State != task.Paused || t.Request != task.NoRequest && t.State != task.Running {
			w.faultf("task %s is %s, paused alone %t, asked to %s", t.ID, t.State, t.PausedIndividually, t.Request)
		}
		if t.State == task.Paused && !t.PausedIndividually && !slices.Contains([]plan.State{plan.Paused, plan.Failed, plan.RollbackFailed}, p.State) {
			w.faultf("task %s was paused with its plan, and the plan is %s", t.ID, p.State)
		}
	}
	open := c.Of(task.Pending) + c.Of(task.Paused) + c.InFlight()
	rules := p.Rules()
	allowed := max(rules.MaxFailures.Of(p.TaskCount), p.Acknowledged)
	same := func(g plan.FailureGroup) bool {
		return rules.MaxSameFailures > 0 && g.Failed >= rules.MaxSameFailures && g.Failed > g.Acknowledged
	}
	crowded := slices.ContainsFunc(p.FailureGroups, same)
	wrong := false
	switch p.State {
	case plan.Created:
		wrong = c.Of(task.Pending)+c.Of(task.Skipped) != p.TaskCount
	case plan.Running:
		goesOn := c.InFlight() > 0 || p.Gate != plan.GateApproval && (c.Of(task.Paused) == 0 || p.Wave == len(p.Waves) && c.Of(task.Pending) > 0)
		wrong = c.Of(task.Failed) > allowed || crowded || goesOn && !w.waits(ctx, p)
	case plan.Completed:
		wrong = open > 0 || c.Of(task.Failed) > allowed || crowded || c.Of(task.Failed) == p.TaskCount
	case plan.Canceled:
		wrong = open > 0
	case plan.RolledBack:
		wrong = open+undoable > 0
	case plan.RollingBack:
		wrong = true
	case plan.RollbackFailed, plan.Paused, plan.Failed:
	}
	if wrong {
		w.faultf("plan %s rests in %s with %v, %d failures allowed, %d undos left", p.ID, p.State, c.States, allowed, undoable)
	}
}
