package redisack

import (
	"context"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
)

// Hooks are functions that are called during a run, one at a time and in order, apart from the run itself: a hook that
// hangs or panics harms no run. A rollback is part of its run; several runs at once call them at once. When more than 1,024 calls wait for a slow hook, further ones are left out and the
// result has a warning.
type Hooks struct {
	// OnWrite is called after a write, with what Write returns.
	OnWrite func(Target, error)
	// OnAttempt is called after each attempt at an endpoint.
	OnAttempt func(Attempted)
	// OnEndpoint is called when an endpoint has confirmed or failed for good.
	OnEndpoint func(Target, EndpointReport)
	// OnProgress is called at most ten times a second when the tally has changed, and at the end.
	OnProgress func(Target, Tally)
	// OnDone is called with the result.
	OnDone func(*AckResult)
}

// Attempted is one attempt at an endpoint. ID has no place in the labels of a metric: there are as many as endpoints.
type Attempted struct {
	Target  Target
	ID      string
	Group   string
	Attempt int
	Verdict Verdict
	// Err is why there is no verdict.
	Err  *ProbeError
	Took time.Duration
}

const (
	hookQueue = 1024
	// hookPatience is how long a run that is over waits for its hooks.
	hookPatience = 250 * time.Millisecond
)

// hookRunner calls hooks in a goroutine of its own, started by startHooks and ended by close.
type hookRunner struct {
	hooks   Hooks
	log     *zap.Logger
	queue   chan func()
	done    chan struct{}
	dropped atomic.Int64
}

func startHooks(hooks Hooks, log *zap.Logger) *hookRunner {
	r := &hookRunner{hooks: hooks, log: log}
	if hooks.none() {
		return r
	}
	r.queue = make(chan func(), hookQueue)
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
	for call := range r.queue {
		r.guard(call)
	}
	ended = true
}

func (r *hookRunner) guard(call func()) {
	defer func() {
		if value := recover(); value != nil {
			r.log.Error("hook panicked", zap.Error(panicError(value)))
		}
	}()
	call()
}

func (r *hookRunner) call(f func()) {
	select {
	case r.queue <- f:
	default:
		r.dropped.Add(1)
	}
}

// close waits for the calls that are queued, for a while; hooks that come later are called all the same.
func (r *hookRunner) close(ctx context.Context) {
	if r.queue == nil {
		return
	}
	close(r.queue)
	last, cancel := withGrace(ctx, hookPatience)
	defer cancel()
	select {
	case <-r.done:
	case <-last.Done():
		r.log.Warn("a hook does not return")
	}
}

// The functions below copy what a hook gets only if there is one: a captured argument is a heap allocation.

func (r *hookRunner) write(t Target, err error) {
	if f := r.hooks.OnWrite; f != nil {
		t, err := t, err
		r.call(func() { f(t, err) })
	}
}

func (r *hookRunner) attempt(a Attempted) {
	if f := r.hooks.OnAttempt; f != nil {
		a := a
		r.call(func() { f(a) })
	}
}

func (r *hookRunner) endpoint(t Target, row EndpointReport) {
	if f := r.hooks.OnEndpoint; f != nil {
		t, row := t, row
		r.call(func() { f(t, row) })
	}
}

func (r *hookRunner) progress(t Target, tally Tally) {
	if f := r.hooks.OnProgress; f != nil {
		t, tally := t, tally
		r.call(func() { f(t, tally) })
	}
}

func (r *hookRunner) finish(res *AckResult) {
	if f := r.hooks.OnDone; f != nil {
		r.call(func() { f(res) })
	}
}
