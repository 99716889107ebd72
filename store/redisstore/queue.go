package redisstore

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// commitQueue holds the commits of one plan that wait for a round trip. A commit that finds fewer
// than maxRoundTrips under way is sent immediately; the commits that arrive during a round trip are
// sent together with the next one. Calls that fill a round trip do not wait, up to maxFull round
// trips. The package comment describes the whole algorithm.
type commitQueue struct {
	key string // the key of the plan's record

	mu       sync.Mutex
	waiting  []*call
	changes  int // changes in waiting calls. Invariant: changes = sum of waiting[i].changeCount()
	underWay int // round trips under way. Invariant: len(waiting) > 0 only if underWay > 0
	// resting means that a goroutine waits for duty. Invariant: as many of them wait as duty has
	// values, and one more if resting is set.
	resting bool
	duty    chan duty
	// seen is the number of the plan's newest event in any answer so far.
	seen int64
	// hinted is when this process last hinted at events of the plan.
	hinted time.Time
	// detours is the number of round trips that do without turn.lua, because it could not do the
	// last one: what is unusual in a plan often lasts.
	detours int
}

// duty is what a goroutine that makes round trips begins with.
type duty struct {
	ctx context.Context //nolint:containedctx // that of whoever needs the round trip, but without an end
	n   *node
}

const (
	// maxRoundTrips is the maximum number of round trips of one plan under way at the same time:
	// one that the server works on, and one that the client prepares or reads.
	maxRoundTrips = 2
	// maxFull is the same limit if all round trips are full. A server that writes to disk before it
	// answers does so once for all requests that it has read.
	maxFull = 4
	// maxChanges is how many changes one round trip carries: a script of 200 occupies the
	// server for 0.6 ms, and costs a twelfth less for each change than one of 100.
	maxChanges = 2 * store.MaxBatch
	// maxBytes is the size at which a round trip takes no further commits.
	maxBytes = 1 << 20
	// maxDetours is the number of round trips after which turn.lua is tried again.
	maxDetours = 15
	// maxQueues is the number of plans above which idle queues are dropped. The process then no
	// longer knows the newest events of their plans.
	maxQueues = 10_000
	// restFor is how long a goroutine rests after a round trip with a single call: whose plan has
	// one task in flight at a time soon sends the next. To begin a goroutine and to wake a thread
	// for it, and another one for the caller, takes longer than the client's work on a commit.
	restFor = 10 * time.Millisecond
)

// withdraw removes a call that is not yet in a batch.
func (l *commitQueue) withdraw(c *call) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if i := slices.Index(l.waiting, c); i >= 0 {
		l.waiting = slices.Delete(l.waiting, i, i+1)
		l.changes -= c.changeCount()
	}
}

// nextBatch moves waiting calls into t, up to the limits. If none waits, or too few for a round
// trip beyond maxRoundTrips, it returns false and counts the round trip as ended.
func (l *commitQueue) nextBatch(t *roundTrip) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	changes, size, n := 0, 0, 0
	if l.underWay > maxRoundTrips && !l.full() {
		l.underWay-- // the round trips still under way send the waiting calls
		return false
	}
	for _, c := range l.waiting {
		if n > 0 && (changes+c.changeCount() > maxChanges || size+c.size > maxBytes) {
			break
		}
		changes += c.changeCount()
		size += c.size
		n++
	}
	if n == 0 {
		l.underWay--
		return false
	}
	t.calls = append(t.calls[:0], l.waiting[:n]...)
	l.changes -= changes
	rest := copy(l.waiting, l.waiting[n:])
	clear(l.waiting[rest:])
	l.waiting = l.waiting[:rest]
	t.seen = l.seen
	if t.hints = time.Since(l.hinted) >= store.HintPause; t.hints {
		l.hinted = time.Now()
	}
	return true
}

// takesDetour reports whether this round trip does without turn.lua, and counts it.
func (l *commitQueue) takesDetour() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.detours == 0 {
		return false
	}
	l.detours--
	return true
}

// detour notes that turn.lua could not make a round trip.
func (l *commitQueue) detour() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.detours = maxDetours
}

// rest counts a round trip as ended and lets its goroutine rest, unless calls wait or another one
// rests already.
func (l *commitQueue) rest() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.resting || len(l.waiting) > 0 {
		return false
	}
	l.resting = true
	l.underWay--
	return true
}

// leave ends a rest. It returns false if there is a duty to do instead.
func (l *commitQueue) leave() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	left := l.resting
	l.resting = false
	return left
}

// hintAgain lets the next round trip hint at new events, because the last one had none.
func (l *commitQueue) hintAgain() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.hinted = time.Time{}
}

// full reports whether the calls that wait fill a round trip.
func (l *commitQueue) full() bool { return l.changes >= maxChanges }

// newest returns the number of the newest event of the plan that this process has seen.
func (l *commitQueue) newest() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.seen
}

// queues are the commit queues of all plans.
type queues struct {
	client  *client
	tokens  *tokens
	indexes *indexes
	spare   sync.Pool // of *roundTrip, for reuse

	mu     sync.Mutex
	byPlan map[plan.ID]*commitQueue
}

// of returns the plan's queue.
func (q *queues) of(id plan.ID) *commitQueue {
	q.mu.Lock()
	defer q.mu.Unlock()
	l := q.byPlan[id]
	if l == nil {
		if len(q.byPlan) >= maxQueues {
			q.drop()
		}
		l = &commitQueue{key: q.client.keys.plan(id), duty: make(chan duty, 1)}
		q.byPlan[id] = l
	}
	return l
}

// forget drops everything that this process knows about a plan.
func (q *queues) forget(id plan.ID) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.byPlan, id)
}

// drop forgets queues that are not in use. The caller holds q.mu.
func (q *queues) drop() {
	for id, l := range q.byPlan {
		l.mu.Lock()
		idle := l.underWay == 0 && len(l.waiting) == 0
		l.mu.Unlock()
		if idle {
			delete(q.byPlan, id)
		}
		if len(q.byPlan) < maxQueues/2 {
			return
		}
	}
}

// submit sends c with the next round trip and waits for its answer. If ctx ends first, or the
// server stops answering, c may still take effect.
func (q *queues) submit(ctx context.Context, id plan.ID, c *call) error {
	l := q.of(id)
	c.key = l.key
	n, err := q.client.nodes.of(ctx, l.key)
	if err == nil {
		err = n.refuse()
	}
	if err != nil {
		return q.client.fault(ctx, l.key, err)
	}
	l.mu.Lock()
	l.waiting = append(l.waiting, c)
	l.changes += c.changeCount()
	start := l.underWay < maxRoundTrips || l.full() && l.underWay < maxFull
	if start {
		l.underWay++
	}
	rested := start && l.resting
	if rested {
		l.resting = false
	}
	l.mu.Unlock()
	switch {
	case rested:
		l.duty <- duty{context.WithoutCancel(ctx), n}
	case start:
		go q.serve(id, l, duty{context.WithoutCancel(ctx), n})
	}
	c.late.Reset(answerTimeout)
	defer c.late.Stop()
	for {
		select {
		case <-c.done:
			return c.err
		case <-ctx.Done():
			l.withdraw(c)
			n.inquire() // for later callers
			return ctx.Err()
		case <-c.late.C:
			if !n.answers(ctx, answerTimeout) {
				l.withdraw(c)
				return q.client.fault(ctx, l.key, &silentError{n.addr})
			}
			c.late.Reset(answerTimeout)
		}
	}
}

// serve makes round trips as long as calls wait. After one with a single call it rests for a
// moment.
func (q *queues) serve(id plan.ID, l *commitQueue, d duty) {
	t := q.take()
	defer q.spare.Put(t)
	var over *time.Timer
	for l.nextBatch(t) {
		d.n.note(q.commit(d.ctx, id, l, t))
		rests := len(t.calls) == 1 && l.rest()
		t.complete()
		if !rests {
			// Let the callers that were answered submit their next change before the next
			// batch is taken: otherwise it would consist of the first of them alone.
			runtime.Gosched()
			continue
		}
		if over == nil {
			over = time.NewTimer(restFor)
			defer over.Stop()
		} else {
			over.Reset(restFor)
		}
		select {
		case d = <-l.duty:
		case <-over.C:
			if l.leave() {
				return
			}
			d = <-l.duty
		}
	}
}
