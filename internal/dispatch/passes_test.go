package dispatch

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// passesOf returns passes whose reconciliations take the time took, and counters of the calls.
func passesOf(took time.Duration) (ps *passes, reconciled, putOff *atomic.Int64) {
	reconciled, putOff = new(atomic.Int64), new(atomic.Int64)
	return &passes{
		reconcile: func(context.Context, store.DuePlan) { time.Sleep(took); reconciled.Add(1) },
		putOff:    func(context.Context, store.DuePlan) { putOff.Add(1) },
		underWay:  make(map[plan.ID]*pass),
	}, reconciled, putOff
}

func TestAPlanThatIsDueAnewIsReconciledOnceMore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ps, reconciled, putOff := passesOf(5 * time.Millisecond)
		for range 5 {
			for range 5 {
				ps.begin(t.Context(), store.DuePlan{ID: 1})
			}
			ps.wait()
		}
		if n, off := reconciled.Load(), putOff.Load(); n != 10 || off != 20 || len(ps.underWay) > 0 {
			t.Errorf("reconciled %d times, put off %d times, %d are under way", n, off, len(ps.underWay))
		}
	})
}

func TestASlowPassIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ps, reconciled, putOff := passesOf(time.Hour)
		began := time.Now()
		<-ps.begin(t.Context(), store.DuePlan{ID: 1, Stamp: 1})
		if took := time.Since(began); took != slowPass || putOff.Load() != 1 {
			t.Errorf("waited %s, put off %d times", took, putOff.Load())
		}
		ps.wait()
		if n := reconciled.Load(); n != 1 {
			t.Errorf("reconciled %d times", n)
		}
	})
}

func TestPassesAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ps, reconciled, _ := passesOf(time.Hour)
		for id := range plan.ID(3 * maxPasses) {
			ps.begin(t.Context(), store.DuePlan{ID: id + 1})
		}
		ps.mu.Lock()
		if n := len(ps.underWay); n != maxPasses {
			t.Errorf("%d are under way", n)
		}
		ps.mu.Unlock()
		ps.wait()
		if n := reconciled.Load(); n != maxPasses {
			t.Errorf("%d plans were reconciled", n)
		}
	})
}

// A repeated pass reconciles the plan with the newest stamp.
func TestARepeatedPassHasTheNewestStamp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ps, _, _ := passesOf(0)
		var last store.DuePlan
		ps.reconcile = func(_ context.Context, d store.DuePlan) { time.Sleep(time.Second); last = d }
		for _, stamp := range []uint64{3, 5, 4, 0} {
			ps.begin(t.Context(), store.DuePlan{ID: 1, Stamp: stamp})
		}
		ps.wait()
		if last.Stamp != 5 {
			t.Errorf("stamp %d", last.Stamp)
		}
	})
}
