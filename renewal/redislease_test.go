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

// TestAcquireWithALostAnswer drops the answer to Acquire, so the caller cannot know that the lock
// was acquired. The service must release the lock.
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

// TestAcquireIsRepeatedByTheClient makes the Redis client retry a call whose answer was lost. The
// second attempt must find that the first one acquired the lock.
func TestAcquireIsRepeatedByTheClient(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	proxy := redistest.NewProxy(t, server.Addr())
	opt := server.Options()
	opt.Addr, opt.MaxRetries, opt.ReadTimeout = proxy.Addr(), 3, 300*time.Millisecond
	rdb := redis.NewClient(opt)
	t.Cleanup(func() { _ = rdb.Close() })
	s := onRedis(t, rdb, Config{})
	warm, err := s.Acquire(t.Context(), "warm", time.Minute) // loads the script
	if err != nil {
		t.Fatal(err)
	}
	proxy.DropReplyTo(acquireKey)
	l, err := s.Acquire(t.Context(), acquireKey, time.Minute)
	if err != nil {
		t.Fatalf("%v, want the lock that the lost answer was about", err)
	}
	if l.Fence() != 1 || proxy.Dropped() != 1 {
		t.Errorf("fence %d, %d answers lost; want 1 and 1", l.Fence(), proxy.Dropped())
	}
	for _, l := range []*Lease{warm, l} {
		if err := l.Release(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// TestReleaseNamesTheLoss checks the error of Release if the service has not noticed the loss of
// the lock yet.
func TestReleaseNamesTheLoss(t *testing.T) {
	t.Parallel()
	rdb := redistest.Start(t).Client()
	s := onRedis(t, rdb, Config{})
	ctx := t.Context()
	for name, tc := range map[string]struct {
		change func()
		want   error
	}{
		"stolen":       {func() { set(t, rdb, "stolen", "thief", time.Minute) }, ErrForeignOwner},
		"deleted":      {func() { rdb.Del(ctx, "deleted") }, ErrMissing},
		"another type": {func() { rdb.Del(ctx, "another type"); rdb.SAdd(ctx, "another type", "x") }, ErrForeignOwner},
	} {
		l, err := s.Acquire(ctx, name, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		tc.change()
		if err := l.Release(ctx); !errors.Is(err, ErrLost) || !errors.Is(err, tc.want) {
			t.Errorf("%s: %v, want %v", name, err, tc.want)
		}
	}
}
