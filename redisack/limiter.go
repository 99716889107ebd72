package redisack

import "sync"

// limiter bounds the attempts under way over all runs of a client, and is fair among the runs: each
// one that waits gets one place in turn, however many attempts the others would like to make.
type limiter struct {
	mu sync.Mutex
	// Invariant: free > 0 only while nobody waits.
	free    int
	waiting []*quota // each at most once, in order
}

// quota is one run at a limiter. The places given to it and not used yet are its grants.
type quota struct {
	limiter *limiter
	grants  int
	queued  bool
	// ready holds an entry after a place was given to a waiting run.
	ready chan struct{}
}

func newLimiter(places int) *limiter { return &limiter{free: places} }

func (l *limiter) quota() *quota { return &quota{limiter: l, ready: make(chan struct{}, 1)} }

// acquire gets a place, or queues for one and returns false.
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

// release returns a place.
func (q *quota) release() {
	q.limiter.mu.Lock()
	defer q.limiter.mu.Unlock()
	q.limiter.put()
}

// leave returns the grants that the run has no use for, and takes the run out of the queue.
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

// put gives a place to the next in the queue. The caller holds mu.
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
