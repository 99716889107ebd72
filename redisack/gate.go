package redisack

import "sync"

// gate bounds the attempts under way over all runs of a client, and is fair among the runs: each one that waits gets
// one place in turn, however many attempts the others would like to make.
type gate struct {
	mu sync.Mutex
	// Invariant: free > 0 only while nobody waits.
	free    int
	waiting []*lane // each at most once, in order
}

// lane is one run at a gate. The places given to it and not used yet are its grants.
type lane struct {
	gate   *gate
	grants int
	queued bool
	// ready holds an entry after a place was given to a waiting lane.
	ready chan struct{}
}

func newGate(places int) *gate { return &gate{free: places} }

func (g *gate) open() *lane { return &lane{gate: g, ready: make(chan struct{}, 1)} }

// take gets a place, or queues for one and returns false.
func (l *lane) take() bool {
	g := l.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case l.grants > 0:
		l.grants--
	case g.free > 0:
		g.free--
	default:
		if !l.queued {
			l.queued = true
			g.waiting = append(g.waiting, l)
		}
		return false
	}
	return true
}

// release gives a place back.
func (l *lane) release() {
	l.gate.mu.Lock()
	defer l.gate.mu.Unlock()
	l.gate.put()
}

// idle gives back what the lane was given and has no use for, and takes it out of the queue.
func (l *lane) idle() {
	g := l.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	if l.queued {
		for i, other := range g.waiting {
			if other == l {
				g.waiting = append(g.waiting[:i], g.waiting[i+1:]...)
				break
			}
		}
		l.queued = false
	}
	for ; l.grants > 0; l.grants-- {
		g.put()
	}
}

// put hands a place to the next in the queue. The caller holds mu.
func (g *gate) put() {
	if len(g.waiting) == 0 {
		g.free++
		return
	}
	next := g.waiting[0]
	g.waiting = g.waiting[1:]
	next.queued = false
	next.grants++
	select {
	case next.ready <- struct{}{}:
	default:
	}
}
