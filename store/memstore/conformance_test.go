package memstore_test

import (
	"testing"
	"testing/synctest"

	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/store/storetest"
)

func harness() storetest.Harness {
	return storetest.Harness{
		New: func(testing.TB) store.Store { return memstore.New() },
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
