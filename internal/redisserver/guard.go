package redisserver

import (
	"context"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/internal/await"
)

// Interval is how old the newest look may be before [Guard.Found] takes another.
const Interval = time.Minute

// Guard remembers whether a server may drop keys, and looks again from time to time. It is
// safe for concurrent use, has no goroutine while nobody calls it, and needs no closing.
type Guard struct {
	// Immutable after construction.
	rdb   redis.UniversalClient
	every time.Duration

	mu      sync.Mutex
	found   *Eviction
	looked  time.Time // when the newest look ended
	looking bool      // in the background
}

// NewGuard returns a guard that has not looked yet. It looks again every so often, by
// default (if every is 0) once an [Interval].
func NewGuard(rdb redis.UniversalClient, every time.Duration) *Guard {
	if every == 0 {
		every = Interval
	}
	return &Guard{rdb: rdb, every: every}
}

// Look asks the server now, as [FindEviction] does, and returns when ctx ends at the
// latest. An error leaves what was known.
func (g *Guard) Look(ctx context.Context) (*Eviction, error) {
	found, err := await.Value(ctx, func(ctx context.Context) (*Eviction, error) { return FindEviction(ctx, g.rdb) })
	g.mu.Lock()
	defer g.mu.Unlock()
	g.looked = time.Now()
	if err == nil {
		g.found = found
	}
	return found, err
}

// Found returns at once what the newest look has found, nil if the server keeps its keys or
// does not tell. If that look is older than the interval, another is taken in the
// background, for the next call: what was set later is known one interval and one call
// later, and so is that it was mended.
func (g *Guard) Found() *Eviction {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.looking && time.Since(g.looked) >= g.every {
		g.looking = true
		go g.again()
	}
	return g.found
}

// again takes a look in the background. Its error is told by the calls that are made
// anyway: they meet the same server.
func (g *Guard) again() {
	_, _ = g.Look(context.Background())
	g.mu.Lock()
	defer g.mu.Unlock()
	g.looking = false
}
