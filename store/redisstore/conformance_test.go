package redisstore

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/storetest"
)

// harness makes stores over one client, each with keys of its own.
func harness(rdb redis.UniversalClient) storetest.Harness {
	var made atomic.Int64
	open := func(t testing.TB, cfg Config) store.Store {
		t.Helper()
		cfg.Prefix = fmt.Sprintf("s%d:", made.Add(1))
		return openStore(t, rdb, cfg)
	}
	return storetest.Harness{
		New: func(t testing.TB) store.Store {
			t.Helper()
			return open(t, Config{})
		},
		NewTrimming: func(t testing.TB, keep int) store.Store {
			t.Helper()
			return open(t, Config{MaxEvents: keep})
		},
	}
}

func openStore(t testing.TB, rdb redis.UniversalClient, cfg Config) *Store {
	t.Helper()
	s, err := Open(t.Context(), rdb, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestConformance(t *testing.T) {
	t.Parallel()
	storetest.Run(t, harness(redistest.Start(t).Client()))
}
