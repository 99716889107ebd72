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

// lane is where the commits of one plan wait for a round trip. A commit that finds
// fewer than maxTrips round trips under way is sent at once; what comes while they
// are under way travels together in the next one. As many as fill a trip do not wait,
// up to maxFull trips.
type lane struct {
	key string // of the plan's record

	mu      sync.Mutex
	queue   []*call
	changes int // in the queue
	trips   int
	// seen is the number of the plan's newest event that any answer told of.
	seen int64
}

const (
	// maxTrips is how many round trips of one plan are under way at once: one that the
	// server works on, and one that the client prepares or reads.
	maxTrips = 2
	// maxFull is how many are if all of them are full. A server that writes to disk
	// before it answers does so once for all that it has read.
	maxFull = 4
	// maxChanges is how many changes travel together: a script of 200 holds the server
	// for 0.6 ms, and costs a twelfth less for each than one of 100.
	maxChanges = 2 * store.MaxBatch
	// maxBytes closes a script call to further commits.
	maxBytes = 1 << 20
	// maxLanes is how many plans are remembered by what was seen of them.
	maxLanes = 10_000
)

// lane returns the plan's lane.
func (s *Store) lane(id plan.ID) *lane {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.lanes[id]
	if l == nil {
		if len(s.lanes) >= maxLanes {
			s.dropLanes()
		}
		l = &lane{key: s.keys.plan(id)}
		s.lanes[id] = l
	}
	return l
}

// dropLanes forgets lanes that are not in use. The caller holds s.mu.
func (s *Store) dropLanes() {
	for id, l := range s.lanes {
		l.mu.Lock()
		idle := l.trips == 0 && len(l.queue) == 0
		l.mu.Unlock()
		if idle {
			delete(s.lanes, id)
		}
		if len(s.lanes) < maxLanes/2 {
			return
		}
	}
}

// submit sends c with the next round trip and waits for its answer. If ctx ends before, or
// the server turns out to be silent, c may be carried out all the same.
func (s *Store) submit(ctx context.Context, id plan.ID, c *call) error {
	l := s.lane(id)
	c.key = l.key
	n, err := s.nodes.of(ctx, l.key)
	if err == nil {
		err = n.refuse()
	}
	if err != nil {
		return s.fault(ctx, l.key, err)
	}
	l.mu.Lock()
	l.queue = append(l.queue, c)
	l.changes += c.changes()
	start := l.trips < maxTrips || l.full() && l.trips < maxFull
	if start {
		l.trips++
	}
	l.mu.Unlock()
	if start {
		go s.travel(context.WithoutCancel(ctx), id, l, n)
	}
	late := time.NewTimer(patience)
	defer late.Stop()
	for {
		select {
		case <-c.done:
			return c.err
		case <-ctx.Done():
			l.withdraw(c)
			n.inquire() // for those who come later
			return ctx.Err()
		case <-late.C:
			if !n.answers(ctx, patience) {
				l.withdraw(c)
				return s.fault(ctx, l.key, &silentError{n.addr})
			}
			late.Reset(patience)
		}
	}
}

// withdraw takes a call back that no trip has taken along.
func (l *lane) withdraw(c *call) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if i := slices.Index(l.queue, c); i >= 0 {
		l.queue = slices.Delete(l.queue, i, i+1)
		l.changes -= c.changes()
	}
}

// travel makes round trips as long as anyone waits for one.
func (s *Store) travel(ctx context.Context, id plan.ID, l *lane, n *node) {
	t := s.takeTrip()
	defer s.trips.Put(t)
	for l.board(t) {
		n.note(s.commit(ctx, id, l, t))
		t.deliver()
		// Let those who were answered come back with their next change before the next
		// trip leaves: otherwise it would leave with the first of them alone.
		runtime.Gosched()
	}
}

// board moves waiting calls into t, up to the limits. It reports false, and takes the
// trip back, if none waits, or too few for one trip more than usual.
func (l *lane) board(t *trip) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	changes, size, n := 0, 0, 0
	if l.trips > maxTrips && !l.full() {
		l.trips-- // the others take them along
		return false
	}
	for _, c := range l.queue {
		if n > 0 && (changes+c.changes() > maxChanges || size+c.size > maxBytes) {
			break
		}
		changes += c.changes()
		size += c.size
		n++
	}
	if n == 0 {
		l.trips--
		return false
	}
	t.calls = append(t.calls[:0], l.queue[:n]...)
	l.changes -= changes
	rest := copy(l.queue, l.queue[n:])
	clear(l.queue[rest:])
	l.queue = l.queue[:rest]
	t.seen = l.seen
	return true
}

// full reports whether what waits fills a trip.
func (l *lane) full() bool { return l.changes >= maxChanges }

// newest returns the plan's newest event that was seen.
func (l *lane) newest() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.seen
}
