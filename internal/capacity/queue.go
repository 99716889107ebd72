package capacity

import (
	"maps"
	"slices"
	"sync/atomic"

	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/internal/brief"
	"github.com/cutover-go/cutover/internal/signal"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
)

// Plan is what a worker needs to know about a plan. None of it changes after the plan was started.
type Plan struct {
	ID           plan.ID
	ExecutorType string
	Executor     executor.TaskExecutor
	Parameters   map[string]string
	Annotations  map[string]string
	StartToken   uint64
	// Created is the number of tasks that the plan was created with; the others were added.
	Created  int
	Strategy strategy.Strategy
}

// Waits reports whether the plan's tasks lock their tenants when they are claimed.
func (p *Plan) Waits() bool { return p.Strategy.Conflict == strategy.Wait }

// Chooses reports whether pending tasks of the plan are chosen before they are claimed, because
// their tenants or places in quotas may not be free.
func (p *Plan) Chooses() bool { return p.Waits() || len(p.Strategy.Quotas) > 0 }

// Queue shares out the capacity of a process. It is safe for concurrent use.
type Queue struct {
	capacity int
	changed  signal.Flag
	// wanting is the only plan that is ready and not idle, nobody if there is none, several if
	// there is more than one. Contended reads it, and mostly nothing else.
	wanting atomic.Int64

	mu    brief.Mutex
	taken int
	// ready are the plans that have tasks to claim, and those of which a claim is under way.
	ready map[plan.ID]*candidate
	// round numbers the claims: the plan with the smallest lastClaim was served least recently.
	round int64
	// pending are plans to reconcile before they are due.
	pending map[plan.ID]struct{}
}

// Values of Queue.wanting that are no plans.
const (
	nobody  = 0
	several = -1
)

// candidate is a plan that has tasks to claim.
type candidate struct {
	plan      *Plan
	lastClaim int64
	claiming  bool // a claim of its tasks is under way
	idle      bool // it has no tasks to claim any more; only while claiming
}

// NewQueue returns a queue with capacity for the given number of tasks.
func NewQueue(capacity int) *Queue {
	return &Queue{
		capacity: capacity,
		changed:  signal.NewFlag(),
		ready:    make(map[plan.ID]*candidate),
		pending:  make(map[plan.ID]struct{}),
	}
}

// Changed returns a flag that is raised when Next or Pending may return something new.
func (q *Queue) Changed() signal.Flag { return q.changed }

// Enqueue makes the dispatcher reconcile a plan soon.
func (q *Queue) Enqueue(id plan.ID) {
	q.mu.Lock()
	q.pending[id] = struct{}{}
	q.mu.Unlock()
	q.changed.Raise()
}

// Pending returns the plans that were enqueued since the last call, in any order.
func (q *Queue) Pending() []plan.ID {
	q.mu.Lock()
	defer q.mu.Unlock()
	ids := slices.Collect(maps.Keys(q.pending))
	clear(q.pending)
	return ids
}

// SetReady records whether a plan has tasks to claim.
func (q *Queue) SetReady(p *Plan, ready bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.setReadyLocked(p, ready)
}

func (q *Queue) setReadyLocked(p *Plan, ready bool) {
	switch c := q.ready[p.ID]; {
	case !ready:
		q.removeLocked(p.ID)
	case c == nil:
		// The plan's turn comes after the plans that are ready already, and before any plan that is
		// served from now on.
		q.ready[p.ID] = &candidate{plan: p, lastClaim: q.round}
	default:
		c.plan, c.idle = p, false
	}
	q.noteLocked()
}

// removeLocked removes a plan, or makes it idle until its claim has ended.
func (q *Queue) removeLocked(id plan.ID) {
	defer q.noteLocked()
	if c := q.ready[id]; c != nil && c.claiming {
		c.idle = true
		return
	}
	delete(q.ready, id)
}

// noteLocked notes which plan is ready and not idle.
func (q *Queue) noteLocked() {
	wanting := int64(nobody)
	for id, c := range q.ready {
		switch {
		case c.idle:
		case wanting != nobody:
			q.wanting.Store(several)
			return
		default:
			wanting = int64(id)
		}
	}
	q.wanting.Store(wanting)
}

// Remove removes a plan that does not exist any more.
func (q *Queue) Remove(id plan.ID) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.removeLocked(id)
}

// Next returns the plan to claim tasks of, and the number n of tasks for which it took capacity: a
// share of the free capacity, so that one plan does not get all of it while others are ready. n is
// 0 if no plan is ready or no capacity is free. The caller ends the claim with [Queue.ClaimDone]
// and releases the capacity with [Queue.Release].
func (q *Queue) Next() (p *Plan, n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	free := q.capacity - q.taken
	if free <= 0 {
		return nil, 0
	}
	next, waiting := q.leastRecentlyServed()
	if next == nil {
		return nil, 0
	}
	q.round++
	next.lastClaim, next.claiming = q.round, true
	n = max(1, free/waiting)
	q.taken += n
	return next.plan, n
}

// leastRecentlyServed returns the plan to serve next, nil if there is none, and the number of plans
// that wait to be served.
func (q *Queue) leastRecentlyServed() (next *candidate, waiting int) {
	for _, c := range q.ready {
		if c.claiming {
			continue
		}
		waiting++
		if next == nil || c.lastClaim < next.lastClaim || c.lastClaim == next.lastClaim && c.plan.ID < next.plan.ID {
			next = c
		}
	}
	return next, waiting
}

// ClaimDone ends the claim of a plan and records whether the plan has further tasks to claim.
func (q *Queue) ClaimDone(p *Plan, ready bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if c := q.ready[p.ID]; c != nil {
		c.claiming = false
	}
	q.setReadyLocked(p, ready)
}

// Release releases the capacity for n tasks.
func (q *Queue) Release(n int) {
	q.mu.Lock()
	q.taken -= n
	q.mu.Unlock()
	q.changed.Raise()
}

// Contended reports whether all capacity is taken and a plan other than id is ready. A worker of id
// then releases its capacity instead of claiming its next task.
func (q *Queue) Contended(id plan.ID) bool {
	if wanting := q.wanting.Load(); wanting == nobody || wanting == int64(id) {
		return false
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.taken < q.capacity {
		return false
	}
	for other, c := range q.ready {
		if other != id && !c.idle {
			return true
		}
	}
	return false
}
