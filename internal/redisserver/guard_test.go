package redisserver_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/internal/redisserver"
	"github.com/cutover-go/cutover/internal/redistest"
)

// counter counts the checks of a guard.
type counter struct {
	redis.UniversalClient
	asked atomic.Int32
}

func (c *counter) Info(ctx context.Context, sections ...string) *redis.StringCmd {
	c.asked.Add(1)
	return c.UniversalClient.Info(ctx, sections...)
}

func TestGuardNoticesWhatIsSetLater(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	guard := redisserver.NewGuard(server.Client(), time.Millisecond)
	if found, err := guard.Look(t.Context()); found != nil || err != nil {
		t.Fatalf("found %v, %v", found, err)
	}
	await := func(want bool) {
		t.Helper()
		for end := time.Now().Add(10 * time.Second); (guard.Found() != nil) != want; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("found %v", guard.Found())
			}
		}
	}
	set(t, server.Client(), "volatile-lru", "100mb")
	await(true)
	set(t, server.Client(), "noeviction", "100mb")
	await(false)
}

func TestGuardLooksOnceAnInterval(t *testing.T) {
	t.Parallel()
	rdb := &counter{UniversalClient: redistest.Mini(t)}
	guard := redisserver.NewGuard(rdb, 0)
	if _, err := guard.Look(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 1000 {
		if found := guard.Found(); found != nil {
			t.Fatal(found)
		}
	}
	if n := rdb.asked.Load(); n != 1 {
		t.Errorf("asked %d times", n)
	}
}

func TestGuardKeepsWhatItKnows(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	set(t, server.Client(), "allkeys-lru", "100mb")
	guard := redisserver.NewGuard(server.Client(), 0)
	if found, err := guard.Look(t.Context()); found == nil || err != nil {
		t.Fatalf("found %v, %v", found, err)
	}
	server.Freeze()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	began := time.Now()
	if _, err := guard.Look(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) > time.Second {
		t.Errorf("error %v after %s", err, time.Since(began))
	}
	if guard.Found() == nil {
		t.Error("a silent server made it forget")
	}
	server.Kill()
}
