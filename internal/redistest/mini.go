package redistest

import (
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
)

// Mini returns a client of a new in-process imitation of Redis, for tests that need speed and only
// plain commands. Keys expire only when its FastForward is called: see MiniServer.
func Mini(t testing.TB) *redis.Client {
	t.Helper()
	client, _ := MiniServer(t)
	return client
}

// MiniServer is Mini, but also returns the imitation itself. With it a test moves the clock, reads
// keys and causes answers with errors.
func MiniServer(t testing.TB) (*redis.Client, *miniredis.Miniredis) {
	t.Helper()
	server := miniredis.NewMiniRedis()
	if err := server.Start(); err != nil {
		t.Fatalf("redistest: starting miniredis: %v", err)
	}
	t.Cleanup(server.Close)
	client := redis.NewClient(&redis.Options{Addr: server.Addr(), MaintNotificationsConfig: quiet()})
	t.Cleanup(func() { _ = client.Close() })
	return client, server
}
