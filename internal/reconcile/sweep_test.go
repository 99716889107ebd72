package reconcile

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/store/storetest"
	"github.com/cutover-go/cutover/task"
)

// sweeping is a plan in a store that counts the calls of its reconciler.
type sweeping struct {
	*testing.T
	store.Store
	id            plan.ID
	reads, writes int
	// refuse is called before each write.
	refuse func() error
}

// sweepingOf returns a plan with n tasks, in waves of that size, of which every tenth has a label.
func sweepingOf(t *testing.T, n, wave int) *sweeping {
	t.Helper()
	s := &sweeping{T: t}
	inner := memstore.New()
	s.Store = storetest.Intercept(inner, func(ctx context.Context, c storetest.Call) error {
		switch c.Method {
		case "Tasks":
			s.reads++
		case "Apply":
			s.writes++
			if s.refuse != nil {
				if err := s.refuse(); err != nil {
					return err
				}
			}
		}
		return c.Do(ctx)
	})
	p := plan.Plan{Name: "p", ExecutorType: "X", TaskCount: n, Strategy: strategy.Strategy{MaxConcurrency: strategy.Percent(100)}}
	for last := wave; last < n; last += wave {
		p.Waves = append(p.Waves, plan.Wave{Last: last})
	}
	p.Waves = append(p.Waves, plan.Wave{Last: n})
	c, err := inner.BeginCreate(t.Context(), store.Create{Plan: p, Mark: "m", TTL: time.Minute})
	for first := 1; first <= n && err == nil; first += store.MaxBatch {
		list := make([]task.Tenant, min(store.MaxBatch, n-first+1))
		for i := range list {
			list[i].ID = fmt.Sprint("t", first+i)
			if (first+i)%10 == 0 {
				list[i].Labels = map[string]string{"tenth": "yes"}
			}
		}
		err = inner.AddTenants(t.Context(), c, first, list)
	}
	if err = errors.Join(err, inner.FinishCreate(t.Context(), c)); err != nil {
		t.Fatal(err)
	}
	s.id = c.ID
	return s
}

// queue queues a skip of the tasks that a filter selects.
func (s *sweeping) queue(f task.Filter) {
	s.Helper()
	p, err := s.Plan(s.Context(), s.id)
	if err != nil {
		s.Fatal(err)
	}
	d, err := plan.Sweep{Kind: plan.SweepSkipTasks, Filter: f}.Queue(p, plan.Reach{Changing: 1}, plan.By{Now: time.Now()})
	if err == nil {
		_, err = s.Apply(s.Context(), store.Command{ID: fmt.Sprint("q", p.Version), Version: p.Version, Failed: -1, Decision: d})
	}
	if err != nil {
		s.Fatal(err)
	}
	s.reads, s.writes = 0, 0
}

// passes reconciles the plan until its sweeps are done, and returns how many calls that took. No
// call takes more steps than it may.
func (s *sweeping) passes(r *Reconciler) (n int) {
	s.Helper()
	for {
		reads, writes := s.reads, s.writes
		result := r.Reconcile(s.Context(), s.id, 0)
		n++
		if reads, writes = s.reads-reads, s.writes-writes; writes > maxSteps || reads > maxSteps*sweepPages {
			s.Fatalf("one call of Reconcile reads %d pages and writes %d times", reads, writes)
		}
		if result.Settled {
			return n
		}
		if (result.Next != store.Next{}) || n > 10_000 {
			s.Fatalf("after %d calls the next is %+v", n, result.Next)
		}
	}
}

func (s *sweeping) skipped() int {
	s.Helper()
	p, err := s.Plan(s.Context(), s.id)
	if err != nil || len(p.Sweeps) > 0 {
		s.Fatalf("sweeps %+v, %v", p.Sweeps, err)
	}
	return p.Counters.Of(task.Skipped)
}

// A sweep over 300,000 tasks is carried out in calls that are bounded, whether it changes all of
// them or none: between two calls other plans have their turn. A filter of waves looks at no task
// of the others.
func TestLongSweepsAreBounded(t *testing.T) {
	t.Parallel()
	n := 300_000
	if testing.Short() {
		n = 30_000
	}
	synctest.Test(t, func(t *testing.T) {
		s := sweepingOf(t, n, n/100)
		r := reconcilerOf(s)

		s.queue(task.Filter{Labels: map[string]string{"tenth": "no"}})
		if got, most := s.passes(r), n/store.MaxBatch/sweepPages/maxSteps+2; got > most || s.skipped() != 0 {
			t.Errorf("nothing matches: %d calls, at most %d wanted", got, most)
		}
		s.queue(task.Filter{Waves: []int{2, 99}})
		if s.passes(r); s.skipped() != 2*n/100 || s.reads > 2*(n/100/store.MaxBatch+2) {
			t.Errorf("two waves of %d: %d skipped with %d pages", n/100, s.skipped(), s.reads)
		}
		s.queue(task.Filter{Labels: map[string]string{"tenth": "yes"}})
		if s.passes(r); s.skipped() != 2*n/100+98*n/1000 {
			t.Errorf("every tenth: %d skipped", s.skipped())
		}
		s.queue(task.Filter{})
		if got := s.passes(r); s.skipped() != n || got > n/store.MaxBatch/maxSteps+2 {
			t.Errorf("all: %d skipped in %d calls", s.skipped(), got)
		}
	})
}

// If workers change tasks all the time, the sweep goes on with fewer of them at once.
func TestSweepsShrinkOnConflicts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := sweepingOf(t, 200, 200)
		r := reconcilerOf(s)
		s.queue(task.Filter{})
		s.refuse = func() error {
			if s.writes <= 4 {
				return store.ErrConflict
			}
			return nil
		}
		if result := r.Reconcile(t.Context(), s.id, 0); result.Settled {
			t.Error("settled after a part of the sweep")
		}
		p, err := s.Plan(t.Context(), s.id)
		if err != nil || len(p.Sweeps) != 1 || p.Sweeps[0].After != 6*6 || p.Counters.Of(task.Skipped) != 6*6 {
			t.Errorf("after four conflicts and six steps of six tasks: %+v, %v skipped, %v", p.Sweeps, p.Counters.Of(task.Skipped), err)
		}
		s.refuse = nil
		if s.passes(r); s.skipped() != 200 {
			t.Errorf("%d skipped in the end", s.skipped())
		}
	})
}
