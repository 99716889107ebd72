package pgstore

import (
	"testing"

	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/storetest"
)

// modelStores gives a model one store at a time, all on one schema, which is emptied between them:
// there may be thousands.
type modelStores struct {
	s    *schemas
	name string
	last *Store
}

func (m *modelStores) open(t testing.TB) *Store {
	t.Helper()
	if m.last != nil {
		if err := m.last.Close(); err != nil {
			t.Error(err)
		}
	}
	run(t, m.s.url(), emptied(m.name))
	m.last = open(t, m.s.url(), Config{Schema: m.name, Connections: 3})
	return m.last
}

func TestModel(t *testing.T) {
	t.Parallel()
	s := newSchemas(t)
	m := modelStores{s: s, name: s.schema(t)}
	storetest.Model(t, storetest.Harness{New: func(t testing.TB) store.Store { t.Helper(); return m.open(t) }, Skew: skew})
}

// TestModelFaulty runs the model over a store whose calls fail before or after they take effect and
// are repeated.
func TestModelFaulty(t *testing.T) {
	t.Parallel()
	s := newSchemas(t)
	m := modelStores{s: s, name: s.schema(t)}
	storetest.Model(t, storetest.Harness{
		New: func(t testing.TB) store.Store {
			t.Helper()
			return storetest.Faulty(m.open(t), storetest.FaultConfig{Before: 0.1, After: 0.2})
		},
	})
}
