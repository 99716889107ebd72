package simulation

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// drawFilter draws a filter for tasks of a plan with that many waves; rarely one with a wave that
// the plan does not have.
func drawFilter(r *rand.Rand, waves int) (f task.Filter) {
	if r.IntN(3) > 0 {
		for _, i := range r.Perm(task.NumStates)[:1+r.IntN(3)] {
			f.States = append(f.States, task.State(i))
		}
	}
	switch r.IntN(4) {
	case 0:
		f.Codes = []string{one(r, "GATEWAY_TIMEOUT", "BROKEN", task.CodeExecutorPanic)}
	case 1:
		f.Waves = []int{1 + r.IntN(waves+1)}
	case 2:
		f.Tenant = fmt.Sprintf("t%d", r.IntN(tenants))
	}
	return f
}

// giveMany gives a random command for the tasks that a random filter selects, sometimes as a dry
// run.
func (w *world) giveMany(ctx context.Context, p *process, o op, id plan.ID) (unchanged bool, err error) {
	r := w.dice("many", o.luck, o.at)
	target, err := p.engine.Plan(ctx, id)
	if err != nil {
		return false, err
	}
	f := drawFilter(r, len(target.Waves))
	opts := []cutover.TasksOption{cutover.By(p.name)}
	dry := r.IntN(6) == 0
	if dry {
		opts = append(opts, cutover.DryRun())
	}
	s := p.engine.Select(id, f)
	commands := map[string]func(context.Context, ...cutover.TasksOption) (cutover.TasksResult, error){
		"pause": s.Pause, "resume": s.Resume, "cancel": s.Cancel, "skip": s.Skip, "rollback": s.Rollback,
		"retry": func(ctx context.Context, opts ...cutover.TasksOption) (cutover.TasksResult, error) {
			return s.Retry(ctx, cutover.FromCheckpoint, opts...)
		},
	}
	name := one(r, "retry", "retry", "pause", "resume", "cancel", "skip", "skip", "rollback")
	result, err := commands[name](ctx, opts...)
	w.logf("%s of %s of plan %s, dry %t: %+v with %d ahead", name, &f, id, dry, result.Reach, result.Ahead)
	reach := result.Reach
	for _, n := range reach.NotApplicable {
		reach.Matched -= n
	}
	if err == nil && reach.Matched != reach.Changing+reach.Unchanged {
		w.faultf("%s of %s of plan %s is counted as %+v", name, &f, id, result.Reach)
	}
	return result.Unchanged, err
}

// touched are the tasks that a command edits, as they are before it.
func (a *audit) touched(ctx context.Context, before plan.Plan, c store.Command) (tasks []task.Task) {
	if len(before.Sweeps) == 0 {
		return nil
	}
	for i := range c.Edits {
		if t, err := a.Task(ctx, c.Edits[i].ID); err == nil {
			tasks = append(tasks, t)
		}
	}
	return tasks
}

// swept checks that a step of a sweep has touched only what its filter selects, and that there are
// never more sweeps than a plan may have. tasks are those that the command has edited.
func (a *audit) swept(before plan.Plan, c store.Command, tasks []task.Task) {
	after := c.Plan.Sweeps
	if len(after) > plan.MaxSweeps {
		a.w.faultf("plan %s has %d sweeps", before.ID, len(after))
	}
	if len(before.Sweeps) == 0 || c.Plan.State != before.State {
		return
	}
	s := &before.Sweeps[0]
	steps := len(after) == len(before.Sweeps)-1 || len(after) == len(before.Sweeps) && after[0].After > s.After
	if !steps {
		return
	}
	for i := range tasks {
		t := &tasks[i]
		if o := t.ID.Ordinal(); o <= s.After || s.Last > 0 && o > s.Last || !selected(&before, &s.Filter, t) {
			a.w.faultf("%s of %s, after %d until %d, touches task %s of %s in %s with the failure %+v",
				s.Kind, &s.Filter, s.After, s.Last, t.ID, t.Tenant.ID, t.State, t.Failure)
		}
	}
}

// selected reports whether a filter selects a task; it says it in another way than package task.
func selected(p *plan.Plan, f *task.Filter, t *task.Task) bool {
	code := ""
	if t.Failure != nil {
		code = t.Failure.ErrorCode
	}
	wave := 0
	for i, w := range p.Waves {
		if wave == 0 && t.ID.Ordinal() <= w.Last {
			wave = i + 1
		}
	}
	return (f.States == nil || slices.Contains(f.States, t.State)) && (f.Codes == nil || slices.Contains(f.Codes, code)) &&
		(f.Waves == nil || slices.Contains(f.Waves, wave)) && strings.HasPrefix(t.Tenant.ID, f.Tenant)
}

// heldBack checks that no task begins while pending tasks are to be skipped or canceled by a
// filter.
func (a *audit) heldBack(ctx context.Context, id plan.ID) {
	p, err := a.Store.Plan(ctx, id)
	if err != nil {
		return
	}
	for i := range p.Sweeps {
		states := p.Sweeps[i].Filter.States
		pending := states == nil || slices.Contains(states, task.Pending)
		if k := p.Sweeps[i].Kind; pending && (k == plan.SweepSkipTasks || k == plan.SweepCancelTasks) {
			a.w.faultf("a task of plan %s begins during %s of %s", id, k, &p.Sweeps[i].Filter)
		}
	}
}
