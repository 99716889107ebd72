package redisack

import (
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/cutover-go/cutover/redisack/probe"
)

// run confirms one target. One goroutine, the caller's, owns all of it and makes every decision.
// Attempts, look-ups of the fleet, readings of the head and of acknowledgements have goroutines of
// their own, which talk to it by channels; they are counted in schedule.running and helpers.
type run struct {
	// Fixed before the first attempt.
	client   *Client
	log      *zap.Logger
	hooks    *hookRunner
	check    Check
	policy   Policy
	target   Target
	restores bool // this run is the rollback of another one
	began    time.Time
	limit    time.Duration   // end of the run, since began
	ctx      context.Context //nolint:containedctx // the run is one call; it ends every goroutine of it
	stop     context.CancelFunc

	fleet    fleet    // who has to confirm, and how they count
	schedule schedule // who is asked next, and when
	head     *head    // what is to be run now
	workers  *workers // who asks

	pushed    chan pushedAcks
	refreshed chan refresh
	acksEnded chan struct{}
	helpers   int // goroutines beside the attempts

	refreshing  bool
	nextRefresh time.Duration // 0: never
	graceEnd    time.Duration // 0: the quorum is not met
	lastReason  Reason
	attempts    int
	strangers   int
	warnings    warnings
	progress    progress
}

// progress is what was last reported of a run.
type progress struct {
	changed  bool // something has come in since
	reported statusCounts
	next     time.Duration
}

// loop runs until the outcome is known. delay holds back the first attempts.
func (r *run) loop(delay time.Duration) ending {
	for _, m := range r.fleet.members {
		r.schedule.plan(r.now(), m, r.schedule.spread(m, delay))
	}
	r.startHelpers()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		r.drain()
		for _, m := range r.schedule.collect(r.now(), r.policy.AttemptTimeout) { // their goroutines keep their places
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

// startHelpers starts what runs beside the attempts.
func (r *run) startHelpers() {
	if r.check.Push {
		feed := &ackFeed{
			backend: r.client.backend, names: r.head.names, from: r.target.AckPos, out: r.pushed,
			compare: guardedCompare(&r.policy, r.target, r.log),
		}
		r.helpers++
		go func() {
			defer func() { r.acksEnded <- struct{}{} }() // has room
			feed.run(r.ctx)
		}()
	}
	if _, fixed := r.check.Fleet.(static); !fixed && r.policy.RefreshEvery > 0 {
		r.nextRefresh = r.now() + r.policy.RefreshEvery
	}
}

// drain takes in what has come without waiting.
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

// launch starts attempts as long as there are members that are due and places for them. It returns
// places that it has no use for.
func (r *run) launch() {
	for r.schedule.wants() {
		if !r.workers.quota.acquire() {
			return // the run is queued
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
			m: m, number: m.attempt, ep: m.ep, slow: m.slow, delays: m.delays, end: r.began.Add(end),
		}, r.schedule.running)
	}
	r.workers.quota.leave()
}

// wait blocks until something comes or is due.
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

// wakeUp is when something is due next.
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

// decide reports whether the run is over.
func (r *run) decide() (ending, bool) {
	stands := r.fleet.decide()
	if stands != met {
		r.graceEnd = 0 // somebody has left or joined in the grace: what is reported at the end must be true then
	}
	switch stands {
	case met:
		return ending{reason: ReasonConfirmed}, r.graceOver()
	case impossible:
		reason := r.fleet.failure()
		return ending{reason: reason, last: reason}, true
	case short:
		if r.nextRefresh == 0 { // nobody can join any more
			return ending{reason: ReasonQuorumImpossible}, true
		}
	case undecided:
	}
	return ending{}, false
}

// graceOver reports whether stragglers have been asked for long enough after the quorum was met.
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
