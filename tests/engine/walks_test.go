package engine

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/task"
)

// walkers returns an engine with plans of 1, 2, ... n tasks.
func walkers(t *testing.T, s store.Store, n int) *cutover.Engine {
	t.Helper()
	e, err := cutover.New(s, cutover.Config{Executors: executor.Registry{"X": executor.Func(succeed)}})
	if err != nil {
		t.Fatal(err)
	}
	names := []string{"a", "b", "c", "d", "e", "f", "g"}
	for i := range n {
		if _, err := e.Create(t.Context(), spec(names[:i+1]...)); err != nil {
			t.Fatal(err)
		}
	}
	return e
}

// TestAllPlansAndTasks: a walk yields each plan or task once, whatever the size of its pages, and
// stops when its caller does.
func TestAllPlansAndTasks(t *testing.T) {
	t.Parallel()
	e := walkers(t, memstore.New(), 7)
	for limit := range 9 {
		var plans []plan.ID
		for p, err := range e.AllPlans(t.Context(), store.PlanQuery{Limit: limit}) {
			if err != nil {
				t.Fatal(err)
			}
			plans = append(plans, p.ID)
		}
		if want := []plan.ID{7, 6, 5, 4, 3, 2, 1}; !slices.Equal(plans, want) {
			t.Errorf("pages of %d: plans %v, want %v", limit, plans, want)
		}
		var tasks []int
		for tk, err := range e.AllTasks(t.Context(), 7, store.TaskQuery{Limit: limit, States: []task.State{task.Pending}}) {
			if err != nil {
				t.Fatal(err)
			}
			if tasks = append(tasks, tk.ID.Ordinal()); len(tasks) == 6 {
				break
			}
		}
		if want := []int{1, 2, 3, 4, 5, 6}; !slices.Equal(tasks, want) {
			t.Errorf("pages of %d: tasks %v, want %v", limit, tasks, want)
		}
	}
}

// TestWalksEndWithAnError: a walk that fails yields the error once and ends.
func TestWalksEndWithAnError(t *testing.T) {
	t.Parallel()
	e := walkers(t, memstore.New(), 2)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	count := func(of func(yield func(error) bool), want error) {
		t.Helper()
		n := 0
		of(func(err error) bool {
			if n++; !errors.Is(err, want) {
				t.Errorf("error %v, want %v", err, want)
			}
			return true
		})
		if n != 1 {
			t.Errorf("%d yields, want the error alone", n)
		}
	}
	plans := func(ctx context.Context, q store.PlanQuery) func(func(error) bool) {
		return func(yield func(error) bool) {
			for _, err := range e.AllPlans(ctx, q) {
				if !yield(err) {
					return
				}
			}
		}
	}
	tasks := func(ctx context.Context, id plan.ID, q store.TaskQuery) func(func(error) bool) {
		return func(yield func(error) bool) {
			for _, err := range e.AllTasks(ctx, id, q) {
				if !yield(err) {
					return
				}
			}
		}
	}
	count(plans(ended, store.PlanQuery{}), context.Canceled)
	count(plans(t.Context(), store.PlanQuery{Limit: -1}), store.ErrInvalid)
	count(tasks(ended, 1, store.TaskQuery{}), context.Canceled)
	count(tasks(t.Context(), 99, store.TaskQuery{}), store.ErrNotFound)
	count(tasks(t.Context(), 1, store.TaskQuery{After: -1}), store.ErrInvalid)
}

// TestAllPlansWithADamagedOne: a plan that cannot be read does not end the walk, which yields the
// error once.
func TestAllPlansWithADamagedOne(t *testing.T) {
	t.Parallel()
	damaged := &store.CorruptError{Key: "p:2", Reason: "for the test"}
	e := walkers(t, damagedPlan{memstore.New(), 2, damaged}, 4)
	for limit := range 5 {
		var got []plan.ID
		var faults int
		for p, err := range e.AllPlans(t.Context(), store.PlanQuery{Limit: limit}) {
			if err != nil {
				if faults++; !errors.Is(err, store.ErrCorrupt) {
					t.Error(err)
				}
				continue
			}
			got = append(got, p.ID)
		}
		if !slices.Equal(got, []plan.ID{4, 3, 1}) || faults != 1 {
			t.Errorf("pages of %d: plans %v, %d faults", limit, got, faults)
		}
	}
}

// damagedPlan is a store in which one plan cannot be read in lists.
type damagedPlan struct {
	store.Store
	id  plan.ID
	err error
}

func (s damagedPlan) Plans(ctx context.Context, q store.PlanQuery) ([]plan.Plan, error) {
	limit := cmp.Or(q.Limit, store.MaxPage)
	q.Limit = 0
	plans, err := s.Store.Plans(ctx, q)
	damaged := slices.ContainsFunc(plans, func(p plan.Plan) bool { return p.ID == s.id })
	plans = slices.DeleteFunc(plans, func(p plan.Plan) bool { return p.ID == s.id })
	plans = plans[:min(limit, len(plans))]
	if damaged && (len(plans) < limit || plans[len(plans)-1].ID < s.id) {
		err = s.err
	}
	return plans, err
}
