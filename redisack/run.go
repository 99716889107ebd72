package redisack

import (
	"context"
	"runtime"
	"time"

	"go.uber.org/zap"

	"github.com/cutover-go/cutover/redisack/probe"
)

// run confirms one target. The caller's goroutine owns the run and makes every decision. Each
// attempt, each look-up of the fleet and the readers of the head and of the acknowledgements run in
// other goroutines, which send their results through channels; schedule.running and helpers count
// these goroutines.
type run struct {
	// Fixed before the first attempt.
	client   *Client
	log      *zap.Logger
	hooks    *hookRunner
	check    Check
	policy   Policy
	target   Target
	restores bool // this run is a rollback
	began    time.Time
	limit    time.Duration   // maximum duration of the run, from began
	ctx      context.Context //nolint:containedctx // a run is one call; the end of ctx ends every goroutine of the run
	stop     context.CancelFunc

	fleet    fleet    // the members that have to confirm, and their counts
	schedule schedule // which member is asked next, and when
	head     *head    // the write that clients should run now
	workers  *workers // make the attempts

	pushed    chan pushedAcks
	refreshed chan refresh
	acksEnded chan struct{}
	helpers   int // goroutines other than those of attempts

	refreshing  bool
	nextRefresh time.Duration // 0: never
	graceEnd    time.Duration // 0: the quorum is not met
	lastReason  Reason
	attempts    int
	strangers   int
	warnings    warnings
	progress    progress
}

// progress is the state of a run's progress reports.
type progress struct {
	changed  bool // something has arrived since the last report
	reported statusCounts
	next     time.Duration
}

// loop runs until the outcome is known. It delays the first attempts by about delay.
func (r *run) loop(delay time.Duration) ending {
	for _, m := range r.fleet.members {
		r.schedule.plan(r.now(), m, r.schedule.spread(m, delay))
	}
	r.startHelpers()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		runtime.Gosched() // on a busy processor more attempts end meanwhile, and are taken in together
		r.drain()
		for _, m := range r.schedule.collect(r.now(), r.policy.AttemptTimeout) { // the goroutine of a hung attempt still occupies its place
			r.fail(m, &ProbeError{Kind: probe.KindTimeout, Err: errHung}, r.policy.AttemptTimeout)
		}
		if r.nextRefresh > 0 && !r.refreshing && r.now() >= r.nextRefresh {
			r.startRefresh()
		}
		if end, over := r.decide(); over {
			return end
		}
		if r.ctx.Err() != nil {
			return expired(r.ctx)
		}
		r.launch()
		r.reportProgress()
		r.wait(timer)
	}
}

// startHelpers starts the reader of pushed acknowledgements if Check.Push is set, and schedules the
// first look-up of the fleet unless the fleet is fixed or never looked up again.
func (r *run) startHelpers() {
	if r.check.Push {
		feed := &ackFeed{
			backend: r.client.backend, names: r.head.names, from: r.target.AckPos, out: r.pushed,
			compare: guardedCompare(&r.policy, r.target, r.log),
		}
		r.helpers++
		go func() {
			defer func() { r.acksEnded <- struct{}{} }() // buffered
			feed.run(r.ctx)
		}()
	}
	if _, fixed := r.check.Fleet.(static); !fixed && r.policy.RefreshEvery > 0 {
		r.nextRefresh = r.now() + r.policy.RefreshEvery
	}
}

// drain processes everything that has arrived, without waiting.
func (r *run) drain() {
	for {
		select {
		case res := <-r.workers.results:
			r.takeResult(res)
		case batch := <-r.pushed:
			r.takeAcks(batch)
		case fresh := <-r.refreshed:
			r.takeRefresh(fresh)
		case read := <-r.head.reads:
			r.takeHead(read)
		default:
			return
		}
	}
}

// launch starts attempts while members are due and places are free. It releases the places that it
// does not need.
func (r *run) launch() {
	for r.schedule.wants() {
		if !r.workers.quota.acquire() {
			return // the run is queued for a place
		}
		m := r.schedule.next()
		if m == nil {
			r.workers.quota.release()
			break
		}
		end := r.schedule.begin(r.now(), m)
		m.row.Attempts++
		r.attempts++
		r.workers.start(attempt{
			m: m, ep: m.ep, slow: m.slow, delays: m.delays, end: r.began.Add(end),
		}, r.schedule.running)
	}
	r.workers.quota.leave()
}

// wait blocks until something arrives or is due.
func (r *run) wait(timer *time.Timer) {
	timer.Reset(max(r.wakeUp()-r.now(), 0))
	select {
	case res := <-r.workers.results:
		r.takeResult(res)
	case batch := <-r.pushed:
		r.takeAcks(batch)
	case fresh := <-r.refreshed:
		r.takeRefresh(fresh)
	case read := <-r.head.reads:
		r.takeHead(read)
	case <-r.workers.quota.ready:
	case <-timer.C:
	case <-r.ctx.Done():
	}
}

// wakeUp returns the time at which something is due next.
func (r *run) wakeUp() time.Duration {
	at := r.schedule.wakeUp()
	if r.nextRefresh > 0 && !r.refreshing {
		at = min(at, r.nextRefresh)
	}
	if r.graceEnd > 0 {
		at = min(at, r.graceEnd)
	}
	if r.progress.changed {
		at = min(at, r.progress.next)
	}
	return at
}

// decide reports whether the run is over, and how it ended.
func (r *run) decide() (ending, bool) {
	stands := r.fleet.decide()
	if stands != met {
		r.graceEnd = 0 // a member left or joined during the grace period: the quorum must be met at its end
	}
	switch stands {
	case met:
		return ending{reason: ReasonConfirmed}, r.graceOver()
	case impossible:
		reason := r.fleet.failure()
		return ending{reason: reason, last: reason}, true
	case short:
		if r.nextRefresh == 0 { // no endpoint can join
			return ending{reason: ReasonQuorumImpossible}, true
		}
	case undecided:
	}
	return ending{}, false
}

// graceOver reports whether Policy.Grace has elapsed since the quorum was met, or no member is left
// to ask.
func (r *run) graceOver() bool {
	if r.policy.Grace <= 0 || r.fleet.tally.open() == 0 {
		return true
	}
	if r.graceEnd == 0 {
		r.graceEnd = min(r.now()+r.policy.Grace, r.limit)
	}
	return r.now() >= r.graceEnd
}

const progressEvery = 100 * time.Millisecond

func (r *run) reportProgress() {
	p := &r.progress
	if !p.changed || r.now() < p.next {
		return
	}
	p.changed = false
	if now := r.fleet.tally.by; now != p.reported {
		p.reported = now
		p.next = r.now() + progressEvery
		r.hooks.progress(r.target, r.tally())
	}
}

func (r *run) tally() Tally {
	t := r.fleet.tally.public()
	t.Strangers = r.strangers
	return t
}

func (r *run) now() time.Duration { return time.Since(r.began) }
