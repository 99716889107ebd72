package sqlitestore

import (
	"testing"
	"time"

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

// together carries out commits in one transaction.
func (o *operator) together(batches ...*store.Batch) error {
	o.Helper()
	hold, held := make(chan struct{}), make(chan struct{})
	errs := make(chan error, len(batches)+1)
	go func() {
		errs <- o.writer.write(o.Ctx, func(*tx) error {
			close(held)
			<-hold
			return nil
		})
	}()
	<-held
	for i, b := range batches {
		go func() { errs <- o.Commit(o.Ctx, b) }()
		for o.queued() != i+1 {
			time.Sleep(time.Millisecond) // until it waits for the writer
		}
	}
	close(hold)
	var first error
	for range len(batches) + 1 {
		if err := <-errs; first == nil {
			first = err
		}
	}
	return first
}

func (o *operator) queued() int {
	o.writer.mu.Lock()
	defer o.writer.mu.Unlock()
	return len(o.writer.queue)
}
