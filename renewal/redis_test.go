package renewal

import (
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/internal/redistest"
)

// onRedis returns a running service on a real server.
func onRedis(t *testing.T, rdb redis.UniversalClient, cfg Config) *Service {
	t.Helper()
	s, err := New(rdb, cfg)
	if err != nil {
		t.Fatal(err)
	}
	start(t, s)
	return s
}

func set(t *testing.T, rdb redis.UniversalClient, key, value string, ttl time.Duration) {
	t.Helper()
	if err := rdb.Set(t.Context(), key, value, ttl).Err(); err != nil {
		t.Fatal(err)
	}
}

func pttl(t *testing.T, rdb redis.UniversalClient, key string) time.Duration {
	t.Helper()
	d, err := rdb.PTTL(t.Context(), key).Result()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestSubSecondTTLOnRedis(t *testing.T) {
	t.Parallel()
	rdb := redistest.Start(t).Client()
	s := onRedis(t, rdb, Config{})
	const ttl = 900 * time.Millisecond // more than a busy machine stands still for
	p := &Policy{TTL: FixedTTL(ttl), Interval: Every(100 * time.Millisecond)}
	var handles []*Handle
	for _, owner := range []string{"", "me"} {
		key := "k" + owner
		set(t, rdb, key, "me", ttl)
		handles = append(handles, register(t, s, Task{Keys: []string{key}, Owner: owner, Policy: p}))
	}
	for _, h := range handles {
		eventually(t, 10*time.Second, func() bool { return h.Result().Renewals >= 15 }, "not renewed")
		if r := h.Result(); r.Reason != Live {
			t.Errorf("%+v", r)
		}
	}
}

func TestScriptFlushInBetween(t *testing.T) {
	t.Parallel()
	rdb := redistest.Start(t).Client()
	s := onRedis(t, rdb, Config{})
	set(t, rdb, "k", "me", 20*time.Second)
	h := register(t, s, Task{Keys: []string{"k"}, Owner: "me", Policy: every(5 * time.Second)})
	for range 3 {
		if err := rdb.ScriptFlush(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		if err := h.RenewNow(t.Context()); err != nil {
			t.Fatalf("after a flush: %v", err)
		}
	}
	if r := h.Result(); r.Failures != 0 || r.Renewals != 3 {
		t.Errorf("%+v, want three renewals and no failure", r)
	}
}

func TestPrefixWithGlobCharactersOnRedis(t *testing.T) {
	t.Parallel()
	rdb := redistest.Start(t).Client()
	s := onRedis(t, rdb, Config{ScanCount: 3})
	p := every(100 * time.Millisecond)
	p.Select = Prefix(`j*[b]?\:`)
	for i := range 20 {
		set(t, rdb, fmt.Sprintf(`j*[b]?\:%d`, i), "", 30*time.Second)
		set(t, rdb, fmt.Sprintf(`jxbx\:%d`, i), "", 30*time.Second)
	}
	h := register(t, s, Task{Policy: p})
	eventually(t, 5*time.Second, func() bool { return h.Result().Renewals >= 2 }, "not renewed")
	if n := h.Status().Keys; n != 20 {
		t.Errorf("%d keys selected, want 20", n)
	}
	if left := pttl(t, rdb, `jxbx\:1`); left < 20*time.Second {
		t.Errorf("a key that the prefix does not name has %v left", left)
	}
}
