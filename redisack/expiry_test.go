package redisack

import (
	"testing"
	"time"

	"github.com/cutover-go/cutover/internal/redistest"
)

// TestPreviousAboutToExpire checks that a previous payload that is about to expire counts as gone,
// because a rollback must not restore it without a TTL.
func TestPreviousAboutToExpire(t *testing.T) {
	t.Parallel()
	rdb, server := redistest.MiniServer(t)
	b := newRedisBackend(rdb)
	names := change().names()
	for name, tc := range map[string]struct {
		ttl time.Duration
		ok  bool
	}{
		"for good": {0, true}, "a second": {time.Second, true}, "less than a millisecond": {time.Microsecond, false},
	} {
		if err := server.Set(names.Prev, "one"); err != nil {
			t.Fatal(err)
		}
		if tc.ttl > 0 {
			server.SetTTL(names.Prev, tc.ttl)
		}
		prev, ok, err := b.previous(t.Context(), names)
		if ok != tc.ok || err != nil || (ok && prev.ttl != tc.ttl) {
			t.Errorf("%s: %+v, %v, %v", name, prev, ok, err)
		}
	}
}
