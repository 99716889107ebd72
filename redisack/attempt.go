package redisack

import (
	"context"
	"errors"
	"time"

	"github.com/cutover-go/cutover/redisack/probe"
)

// job is what an attempt gets of its member.
type job struct {
	m       *member
	attempt int
	ep      Endpoint
	slow    bool
	delays  Delays
	end     time.Time
}

// result is what an attempt found.
type result struct {
	job
	obs     Observation
	verdict Verdict
	err     *ProbeError   // nil when there is a verdict
	delay   time.Duration // before the next attempt, after an error; negative for never
	took    time.Duration
}

// begin starts an attempt. A place has been taken.
func (r *run) begin(m *member) {
	m.attempt++
	m.row.Attempts++
	r.attempts++
	r.inFlight++
	r.slowInFlight += one(m.slow)
	m.running = true
	end := min(r.now()+m.timeout, r.limit)
	m.due = end + hangGrace
	r.agenda.put(m)
	r.employ(job{m: m, attempt: m.attempt, ep: m.ep, slow: m.slow, delays: m.delays, end: r.began.Add(end)})
}

// employ gives an attempt to a worker that is free, or to a new one. There are never more workers than places.
func (r *run) employ(j job) {
	if r.workers < r.inFlight {
		r.workers++
		go r.work(j)
		return
	}
	r.jobs <- j // has room, and a worker is or will be free
}

// work is a goroutine that makes one attempt after the other until the run ends.
func (r *run) work(j job) {
	for more := true; more; j, more = <-r.jobs {
		r.try(j)
	}
}

// try makes one attempt. It always reports, whatever the caller's code does; the channel has room for every attempt
// under way.
func (r *run) try(j job) {
	began := time.Now()
	ctx, cancel := context.WithDeadline(r.ctx, j.end)
	returned := false
	res := result{job: j, err: panicError("the prober ended its goroutine"), delay: defaultErrorDelay}
	defer func() {
		if value := recover(); value != nil {
			res.verdict, res.err, res.delay = VerdictUnknown, panicError(value), defaultErrorDelay
		} else if !returned { // the caller's code has ended the worker
			defer r.replaceWorker()
		}
		cancel()
		res.took = time.Since(began)
		r.lane.release()
		r.results <- res
	}()
	r.ask(ctx, &res)
	returned = true
}

// replaceWorker starts a worker in the place of one that the caller's code has ended.
func (r *run) replaceWorker() {
	go func() {
		if j, more := <-r.jobs; more {
			r.work(j)
		}
	}()
}

// ask probes, compares and, after an error, finds the time to wait.
func (r *run) ask(ctx context.Context, res *result) {
	obs, err := r.prober.ask(ctx, res.ep, r.target)
	res.obs = obs
	if err == nil {
		res.verdict = r.policy.Compare(r.target, obs)
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
		res.delays = r.policy.NewDelays()
	}
	res.delay = max(res.delays.NextBackOff(), -1)
	if res.delay >= 0 {
		res.delay = min(max(res.delay, res.err.RetryAfter), forever)
	}
}

var errHung = errors.New("the prober does not return")

// hung gives up on an attempt that goes on past its time. Its goroutine keeps its place until it returns.
func (r *run) hung(m *member) {
	m.stuck = true
	r.fail(m, &ProbeError{Kind: probe.KindTimeout, Err: errHung}, r.policy.AttemptTimeout)
}
