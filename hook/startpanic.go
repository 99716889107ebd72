package hook

import (
	"context"
	"fmt"
	"runtime/debug"

	"go.uber.org/zap"

	"github.com/cutover-go/cutover/plan"
)

// startPanic is the panic of joined functions with a result, some of which panicked: it has the
// result of the others. A panic loses the result of a function, and the observers that did not
// panic need theirs: the context at the end of the execution, or the annotations in the plan.
type startPanic[R any] struct {
	own    R
	values []recovered
}

// recovered is a panic that was recovered from.
type recovered struct {
	value any
	stack []byte
}

// callStart calls one OnExecuteStart or OnCommandStart. It returns the context for the next, and
// the panics that it has recovered from.
func callStart[X any](ctx context.Context, x X, start func(context.Context, X) context.Context) (own context.Context, panicked []recovered) {
	own = ctx
	defer func() {
		if v := recover(); v != nil {
			own, panicked = afterPanic(own, v)
		}
	}()
	if c := start(ctx, x); c != nil {
		own = c
	}
	return own, nil
}

// callCreate calls one OnCreate in the same way.
func callCreate(
	ctx context.Context, s plan.Spec, create func(context.Context, plan.Spec) map[string]string,
) (own map[string]string, panicked []recovered) {
	defer func() {
		if v := recover(); v != nil {
			own, panicked = afterPanic(own, v)
		}
	}()
	return create(ctx, s), nil
}

// afterPanic returns the result that counts after a panic with v, and what panicked: one function,
// or those of a joined one.
func afterPanic[R any](own R, v any) (R, []recovered) {
	if inner, joined := v.(*startPanic[R]); joined {
		return inner.own, inner.values
	}
	return own, []recovered{{v, debug.Stack()}}
}

// String is what is printed of a panic that nobody recovers from.
func (p *startPanic[R]) String() string {
	text := ""
	for _, r := range p.values {
		text += fmt.Sprintf("%v\n%s\n", r.value, r.stack)
	}
	return text
}

// log logs the panic of a hook.
func (r recovered) log(l *zap.Logger, name string) {
	l.Error("a hook panicked", zap.String("hook", name), zap.String("value", fmt.Sprint(r.value)), zap.ByteString("stack", r.stack))
}
