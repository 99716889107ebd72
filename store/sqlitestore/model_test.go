package sqlitestore

import (
	"testing"

	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/storetest"
)

func TestModel(t *testing.T) {
	t.Parallel()
	storetest.Model(t, harness())
}

// TestModelFaulty runs the model over a store whose calls fail before or after they take effect and
// are repeated.
func TestModelFaulty(t *testing.T) {
	t.Parallel()
	storetest.Model(t, storetest.Harness{
		New: func(t testing.TB) store.Store {
			t.Helper()
			return storetest.Faulty(open(t, newFile(t), Config{}), storetest.FaultConfig{Before: 0.1, After: 0.2})
		},
	})
}
