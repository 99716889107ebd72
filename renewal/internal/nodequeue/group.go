package nodequeue

import (
	"context"
	"sync"
	"time"
)

// Options are common to the queues of a group. All are required.
type Options[T any] struct {
	BatchSize int // maximum number of values per call
	MaxBatch  int // the same for a queue that is behind
	InFlight  int // maximum number of calls under way per queue

	// Now returns the present moment on the clock of Item.Due.
	Now func() time.Duration
	// LagLimit is how late a value may be before its queue counts as behind.
	LagLimit func(T) time.Duration
	// OnLag is called when a queue falls behind and when it has caught up. The queue is locked
	// during the call, so OnLag must return at once and not call the queue.
	OnLag func(Lag)
	// OnSilent is called when a server becomes silent and when it answers again.
	OnSilent func(queue string, silent bool)
}

// Lag says that a queue has fallen behind, or has caught up.
type Lag struct {
	Queue string
	Begun bool
	Late  time.Duration // of the oldest value of RankDue
	Depth int           // values in the queue
}

// Group holds the queues of all servers, and owns the goroutines of their workers.
type Group[T any] struct {
	opt    *Options[T]
	ctx    context.Context //nolint:containedctx // of the calls; Close cancels it
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu     sync.Mutex
	queues []*Queue[T] // only ever appended to
	closed bool
}

// NewGroup returns a group without queues.
func NewGroup[T any](opt Options[T]) *Group[T] {
	g := &Group[T]{opt: &opt}
	g.ctx, g.cancel = context.WithCancel(context.Background())
	return g
}

// Queue returns the queue of that name. If there is none, it creates one whose workers makeWorker
// makes.
func (g *Group[T]) Queue(name string, makeWorker func() Worker[T]) *Queue[T] {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, q := range g.queues {
		if q.name == name {
			return q
		}
	}
	q := &Queue[T]{name: name, opt: g.opt, group: g, make: makeWorker}
	g.queues = append(g.queues, q)
	return q
}

// all returns the present queues.
func (g *Group[T]) all() []*Queue[T] {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.queues
}

// Kick starts workers wherever something is queued.
func (g *Group[T]) Kick() {
	for _, q := range g.all() {
		q.kick(1)
	}
}

// KickFull starts workers only where a whole batch is queued.
func (g *Group[T]) KickFull() {
	for _, q := range g.all() {
		q.kick(g.opt.BatchSize)
	}
}

// Go runs f in a goroutine that Close waits for. It reports false, and does nothing, if
// the group is closed.
func (g *Group[T]) Go(f func(context.Context)) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return false
	}
	g.wg.Go(func() { f(g.ctx) })
	return true
}

// Idle reports whether nothing is queued or under way.
func (g *Group[T]) Idle() bool {
	for _, q := range g.all() {
		q.mu.Lock()
		idle := q.workers == 0 && q.depth() == 0
		q.mu.Unlock()
		if !idle {
			return false
		}
	}
	return true
}

// Close ends the calls under way and waits for the workers. Queued values stay queued.
func (g *Group[T]) Close() {
	g.mu.Lock()
	g.closed = true
	g.mu.Unlock()
	g.cancel()
	g.wg.Wait()
}

// Stats are the figures of a group at one moment.
type Stats struct {
	Queued  int           // values
	Calls   int           // under way
	Overdue time.Duration // lateness of the oldest value
}

// Stats returns the figures.
func (g *Group[T]) Stats(now time.Duration) (st Stats) {
	for _, q := range g.all() {
		q.mu.Lock()
		st.Queued += q.depth()
		st.Calls += q.workers
		for _, r := range []*ring[T]{&q.first, &q.retries, &q.due} {
			if r.n > 0 {
				st.Overdue = max(st.Overdue, now-r.peek().Due)
			}
		}
		sorted := q.run.items[q.run.at:] // its items do not change
		q.mu.Unlock()
		for i := range sorted {
			st.Overdue = max(st.Overdue, now-sorted[i].Due)
		}
	}
	return st
}
