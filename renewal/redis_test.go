package renewal

import (
	"testing"
	"time"

	"github.com/cutover-go/cutover/internal/redistest"
)

func TestSmoke(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	rdb := server.Client()
	s, err := New(rdb, Config{})
	if err != nil {
		t.Fatal(err)
	}
	start(t, s)
	ctx := t.Context()
	rdb.Set(ctx, "a", "x", 600*time.Millisecond)
	h := register(t, s, Task{Keys: []string{"a"}, Owner: "x", Policy: &Policy{TTL: FixedTTL(600 * time.Millisecond), Interval: Every(100 * time.Millisecond)}})
	rdb.Set(ctx, "b", "x", 600*time.Millisecond)
	h2 := register(t, s, Task{Keys: []string{"b"}, Policy: &Policy{TTL: FixedTTL(600 * time.Millisecond), Interval: Every(100 * time.Millisecond)}})
	time.Sleep(2 * time.Second)
	t.Log(h.Status(), h2.Status(), s.Stats())
	l, err := s.Acquire(ctx, "lock", time.Second)
	if err != nil {
		t.Fatal(err)
	}
	t.Log(l.Fence(), l.Token())
	if _, err := s.Acquire(ctx, "lock", time.Second); err == nil {
		t.Error("twice")
	} else {
		t.Log(err)
	}
	if err := l.Handle().RenewNow(ctx); err != nil {
		t.Error(err)
	}
	if err := l.Release(ctx); err != nil {
		t.Error(err)
	}
}
