package cutover

import (
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/cutover-go/cutover/hook"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/task"
)

// as names c as a command on a plan or a task, for the hooks.
func (c command) as(name string, p plan.ID, t task.ID) hook.Command {
	return hook.Command{Name: name, Plan: p, Task: t, Actor: c.Actor, Reason: c.Reason}
}

// observe carries out a command between the two hooks that observe it. report returns of a result
// what the second one is told.
func observe[R any](
	ctx context.Context, e *Engine, c hook.Command, do func(context.Context) (R, error), report func(R) hook.CommandResult,
) (R, error) {
	began := time.Now()
	ctx = e.cfg.Hooks.OnCommandStart(ctx, c)
	r, err := do(ctx)
	out := report(r)
	out.Err, out.Elapsed = err, time.Since(began)
	e.cfg.Hooks.OnCommandEnd(ctx, c, out)
	return r, err
}

func (r PlanResult) report() hook.CommandResult {
	return hook.CommandResult{Plan: r.Plan, Unchanged: r.Unchanged, Repeated: r.Repeated}
}

// annotated returns a spec with what the hook OnCreate adds to its annotations.
func annotated(ctx context.Context, e *Engine, spec plan.Spec) plan.Spec {
	more, err := spec.Annotate(e.cfg.Hooks.OnCreate(ctx, spec))
	if err != nil {
		e.cfg.Logger.Warn("annotations of a hook are left out", zap.String("plan", spec.Name), zap.Error(err))
	}
	return more
}
