package hook

import (
	"context"
	"slices"

	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/task"
)

// Join returns hooks that call the hooks of every observer in the given order, except OnExecuteEnd
// and OnCommandEnd, which are called in the reverse order, as spans nest. Each OnExecuteStart and
// OnCommandStart gets the context that the one of the previous observer returned. The annotations
// of every OnCreate are stored; the first observer that sets one wins. A function that is nil or
// panics does not keep those of the other observers from being called; a start that panics or
// returns nil leaves the context as it was, and an OnCreate that panics adds nothing.
func Join(observers ...Hooks) Hooks {
	var creates []func(context.Context, plan.Spec) map[string]string
	var commands []func(context.Context, Command) context.Context
	var results []func(context.Context, Command, CommandResult)
	var starts []func(context.Context, Execution) context.Context
	var ends []func(context.Context, Execution, Outcome)
	var saves []func(task.ID, string, int)
	var progress []func(task.ID, executor.Progress)
	var changes []func(plan.Plan, []plan.Event)
	var removals []func(plan.Plan, Removal)
	var leases []func(string, int)
	var workers []func(task.ID, string)
	var faults []func(string, error)
	for _, h := range observers {
		creates = append(creates, h.OnCreate)
		commands = append(commands, h.OnCommandStart)
		results = append(results, h.OnCommandEnd)
		starts = append(starts, h.OnExecuteStart)
		ends = append(ends, h.OnExecuteEnd)
		saves = append(saves, h.OnSave)
		progress = append(progress, h.OnProgress)
		changes = append(changes, h.OnPlanChange)
		removals = append(removals, h.OnPlanRemoved)
		leases = append(leases, h.OnLeaseLost)
		workers = append(workers, h.OnWorkerLost)
		faults = append(faults, h.OnStoreFault)
	}
	slices.Reverse(ends)
	slices.Reverse(results)
	return Hooks{
		OnCreate:       joinCreates(creates),
		OnCommandStart: joinStarts(commands),
		OnCommandEnd:   join3(results),
		OnExecuteStart: joinStarts(starts),
		OnExecuteEnd:   join3(ends),
		OnSave:         join3(saves),
		OnProgress:     join2(progress),
		OnPlanChange:   join2(changes),
		OnPlanRemoved:  join2(removals),
		OnLeaseLost:    join2(leases),
		OnWorkerLost:   join2(workers),
		OnStoreFault:   join2(faults),
	}
}

func joinStarts[X any](all []func(context.Context, X) context.Context) func(context.Context, X) context.Context {
	set := slices.DeleteFunc(all, func(f func(context.Context, X) context.Context) bool { return f == nil })
	if len(set) == 0 {
		return nil
	}
	return func(ctx context.Context, x X) context.Context {
		var all []recovered
		for _, start := range set {
			var panicked []recovered
			ctx, panicked = callStart(ctx, x, start)
			all = append(all, panicked...)
		}
		if len(all) > 0 {
			panic(&startPanic[context.Context]{own: ctx, values: all})
		}
		return ctx
	}
}

func joinCreates(all []func(context.Context, plan.Spec) map[string]string) func(context.Context, plan.Spec) map[string]string {
	set := slices.DeleteFunc(all, func(f func(context.Context, plan.Spec) map[string]string) bool { return f == nil })
	if len(set) == 0 {
		return nil
	}
	return func(ctx context.Context, s plan.Spec) map[string]string {
		own := make(map[string]string)
		var all []recovered
		for _, create := range set {
			added, panicked := callCreate(ctx, s, create)
			all = append(all, panicked...)
			for k, v := range added {
				if _, set := own[k]; !set {
					own[k] = v
				}
			}
		}
		if len(all) > 0 {
			panic(&startPanic[map[string]string]{own: own, values: all})
		}
		return own
	}
}

func join2[A, B any](all []func(A, B)) func(A, B) {
	set := slices.DeleteFunc(all, func(f func(A, B)) bool { return f == nil })
	if len(set) == 0 {
		return nil
	}
	return func(a A, b B) { callAll2(set, a, b) }
}

func callAll2[A, B any](set []func(A, B), a A, b B) {
	if len(set) > 1 {
		defer callAll2(set[1:], a, b) // this call is made even if set[0] panics
	}
	set[0](a, b)
}

func join3[A, B, C any](all []func(A, B, C)) func(A, B, C) {
	set := slices.DeleteFunc(all, func(f func(A, B, C)) bool { return f == nil })
	if len(set) == 0 {
		return nil
	}
	return func(a A, b B, c C) { callAll3(set, a, b, c) }
}

func callAll3[A, B, C any](set []func(A, B, C), a A, b B, c C) {
	if len(set) > 1 {
		defer callAll3(set[1:], a, b, c)
	}
	set[0](a, b, c)
}
