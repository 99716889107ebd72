package pgstore

import (
	"testing"
	"time"

	"github.com/cutover-go/cutover/internal/pgtest"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/storetest"
)

func skew(_ testing.TB, s store.Store, by time.Duration) { s.(*Store).skew.Store(int64(by)) }

func (s *schemas) harness(url string) storetest.Harness {
	opened := func(t testing.TB, keep int) store.Store {
		t.Helper()
		return open(t, url, Config{Schema: s.schema(t), MaxEvents: keep, Connections: 6})
	}
	return storetest.Harness{
		New:         func(t testing.TB) store.Store { t.Helper(); return opened(t, 0) },
		NewTrimming: opened,
		Skew:        skew,
		TTL:         500 * time.Millisecond,
	}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	s := newSchemas(t)
	storetest.Run(t, s.harness(s.url()))
}

// TestConformanceBehindPooler: nothing of a transaction is left on its connection, which a pooler
// gives to others.
func TestConformanceBehindPooler(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("the same suite runs without a pooler")
	}
	s := newSchemas(t)
	storetest.Run(t, s.harness(pgtest.StartPooler(t, s.Server, "transaction").URL("postgres", pgtest.Superuser)))
}
