package redistest_test

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/internal/redistest"
)

// behindProxy returns a server, a proxy in front of it, and a client that connects through the
// proxy and sends every command once.
func behindProxy(t *testing.T) (*redistest.Server, *redistest.Proxy, *redis.Client) {
	t.Helper()
	server := redistest.Start(t)
	proxy := redistest.NewProxy(t, server.Addr())
	options := server.Options()
	options.Addr = proxy.Addr()
	options.MaxRetries = -1
	options.ReadTimeout = 10 * time.Second
	client := redis.NewClient(options)
	t.Cleanup(func() { _ = client.Close() })
	set(t, client, "warm", "up") // so that the greeting of the pool's first connection is over
	return server, proxy, client
}

func TestProxyFaults(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		order   func(*redistest.Proxy)
		applied bool
	}{
		"reply":             {order: func(p *redistest.Proxy) { p.DropReplies(1) }, applied: true},
		"reply to a text":   {order: func(p *redistest.Proxy) { p.DropReplyTo("counter") }, applied: true},
		"request":           {order: func(p *redistest.Proxy) { p.DropRequests(1) }, applied: false},
		"request by a text": {order: func(p *redistest.Proxy) { p.DropRequest("counter") }, applied: false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, proxy, client := behindProxy(t)
			test.order(proxy)
			if err := client.Incr(t.Context(), "counter").Err(); err == nil {
				t.Error("a lost command succeeded")
			}
			if got := get(t, server.Client(), "counter") == "1"; got != test.applied {
				t.Errorf("command applied: %v, want %v", got, test.applied)
			}
			if got := proxy.Dropped(); got != 1 {
				t.Errorf("Dropped() = %d, want 1", got)
			}
			set(t, client, "after", "the fault") // the next request passes
		})
	}
}

func TestProxyFaultWaitsForItsText(t *testing.T) {
	t.Parallel()
	_, proxy, client := behindProxy(t)
	proxy.DropReplyTo("other")
	set(t, client, "key", "value")
	if got := proxy.Dropped(); got != 0 {
		t.Errorf("Dropped() = %d before the command came", got)
	}
	if err := client.Get(t.Context(), "other").Err(); err == nil {
		t.Error("a lost command succeeded")
	}
}

func TestProxyCutAndRefuse(t *testing.T) {
	t.Parallel()
	_, proxy, client := behindProxy(t)
	proxy.Refuse(true)
	set(t, client, "old", "connection") // the old connection stays open
	proxy.Cut()
	if err := client.Ping(t.Context()).Err(); err == nil {
		t.Error("a refused connection answered")
	}
	proxy.Refuse(false)
	set(t, client, "new", "connection")
}

func TestProxyBlackhole(t *testing.T) {
	t.Parallel()
	server, proxy, client := behindProxy(t)
	proxy.Blackhole(true)
	proxy.Blackhole(true) // a second time is harmless
	answer := make(chan error, 1)
	go func() { answer <- client.Set(t.Context(), "key", "value", 0).Err() }()
	select {
	case err := <-answer:
		t.Fatalf("a black hole answered: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	if got := get(t, server.Client(), "key"); got != "" {
		t.Errorf("key = %q passed a black hole", got)
	}
	proxy.Blackhole(false)
	if err := <-answer; err != nil {
		t.Errorf("after the black hole: %v", err)
	}
}

func TestProxyDelay(t *testing.T) {
	t.Parallel()
	_, proxy, client := behindProxy(t)
	const delay = 150 * time.Millisecond
	proxy.Delay(delay)
	start := time.Now()
	set(t, client, "key", "value")
	if took := time.Since(start); took < delay {
		t.Errorf("answered after %v, want at least %v", took, delay)
	}
}

func TestProxyBeforeNothing(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	server.Kill()
	options := server.Options()
	options.Addr = redistest.NewProxy(t, server.Addr()).Addr()
	if err := ping(t, options, time.Second); err == nil {
		t.Error("a proxy before a dead server answered")
	}
}
