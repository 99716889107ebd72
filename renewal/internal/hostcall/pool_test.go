package hostcall_test

import (
	"context"
	"errors"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/cutover-go/cutover/renewal/internal/hostcall"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// call is a Call that records its outcome.
type call struct {
	f         func(context.Context)
	ran       atomic.Int64
	abandoned atomic.Int64
	gaveUp    chan error
}

func newCall(f func(context.Context)) *call { return &call{f: f, gaveUp: make(chan error, 1)} }

func (c *call) Run(ctx context.Context) { c.ran.Add(1); c.f(ctx) }

func (c *call) GiveUp(err error) { c.gaveUp <- err }

func (c *call) Abandon() { c.abandoned.Add(1) }

func TestPoolIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := hostcall.NewPool(2, time.Minute)
		defer p.Close()
		c := newCall(func(context.Context) { time.Sleep(time.Second) })
		for range 10 {
			p.Submit(c)
		}
		synctest.Wait()
		if n := p.Goroutines(); n != 2 || c.ran.Load() != 2 {
			t.Errorf("%d goroutines, %d calls", n, c.ran.Load())
		}
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if !p.Idle() || p.Goroutines() != 0 || c.ran.Load() != 10 || len(c.gaveUp) != 0 {
			t.Errorf("%d goroutines after %d calls, %d given up", p.Goroutines(), c.ran.Load(), len(c.gaveUp))
		}
	})
}

// TestCallsThatHangGiveUpTheirPlace submits more hanging calls than the pool has places. A further
// call must still be made.
func TestCallsThatHangGiveUpTheirPlace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := hostcall.NewPool(2, time.Second)
		defer p.Close()
		release := make(chan struct{})
		var hung []*call
		for range 5 {
			hung = append(hung, newCall(func(context.Context) { <-release }))
			p.Submit(hung[len(hung)-1])
		}
		well := newCall(func(context.Context) {})
		p.Submit(well)
		time.Sleep(4 * time.Second)
		for _, c := range hung {
			if err := <-c.gaveUp; !errors.Is(err, hostcall.ErrBudget) {
				t.Errorf("gave up with %v", err)
			}
		}
		if well.ran.Load() != 1 || !p.Idle() || p.Goroutines() != 5 {
			t.Errorf("%d calls that return, %d goroutines", well.ran.Load(), p.Goroutines())
		}
		close(release)
	})
}

func TestGoexit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := hostcall.NewPool(1, time.Second)
		defer p.Close()
		ends, well := newCall(func(context.Context) { runtime.Goexit() }), newCall(func(context.Context) {})
		p.Submit(ends)
		p.Submit(well)
		if err := <-ends.gaveUp; !errors.Is(err, hostcall.ErrGoexit) {
			t.Errorf("gave up with %v", err)
		}
		synctest.Wait()
		if well.ran.Load() != 1 || p.Goroutines() != 0 {
			t.Error("the goroutine that ended was not replaced")
		}
	})
}

func TestCloseAbandonsQueuedCalls(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := hostcall.NewPool(1, time.Minute)
		first := newCall(func(ctx context.Context) { <-ctx.Done() })
		waits := newCall(func(context.Context) {})
		p.Submit(first)
		synctest.Wait()
		p.Submit(waits)
		p.Close()
		synctest.Wait()
		if waits.abandoned.Load() != 1 || waits.ran.Load() != 0 || p.Goroutines() != 0 {
			t.Errorf("abandoned %d, ran %d", waits.abandoned.Load(), waits.ran.Load())
		}
		if p.Submit(waits) {
			t.Error("a closed pool accepts a call")
		}
	})
}
