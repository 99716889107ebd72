package sqlitestore

import (
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/storetest"
)

// skewed is a store whose clock can be set.
type skewed struct {
	*Store
	by atomic.Int64
}

func (s *skewed) now() time.Time { return time.Now().Add(time.Duration(s.by.Load())) }

// open opens a store on a file, which is closed at the end of the test.
func open(t testing.TB, path string, cfg Config) *Store {
	t.Helper()
	s, err := Open(t.Context(), path, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

// openSkewed opens a store on a new file whose clock can be set.
func openSkewed(t testing.TB) *skewed {
	t.Helper()
	s := new(skewed)
	s.Store = open(t, newFile(t), Config{clock: s.now})
	return s
}

// newFile returns the path of a file that does not exist.
func newFile(t testing.TB) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "plans.db")
}

func harness() storetest.Harness {
	return storetest.Harness{
		New: func(t testing.TB) store.Store {
			t.Helper()
			return openSkewed(t)
		},
		Skew: func(_ testing.TB, s store.Store, by time.Duration) { s.(*skewed).by.Store(int64(by)) },
		NewTrimming: func(t testing.TB, keep int) store.Store {
			t.Helper()
			return open(t, newFile(t), Config{MaxEvents: keep})
		},
		Wrap: synctest.Test,
	}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	storetest.Run(t, harness())
}
