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

// TestServerAway freezes the server for less time than the TTL, and then for more. The task must
// survive the first freeze and be lost in the second.
func TestServerAway(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	rdb := server.Client()
	s := onRedis(t, rdb, Config{CallTimeout: 200 * time.Millisecond})
	p := &Policy{TTL: FixedTTL(2 * time.Second), Interval: Every(300 * time.Millisecond)}
	set(t, rdb, "k", "me", 2*time.Second)
	h := register(t, s, Task{Keys: []string{"k"}, Owner: "me", Policy: p})
	eventually(t, 5*time.Second, func() bool { return h.Result().Renewals >= 2 }, "not renewed")

	server.Freeze()
	eventually(t, 5*time.Second, func() bool { return h.Result().Failures >= 2 }, "no failure in a freeze")
	before := h.Result().Renewals
	server.Thaw()
	eventually(t, 5*time.Second, func() bool { return h.Result().Renewals > before }, "not renewed after the freeze")
	if r := h.Result(); r.Reason != Live {
		t.Fatalf("lost by a freeze shorter than the TTL: %+v", r)
	}

	server.Freeze()
	select {
	case <-h.Done():
	case <-time.After(5 * time.Second):
		t.Fatal("not lost in a freeze longer than the TTL")
	}
	server.Thaw()
	if cause := context.Cause(h.Context()); !errors.Is(cause, ErrDeadline) {
		t.Errorf("cause %v, want ErrDeadline", cause)
	}
}

// TestConnectionsCutAndAnswersLost cuts connections and drops requests and answers between service
// and server. No key may be lost.
func TestConnectionsCutAndAnswersLost(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	proxy := redistest.NewProxy(t, server.Addr())
	opt := server.Options()
	opt.Addr = proxy.Addr()
	opt.MaxRetries = -1
	rdb := redis.NewClient(opt)
	t.Cleanup(func() { _ = rdb.Close() })
	// The TTL is so long that delays on a busy machine lose no key.
	const ttl = time.Minute
	s := onRedis(t, rdb, Config{CallTimeout: 200 * time.Millisecond})
	p := &Policy{TTL: FixedTTL(ttl), Interval: Every(200 * time.Millisecond)}
	var handles []*Handle
	for i := range 50 {
		key := fmt.Sprint("k", i)
		set(t, server.Client(), key, "me", ttl)
		handles = append(handles, register(t, s, Task{Keys: []string{key}, Owner: []string{"", "me"}[i%2], Policy: p}))
	}
	for range 10 {
		proxy.DropReplies(1)
		proxy.Cut()
		proxy.DropRequests(1)
		n := handles[0].Result().Renewals
		eventually(t, ttl/2, func() bool { return handles[0].Result().Renewals >= n+2 }, "not renewed")
	}
	for _, h := range handles {
		if r := h.Result(); r.Reason != Live {
			t.Errorf("%+v, want live", r)
		}
	}
	if s.Stats().Failed == 0 {
		t.Error("no call failed: nothing was tested")
	}
}

// TestReplicaRefuses makes the server a replica for a moment. READONLY must count as a temporary
// failure.
func TestReplicaRefuses(t *testing.T) {
	t.Parallel()
	rdb := redistest.Start(t).Client()
	s := onRedis(t, rdb, Config{})
	p := &Policy{TTL: FixedTTL(5 * time.Second), Interval: Every(100 * time.Millisecond)}
	set(t, rdb, "k", "me", 5*time.Second)
	plain := register(t, s, Task{Keys: []string{"k"}, Policy: p})
	owned := register(t, s, Task{Keys: []string{"k"}, Owner: "me", Policy: p})
	if err := rdb.Do(t.Context(), "replicaof", "127.0.0.1", "1").Err(); err != nil {
		t.Fatal(err)
	}
	for _, h := range []*Handle{plain, owned} {
		eventually(t, 5*time.Second, func() bool { return h.Result().Failures >= 2 }, "no failure on a replica")
	}
	if err := rdb.Do(t.Context(), "replicaof", "no", "one").Err(); err != nil {
		t.Fatal(err)
	}
	for _, h := range []*Handle{plain, owned} {
		before := h.Result()
		eventually(t, 5*time.Second, func() bool { return h.Result().Renewals > before.Renewals+2 }, "not renewed again")
		if r := h.Result(); r.Reason != Live {
			t.Errorf("%+v", r)
		}
	}
}
