package ops

import (
	"context"
	"errors"
	"strings"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/ops/internal/wire"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/task"
)

// manyTasks serves a command on the tasks that a filter selects.
func manyTasks(
	kind plan.SweepKind, give func(cutover.Selection, context.Context, ...cutover.TasksOption) (cutover.TasksResult, error),
) serveFunc {
	return func(c *call) (answer, error) {
		p, err := c.plan(c.command.Action)
		if err != nil {
			return answer{}, err
		}
		b, opts, err := c.tasksCommand()
		if err != nil {
			return answer{}, err
		}
		if b.DryRun { // which counts, and does nothing for which somebody would have to wait
			if err := c.beginCostly(); err != nil {
				return answer{}, err
			}
		}
		selected := c.engine.Select(p.ID, task.Filter(*b.Filter))
		var r cutover.TasksResult
		if kind == plan.SweepRetry {
			r, err = selected.Retry(c.r.Context(), from(b.FromCheckpoint), opts...)
		} else {
			r, err = give(selected, c.r.Context(), opts...)
		}
		if err != nil {
			return answer{}, named(err, b.Faults)
		}
		c.command.Unchanged, c.command.Repeated = r.Unchanged, r.Repeated
		w := wire.TasksAnswer{Plan: c.planDocument(&r.Plan), DryRun: b.DryRun}
		w.Unchanged, w.Repeated = r.Unchanged, r.Repeated
		w.Tasks = wire.ReachOf(&r.Plan, kind, &r.Reach, r.Ahead)
		return answer{body: w}, nil
	}
}

// tasksCommand reads the body of a command on many tasks and returns its options. A dry run needs
// no reason.
func (c *call) tasksCommand() (*wire.TasksCommand, []cutover.TasksOption, error) {
	b := new(wire.TasksCommand)
	f, err := c.decode(b)
	if err != nil {
		return nil, nil, err
	}
	var opts []cutover.TasksOption
	for _, opt := range c.options(b.Reason, f) {
		opts = append(opts, opt)
	}
	if b.DryRun {
		c.command.DryRun = true
		opts = append(opts, cutover.DryRun())
	}
	if b.Filter == nil {
		f.add("filter", "is required; {} selects all tasks")
	}
	if b.FromCheckpoint != nil && c.command.Action != Retry {
		f.add("fromCheckpoint", "is for retries only")
	}
	return b, opts, c.reasoned(b.Reason, f)
}

// errNoWave is the fault of a parameter wave.
var errNoWave = errors.New("is not the number of a wave")

// filter returns the filter that the parameters of a list describe.
func (q *query) filter() task.Filter {
	f := task.Filter{
		States: parsed(q, "state", task.ParseState), Codes: q.values["code"], Steps: q.values["step"], Tenant: q.values.Get("tenant"),
		Waves: parsed(q, "wave", func(text string) (int, error) {
			n, ok := number(text, task.MaxPerPlan)
			if !ok {
				return 0, errNoWave
			}
			return int(n), nil
		}),
	}
	for _, text := range q.values["label"] {
		name, value, is := strings.Cut(text, "=")
		if _, twice := f.Labels[name]; !is || twice {
			q.faults.add("label", "is not one label as name=value")
			continue
		}
		if f.Labels == nil {
			f.Labels = make(map[string]string)
		}
		f.Labels[name] = value
	}
	return f
}

// filterFaults returns the faults of the filter of a list, with the parameters that have them.
func filterFaults(faults []plan.Fault) []wire.Fault {
	list := make([]wire.Fault, len(faults))
	for i, f := range faults {
		name, _, _ := strings.Cut(wire.Field(f.Field), "[")
		list[i] = wire.Fault{Field: strings.TrimSuffix(name, "s"), Problem: f.Problem}
	}
	return list
}
