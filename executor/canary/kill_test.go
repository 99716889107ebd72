package canary_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cutover-go/cutover/executor/canary"
	"github.com/cutover-go/cutover/executor/canary/canarytest"
	"github.com/cutover-go/cutover/internal/sample"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/store/storetest"
	"github.com/cutover-go/cutover/task"
)

// killedAt returns a store through which a process commits n-1 changes. At the next commit the
// process is as if killed: no call of it reaches the store any more. stored says whether that
// commit does. killed reports whether it has come to that.
func killedAt(s store.Store, n int64, stored bool) (through store.Store, killed func() bool) {
	var commits atomic.Int64
	dead := errors.New("the process is dead")
	return storetest.Intercept(s, func(ctx context.Context, c storetest.Call) error {
		if commits.Load() >= n {
			return &store.TemporaryError{Err: dead}
		}
		if c.Method == "Commit" && commits.Add(1) == n {
			if stored {
				_ = c.Do(ctx)
			}
			return &store.TemporaryError{Err: dead}
		}
		return c.Do(ctx)
	}), func() bool { return commits.Load() >= n }
}

// eachKill calls test for a kill at every commit of a release, before and after the commit is
// stored; in a plain run at every third commit, with -short at every fifth, in turn. test returns
// whether the process was killed before the end.
func eachKill(t *testing.T, test func(t *testing.T, n int64, stored bool) (killed bool)) {
	t.Helper()
	first, stride := int64(1), int64(1)
	if !sample.Whole() {
		if stride = 3; testing.Short() {
			stride = 5
		}
		first += int64(sample.Run(t) % uint64(stride))
	}
	for _, stored := range []bool{false, true} {
		for n, killed := first, true; killed; n += stride {
			t.Run(fmt.Sprintf("commit %d, stored %t", n, stored), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { killed = test(t, n, stored) })
			})
		}
	}
}

// takeOver starts a release in a process that is killed at the n-th commit, unless the release is
// over before. Another process goes on. takeOver returns when the plan is at rest, with how long
// that took.
func takeOver(t *testing.T, e *canary.Executor, n int64, stored bool) (p plan.Plan, took time.Duration, killed bool) {
	t.Helper()
	s := memstore.New()
	through, dead := killedAt(s, n, stored)
	first, stop := process(t, through, e, 1)
	began := time.Now()
	id := start(t, first, tenantID)
	for over := false; !dead() && !over; time.Sleep(10 * time.Second) {
		p, err := s.Plan(t.Context(), id)
		over = err == nil && p.AtRest()
	}
	stop()
	second, _ := process(t, s, e, 1)
	p, err := second.Wait(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return p, time.Since(began), dead()
}

// TestAKilledProcessCutsNoHoldShort kills the process at every commit, that is at each boundary,
// and just before and after each wait is noted. Every weight is set once, and no hold is shorter
// than it says. If the process dies just before its wait is noted, the hold begins anew with the
// process that takes over, which is a lease later.
func TestAKilledProcessCutsNoHoldShort(t *testing.T) {
	t.Parallel()
	eachKill(t, func(t *testing.T, n int64, stored bool) bool {
		t.Helper()
		l := newLab(t, canary.Config{Steps: canary.Steps(time.Hour, 10, 100)})
		p, took, killed := takeOver(t, l.Executor, n, stored)
		if p.State != plan.Completed || took < 2*time.Hour || took > 2*time.Hour+2*time.Minute {
			t.Errorf("%s after %s", p.State, took)
		}
		l.wantSet(t, 10, 100)
		return killed
	})
}

// badAt is a health service whose checks fail at that weight.
type badAt int

func (b badAt) Check(_ context.Context, p canary.Probe) (canary.Report, error) {
	if p.Weight == int(b) {
		return bad(), nil
	}
	return canary.Report{Verdict: canary.Passed}, nil
}

// TestAKilledProcessPutsABadWeightBack kills the process at every commit of a release that is bad
// at its second step. The weight is put back, once by each process at most, and not raised again.
func TestAKilledProcessPutsABadWeightBack(t *testing.T) {
	t.Parallel()
	eachKill(t, func(t *testing.T, n int64, stored bool) bool {
		t.Helper()
		w := canarytest.NewWorld(canarytest.Tenant{ID: tenantID})
		weights, err := canary.NewHTTPWeights("http://weights.test", canary.HTTPConfig{Transport: w.Transport()})
		if err != nil {
			t.Fatal(err)
		}
		e, err := canary.New(weights, badAt(100), canary.Config{Steps: canary.Steps(time.Hour, 10, 100)})
		if err != nil {
			t.Fatal(err)
		}
		p, took, killed := takeOver(t, e, n, stored)
		if p.Counters.Of(task.Failed) != 1 || took < 2*time.Hour || took > 2*time.Hour+2*time.Minute {
			t.Errorf("%s after %s", p.State, took)
		}
		var set []int
		for _, c := range w.Calls(tenantID, canarytest.SetWeight) {
			set = append(set, c.To)
		}
		if !slices.Equal(set, []int{10, 100, 0}) && !slices.Equal(set, []int{10, 100, 0, 0}) {
			t.Errorf("set %d", set)
		}
		return killed
	})
}
