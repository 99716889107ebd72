package engine

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/store/storetest"
	"github.com/cutover-go/cutover/task"
)

// fromSequence returns the spec with its tenants as a sequence, which calls meet before it yields
// a tenant: with the number of times that it was ranged over before, and the place of the tenant.
func fromSequence(s plan.Spec, meet func(before, at int)) plan.Spec {
	list, ranges := s.Tenants, -1
	s.Tenants = nil
	s.TenantSeq = func(yield func(task.Tenant) bool) {
		ranges++
		for i, t := range list {
			if meet != nil {
				meet(ranges, i)
			}
			if !yield(t) {
				return
			}
		}
	}
	return s
}

// A plan of a sequence is the plan of the list: it runs, and one key stands for both.
func TestCreatedFromASequence(t *testing.T) {
	t.Parallel()
	for _, firstSequence := range []bool{false, true} {
		t.Run(fmt.Sprintf("sequence first %v", firstSequence), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e := running(t, memstore.New(), executor.Registry{"X": twoSteps(succeed)})
				list := spec(tenantsOf("t", 250)...)
				list.IdempotencyKey = "key"
				list.Tenants[7].Labels, list.Tenants[7].Parameters = map[string]string{"a": "b"}, map[string]string{"c": "d", "e": "f"}
				most := 0
				sequence := fromSequence(list, func(before, _ int) { most = max(most, before+1) })
				specs := []plan.Spec{list, sequence}
				if firstSequence {
					slices.Reverse(specs)
				}
				r, err := e.EnsureStarted(t.Context(), specs[0])
				if err != nil || r.Plan.TaskCount != 250 {
					t.Fatalf("%+v, %v", r, err)
				}
				existed := false
				again, err := e.Create(t.Context(), specs[1], cutover.Existed(&existed))
				if err != nil || again.ID != r.Plan.ID || !existed {
					t.Errorf("created again as plan %s, %v", again.ID, err)
				}
				if want := map[bool]int{false: 1, true: 2}[firstSequence]; most != want {
					t.Errorf("the sequence was ranged over %d times, want %d", most, want)
				}
				rests(t, e, r.Plan.ID, plan.Completed)
				tenants, err := e.Tenants(t.Context(), r.Plan.ID, 0, 0)
				if err != nil || !slices.Equal(tenants, tenantsOf("t", 250)) {
					t.Errorf("%v, %v", tenants, err)
				}
				if eighth := taskOf(t, e, r.Plan.ID, 8); eighth.Tenant.Labels["a"] != "b" || eighth.Tenant.Parameters["e"] != "f" {
					t.Errorf("the eighth is %+v", eighth)
				}
			})
		})
	}
}

// A sequence that differs when it is stored creates nothing: what was written is never visible,
// and is removed.
func TestSequenceThatChangesCreatesNothing(t *testing.T) {
	t.Parallel()
	const n = 2*plan.MaxPage + 50
	first := tenantsOf("t", n)
	for name, second := range map[string][]string{
		"empty":   nil,
		"shorter": first[:n-1],
		"longer":  append(tenantsOf("t", n), "more"),
		"order":   append(slices.Clone(first[:n-2]), first[n-1], first[n-2]),
		"twice":   append(slices.Clone(first[:n-1]), first[0]),
		"invalid": append(slices.Clone(first[:120]), append([]string{"\xff"}, first[121:]...)...),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e := running(t, memstore.New(), nil)
				lists := [][]string{first, second}
				s := spec()
				s.IdempotencyKey = "key"
				s.TenantSeq = func(yield func(task.Tenant) bool) {
					ids := lists[0]
					lists = lists[1:]
					slices.Values(plan.Tenants(ids...))(yield)
				}
				_, err := e.Create(t.Context(), s, cutover.ExecutorElsewhere())
				changed := new(plan.SequenceError)
				if !errors.Is(err, plan.ErrSequenceChanged) || !errors.As(err, &changed) || changed.Count != n {
					t.Fatalf("created: %v", err)
				}
				nothingCreated(t, e)
				time.Sleep(2 * time.Minute)
				list := spec(first...)
				list.IdempotencyKey = "key"
				if id := create(t, e, list); id != 2 {
					t.Errorf("created %s", id)
				}
			})
		})
	}
}

// A sequence that cannot go on ends the context, at either look, and Create returns that: nothing
// says that the host's tenants have changed.
func TestSequenceThatCannotGoOn(t *testing.T) {
	t.Parallel()
	for look := 1; look <= 2; look++ {
		synctest.Test(t, func(t *testing.T) {
			e := running(t, memstore.New(), nil)
			ctx, stop := context.WithCancelCause(t.Context())
			failed, looks, s := errors.New("the query failed"), 0, spec()
			s.TenantSeq = func(yield func(task.Tenant) bool) {
				looks++
				for i, tenant := range plan.Tenants(tenantsOf("t", 250)...) {
					if looks == look && i == 120 {
						stop(failed)
						return
					}
					if !yield(tenant) {
						return
					}
				}
			}
			_, err := e.Create(ctx, s, cutover.ExecutorElsewhere())
			if !errors.Is(err, context.Canceled) || errors.Is(err, plan.ErrSequenceChanged) || !errors.Is(context.Cause(ctx), failed) {
				t.Errorf("look %d: %v", look, err)
			}
			nothingCreated(t, e)
		})
	}
}

// nothingCreated checks that no plan can be seen.
func nothingCreated(t *testing.T, e *cutover.Engine) {
	t.Helper()
	if plans, err := e.Plans(t.Context(), store.PlanQuery{}); err != nil || len(plans) > 0 {
		t.Errorf("plans %v, %v", plans, err)
	}
}

// A panic of a sequence comes out of Create, whenever it happens, and creates nothing.
func TestSequenceThatPanics(t *testing.T) {
	t.Parallel()
	for _, at := range []struct{ before, place int }{{0, 0}, {0, 170}, {1, 0}, {1, plan.MaxPage + 20}, {1, 2*plan.MaxPage - 1}} {
		t.Run(fmt.Sprint(at), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e := newEngine(t, memstore.New(), cutover.Config{})
				s := fromSequence(spec(tenantsOf("t", 2*plan.MaxPage)...), func(before, place int) {
					if before == at.before && place == at.place {
						panic("the rows are gone")
					}
				})
				defer func() {
					if value := recover(); value != "the rows are gone" {
						t.Errorf("recovered %v", value)
					}
					nothingCreated(t, e)
				}()
				p, err := e.Create(t.Context(), s, cutover.ExecutorElsewhere())
				t.Errorf("created %s, %v", p.ID, err)
			})
		})
	}
}

// A context that ends while a sequence is ranged over ends the creation, even if the sequence
// takes no notice.
func TestContextEndsInASequence(t *testing.T) {
	t.Parallel()
	for _, during := range []int{0, 1} {
		t.Run(fmt.Sprint(during), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e := newEngine(t, memstore.New(), cutover.Config{})
				ctx, cancel := context.WithCancel(t.Context())
				last := 0
				s := fromSequence(spec(tenantsOf("t", 20*plan.MaxPage)...), func(before, place int) {
					if before == during {
						if last = place; place == 2000 {
							cancel()
							synctest.Wait() // until what was passed on is refused
						}
					}
				})
				if _, err := e.Create(ctx, s, cutover.ExecutorElsewhere()); !errors.Is(err, context.Canceled) || last > 2000+(pagesAhead+2)*plan.MaxPage {
					t.Errorf("%v after %d tenants", err, last)
				}
				nothingCreated(t, e)
			})
		})
	}
}

// A store that refuses a page ends the sequence, and its error is that of the creation.
func TestSequenceEndsWithTheStore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := intercept(memstore.New())
		refused := errors.New("full")
		calls := 0
		m.on(func(ctx context.Context, c storetest.Call) error {
			if c.Method == "AddTenants" {
				if calls++; calls == 3 {
					return refused
				}
			}
			return c.Do(ctx)
		})
		e := newEngine(t, m, cutover.Config{})
		last := 0
		s := fromSequence(spec(tenantsOf("t", 20*plan.MaxPage)...), func(_, place int) { last = place })
		if _, err := e.Create(t.Context(), s, cutover.ExecutorElsewhere()); !errors.Is(err, refused) || calls != 3 || last == 20*plan.MaxPage-1 {
			t.Errorf("%v after %d calls and %d tenants", err, calls, last)
		}
		nothingCreated(t, e)
	})
}

// CreateIn takes a sequence, one page after the other, and counts it.
func TestCreateInFromASequence(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := memstore.New()
		e := newEngine(t, m, cutover.Config{})
		id, err := cutover.CreateIn(t.Context(), e, m, fromSequence(spec(tenantsOf("t", 250)...), nil), cutover.ExecutorElsewhere())
		if p, failed := e.Plan(t.Context(), id); err != nil || failed != nil || p.TaskCount != 250 {
			t.Errorf("%+v, %v, %v", p, err, failed)
		}
		large := spec()
		large.TenantSeq = numbered(cutover.MaxTenantsIn + 1)
		if _, err := cutover.CreateIn(t.Context(), e, nil, large, cutover.ExecutorElsewhere()); !errors.Is(err, plan.ErrInvalid) {
			t.Errorf("too many tenants: %v", err)
		}
	})
}

// pagesAhead is how many pages of a sequence may wait for the store.
const pagesAhead = 4

// numbered yields n tenants.
func numbered(n int) iter.Seq[task.Tenant] {
	return func(yield func(task.Tenant) bool) {
		for i := range n {
			if !yield(task.Tenant{ID: fmt.Sprint("t", i)}) {
				return
			}
		}
	}
}
