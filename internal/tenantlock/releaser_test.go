package tenantlock

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/cutover-go/cutover/internal/storeclient"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// clientOf returns a client that discards its reports.
func clientOf(s store.Store) *storeclient.Client {
	return storeclient.New(s, storeclient.Options{
		Fault: func(string, error) {}, Applied: func(plan.Plan, []plan.Event) {}, Changed: func(plan.ID) {},
	})
}

// reserved acquires n locks and returns them.
func reserved(t *testing.T, s store.Store, n int) []store.TenantLock {
	t.Helper()
	var tenants []string
	for i := range n {
		tenants = append(tenants, fmt.Sprint("t", i))
	}
	locks := startLocks(1, 7, 1, tenants)
	for i := 0; i < n; i += store.MaxBatch {
		if held, err := s.Reserve(t.Context(), locks[i:min(n, i+store.MaxBatch)]); err != nil || len(held) > 0 {
			t.Fatal(held, err)
		}
	}
	return locks
}

// left returns the number of the locks that still exist.
func left(t *testing.T, s store.Store, locks []store.TenantLock) (n int) {
	t.Helper()
	for _, l := range locks {
		found, err := s.Locks(t.Context(), []string{l.Tenant})
		if err != nil {
			t.Fatal(err)
		}
		n += len(found)
	}
	return n
}

func TestReleaserGathers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, calls := memstore.New(), 0
		locks := reserved(t, s, 2*store.MaxBatch+1)
		r := NewReleaser(clientOf(storetest.Intercept(s, func(ctx context.Context, c storetest.Call) error {
			calls++
			return c.Do(ctx)
		})))
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); r.Run(ctx) }()
		for _, l := range locks {
			r.Add(l)
		}
		time.Sleep(time.Second)
		if n := left(t, s, locks); n > 0 || calls != 3 {
			t.Errorf("%d locks are left after %d calls", n, calls)
		}
		stop()
		<-done
	})
}

// Locks that were added before the releaser ends are released, however soon it ends.
func TestReleaserEndsWithAnEmptyQueue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := memstore.New()
		locks := reserved(t, s, 3)
		r := NewReleaser(clientOf(s))
		r.Add(locks...)
		ctx, stop := context.WithCancel(t.Context())
		stop()
		r.Run(ctx)
		if n := left(t, s, locks); n > 0 {
			t.Errorf("%d locks are left", n)
		}
	})
}

// While the store is unavailable, the releaser does not delay the end of a process for longer than
// lastFlushTimeout, and does not queue an unlimited number of locks.
func TestReleaserBesideAStoreThatIsAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		away := storetest.Intercept(memstore.New(), func(context.Context, storetest.Call) error {
			return &store.TemporaryError{Err: errors.New("away")}
		})
		r := NewReleaser(clientOf(away))
		for range 3 {
			r.Add(make([]store.TenantLock, maxWaiting/2)...)
		}
		if n := len(r.waiting); n > maxWaiting {
			t.Errorf("%d locks wait", n)
		}
		ctx, stop := context.WithCancel(t.Context())
		stop()
		began := time.Now()
		r.Run(ctx)
		if took := time.Since(began); took > lastFlushTimeout {
			t.Errorf("ended after %s", took)
		}
	})
}

// TestReleaserReportsWhatItCannotRelease: no caller receives the error of a release that failed
// permanently, so the releaser reports it.
func TestReleaserReportsWhatItCannotRelease(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := memstore.New()
		locks := reserved(t, s, 1)
		broken := errors.New("broken")
		var reported []string
		r := NewReleaser(storeclient.New(
			storetest.Intercept(s, func(context.Context, storetest.Call) error { return broken }),
			storeclient.Options{Fault: func(op string, err error) {
				if errors.Is(err, broken) {
					reported = append(reported, op)
				}
			}},
		))
		ctx, stop := context.WithCancel(t.Context())
		r.Add(locks...)
		stop()
		r.Run(ctx)
		if !slices.Equal(reported, []string{"release"}) {
			t.Errorf("reported %v", reported)
		}
	})
}
