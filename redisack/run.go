package redisack

import (
	"context"
	"errors"
	"hash/maphash"
	"time"

	"go.uber.org/zap"

	"github.com/cutover-go/cutover/redisack/internal/wire"
)

// run confirms one target. One goroutine, the caller's, owns all of it and makes every decision; attempts, the refresh
// of the fleet and the reading of acknowledgements have goroutines of their own that talk to it by channels.
type run struct {
	client *Client
	log    *zap.Logger
	hooks  *hookRunner
	check  Check
	policy Policy
	target Target
	names  wire.Names

	began time.Time
	limit time.Duration   // end of the run, since began
	ctx   context.Context //nolint:containedctx // the run is one call; it ends every goroutine of it
	stop  context.CancelFunc

	prober session
	lane   *lane
	seed   maphash.Seed
	places int

	members   []*member // in the order of the fleet, joiners behind
	slab      []member  // room for the first of them
	byID      map[string]*member
	claims    map[string]*member // by instance
	displaced map[string]*member // listed where another instance answers
	shown     map[string]int     // uses of names made from URLs
	census    census
	initial   int
	restores  bool // this run is the rollback of another one
	strangers int
	warnings  []string

	agenda       agenda
	ready, slow  []*member
	inFlight     int
	slowInFlight int
	attempts     int
	workers      int // Invariant: inFlight <= workers <= places, once an attempt has begun

	jobs      chan job // closed when the run ends
	results   chan result
	pushed    chan pushedAcks
	refreshed chan refresh
	helpers   int // goroutines beside the attempts
	acksEnded chan struct{}

	newest    wire.Head // the last head that was seen during the run
	claimants []claim
	looking   bool
	looks     chan headLook

	refreshing  bool
	nextRefresh time.Duration // 0: never
	graceEnd    time.Duration // 0: the quorum is not met
	lastReason  Reason

	changed      bool // something has come in since the last look at the progress
	reported     standings
	nextProgress time.Duration
}

// errDeadline is the cause when the run's own time is over. For those who look for timeouts it is one.
var errDeadline error = timeUp{}

type timeUp struct{}

func (timeUp) Error() string { return "the time of the run is over" }

// Timeout makes it a timeout like those of package net.
func (timeUp) Timeout() bool { return true }

// ending is how the loop ended.
type ending struct {
	reason Reason
	last   Reason // what decided it; 0 for what was seen last
	cause  error
}

// loop runs until the outcome is known. delay holds back the first attempts.
func (r *run) loop(delay time.Duration) ending {
	for _, m := range r.members {
		if r.prober.polls() {
			r.plan(m, r.firstDue(m, delay))
		}
	}
	r.startHelpers()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		r.drain()
		r.collectDue()
		if r.nextRefresh > 0 && !r.refreshing && r.now() >= r.nextRefresh {
			r.startRefresh()
		}
		if end, over := r.decide(); over {
			return end
		}
		if r.ctx.Err() != nil {
			return r.expired()
		}
		if r.prober.polls() {
			r.launch()
		}
		r.reportProgress()
		r.wait(timer)
	}
}

// drain takes in what has come without waiting.
func (r *run) drain() {
	for {
		select {
		case res := <-r.results:
			r.settle(res)
		case batch := <-r.pushed:
			r.takeAcks(batch)
		case fresh := <-r.refreshed:
			r.takeRefresh(fresh)
		case look := <-r.looks:
			r.takeLook(look)
		default:
			return
		}
	}
}

// wait blocks until something comes or is due.
func (r *run) wait(timer *time.Timer) {
	timer.Reset(max(r.wakeUp()-r.now(), 0))
	select {
	case res := <-r.results:
		r.settle(res)
	case batch := <-r.pushed:
		r.takeAcks(batch)
	case fresh := <-r.refreshed:
		r.takeRefresh(fresh)
	case look := <-r.looks:
		r.takeLook(look)
	case <-r.lane.ready:
	case <-timer.C:
	case <-r.ctx.Done():
	}
}

// wakeUp is when something is due next.
func (r *run) wakeUp() time.Duration {
	at := r.limit
	if m := r.agenda.first(); m != nil {
		at = min(at, m.due)
	}
	if r.nextRefresh > 0 && !r.refreshing {
		at = min(at, r.nextRefresh)
	}
	if r.graceEnd > 0 {
		at = min(at, r.graceEnd)
	}
	if r.changed {
		at = min(at, r.nextProgress)
	}
	return at
}

// decide looks at the quorum.
func (r *run) decide() (ending, bool) {
	stands := r.standing()
	if stands != met {
		r.graceEnd = 0 // somebody has left or joined in the grace: what is told at the end must be true then
	}
	switch stands {
	case met:
		return ending{reason: ReasonConfirmed}, r.graceOver()
	case impossible:
		reason := r.failure()
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
	if r.policy.Grace == 0 || r.census.open() == 0 {
		return true
	}
	if r.graceEnd == 0 {
		r.graceEnd = min(r.now()+r.policy.Grace, r.limit)
	}
	return r.now() >= r.graceEnd
}

// standing is what the quorum and the least number of members say.
func (r *run) standing() decision {
	if r.census.members == 0 && r.initial == 0 && r.policy.AllowEmpty {
		return met
	}
	least := short
	if r.census.members >= r.minMembers() {
		least = met
	}
	return worse(least, r.policy.Quorum.decide(r.census.counts))
}

// minMembers is the number below which nothing is confirmed.
func (r *run) minMembers() int {
	if r.policy.MinMembers > 0 {
		return r.policy.MinMembers
	}
	return max((r.initial+1)/2, 1)
}

// failure names the cause when too many have failed: a refusal before a newer write before another version before
// silence.
func (r *run) failure() Reason {
	for _, s := range []standing{standsRejected, standsAhead, standsExhausted, standsBroken} {
		if r.census.by[s] > 0 {
			return s.reason()
		}
	}
	return ReasonQuorumImpossible
}

// expired tells the end of time from the end of the caller's patience.
func (r *run) expired() ending {
	cause := context.Cause(r.ctx)
	switch {
	case errors.Is(cause, errDeadline): // says no more than the reason
		return ending{reason: ReasonTimeout}
	case errors.Is(r.ctx.Err(), context.DeadlineExceeded):
		return ending{reason: ReasonTimeout, cause: cause}
	}
	return ending{reason: ReasonCanceled, cause: cause}
}

const progressEvery = 100 * time.Millisecond

func (r *run) reportProgress() {
	if !r.changed || r.now() < r.nextProgress {
		return
	}
	r.changed = false
	if now := r.census.by; now != r.reported {
		r.reported = now
		r.nextProgress = r.now() + progressEvery
		r.hooks.progress(r.target, r.tally())
	}
}

func (r *run) tally() Tally {
	t := r.census.tally()
	t.Strangers = r.strangers
	return t
}

func (r *run) now() time.Duration { return time.Since(r.began) }

func (r *run) warn(text string) {
	const most = 20
	switch {
	case len(r.warnings) < most:
		r.warnings = append(r.warnings, text)
	case len(r.warnings) == most:
		r.warnings = append(r.warnings, "further warnings are left out")
	}
	r.log.Warn("trouble with a confirmation", zap.String("warning", text))
}
