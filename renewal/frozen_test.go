package renewal

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/internal/redistest"
)

// TestClusterWithAFrozenNode freezes one of three masters, which then answers nothing. Renewals and
// locks on the other masters must not be delayed.
func TestClusterWithAFrozenNode(t *testing.T) {
	t.Parallel()
	c := redistest.StartCluster(t, 3, 0)
	rdb := c.Client()
	s := onRedis(t, rdb, Config{CallTimeout: 300 * time.Millisecond, Grace: 2 * time.Second})
	g := newGaps()
	const ttl, interval = 3 * time.Second, 250 * time.Millisecond
	p := &Policy{TTL: FixedTTL(ttl), Interval: Every(interval), Callbacks: Callbacks{OnRenewed: g.renewed}}
	victim := c.MasterFor("victim")
	var well []string
	handles := map[string]*Handle{}
	for i := range 300 {
		key := fmt.Sprint("k", i)
		set(t, rdb, key, "me", ttl)
		handles[key] = register(t, s, Task{Keys: []string{key}, Owner: []string{"", "me"}[i%2], Policy: p})
		if c.MasterFor(key) != victim {
			well = append(well, key)
		}
	}
	eventually(t, 10*time.Second, func() bool { return s.Stats().Renewed > 1500 }, "not renewed")
	g.reset()
	victim.Freeze()
	until := time.Now().Add(2 * ttl)
	for i := 0; time.Now().Before(until); i++ {
		locksBesideAFrozenNode(t, s, well[i%len(well)])
	}
	if worst := g.worst(well); worst > ttl*2/3 { // a busy machine may delay renewals
		t.Errorf("a gap of %v between renewals on the other masters, want about %v", worst, interval)
	}
	for _, key := range well {
		if r := handles[key].Result(); r.Reason != Live {
			t.Errorf("%s on a living master: %+v", key, r)
		}
	}
	t.Run("new client", func(t *testing.T) { newClientBesideAFrozenNode(t, c) })
}

// locksBesideAFrozenNode acquires and releases a lock on the node of key, and fails to acquire a
// lock on the frozen node.
func locksBesideAFrozenNode(t *testing.T, s *Service, key string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	l, err := s.Acquire(ctx, "{"+key+"}lock", 10*time.Second)
	if err != nil {
		t.Fatalf("%s is on another node: %v", key, err)
	}
	if err := l.Release(ctx); err != nil {
		t.Fatalf("%s is on another node: %v", key, err)
	}
	leavesInTime(t, s, "victim")
}

// leavesInTime checks that Acquire on a frozen node returns when its context ends.
func leavesInTime(t *testing.T, s *Service, key string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	began := time.Now()
	if _, err := s.Acquire(ctx, key, 10*time.Second); err == nil || errors.Is(err, ErrHeld) {
		t.Fatalf("Acquire on a frozen node: %v", err)
	}
	if took := time.Since(began); took > time.Second { // 100 ms, and a margin for a busy machine
		t.Fatalf("Acquire on a frozen node took %v", took)
	}
}

// newClientBesideAFrozenNode checks that Acquire and Run return in time if the client has to read
// the state of the cluster from the frozen node first.
func newClientBesideAFrozenNode(t *testing.T, c *redistest.Cluster) {
	t.Helper()
	opt := c.Options()
	opt.Addrs = []string{c.MasterFor("victim").Addr()}
	rdb := redis.NewClusterClient(opt)
	t.Cleanup(func() { _ = rdb.Close() })
	const grace = time.Second
	s, err := New(rdb, Config{CallTimeout: 300 * time.Millisecond, Grace: grace})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	<-s.Started()
	register(t, s, Task{Keys: []string{"k1"}, Policy: every(250 * time.Millisecond)})
	leavesInTime(t, s, "victim")
	cancel()
	began := time.Now()
	if err := <-done; err != nil {
		t.Errorf("Run: %v", err)
	}
	if took := time.Since(began); took > grace+time.Second {
		t.Errorf("Run ended after %v, want %v at most", took, grace)
	}
}
