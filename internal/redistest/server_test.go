package redistest_test

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/internal/redistest"
)

func TestStartAnswers(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	set(t, server.Client(), "key", "value")
	own := redis.NewClient(server.Options())
	t.Cleanup(func() { _ = own.Close() })
	if got := get(t, own, "key"); got != "value" {
		t.Errorf("second client reads %q, want %q", got, "value")
	}
}

func TestStartTakesArguments(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, "--maxmemory", "64mb")
	config, err := server.Client().ConfigGet(t.Context(), "maxmemory").Result()
	if err != nil {
		t.Fatal(err)
	}
	if got, want := config["maxmemory"], "67108864"; got != want {
		t.Errorf("maxmemory = %s, want %s", got, want)
	}
}

func TestRestart(t *testing.T) {
	t.Parallel()
	durable := []string{"--appendonly", "yes", "--appendfsync", "always"}
	tests := map[string]struct {
		args []string
		end  func(*redistest.Server)
		want string
	}{
		"killed without persistence":  {end: (*redistest.Server).Kill, want: ""},
		"killed with AOF":             {args: durable, end: (*redistest.Server).Kill, want: "value"},
		"shut down with AOF":          {args: durable, end: (*redistest.Server).Shutdown, want: "value"},
		"shut down leaves no dump":    {end: (*redistest.Server).Shutdown, want: ""},
		"killed while frozen":         {args: durable, end: freezeAndKill, want: "value"},
		"restarted while it still is": {args: durable, end: func(*redistest.Server) {}, want: "value"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := redistest.Start(t, test.args...)
			set(t, server.Client(), "key", "value")
			addr, pid := server.Addr(), server.PID()
			test.end(server)
			server.Restart()
			if server.Addr() != addr || server.PID() == pid {
				t.Errorf("restarted as %s with pid %d, want %s with another pid than %d", server.Addr(), server.PID(), addr, pid)
			}
			if got := get(t, server.Client(), "key"); got != test.want {
				t.Errorf("key = %q, want %q", got, test.want)
			}
		})
	}
}

func TestKilledServerRefuses(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	server.Kill()
	server.Kill() // a second time is harmless
	if err := ping(t, server.Options(), time.Second); err == nil {
		t.Error("a killed server answered")
	}
}

func TestFreeze(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	server.Freeze()
	var timeout net.Error
	if err := ping(t, server.Options(), 100*time.Millisecond); !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Errorf("a frozen server: %v, want a timeout", err)
	}
	server.Thaw()
	server.Thaw() // a second time is harmless
	if err := ping(t, server.Options(), 10*time.Second); err != nil {
		t.Errorf("a thawed server: %v", err)
	}
}

func TestMini(t *testing.T) {
	t.Parallel()
	client, server := redistest.MiniServer(t)
	if err := client.Set(t.Context(), "key", "value", time.Minute).Err(); err != nil {
		t.Fatal(err)
	}
	server.FastForward(2 * time.Minute)
	if got := get(t, client, "key"); got != "" {
		t.Errorf("an expired key = %q", got)
	}
	if got := get(t, redistest.Mini(t), "key"); got != "" {
		t.Errorf("a fresh imitation has key = %q", got)
	}
}

func freezeAndKill(server *redistest.Server) {
	server.Freeze()
	server.Kill()
}

func set(t *testing.T, client redis.UniversalClient, key, value string) {
	t.Helper()
	if err := client.Set(t.Context(), key, value, 0).Err(); err != nil {
		t.Fatalf("SET %s: %v", key, err)
	}
}

// get returns the value of key, or "" if there is no such key.
func get(t *testing.T, client redis.UniversalClient, key string) string {
	t.Helper()
	value, err := client.Get(t.Context(), key).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		t.Fatalf("GET %s: %v", key, err)
	}
	return value
}

// ping sends one PING through a separate client, without retries.
func ping(t *testing.T, options *redis.Options, timeout time.Duration) error {
	t.Helper()
	options.MaxRetries = -1
	options.DialerRetries = 1
	options.ContextTimeoutEnabled = true
	client := redis.NewClient(options)
	defer func() { _ = client.Close() }()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	return client.Ping(ctx).Err()
}
