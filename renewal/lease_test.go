package renewal

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/cutover-go/cutover/renewal/internal/backend"
)

func TestLeaseIsKeptAndReleased(t *testing.T) {
	t.Parallel()
	bubble(t, Config{}, func(w *world) {
		t := w.t
		l, err := w.s.Acquire(t.Context(), "lock", 3*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		pass(time.Minute)
		if k, ok := w.get("lock"); !ok || k.value != l.Token() || l.Context().Err() != nil {
			t.Fatalf("the lock holds %q after a minute, want the token", k.value)
		}
		var held *HeldError
		if _, err := w.s.Acquire(t.Context(), "lock", time.Second); !errors.As(err, &held) || held.Left <= 0 || held.Left > 3*time.Second {
			t.Errorf("second holder: %v, want the time left", err)
		}
		if err := l.Release(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, ok := w.get("lock"); ok {
			t.Error("the lock is still there after its release")
		}
		if cause := context.Cause(l.Context()); !errors.Is(cause, ErrEnded) || errors.Is(cause, ErrLost) {
			t.Errorf("cause %v after the release", cause)
		}
		next, err := w.s.Acquire(t.Context(), "lock", time.Second)
		if err != nil || next.Fence() <= l.Fence() || next.Token() == l.Token() {
			t.Errorf("next holder: %v, fence %d after %d", err, next.Fence(), l.Fence())
		}
	})
}

func TestLostLeaseIsNotReleased(t *testing.T) {
	t.Parallel()
	bubble(t, Config{}, func(w *world) {
		t := w.t
		l, err := w.s.Acquire(t.Context(), "lock", 3*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		w.set("lock", "somebody else", time.Hour)
		<-l.Context().Done()
		if cause := context.Cause(l.Context()); !errors.Is(cause, ErrForeignOwner) {
			t.Errorf("cause %v", cause)
		}
		if err := l.Release(t.Context()); !errors.Is(err, ErrLost) {
			t.Errorf("Release: %v, want ErrLost", err)
		}
		if k, _ := w.get("lock"); k.value != "somebody else" {
			t.Error("the other holder's lock was touched")
		}
	})
}

func TestAcquireNamesEveryFault(t *testing.T) {
	t.Parallel()
	bubble(t, Config{}, func(w *world) {
		t := w.t
		for key, ttl := range map[string]time.Duration{"": time.Second, "a}b": time.Second, "{}x": time.Second, "k": 0, "l": -1, "m": 10 * time.Millisecond} {
			if _, err := w.s.Acquire(t.Context(), key, ttl); !errors.Is(err, ErrInvalid) {
				t.Errorf("key %q, TTL %v: %v, want ErrInvalid", key, ttl, err)
			}
		}
		for name, p := range map[string]*Policy{
			"none": nil, "selector": {TTL: FixedTTL(time.Second), Select: Pattern("*")},
			"TTL function": {TTL: TTLFrom(func(context.Context, Status) (time.Duration, error) { return time.Second, nil })},
		} {
			if _, err := w.s.AcquireWith(t.Context(), "k", p); !errors.Is(err, ErrInvalid) {
				t.Errorf("policy %s: %v, want ErrInvalid", name, err)
			}
		}
		var invalid *InvalidError
		if _, err := w.s.Acquire(t.Context(), "", 0); !errors.As(err, &invalid) || len(invalid.Faults) != 2 {
			t.Errorf("%v, want the empty key and the TTL", err)
		}
	})
}

func TestFenceKeySharesTheSlot(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"lock", "{a}b", "a{b}c", "a b", "x{y"} {
		fence, err := backend.FenceKey(key)
		if err != nil || backend.HashSlot(fence) != backend.HashSlot(key) || fence == key {
			t.Errorf("%s: %s, %v", key, fence, err)
		}
	}
}
