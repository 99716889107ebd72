package renewal

import (
	"errors"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/internal/redistest"
)

func TestLeaseOnRedis(t *testing.T) {
	t.Parallel()
	rdb := redistest.Start(t).Client()
	s := onRedis(t, rdb, Config{})
	ctx := t.Context()
	first, err := s.Acquire(ctx, "lock", time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if value := rdb.Get(ctx, "lock").Val(); value != first.Token() {
		t.Errorf("the lock holds %q, want the token", value)
	}
	var held *HeldError
	if _, err := s.Acquire(ctx, "lock", time.Second); !errors.As(err, &held) || held.Left <= 0 || held.Left > time.Second {
		t.Errorf("second holder: %v", err)
	}
	eventually(t, 5*time.Second, func() bool { return first.Handle().Result().Renewals >= 4 }, "not renewed")
	if err := first.Release(ctx); err != nil {
		t.Fatal(err)
	}
	second, err := s.Acquire(ctx, "lock", time.Second)
	if err != nil || second.Fence() != first.Fence()+1 {
		t.Fatalf("%v, fence %d after %d", err, second.Fence(), first.Fence())
	}
	if left := pttl(t, rdb, "{lock}:fence"); left != -1 {
		t.Errorf("the counter has a TTL of %v", left)
	}
	set(t, rdb, "lock", "thief", time.Minute)
	<-second.Context().Done()
	if err := second.Release(ctx); !errors.Is(err, ErrForeignOwner) {
		t.Errorf("Release of a stolen lock: %v", err)
	}
	if rdb.Get(ctx, "lock").Val() != "thief" {
		t.Error("the thief's lock was deleted")
	}
}

// TestAcquireWithALostAnswer: the lock was taken, the caller does not know.
func TestAcquireWithALostAnswer(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	proxy := redistest.NewProxy(t, server.Addr())
	opt := server.Options()
	opt.Addr, opt.MaxRetries, opt.ReadTimeout = proxy.Addr(), -1, 300*time.Millisecond
	rdb := redis.NewClient(opt)
	t.Cleanup(func() { _ = rdb.Close() })
	s := onRedis(t, rdb, Config{})
	warm, err := s.Acquire(t.Context(), "warm", time.Minute) // loads the script
	if err != nil {
		t.Fatal(err)
	}
	proxy.DropReplyTo(acquireKey)
	if _, err := s.Acquire(t.Context(), acquireKey, time.Minute); err == nil || errors.Is(err, ErrHeld) {
		t.Fatalf("%v, want the error of the network", err)
	}
	if n := server.Client().Exists(t.Context(), acquireKey).Val(); n != 0 {
		t.Error("a lock that nobody holds was left behind")
	}
	if err := warm.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
}

const acquireKey = "lock:lost-answer"
