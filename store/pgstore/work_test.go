package pgstore

import (
	"testing"

	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/internal/sqltest"
)

// operator works on a plan of a store in a test.
type operator struct {
	*Store
	*sqltest.Operator // of whichever Store is set
}

func operate(t testing.TB, s *Store) *operator {
	t.Helper()
	o := &operator{Store: s}
	o.Operator = sqltest.NewOperator(t, func() store.Store { return o.Store })
	return o
}

// create creates a plan of n tenants, all of which may run at once.
func create(t testing.TB, s *Store, n int) *operator {
	t.Helper()
	o := operate(t, s)
	o.Create(n)
	return o
}

// start creates and starts a plan of n tenants.
func start(t testing.TB, s *Store, n int) *operator {
	t.Helper()
	o := create(t, s, n)
	o.Run()
	return o
}
