package redisack

import (
	"context"
	"runtime/debug"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/cutover-go/cutover/redisack/internal/wire"
)

// Hooks are optional functions that observe runs. OnCallStart and OnCallEnd are called by the call
// itself. The others of one run, including its rollback, are called one at a time and in order, in
// a goroutine outside the run, so a slow hook does not delay the run. Concurrent runs call hooks
// concurrently. The client recovers a panic in a hook and logs it with its stack. When 1,024 calls
// wait for a slow hook, further calls are dropped; a warning in the result states the number of
// calls that were dropped before the result was made.
type Hooks struct {
	// OnCallStart is called by Write, Confirm and Apply before they do anything, in the goroutine
	// of the caller. The call and OnCallEnd get the context that it returns, which must derive from
	// ctx, so that a tracing span can be passed in it. Unlike the other hooks it delays its call.
	OnCallStart func(ctx context.Context, c Call) context.Context
	// OnCallEnd is called before they return, in the same goroutine.
	OnCallEnd func(ctx context.Context, c Call, r CallResult)
	// OnWrite is called after a write, with its target and error, as Write returns them.
	OnWrite func(Target, error)
	// OnAttempt is called after each attempt at an endpoint.
	OnAttempt func(Attempted)
	// OnEndpoint is called when an endpoint has confirmed, has failed permanently, or has left the
	// fleet.
	OnEndpoint func(Target, EndpointReport)
	// OnProgress is called when the tally has changed, at most ten times a second, and at the end.
	OnProgress func(Target, Tally)
	// OnDone is called with the result.
	OnDone func(*AckResult)
}

// Attempted describes one attempt at an endpoint. Do not use ID as the label of a metric: there are
// as many IDs as endpoints.
type Attempted struct {
	Target  Target
	ID      string
	Group   string
	Attempt int
	Verdict Verdict
	// Err is the reason if there is no verdict.
	Err  *ProbeError
	Took time.Duration
}

// Call is a call of Write, Confirm or Apply.
type Call struct {
	Name    string // the name of the method
	Key     string
	Field   string
	Version string
}

// CallResult is what a call returns.
type CallResult struct {
	// Target is that of the write.
	Target Target
	// Result is nil for a Write, and if Err is an *InvalidError. It must not be modified.
	Result *AckResult
	Err    error
	// Elapsed is how long the call took.
	Elapsed time.Duration
}

const (
	hookQueue = 1024
	// hookTimeout is how long a call waits for its hooks after its run has ended.
	hookTimeout = 250 * time.Millisecond
)

// hookCall is one call of a hook.
type hookCall struct {
	name string
	call func()
}

// hookRunner calls hooks in one goroutine, which startHooks starts and close ends.
type hookRunner struct {
	hooks   Hooks
	log     *zap.Logger
	queue   chan hookCall
	done    chan struct{}
	dropped atomic.Int64
}

func startHooks(hooks Hooks, log *zap.Logger) *hookRunner {
	r := &hookRunner{hooks: hooks, log: log}
	if hooks.none() {
		return r
	}
	r.queue = make(chan hookCall, hookQueue)
	r.done = make(chan struct{})
	go r.run()
	return r
}

func (h Hooks) none() bool {
	return h.OnWrite == nil && h.OnAttempt == nil && h.OnEndpoint == nil && h.OnProgress == nil && h.OnDone == nil
}

func (r *hookRunner) run() {
	ended := false
	defer func() {
		if !ended { // a hook has ended the goroutine
			go r.run()
			return
		}
		close(r.done)
	}()
	for c := range r.queue {
		r.guard(c)
	}
	ended = true
}

// guard makes one call. It recovers and logs a panic.
func (r *hookRunner) guard(c hookCall) {
	defer func() {
		if value := recover(); value != nil {
			r.log.Error("a hook panicked", zap.String("hook", c.name), zap.Error(wire.PanicError(value)), zap.ByteString("stack", debug.Stack()))
		}
	}()
	c.call()
}

func (r *hookRunner) call(name string, f func()) {
	select {
	case r.queue <- hookCall{name, f}:
	default:
		r.dropped.Add(1)
	}
}

// close waits for the queued calls, at most for hookTimeout. If that is not enough, the goroutine
// still makes the remaining calls.
func (r *hookRunner) close(ctx context.Context) {
	if r.queue == nil {
		return
	}
	close(r.queue)
	last, cancel := withGrace(ctx, hookTimeout)
	defer cancel()
	select {
	case <-r.done:
	case <-last.Done():
		r.log.Warn("a hook does not return")
	}
}

// The functions below copy the arguments of a hook only if the hook is set, because a captured
// argument is a heap allocation.

func (r *hookRunner) write(t Target, err error) {
	if f := r.hooks.OnWrite; f != nil {
		t, err := t, err
		r.call("OnWrite", func() { f(t, err) })
	}
}

func (r *hookRunner) attempt(a Attempted) {
	if f := r.hooks.OnAttempt; f != nil {
		a := a
		r.call("OnAttempt", func() { f(a) })
	}
}

func (r *hookRunner) endpoint(t Target, row EndpointReport) {
	if f := r.hooks.OnEndpoint; f != nil {
		t, row := t, row
		r.call("OnEndpoint", func() { f(t, row) })
	}
}

func (r *hookRunner) progress(t Target, tally Tally) {
	if f := r.hooks.OnProgress; f != nil {
		t, tally := t, tally
		r.call("OnProgress", func() { f(t, tally) })
	}
}

func (r *hookRunner) finish(res *AckResult) {
	if f := r.hooks.OnDone; f != nil {
		r.call("OnDone", func() { f(res) })
	}
}
