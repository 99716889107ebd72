package redisack

import (
	"errors"
	"testing"

	"github.com/cutover-go/cutover/internal/redistest"
)

// TestServerThatMayDropConfigurations checks that nothing is written to a server that may evict
// keys, whatever its policy evicts first.
func TestServerThatMayDropConfigurations(t *testing.T) {
	t.Parallel()
	for _, policy := range []string{"allkeys-lru", "volatile-lru", "volatile-ttl"} {
		t.Run(policy, func(t *testing.T) {
			t.Parallel()
			rdb := redistest.Start(t, "--maxmemory", "100mb", "--maxmemory-policy", policy).Client()
			_, err := connect(t, rdb, Config{}).Write(t.Context(), Change{Key: "k", Version: "v1"})
			var found *EvictionError
			if !errors.Is(err, ErrEviction) || !errors.Is(err, ErrWriteFailed) || !errors.As(err, &found) || found.Policy != policy {
				t.Errorf("the write answers %v", err)
			}
			if n := rdb.DBSize(t.Context()).Val(); n != 0 {
				t.Errorf("%d keys were written", n)
			}
			if err := rdb.ConfigSet(t.Context(), "maxmemory-policy", "noeviction").Err(); err != nil {
				t.Fatal(err)
			}
			if _, err := connect(t, rdb, Config{}).Write(t.Context(), Change{Key: "k", Version: "v1"}); err != nil {
				t.Errorf("after its policy was mended: %v", err)
			}
		})
	}
}

// TestServerThatKeepsConfigurations checks that a policy without a memory limit, which evicts
// nothing, is accepted, and that a rollback is written even to a server that may evict keys.
func TestServerThatKeepsConfigurations(t *testing.T) {
	t.Parallel()
	rdb := redistest.Start(t, "--maxmemory-policy", "allkeys-lru").Client()
	c := connect(t, rdb, Config{})
	if _, err := c.Write(t.Context(), Change{Key: "k", Version: "v1"}); err != nil {
		t.Fatal(err)
	}
	if err := rdb.ConfigSet(t.Context(), "maxmemory", "100mb").Err(); err != nil {
		t.Fatal(err)
	}
	ch := Change{Key: "k", Version: "v2"}.complete()
	if _, err := connect(t, rdb, Config{}).write(t.Context(), ch, purpose{restore: true}); err != nil {
		t.Errorf("a rollback: %v", err)
	}
}
