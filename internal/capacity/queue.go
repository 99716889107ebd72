package capacity

import (
	"maps"
	"slices"
	"sync"

	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/internal/signal"
	"github.com/cutover-go/cutover/plan"
)

// Plan is what a worker has to know of a plan. None of it ever changes once the plan was started.
type Plan struct {
	ID           plan.ID
	ExecutorType string
	Executor     executor.TaskExecutor
	Parameters   map[string]string
	StartToken   uint64
}

// Queue shares out the capacity of a process. It is safe for concurrent use.
type Queue struct {
	capacity int
	changed  signal.Flag

	mu    sync.Mutex
	taken int
	// ready are plans that have tasks to claim.
	ready map[plan.ID]*candidate
	// round numbers the claims: the plan with the smallest number was served least recently.
	round int64
	// pending are plans to look at before they are due.
	pending map[plan.ID]struct{}
}

// candidate is a plan that has tasks to claim.
type candidate struct {
	plan      *Plan
	lastClaim int64
	claiming  bool // its claim is under way
}

// NewQueue returns a queue of that capacity, in tasks.
func NewQueue(capacity int) *Queue {
	return &Queue{
		capacity: capacity,
		changed:  signal.NewFlag(),
		ready:    make(map[plan.ID]*candidate),
		pending:  make(map[plan.ID]struct{}),
	}
}

// Changed is raised when Next or Pending may have something to say that they had not before.
func (q *Queue) Changed() signal.Flag { return q.changed }

// Enqueue asks for a plan to be looked at soon.
func (q *Queue) Enqueue(id plan.ID) {
	q.mu.Lock()
	q.pending[id] = struct{}{}
	q.mu.Unlock()
	q.changed.Raise()
}

// Pending returns the plans that were enqueued since the last call.
func (q *Queue) Pending() []plan.ID {
	q.mu.Lock()
	defer q.mu.Unlock()
	ids := slices.Collect(maps.Keys(q.pending))
	clear(q.pending)
	return ids
}

// SetReady notes whether a plan has tasks to claim.
func (q *Queue) SetReady(p *Plan, ready bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.setReadyLocked(p, ready)
}

func (q *Queue) setReadyLocked(p *Plan, ready bool) {
	switch c := q.ready[p.ID]; {
	case !ready:
		delete(q.ready, p.ID)
	case c == nil:
		// Behind the plans that are ready already, and before any that is served from now on.
		q.ready[p.ID] = &candidate{plan: p, lastClaim: q.round}
	default:
		c.plan = p
	}
}

// Remove forgets a plan that was removed.
func (q *Queue) Remove(id plan.ID) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.ready, id)
}

// Next returns the plan to claim tasks of, and how much capacity was taken for that claim: a
// bounded share of what is free, so that one plan does not get all of it while others are ready. n
// is 0 if no plan is ready or nothing is free. The caller ends the claim by [Queue.ClaimDone] and
// gives back what it took by [Queue.Release].
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

// leastRecentlyServed returns the plan to serve next and how many there are to choose from.
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

// ClaimDone ends the claim of a plan and notes whether the plan has further tasks.
func (q *Queue) ClaimDone(p *Plan, ready bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if c := q.ready[p.ID]; c != nil {
		c.claiming = false
	}
	q.setReadyLocked(p, ready)
}

// Release gives back the capacity for n tasks.
func (q *Queue) Release(n int) {
	q.mu.Lock()
	q.taken -= n
	q.mu.Unlock()
	q.changed.Raise()
}

// Contended reports whether all capacity is taken and a plan other than id is ready: a worker of id
// then makes room instead of claiming its next task.
func (q *Queue) Contended(id plan.ID) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.taken < q.capacity {
		return false
	}
	_, own := q.ready[id]
	return len(q.ready) > 1 || len(q.ready) == 1 && !own
}
