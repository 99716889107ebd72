package redisack

import "sync"

// limiter bounds the attempts under way over all runs of a client. It is fair: waiting runs get one
// place each in turn, however many attempts the other runs have pending.
type limiter struct {
	mu sync.Mutex
	// Invariant: free > 0 only if no run waits.
	free    int
	waiting []*quota // each at most once, in order
}

// quota is the share of one run in a limiter. Its grants are the places that the run was given in
// its turn and has not used yet.
type quota struct {
	limiter *limiter
	grants  int
	queued  bool
	// ready holds an entry after put has passed a place to the waiting run.
	ready chan struct{}
}

func newLimiter(places int) *limiter { return &limiter{free: places} }

func (l *limiter) quota() *quota { return &quota{limiter: l, ready: make(chan struct{}, 1)} }

// acquire takes a place and returns true, or queues the run for one and returns false.
func (q *quota) acquire() bool {
	l := q.limiter
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case q.grants > 0:
		q.grants--
	case l.free > 0:
		l.free--
	default:
		if !q.queued {
			q.queued = true
			l.waiting = append(l.waiting, q)
		}
		return false
	}
	return true
}

// release releases one place.
func (q *quota) release() {
	q.limiter.mu.Lock()
	defer q.limiter.mu.Unlock()
	q.limiter.put()
}

// leave releases the unused grants of the run and removes the run from the queue.
func (q *quota) leave() {
	l := q.limiter
	l.mu.Lock()
	defer l.mu.Unlock()
	if q.queued {
		for i, other := range l.waiting {
			if other == q {
				l.waiting = append(l.waiting[:i], l.waiting[i+1:]...)
				break
			}
		}
		q.queued = false
	}
	for ; q.grants > 0; q.grants-- {
		l.put()
	}
}

// put passes a place to the next run in the queue, or frees it. The caller holds mu.
func (l *limiter) put() {
	if len(l.waiting) == 0 {
		l.free++
		return
	}
	next := l.waiting[0]
	l.waiting = l.waiting[1:]
	next.queued = false
	next.grants++
	select {
	case next.ready <- struct{}{}:
	default:
	}
}
