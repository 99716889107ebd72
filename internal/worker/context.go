package worker

import (
	"context"
	"sync"
)

// runContext is the context of one executor. It ends with its parent, which can be canceled, or by
// end. It behaves in every way as one of context.WithCancelCause, but makes that only when somebody
// waits for the end or asks for its cause: an executor that is done within microseconds has no use
// for it.
type runContext struct {
	context.Context //nolint:containedctx // the parent

	mu     sync.Mutex      // guards the fields below
	inner  context.Context //nolint:containedctx // c stands for it
	cancel context.CancelCauseFunc
	ended  bool  // by end, before there was an inner context
	cause  error // that of end
}

// Done implements context.Context.
func (c *runContext) Done() <-chan struct{} { return c.cancelable().Done() }

// Err implements context.Context.
func (c *runContext) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.inner != nil:
		return c.inner.Err()
	case c.ended:
		return context.Canceled
	}
	return c.Context.Err()
}

// Value implements context.Context. Package context has a key by which a context that can be
// canceled hands out itself, to those that derive from it or ask for its cause: then c must hand
// out its own, not that of its parent.
func (c *runContext) Value(key any) any {
	v := c.Context.Value(key)
	if _, itself := v.(context.Context); itself {
		return c.cancelable().Value(key)
	}
	return v
}

// end ends c unless it has ended before. The cause is as in context.WithCancelCause.
func (c *runContext) end(cause error) {
	if c.Context.Err() != nil {
		c.cancelable() // it has ended before, with its parent
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.inner != nil:
		c.cancel(cause)
	case !c.ended:
		c.ended, c.cause = true, cause
	}
}

// cancelable returns the context that c stands for.
func (c *runContext) cancelable() context.Context {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.inner != nil:
	case c.ended:
		// What happened to the parent later is of no account.
		c.inner, c.cancel = context.WithCancelCause(context.WithoutCancel(c.Context))
		c.cancel(c.cause)
	default:
		c.inner, c.cancel = context.WithCancelCause(c.Context)
	}
	return c.inner
}
