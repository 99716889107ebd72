package redisack

import (
	"context"
	"runtime/debug"
	"time"

	"go.uber.org/zap"

	"github.com/cutover-go/cutover/redisack/internal/wire"
)

// observe makes a call between the two hooks that observe it.
func (c *Client) observe(ctx context.Context, call Call, do func(context.Context) CallResult) CallResult {
	began := time.Now()
	if start := c.cfg.Hooks.OnCallStart; start != nil {
		c.guard("OnCallStart", func() {
			if own := start(ctx, call); own != nil {
				ctx = own
			}
		})
	}
	r := do(ctx)
	r.Elapsed = time.Since(began)
	if end := c.cfg.Hooks.OnCallEnd; end != nil {
		c.guard("OnCallEnd", func() { end(ctx, call, r) })
	}
	return r
}

// guard calls a hook. It recovers and logs a panic.
func (c *Client) guard(name string, hook func()) {
	defer func() {
		if value := recover(); value != nil {
			c.log.Error("a hook panicked", zap.String("hook", name), zap.Error(wire.PanicError(value)), zap.ByteString("stack", debug.Stack()))
		}
	}()
	hook()
}
