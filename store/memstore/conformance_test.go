package memstore_test

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/store/storetest"
)

// skewed is a store whose clock can be set.
type skewed struct {
	store.Store
	by atomic.Int64
}

func (s *skewed) now() time.Time { return time.Now().Add(time.Duration(s.by.Load())) }

func harness() storetest.Harness {
	return storetest.Harness{
		New: func(testing.TB) store.Store {
			s := new(skewed)
			s.Store = memstore.NewWith(memstore.Config{Clock: s.now})
			return s
		},
		Skew: func(_ testing.TB, s store.Store, by time.Duration) { s.(*skewed).by.Store(int64(by)) },
		NewTrimming: func(_ testing.TB, keep int) store.Store {
			return memstore.NewWith(memstore.Config{MaxEvents: keep})
		},
		Wrap: synctest.Test,
	}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	storetest.Run(t, harness())
}
