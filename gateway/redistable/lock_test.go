package redistable_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cutover-go/cutover/internal/redistest"
)

func TestLock(t *testing.T) {
	t.Parallel()
	rdb := redistest.Start(t).Client()
	one, other := newTable(t, rdb), newTable(t, rdb)
	var inside, most atomic.Int64
	var all sync.WaitGroup
	for range 20 {
		for _, table := range []interface {
			LockInstance(ctx context.Context, name string) (func(), error)
		}{one, other} {
			all.Go(func() {
				unlock, err := table.LockInstance(t.Context(), "lb-1")
				if err != nil {
					t.Error(err)
					return
				}
				most.Store(max(most.Load(), inside.Add(1)))
				inside.Add(-1)
				unlock()
			})
		}
	}
	all.Wait()
	if most.Load() != 1 {
		t.Errorf("%d had the lock at a time", most.Load())
	}
	if keys := rdb.Keys(t.Context(), "*").Val(); len(keys) != 0 {
		t.Errorf("left behind: %v", keys)
	}
}

// TestLockOutlastsItsLife lets three lives of a lock go by, with a renewal in each. They go by on
// the server's clock only, so a slow machine changes nothing.
func TestLockOutlastsItsLife(t *testing.T) {
	t.Parallel()
	const life = 600 * time.Millisecond
	rdb, server := redistest.MiniServer(t)
	table := newTable(t, rdb)
	table.SetLockLife(life)
	unlock, err := table.LockInstance(t.Context(), "lb-1")
	if err != nil {
		t.Fatal(err)
	}
	key := "{" + name + "}:lock:lb-1"
	for range 4 {
		server.FastForward(life * 3 / 4)
		for server.Exists(key) && server.TTL(key) < life {
			time.Sleep(time.Millisecond)
		}
		if !server.Exists(key) {
			t.Fatal("the lock was not renewed")
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := newTable(t, rdb).LockInstance(ctx, "lb-1"); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("taken from its owner: %v", err)
	}
	again, err := newTable(t, rdb).LockInstance(t.Context(), "lb-2")
	if err != nil {
		t.Fatal(err)
	}
	again()
	unlock()
	if again, err = newTable(t, rdb).LockInstance(t.Context(), "lb-1"); err != nil {
		t.Fatal(err)
	}
	again()
}

// TestLockOfADeadProcess has a lock that nobody renews.
func TestLockOfADeadProcess(t *testing.T) {
	t.Parallel()
	rdb, server := redistest.MiniServer(t)
	rdb.Set(t.Context(), "{"+name+"}:lock:lb-1", "the dead one", 30*time.Second)
	server.FastForward(29 * time.Second)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := newTable(t, rdb).LockInstance(ctx, "lb-1"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("taken from its owner: %v", err)
	}
	server.FastForward(2 * time.Second)
	unlock, err := newTable(t, rdb).LockInstance(t.Context(), "lb-1")
	if err != nil {
		t.Fatal(err)
	}
	unlock()
}

// TestLockWithALostAnswer loses the answer to the command that took the lock.
func TestLockWithALostAnswer(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	proxy, rdb := behind(t, server, 3)
	proxy.DropReplyTo("{" + name + "}:lock:lb-1")
	unlock, err := newTable(t, rdb).LockInstance(t.Context(), "lb-1")
	if err != nil || proxy.Dropped() != 1 {
		t.Fatalf("%v, %d lost", err, proxy.Dropped())
	}
	unlock()
	if keys := server.Client().Keys(t.Context(), "*").Val(); len(keys) != 0 {
		t.Errorf("left behind: %v", keys)
	}
}
