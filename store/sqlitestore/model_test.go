package sqlitestore

import (
	"testing"
	"time"

	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/storetest"
)

func TestModel(t *testing.T) {
	t.Parallel()
	var last lastStore
	storetest.Model(t, storetest.Harness{
		New: func(t testing.TB) store.Store {
			t.Helper()
			return last.open(t)
		},
		Skew: func(_ testing.TB, s store.Store, by time.Duration) { s.(*skewed).by.Store(int64(by)) },
	})
}

// lastStore closes each store when the next one is opened: a model needs one store at a time, and
// there may be thousands.
type lastStore struct{ *skewed }

func (l *lastStore) open(t testing.TB) *skewed {
	t.Helper()
	if l.skewed != nil {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
	l.skewed = openSkewed(t)
	return l.skewed
}

// TestModelFaulty runs the model over a store whose calls fail before or after they take effect and
// are repeated.
func TestModelFaulty(t *testing.T) {
	t.Parallel()
	var last lastStore
	storetest.Model(t, storetest.Harness{
		New: func(t testing.TB) store.Store {
			t.Helper()
			return storetest.Faulty(last.open(t), storetest.FaultConfig{Before: 0.1, After: 0.2})
		},
	})
}
