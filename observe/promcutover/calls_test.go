package promcutover

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cutover-go/cutover/store/observed"
)

// Calls of a slow store are timed one by one. Of those of a fast one, one in sixteen stands for
// all; their number is always exact.
func TestCallsAreSampledWhileTheyAreFast(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCalls(ClassicHistograms)
		call := func(n int, took time.Duration) {
			for range n {
				ctx, mark := c.Begin(context.Background(), observed.OpCommit)
				time.Sleep(took)
				c.End(ctx, observed.OpCommit, mark, nil)
			}
		}
		total := func() uint64 { return c.times[forCommit].total() }
		call(100, time.Millisecond)
		if n := total(); n != 100 {
			t.Errorf("%d of 100 slow calls are timed", n)
		}
		call(8000, time.Microsecond)
		if n := total() - 100; n < 8000-sampling || n > 8000+sampling {
			t.Errorf("8000 fast calls count as %d", n)
		}
		call(800, time.Millisecond)
		if n := total() - 8100; n < 800-2*sampling || n > 800+2*sampling {
			t.Errorf("800 calls that have become slow count as %d", n)
		}
		if n := c.counts[observed.OpCommit].Load(); n != 8900 {
			t.Errorf("%d calls of 8900 are counted", n)
		}
		if sum, want := time.Duration(c.times[forCommit].sum.Load())*time.Microsecond, 908*time.Millisecond; sum < want-20*time.Millisecond || sum > want+20*time.Millisecond {
			t.Errorf("they took %s in all, want about %s", sum, want)
		}
	})
}

// Every call has a purpose that is meant: Commit is the one that has the first.
func TestEveryCallHasAPurpose(t *testing.T) {
	t.Parallel()
	for op := range observed.Op(observed.NumOps) {
		if purposes[op] == forCommit && op != observed.OpCommit {
			t.Errorf("%s has no purpose", op)
		}
	}
}
