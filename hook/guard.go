package hook

import (
	"context"
	"runtime/debug"

	"go.uber.org/zap"

	"github.com/cutover-go/cutover/plan"
)

// Guard returns a copy of h that an engine can call without checks. Functions that are nil do
// nothing. A panic in a function is recovered and logged to l with its stack. If OnExecuteStart or
// OnCommandStart panics or returns nil, what follows continues with the context that was passed to
// it.
func (h Hooks) Guard(l *zap.Logger) Hooks {
	return Hooks{
		OnCreate:       guardCreate(l, h.OnCreate),
		OnCommandStart: guardStart(l, "OnCommandStart", h.OnCommandStart),
		OnCommandEnd:   guard3(l, "OnCommandEnd", h.OnCommandEnd),
		OnExecuteStart: guardStart(l, "OnExecuteStart", h.OnExecuteStart),
		OnExecuteEnd:   guard3(l, "OnExecuteEnd", h.OnExecuteEnd),
		OnSave:         guard3(l, "OnSave", h.OnSave),
		OnProgress:     guard2(l, "OnProgress", h.OnProgress),
		OnPlanChange:   guard2(l, "OnPlanChange", h.OnPlanChange),
		OnPlanRemoved:  guard2(l, "OnPlanRemoved", h.OnPlanRemoved),
		OnLeaseLost:    guard2(l, "OnLeaseLost", h.OnLeaseLost),
		OnWorkerLost:   guard2(l, "OnWorkerLost", h.OnWorkerLost),
		OnStoreFault:   guard2(l, "OnStoreFault", h.OnStoreFault),
	}
}

func guardStart[X any](l *zap.Logger, name string, f func(context.Context, X) context.Context) func(context.Context, X) context.Context {
	if f == nil {
		return func(ctx context.Context, _ X) context.Context { return ctx }
	}
	return func(ctx context.Context, x X) context.Context {
		own, panicked := callStart(ctx, x, f)
		for _, r := range panicked {
			r.log(l, name)
		}
		return own
	}
}

func guardCreate(l *zap.Logger, f func(context.Context, plan.Spec) map[string]string) func(context.Context, plan.Spec) map[string]string {
	if f == nil {
		return func(context.Context, plan.Spec) map[string]string { return nil }
	}
	return func(ctx context.Context, s plan.Spec) map[string]string {
		own, panicked := callCreate(ctx, s, f)
		for _, r := range panicked {
			r.log(l, "OnCreate")
		}
		return own
	}
}

func guard2[A, B any](l *zap.Logger, name string, f func(A, B)) func(A, B) {
	if f == nil {
		return func(A, B) {}
	}
	return func(a A, b B) {
		defer logPanic(l, name)
		f(a, b)
	}
}

func guard3[A, B, C any](l *zap.Logger, name string, f func(A, B, C)) func(A, B, C) {
	if f == nil {
		return func(A, B, C) {}
	}
	return func(a A, b B, c C) {
		defer logPanic(l, name)
		f(a, b, c)
	}
}

// logPanic recovers from a panic in a hook and logs it. It must be deferred directly.
func logPanic(l *zap.Logger, name string) {
	if v := recover(); v != nil {
		recovered{v, debug.Stack()}.log(l, name)
	}
}
