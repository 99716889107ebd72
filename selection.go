package cutover

import (
	"cmp"
	"context"

	"github.com/cutover-go/cutover/hook"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// Selection is the tasks of a plan that a filter selects: see [Engine.Select].
//
// Its commands do what the commands on one task do to each of the tasks. A command is accepted in
// one step. Engines then carry it out batch by batch, after the earlier commands on many tasks of
// the plan; Plan.Sweeps shows how far they are. The command comes to each task of the plan once, in
// ascending order of their ordinals, a rollback in descending order, and changes those that match
// when it comes to them. Tasks that are added later are left out. A task whose tenant another plan
// holds stays as it is, and is counted in Plan.Sweeps; the event at the end says how many. What
// ends the plan, a cancel or a rollback, also ends the commands on many tasks that are still to be
// carried out, and a breach ends retries and resumes.
//
// The result says how many tasks match, and what becomes of them; to count them, all tasks in the
// selected states and waves are read, for as long as ctx allows. With [DryRun] nothing else is
// done. If no task would be changed, nothing is, and the result is Unchanged. A filter with faults,
// for instance a wave that the plan does not have, is refused with plan.ErrInvalid; all of its
// faults are named. Commands return plan.ErrSweepsFull if too many commands on many tasks are under
// way, and plan.ErrNotApplicable if the plan's state does not allow them.
type Selection struct {
	e  *Engine
	id plan.ID
	f  task.Filter
}

// Select returns the tasks of a plan that a filter selects. It reads nothing.
func (e *Engine) Select(id plan.ID, f task.Filter) Selection { return Selection{e, id, f.Clone()} }

// TasksResult is the result of a command on many tasks.
type TasksResult struct {
	// Plan is the plan as it now is.
	Plan plan.Plan
	// Reach counts the tasks that the filter selects, by what the command does to them, as they
	// were when the command was given. It is zero if the command was Repeated.
	Reach plan.Reach
	// Ahead is the number of earlier commands on many tasks that are carried out first.
	Ahead int
	// Unchanged reports that the command would change no task: nothing was changed.
	Unchanged bool
	// Repeated is as in PlanResult.
	Repeated bool
}

// Retry does what [Engine.RetryTask] does, [FromCheckpoint] or [FromScratch]. A plan that is FAILED
// or COMPLETED runs again as soon as the command is accepted.
func (s Selection) Retry(ctx context.Context, from RetryFrom, opts ...TasksOption) (TasksResult, error) {
	return s.give(ctx, "RetryTasks", plan.Sweep{Kind: plan.SweepRetry, From: from}, opts)
}

// Pause does what [Engine.PauseTask] does. It leaves pending tasks as they are.
func (s Selection) Pause(ctx context.Context, opts ...TasksOption) (TasksResult, error) {
	return s.give(ctx, "PauseTasks", plan.Sweep{Kind: plan.SweepPauseTasks}, opts)
}

// Resume does what [Engine.ResumeTask] does, but starts nothing in a plan that is FAILED: the tasks
// run when the plan does, as in a plan that is PAUSED. A breach ends the command.
func (s Selection) Resume(ctx context.Context, opts ...TasksOption) (TasksResult, error) {
	return s.give(ctx, "ResumeTasks", plan.Sweep{Kind: plan.SweepResumeTasks}, opts)
}

// Cancel does what [Engine.CancelTask] does. If the filter selects pending tasks, no pending task
// of the plan begins until that is done.
func (s Selection) Cancel(ctx context.Context, opts ...TasksOption) (TasksResult, error) {
	return s.give(ctx, "CancelTasks", plan.Sweep{Kind: plan.SweepCancelTasks}, opts)
}

// Skip does what [Engine.SkipTask] does. If the filter selects pending tasks, no pending task of
// the plan begins until that is done, even if the plan is started meanwhile.
func (s Selection) Skip(ctx context.Context, opts ...TasksOption) (TasksResult, error) {
	return s.give(ctx, "SkipTasks", plan.Sweep{Kind: plan.SweepSkipTasks}, opts)
}

// Rollback does what [Engine.RollbackTask] does, from the last of the tasks to the first: also in a
// sequential plan, whatever the order of their completion was. At most as many as the plan runs at
// once are undone at a time, and an undo that fails stops no other. What runs is left as it is; to
// undo that too, cancel the selection first. The plan keeps its state. Returns [ErrCannotUndo] if
// this process has the plan's executor, and the executor cannot undo.
func (s Selection) Rollback(ctx context.Context, opts ...TasksOption) (TasksResult, error) {
	return s.give(ctx, "RollbackTasks", plan.Sweep{Kind: plan.SweepRollbackTasks}, opts)
}

// give counts the tasks that a command reaches, and queues the command.
func (s Selection) give(ctx context.Context, name string, sweep plan.Sweep, opts []TasksOption) (TasksResult, error) {
	sweep.Filter = s.f
	o := tasksOptionsOf(opts)
	return observe(ctx, s.e, o.command.as(name, s.id, 0), func(ctx context.Context) (TasksResult, error) {
		return s.countAndQueue(ctx, sweep, o)
	}, func(r TasksResult) hook.CommandResult {
		return hook.CommandResult{Plan: r.Plan, Unchanged: r.Unchanged || o.dryRun, Repeated: r.Repeated}
	})
}

func (s Selection) countAndQueue(ctx context.Context, sweep plan.Sweep, o tasksOptions) (TasksResult, error) {
	c := o.command
	if !o.dryRun {
		if p, repeated, err := c.repeated(ctx, s.e.client, s.id); repeated || err != nil {
			return TasksResult{Plan: p, Repeated: repeated}, err
		}
	}
	p, err := s.e.client.Plan(ctx, s.id)
	if err == nil {
		err = c.Check(p)
	}
	if err == nil {
		_, err = s.queue(p, sweep, plan.Reach{Changing: 1}, c.By) // what is refused anyway is not counted first
	}
	if err != nil {
		return TasksResult{Plan: p}, err
	}
	r := TasksResult{Plan: p, Ahead: len(p.Sweeps)}
	if r.Reach, err = s.reach(ctx, &p, &sweep); err != nil || o.dryRun {
		r.Unchanged = err == nil && r.Reach.Changing == 0
		return r, err
	}
	var d plan.Decision
	d, r.Plan, err = s.e.client.DecideAs(ctx, c.id, s.id, func(p plan.Plan) (plan.Decision, error) {
		if err := c.Check(p); err != nil {
			return plan.Decision{}, err
		}
		return s.queue(p, sweep, r.Reach, c.By)
	})
	r.Unchanged = d.Unchanged
	if err == nil && !d.Unchanged {
		r.Ahead = ahead(d.Plan.Sweeps)
	}
	return r, err
}

// ahead returns how many commands come before the one that was queued last. A retry that makes the
// plan run again is followed by the plan's own command, which wakes what is paused.
func ahead(sweeps []plan.Sweep) int {
	n := len(sweeps) - 1
	for n > 0 && sweeps[n].Kind == plan.SweepResume {
		n--
	}
	return n
}

// queue decides to queue a command.
func (s Selection) queue(p plan.Plan, sweep plan.Sweep, r plan.Reach, by plan.By) (plan.Decision, error) {
	d, err := sweep.Queue(p, r, by)
	if sweep.Kind == plan.SweepRollbackTasks {
		return s.e.cfg.undoable(d, err)
	}
	return d, err
}

// reach counts the tasks that a command reaches.
func (s Selection) reach(ctx context.Context, p *plan.Plan, sweep *plan.Sweep) (r plan.Reach, err error) {
	states := s.f.States
	if s.f.OnlyStates() && len(s.f.Waves) == 0 {
		if states = r.CountStates(sweep, p); len(states) == 0 {
			return r, nil
		}
	}
	for after, more := 0, true; more; more = after != 0 {
		page, next, err := s.e.client.Select(ctx, p, sweep, states, after)
		if err != nil {
			return r, err
		}
		for i := range page {
			r.Count(sweep, p, &page[i])
		}
		after = next
	}
	return r, nil
}

// selectPages is the maximum number of pages that one call of Selection.Tasks reads.
const selectPages = 10

// Tasks returns at most limit of the tasks that follow the ordinal after, in ascending order of
// ordinal. next is the after of the next page, or 0 if there is none. A page may be empty although
// further pages are not, because the work per call is bounded. limit is at most store.MaxPage,
// which is also the default.
func (s Selection) Tasks(ctx context.Context, after, limit int) (tasks []task.Task, next int, err error) {
	if err := (&store.TaskQuery{After: after, Limit: limit}).Check(); err != nil {
		return nil, 0, err
	}
	p, err := s.e.client.Plan(ctx, s.id)
	if err == nil {
		err = p.CheckFilter(s.f)
	}
	if err != nil {
		return nil, 0, err
	}
	limit = cmp.Or(limit, store.MaxPage)
	for range selectPages {
		page, next, err := s.e.client.Select(ctx, &p, &plan.Sweep{Filter: s.f}, s.f.States, after)
		if err != nil {
			return nil, 0, err
		}
		for i := range page {
			if !s.f.Matches(&page[i]) {
				continue
			}
			if tasks = append(tasks, page[i]); len(tasks) < limit {
				continue
			}
			if i < len(page)-1 {
				next = page[i].ID.Ordinal()
			}
			return tasks, next, nil
		}
		if after = next; next == 0 {
			break
		}
	}
	return tasks, after, nil
}
