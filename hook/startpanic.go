package hook

import (
	"context"
	"fmt"
	"runtime/debug"

	"go.uber.org/zap"
)

// startPanic is the panic of a joined OnExecuteStart, some of whose functions panicked: it has the
// context that the others returned. A panic loses the result of a function, and the observers that
// did not panic need their contexts at the end of the execution.
type startPanic struct {
	own    context.Context //nolint:containedctx // the result of a function that cannot return it
	values []recovered
}

// recovered is a panic that was recovered from.
type recovered struct {
	value any
	stack []byte
}

// call calls one OnExecuteStart and returns the context for the next. It keeps a panic.
func (p *startPanic) call(
	ctx context.Context, x Execution, start func(context.Context, Execution) context.Context,
) (own context.Context) {
	own = ctx
	defer func() {
		if v := recover(); v != nil {
			own = p.add(own, v)
		}
	}()
	if c := start(ctx, x); c != nil {
		own = c
	}
	return own
}

// add adds a panic, or those of a joined function. It returns the context that counts after it.
func (p *startPanic) add(ctx context.Context, v any) context.Context {
	if inner, joined := v.(*startPanic); joined {
		p.values = append(p.values, inner.values...)
		return inner.own
	}
	p.values = append(p.values, recovered{v, debug.Stack()})
	return ctx
}

// String is what is printed of a panic that nobody recovers from.
func (p *startPanic) String() string {
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
