package renewal

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/cutover-go/cutover/internal/redistest"
)

// limit sets the memory limit and the eviction policy of a server.
func limit(t *testing.T, rdb *redis.Client, bytes, policy string) {
	t.Helper()
	if err := errors.Join(rdb.ConfigSet(t.Context(), "maxmemory-policy", policy).Err(),
		rdb.ConfigSet(t.Context(), "maxmemory", bytes).Err()); err != nil {
		t.Fatal(err)
	}
}

// TestServerThatMayDropLocks checks that no lock is acquired on a server that may evict it.
func TestServerThatMayDropLocks(t *testing.T) {
	t.Parallel()
	for _, policy := range []string{"volatile-lru", "volatile-ttl", "allkeys-random"} {
		server := redistest.Start(t)
		limit(t, server.Client(), "100mb", policy)
		s := onRedis(t, server.Client(), Config{})
		_, err := s.Acquire(t.Context(), "lock", time.Minute)
		var found *EvictionError
		if !errors.Is(err, ErrEviction) || !errors.As(err, &found) || found.Node != server.Addr() ||
			found.Policy != policy || found.Limit != 100<<20 {
			t.Errorf("%s: %v, %+v", policy, err, found)
		}
		if n := server.Client().Exists(t.Context(), "lock", "{lock}:fence").Val(); n != 0 {
			t.Errorf("%s: a lock was acquired", policy)
		}
	}
}

// TestEvictionSetLater turns eviction on and off while a lock is held. While the server evicts, the
// lock must be renewed and no new lock may be acquired. OnEviction must be called at both changes.
func TestEvictionSetLater(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	var mu sync.Mutex
	var calls []Eviction
	core, logs := observer.New(zapcore.WarnLevel)
	cfg := Config{Logger: zap.New(core)}
	cfg.Hooks.OnEviction = func(e Eviction) {
		mu.Lock()
		defer mu.Unlock()
		calls = append(calls, e)
	}
	cfg.lookEvery = time.Millisecond
	s := onRedis(t, server.Client(), cfg)
	lease, err := s.AcquireWith(t.Context(), "held", &Policy{TTL: FixedTTL(time.Minute), Interval: Every(50 * time.Millisecond)})
	if err != nil {
		t.Fatal(err)
	}
	refused := func(want bool) {
		t.Helper()
		eventually(t, 20*time.Second, func() bool {
			l, err := s.Acquire(t.Context(), "lock", time.Minute)
			if err == nil {
				err = l.Release(t.Context())
			}
			if err != nil && !errors.Is(err, ErrEviction) {
				t.Fatal(err)
			}
			return (err != nil) == want
		}, "the policy was not noticed")
	}
	limit(t, server.Client(), "100mb", "volatile-lru")
	refused(true)
	renewals := lease.Handle().Result().Renewals
	eventually(t, 20*time.Second, func() bool { return lease.Handle().Result().Renewals > renewals+2 }, "what is held is not renewed")
	limit(t, server.Client(), "100mb", "noeviction")
	refused(false)
	eventually(t, 20*time.Second, func() bool { mu.Lock(); defer mu.Unlock(); return len(calls) == 2 }, "OnEviction was not called")
	want := Eviction{Node: server.Addr(), Begun: true, Policy: "volatile-lru", Limit: 100 << 20}
	if calls[0] != want || calls[1] != (Eviction{Node: server.Addr()}) {
		t.Errorf("called with %+v", calls)
	}
	if logs.FilterMessageSnippet("noeviction").Len() != 1 {
		t.Errorf("logged %+v", logs.All())
	}
	if err := lease.Release(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestRenewedKeysReportEviction checks that keys of the host are renewed on a server that evicts,
// and that OnEviction is called.
func TestRenewedKeysReportEviction(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	limit(t, server.Client(), "100mb", "allkeys-lru")
	calls := make(chan Eviction, 10)
	s := onRedis(t, server.Client(), Config{Hooks: Hooks{OnEviction: func(e Eviction) { calls <- e }}})
	set(t, server.Client(), "k", "me", time.Minute)
	h := register(t, s, Task{Keys: []string{"k"}, Owner: "me", Policy: every(10 * time.Second)})
	if err := h.RenewNow(t.Context()); err != nil {
		t.Fatal(err)
	}
	select {
	case e := <-calls:
		if !e.Begun || e.Policy != "allkeys-lru" {
			t.Errorf("called with %+v", e)
		}
	case <-time.After(20 * time.Second):
		t.Error("OnEviction was not called")
	}
}

// TestServerThatCannotBeChecked checks that locks are acquired for a user without INFO, whose
// server cannot be checked.
func TestServerThatCannotBeChecked(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	limit(t, server.Client(), "100mb", "allkeys-lru")
	rule := append(documentedRule(t), "-info")
	s := onRedis(t, asUser(t, server, "silent", rule), Config{})
	l, err := s.Acquire(t.Context(), "lock:a", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Release(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestFullServer checks that a full server renews and releases held locks and refuses only new
// locks.
func TestFullServer(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	rdb := server.Client()
	s := onRedis(t, rdb, Config{})
	ctx := t.Context()
	set(t, rdb, "plain", "", time.Minute)
	set(t, rdb, "owned", "me", time.Minute)
	held, err := s.Acquire(ctx, "held", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	limit(t, rdb, "1", "noeviction")
	for _, known := range []bool{true, false} {
		if !known {
			if err := rdb.ScriptFlush(ctx).Err(); err != nil {
				t.Fatal(err)
			}
		}
		handles := []*Handle{held.Handle()}
		for _, longer := range []bool{false, true} {
			for key, owner := range map[string]string{"plain": "", "owned": "me"} {
				handles = append(handles, register(t, s, Task{Keys: []string{key}, Owner: owner, Policy: &Policy{TTL: FixedTTL(time.Hour), KeepLonger: longer}}))
			}
		}
		for _, h := range handles {
			if err := h.RenewNow(ctx); err != nil {
				t.Errorf("scripts known: %v: %v", known, err)
			}
		}
	}
	if left := pttl(t, rdb, "owned"); left < 59*time.Minute {
		t.Errorf("%v left", left)
	}
	if _, err := s.Acquire(ctx, "another", time.Minute); !redis.IsOOMError(err) {
		t.Errorf("a new lock on a full server: %v", err)
	}
	if err := held.Release(ctx); err != nil {
		t.Errorf("Release on a full server: %v", err)
	}
	if n := rdb.Exists(ctx, "held", "another", "{another}:fence").Val(); n != 0 {
		t.Errorf("%d keys were left behind", n)
	}
}
