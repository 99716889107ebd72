package redisack

import (
	"context"
	"errors"
	"time"

	"github.com/cutover-go/cutover/redisack/probe"
)

// attempt is what a worker gets of a member.
type attempt struct {
	m      *member
	number int
	ep     Endpoint
	slow   bool
	delays Delays
	end    time.Time
}

// result is what an attempt found.
type result struct {
	attempt
	obs     Observation
	verdict Verdict
	err     *ProbeError   // nil when there is a verdict
	delay   time.Duration // before the next attempt, after an error; negative for never
	took    time.Duration
}

// workers make the attempts of one run. There are never more of them than attempts under way at
// once, and they end with the run. Everything but count is fixed before the first attempt.
type workers struct {
	ctx     context.Context //nolint:containedctx // that of the run, which is one call
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

// start gives an attempt to a free worker, or to a new one. A place has been acquired; underWay
// counts the attempts with this one.
func (w *workers) start(a attempt, underWay int) {
	if w.count < underWay {
		w.count++
		go w.work(a)
		return
	}
	w.queue <- a // has room, and a worker is or will be free
}

// close lets the workers end once they have returned.
func (w *workers) close() { close(w.queue) }

// work is a goroutine that makes one attempt after the other until the run ends.
func (w *workers) work(a attempt) {
	for more := true; more; a, more = <-w.queue {
		w.try(a)
	}
}

// try makes one attempt. It always reports, whatever the host's code does.
func (w *workers) try(a attempt) {
	began := time.Now()
	ctx, cancel := context.WithDeadline(w.ctx, a.end)
	returned := false
	res := result{attempt: a, err: panicError("the prober ended its goroutine"), delay: defaultErrorDelay}
	defer func() {
		if value := recover(); value != nil {
			res.verdict, res.err, res.delay = VerdictUnknown, panicError(value), defaultErrorDelay
		} else if !returned { // the host's code has ended the worker
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

// replace starts a worker in the place of one that the host's code has ended.
func (w *workers) replace() {
	go func() {
		if a, more := <-w.queue; more {
			w.work(a)
		}
	}()
}

// ask probes, compares and, after an error, finds the time to wait.
func (w *workers) ask(ctx context.Context, res *result) {
	obs, err := w.session.ask(ctx, res.ep, w.target)
	res.obs = obs
	if err == nil {
		res.verdict = w.policy.Compare(w.target, obs)
		if res.verdict.known() {
			res.err = nil
			return
		}
		err = &ProbeError{Kind: probe.KindNoVersion, Status: obs.Status, Err: errNoVersion}
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

var errHung = errors.New("the prober does not return")
