package renewal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/renewal/internal/backend"
)

// gaps records the longest time between two renewals of each key.
type gaps struct {
	mu   sync.Mutex
	last map[string]time.Time
	max  map[string]time.Duration
}

func newGaps() *gaps {
	return &gaps{last: map[string]time.Time{}, max: map[string]time.Duration{}}
}

func (g *gaps) renewed(_ context.Context, e Event) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if last, ok := g.last[e.Key]; ok {
		g.max[e.Key] = max(g.max[e.Key], e.At.Sub(last))
	}
	g.last[e.Key] = e.At
}

func (g *gaps) reset() {
	g.mu.Lock()
	defer g.mu.Unlock()
	clear(g.max)
}

// worst returns the longest gap of the given keys, including the gap until now.
func (g *gaps) worst(keys []string) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	worst := time.Duration(0)
	for _, key := range keys {
		worst = max(worst, g.max[key], time.Since(g.last[key]))
	}
	return worst
}

// TestCluster runs the tests that need a complete cluster on one cluster, and then kills a master.
func TestCluster(t *testing.T) {
	t.Parallel()
	c := redistest.StartCluster(t, 3, 0)
	t.Run("Whole", func(t *testing.T) {
		t.Run("SlotMoves", func(t *testing.T) { clusterSlotMoves(t, c) })
		t.Run("HalfMovedSlot", func(t *testing.T) { clusterHalfMovedSlot(t, c) })
		t.Run("SelectorsAndLeases", func(t *testing.T) { clusterSelectorsAndLeases(t, c) })
	})
	t.Run("DeadMaster", func(t *testing.T) { clusterWithADeadMaster(t, c) })
}

// clusterWithADeadMaster kills one of three masters. The keys of that master are lost; the other
// keys are renewed on time.
func clusterWithADeadMaster(t *testing.T, c *redistest.Cluster) {
	t.Helper()
	rdb := c.Client()
	s := onRedis(t, rdb, Config{CallTimeout: 300 * time.Millisecond})
	g := newGaps()
	const ttl, interval = 2 * time.Second, 250 * time.Millisecond
	p := &Policy{TTL: FixedTTL(ttl), Interval: Every(interval), Callbacks: Callbacks{OnRenewed: g.renewed}}
	victim := c.MasterFor("victim")
	var well, ill []string
	handles := map[string]*Handle{}
	for i := range 300 {
		key := fmt.Sprint("k", i)
		set(t, rdb, key, "me", ttl)
		handles[key] = register(t, s, Task{Keys: []string{key}, Owner: []string{"", "me"}[i%2], Policy: p})
		if c.MasterFor(key) == victim {
			ill = append(ill, key)
		} else {
			well = append(well, key)
		}
	}
	eventually(t, 10*time.Second, func() bool { return s.Stats().Renewed > 1500 }, "not renewed")
	g.reset()
	victim.Kill()
	for _, key := range ill {
		select {
		case <-handles[key].Done():
		case <-time.After(10 * time.Second):
			t.Fatalf("%s on the dead master is not lost", key)
		}
	}
	if worst := g.worst(well); worst > ttl*2/3 { // a busy machine may delay renewals
		t.Errorf("a gap of %v between renewals on the other masters, want about %v", worst, interval)
	}
	for _, key := range well {
		if r := handles[key].Result(); r.Reason != Live {
			t.Errorf("%s on a living master: %+v", key, r)
		}
	}
}

// TestClusterFailover kills a master that has a replica. The replica takes over within the TTL, and
// renewals continue there.
func TestClusterFailover(t *testing.T) {
	t.Parallel()
	c := redistest.StartCluster(t, 3, 1)
	rdb := c.Client()
	s := onRedis(t, rdb, Config{CallTimeout: 300 * time.Millisecond})
	const ttl = time.Minute
	set(t, rdb, "k", "me", ttl)
	h := register(t, s, Task{Keys: []string{"k"}, Owner: "me", Policy: &Policy{TTL: FixedTTL(ttl), Interval: Every(250 * time.Millisecond)}})
	eventually(t, 5*time.Second, func() bool { return h.Result().Renewals >= 2 }, "not renewed")
	if n, err := c.MasterFor("k").Client().Wait(t.Context(), 1, time.Second).Result(); err != nil || n != 1 {
		t.Fatalf("the replica does not follow: %d, %v", n, err)
	}
	c.MasterFor("k").Kill()
	eventually(t, 10*time.Second, func() bool { return h.Result().Failures > 0 }, "no failure")
	before := h.Result().Renewals
	eventually(t, 45*time.Second, func() bool { return h.Result().Renewals > before+2 }, "not renewed on the replica")
	if r := h.Result(); r.Reason != Live {
		t.Errorf("%+v, want live", r)
	}
}

// clusterSlotMoves moves the slot of a key from one master to another, step by step. Renewals go on
// while the slot moves (ASK) and afterwards (MOVED).
func clusterSlotMoves(t *testing.T, c *redistest.Cluster) {
	t.Helper()
	t.Parallel()
	rdb := c.Client()
	s := onRedis(t, rdb, Config{})
	const ttl = 10 * time.Second
	p := &Policy{TTL: FixedTTL(ttl), Interval: Every(200 * time.Millisecond)}
	set(t, rdb, "{x}k", "me", ttl)
	set(t, rdb, "{x}l", "me", ttl)
	plain := register(t, s, Task{Keys: []string{"{x}k"}, Policy: p})
	owned := register(t, s, Task{Keys: []string{"{x}k", "{x}l"}, Owner: "me", Policy: p})
	still := func(step string) {
		t.Helper()
		for _, h := range []*Handle{plain, owned} {
			before := h.Result()
			eventually(t, 5*time.Second, func() bool { return h.Result().Renewals >= before.Renewals+3 }, "not renewed: "+step)
			if r := h.Result(); r.Reason != Live {
				t.Fatalf("%s: %+v", step, r)
			}
		}
	}
	still("before")
	m := openSlot(t, c, "{x}k")
	m.take("{x}k", "{x}l")
	still("on its way")
	m.close()
	still("moved")
	if left := pttl(t, m.to.Client(), "{x}k"); left < ttl-time.Second {
		t.Errorf("%v left on the new master", left)
	}
}

// slotMove is a slot that moves from one master to another.
type slotMove struct {
	t        *testing.T
	slot     int
	from, to *redistest.Server
}

// openSlot starts to move the slot of a key.
func openSlot(t *testing.T, c *redistest.Cluster, key string) *slotMove {
	t.Helper()
	from := c.MasterFor(key)
	to := c.Nodes()[slices.IndexFunc(c.Nodes(), func(n *redistest.Server) bool { return n != from })]
	m := &slotMove{t: t, slot: int(backend.HashSlot(key)), from: from, to: to}
	m.do(to, "cluster", "setslot", m.slot, "importing", m.do(from, "cluster", "myid"))
	m.do(from, "cluster", "setslot", m.slot, "migrating", m.do(to, "cluster", "myid"))
	return m
}

// take moves keys to the new master, and skips keys that do not exist.
func (m *slotMove) take(keys ...string) {
	m.t.Helper()
	host, port, _ := strings.Cut(m.to.Addr(), ":")
	args := []any{"migrate", host, port, "", 0, 5000, "keys"}
	for _, key := range keys {
		args = append(args, key)
	}
	m.do(m.from, args...)
}

// close makes the new master the owner of the slot.
func (m *slotMove) close() {
	m.t.Helper()
	id := m.do(m.to, "cluster", "myid")
	m.do(m.to, "cluster", "setslot", m.slot, "node", id)
	m.do(m.from, "cluster", "setslot", m.slot, "node", id)
}

func (m *slotMove) do(n *redistest.Server, args ...any) string {
	m.t.Helper()
	reply, err := n.Client().Do(m.t.Context(), args...).Text()
	if err != nil {
		m.t.Fatalf("%v: %v", args, err)
	}
	return reply
}

// clusterHalfMovedSlot stops a reshard half-way: every other key of a slot is on the new master.
// Every key can be reached with a separate command, so no key may be lost, and locks can be
// acquired and released.
func clusterHalfMovedSlot(t *testing.T, c *redistest.Cluster) {
	t.Helper()
	t.Parallel()
	rdb := c.Client()
	s := onRedis(t, rdb, Config{})
	ctx := t.Context()
	// The TTL is long enough for a busy machine to complete a thousand refreshes in time.
	const ttl, interval = 4 * time.Second, 500 * time.Millisecond
	const n = 100
	var all, half []string
	var handles []*Handle
	for i := range n {
		key := fmt.Sprint("{half}", i)
		set(t, rdb, key, "me", 4*ttl)
		all = append(all, key)
		if i%2 == 0 {
			half = append(half, key)
		}
	}
	for _, keep := range []Policy{{}, {KeepLonger: true}} {
		p := keep
		p.TTL, p.Interval = FixedTTL(ttl), Every(interval)
		for i, key := range all {
			handles = append(handles, register(t, s, Task{Keys: []string{key}, Owner: []string{"", "me"}[i/2%2], Policy: &p}))
		}
		handles = append(handles, register(t, s, Task{Keys: all, Owner: "me", Policy: &p}))
	}
	locks := map[string]*Lease{}
	for _, name := range []string{"{half}a", "{half}b", "{half}c"} {
		l, err := s.Acquire(ctx, name, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		locks[name] = l
	}
	if err := locks["{half}c"].Release(ctx); err != nil {
		t.Fatal(err)
	}
	m := openSlot(t, c, "{half}")
	m.take(append(half, "{half}a", "{half}b:fence", "{half}c:fence")...)
	moved := time.Now()
	const ticks = int(2 * ttl / interval)
	before := make([]int, len(handles))
	for i, h := range handles {
		before[i] = h.Result().Renewals
	}
	for i, h := range handles {
		eventually(t, 30*time.Second, func() bool { r := h.Result(); return r.Renewals >= before[i]+ticks || r.Reason != Live }, "not renewed")
		if r := h.Result(); r.Reason != Live {
			t.Fatalf("on its way: %+v", r)
		}
	}
	if took := time.Since(moved); took < 2*ttl-interval {
		t.Fatalf("%v are no test of a TTL of %v", took, ttl)
	}
	for name, l := range locks {
		if name != "{half}c" {
			if err := l.Release(ctx); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		next, err := s.Acquire(ctx, name, time.Minute)
		if err != nil || next.Fence() <= l.Fence() {
			t.Fatalf("%s: %v, fence %v after %d", name, err, next, l.Fence())
		}
		if _, err := s.Acquire(ctx, name, time.Minute); !errors.Is(err, ErrHeld) {
			t.Errorf("%s: %v, want ErrHeld", name, err)
		}
		if err := next.Release(ctx); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name := range locks {
		all = append(all, name+":fence")
	}
	m.take(all...)
	m.close()
}

func clusterSelectorsAndLeases(t *testing.T, c *redistest.Cluster) {
	t.Helper()
	t.Parallel()
	rdb := c.Client()
	s := onRedis(t, rdb, Config{})
	p := every(200 * time.Millisecond)
	p.TTL = FixedTTL(20 * time.Second)
	p.Select = Pattern("job:*")
	for i := range 30 {
		set(t, rdb, fmt.Sprint("job:", i), "", 20*time.Second)
	}
	h := register(t, s, Task{Policy: p})
	eventually(t, 5*time.Second, func() bool { return h.Status().Keys == 30 && s.Stats().Renewed >= 60 }, "not all nodes were scanned")
	ctx := t.Context()
	var leases []*Lease
	for _, key := range []string{"lock:a", "lock:{b}:c", "lock:d"} {
		l, err := s.Acquire(ctx, key, time.Second)
		if err != nil {
			t.Fatal(err)
		}
		leases = append(leases, l)
	}
	for _, l := range leases {
		eventually(t, 5*time.Second, func() bool { return l.Handle().Result().Renewals >= 2 }, "not renewed")
		if err := l.Release(ctx); err != nil {
			t.Error(err)
		}
	}
}

// TestClientsOfOtherKinds checks that keys are renewed through a client that is neither a
// single-node client nor a cluster client.
func TestClientsOfOtherKinds(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	ring := redis.NewRing(&redis.RingOptions{Addrs: map[string]string{"only": server.Addr()}})
	t.Cleanup(func() { _ = ring.Close() })
	s := onRedis(t, ring, Config{})
	set(t, ring, "k", "me", 10*time.Second)
	h := register(t, s, Task{Keys: []string{"k"}, Policy: every(2 * time.Second)})
	if err := h.RenewNow(t.Context()); err != nil {
		t.Error(err)
	}
}
