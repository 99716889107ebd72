//go:build soak

package soak

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/renewal"
)

var (
	span = flag.Duration("soak.for", 5*time.Minute, "how long")
	keys = flag.Int("soak.keys", 1_000_000, "how many leases")
)

const (
	ttl      = 30 * time.Second
	interval = 10 * time.Second
	victims  = 100 // keys that are deleted, and must be lost
)

// TestSoak keeps the leases alive through freezes of the server and cuts of the connections. No key
// may be lost except the keys that are deleted on purpose, and neither memory nor the number of
// goroutines may grow.
func TestSoak(t *testing.T) {
	server := redistest.Start(t)
	proxy := redistest.NewProxy(t, server.Addr())
	opt := server.Options()
	opt.Addr, opt.MaxRetries = proxy.Addr(), -1
	rdb := redis.NewClient(opt)
	defer func() { _ = rdb.Close() }()
	s, err := renewal.New(rdb, renewal.Config{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()

	handles := lay(t, server.Client(), s)
	time.Sleep(2 * interval)
	base := measure(s)
	t.Logf("after the first rounds: %v", base)
	worst := disturb(t, server, proxy, s)
	lose(t, server.Client(), handles)

	time.Sleep(2 * interval) // undisturbed
	for timeout := time.Now().Add(time.Minute); s.Stats().Queued > 1000 && time.Now().Before(timeout); {
		time.Sleep(100 * time.Millisecond)
	}
	end := measure(s)
	t.Logf("at the end: %v", end)
	if end.Lost != victims {
		t.Errorf("%d keys lost, want the %d that were deleted", end.Lost, victims)
	}
	if n := server.Client().DBSize(t.Context()).Val(); n != int64(*keys-victims) {
		t.Errorf("%d keys on the server, want %d", n, *keys-victims)
	}
	if float64(end.heap) > 1.1*float64(base.heap) {
		t.Errorf("the heap grew from %d to %d MB", base.heap>>20, end.heap>>20)
	}
	if end.goroutines > base.goroutines+10 || worst > base.goroutines+50 {
		t.Errorf("%d goroutines at the start, %d at worst, %d at the end", base.goroutines, worst, end.goroutines)
	}
	if end.Failed == 0 {
		t.Error("no renewal failed: the disturbances did no harm, nothing was tested")
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// lay sets the keys and registers a task for each, every other with a token.
func lay(t *testing.T, rdb *redis.Client, s *renewal.Service) []*renewal.Handle {
	t.Helper()
	policy := &renewal.Policy{TTL: renewal.FixedTTL(ttl), Interval: renewal.Every(interval)}
	handles := make([]*renewal.Handle, *keys)
	const chunk = 5000
	for i := 0; i < *keys; i += chunk {
		pipe := rdb.Pipeline()
		for j := i; j < min(i+chunk, *keys); j++ {
			pipe.Set(t.Context(), name(j), "me", ttl)
		}
		since := time.Now()
		if _, err := pipe.Exec(t.Context()); err != nil {
			t.Fatal(err)
		}
		for j := i; j < min(i+chunk, *keys); j++ {
			h, err := s.Register(renewal.Task{Keys: []string{name(j)}, Owner: []string{"", "me"}[j%2], Since: since, Policy: policy})
			if err != nil {
				t.Fatal(err)
			}
			handles[j] = h
		}
	}
	return handles
}

func name(i int) string { return fmt.Sprintf("soak:%07d", i) }

// disturb repeatedly freezes the server, cuts its connections and drops requests and answers. It
// returns the largest number of goroutines seen.
func disturb(t *testing.T, server *redistest.Server, proxy *redistest.Proxy, s *renewal.Service) (worst int) {
	t.Helper()
	for end := time.Now().Add(*span); time.Now().Before(end); {
		switch rand.IntN(4) {
		case 0:
			d := time.Second + time.Duration(rand.Int64N(int64(3*time.Second)))
			t.Logf("freeze for %v", d.Round(time.Millisecond))
			server.Freeze()
			time.Sleep(d)
			server.Thaw()
		case 1:
			t.Log("no new connections for 2s")
			proxy.Refuse(true)
			proxy.Cut()
			time.Sleep(2 * time.Second)
			proxy.Refuse(false)
		case 2:
			t.Log("requests and answers lost")
			proxy.DropReplies(3)
			proxy.DropRequests(3)
		default:
			t.Log("cut")
			proxy.Cut()
		}
		for range 50 {
			worst = max(worst, runtime.NumGoroutine())
			time.Sleep(100 * time.Millisecond)
		}
		t.Logf("%+v", s.Stats())
	}
	return worst
}

// lose deletes some keys, and checks that their tasks report the loss.
func lose(t *testing.T, rdb *redis.Client, handles []*renewal.Handle) {
	t.Helper()
	for i := range victims {
		if err := rdb.Del(t.Context(), name(i*(len(handles)/victims))).Err(); err != nil {
			t.Fatal(err)
		}
	}
	for i := range victims {
		at := i * (len(handles) / victims)
		select {
		case <-handles[at].Done():
		case <-time.After(2 * interval):
			t.Fatalf("the loss of %s went unnoticed", name(at))
		}
		if err := handles[at].Result().Err; !errors.Is(err, renewal.ErrMissing) {
			t.Errorf("%s: %v, want ErrMissing", name(at), err)
		}
	}
}

// sample holds the figures that must not grow.
type sample struct {
	renewal.Stats
	heap       uint64
	goroutines int
}

func measure(s *renewal.Service) sample {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return sample{Stats: s.Stats(), heap: m.HeapAlloc, goroutines: runtime.NumGoroutine()}
}

func (s sample) String() string {
	return fmt.Sprintf("%d MB heap, %d goroutines, %+v", s.heap>>20, s.goroutines, s.Stats)
}
