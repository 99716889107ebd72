package hook

import (
	"context"
	"runtime/debug"

	"go.uber.org/zap"
)

// Guard returns a copy of h that an engine can call without checks. Functions that are nil do
// nothing. A panic in a function is recovered and logged to l with its stack. If OnExecuteStart
// panics or returns nil, the execution continues with the context that was passed to it.
func (h Hooks) Guard(l *zap.Logger) Hooks {
	return Hooks{
		OnExecuteStart: guardStart(l, h.OnExecuteStart),
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

func guardStart(l *zap.Logger, f func(context.Context, Execution) context.Context) func(context.Context, Execution) context.Context {
	if f == nil {
		return func(ctx context.Context, _ Execution) context.Context { return ctx }
	}
	return func(ctx context.Context, x Execution) context.Context {
		var panicked startPanic
		own := panicked.call(ctx, x, f)
		for _, r := range panicked.values {
			r.log(l, "OnExecuteStart")
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
