package redisserver

import (
	"context"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/internal/await"
)

// Interval is how old the newest check may be before [Guard.Found] starts another.
const Interval = time.Minute

// Guard remembers whether a server may evict keys, and checks it again from time to time. It is
// safe for concurrent use, starts a goroutine only for a check in the background, and needs no
// closing.
type Guard struct {
	// Immutable after construction.
	rdb   redis.UniversalClient
	every time.Duration

	mu      sync.Mutex
	found   *Eviction
	looked  time.Time // when the newest check ended
	looking bool      // a check runs in the background
}

// NewGuard returns a guard that has not checked the server yet. [Guard.Found] checks it again when
// the newest check is older than every, or than [Interval] if every is 0.
func NewGuard(rdb redis.UniversalClient, every time.Duration) *Guard {
	if every == 0 {
		every = Interval
	}
	return &Guard{rdb: rdb, every: every}
}

// Look checks the server now, as [FindEviction] does, and returns when ctx ends at the latest.
// After an error the guard keeps the result of the previous check.
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

// Found immediately returns the result of the newest check, or nil if the server keeps its keys or
// does not report its settings. If that check is older than the interval, Found starts another
// check in the background, for the next call. Found thus reports a change of the settings, in
// either direction, one interval and one call later.
func (g *Guard) Found() *Eviction {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.looking && time.Since(g.looked) >= g.every {
		g.looking = true
		go g.again()
	}
	return g.found
}

// again checks the server in the background. It drops errors, because the component's other calls
// reach the same server and report them.
func (g *Guard) again() {
	_, _ = g.Look(context.Background())
	g.mu.Lock()
	defer g.mu.Unlock()
	g.looking = false
}
