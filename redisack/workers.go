package redisack

import (
	"context"
	"errors"
	"time"

	"github.com/cutover-go/cutover/redisack/internal/wire"
	"github.com/cutover-go/cutover/redisack/probe"
)

// attempt holds the data of a member that a worker needs for one attempt.
type attempt struct {
	m      *member
	ep     Endpoint
	slow   bool
	delays Delays
	end    time.Time
}

// result is the result of an attempt.
type result struct {
	attempt
	obs     Observation
	verdict Verdict
	err     *ProbeError   // nil if there is a verdict
	delay   time.Duration // before the next attempt, after an error; negative for never
	took    time.Duration
}

// workers make the attempts of one run. There are never more workers than the largest number of
// concurrent attempts so far, and close ends them when the run ends. All fields except count are
// fixed before the first attempt.
type workers struct {
	ctx     context.Context //nolint:containedctx // the run's context; a run is one call
	session session
	target  Target
	policy  *Policy
	quota   *quota
	queue   chan attempt // closed when the run ends
	results chan result  // has room for every attempt under way
	count   int          // owned by the run's goroutine
}

func newWorkers(ctx context.Context, policy *Policy, q *quota, places int) *workers {
	return &workers{
		ctx: ctx, policy: policy, quota: q, queue: make(chan attempt, places), results: make(chan result, places),
	}
}

// start passes an attempt to a free worker, or to a new one. The caller must have acquired a place
// for it. underWay is the number of attempts under way, including this one.
func (w *workers) start(a attempt, underWay int) {
	if w.count < underWay {
		w.count++
		go w.work(a)
		return
	}
	w.queue <- a // has room, and a worker is or will be free
}

// close ends each worker after its current attempt.
func (w *workers) close() { close(w.queue) }

// work is the goroutine of a worker. It makes attempts until the run ends.
func (w *workers) work(a attempt) {
	for more := true; more; a, more = <-w.queue {
		w.try(a)
	}
}

// try makes one attempt. It sends a result even if the host's code panics or ends the goroutine.
func (w *workers) try(a attempt) {
	began := time.Now()
	ctx, cancel := context.WithDeadline(w.ctx, a.end)
	returned := false
	res := result{attempt: a}
	defer func() {
		if value := recover(); value != nil {
			res.verdict, res.err, res.delay = VerdictUnknown, panicError(value), defaultErrorDelay
		} else if !returned { // the host's code has ended the goroutine of the worker
			res.verdict, res.err, res.delay = VerdictUnknown, panicError("the prober ended its goroutine"), defaultErrorDelay
			defer w.replace()
		}
		cancel()
		res.took = time.Since(began)
		w.quota.release()
		w.results <- res
	}()
	w.ask(ctx, &res)
	returned = true
}

// panicError returns the error of an attempt in which the host's code has panicked.
func panicError(value any) *ProbeError {
	return &ProbeError{Kind: probe.KindPanic, Err: errors.New(wire.PanicText(value))}
}

// replace starts a worker in place of a worker whose goroutine the host's code has ended.
func (w *workers) replace() {
	go func() {
		if a, more := <-w.queue; more {
			w.work(a)
		}
	}()
}

// ask probes the endpoint and compares its answer with the target. After an error it determines the
// delay before the next attempt.
func (w *workers) ask(ctx context.Context, res *result) {
	obs, err := w.session.ask(ctx, res.ep, w.target)
	res.obs = obs
	if err == nil {
		res.verdict = w.policy.Compare(w.target, obs)
		if res.verdict.known() {
			return
		}
		err = &ProbeError{Kind: probe.KindNoVersion, Status: obs.Status, Err: errNotComparable}
	}
	res.err = probeError(err)
	if res.err.Kind == probe.KindOther && ctx.Err() != nil {
		res.err = &ProbeError{Kind: probe.KindTimeout, Err: err}
	}
	if res.delays == nil {
		res.delays = w.policy.NewDelays()
	}
	res.delay = max(res.delays.NextBackOff(), -1)
	if res.delay >= 0 {
		res.delay = min(max(res.delay, res.err.RetryAfter), forever)
	}
}

var errHung = errors.New("the prober has not returned")
