package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
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

// whereIs searches for a tenant in one step and returns what it found in a line.
func whereIs(t *testing.T, e *cutover.Engine, tenant string, from cutover.TenantPosition) (string, *cutover.TenantPosition) {
	t.Helper()
	r, err := e.Lookup().Tenant(t.Context(), tenant, from)
	if err != nil {
		t.Fatal(err)
	}
	line := "nobody"
	if r.Holder != nil {
		line = fmt.Sprint(r.Holder.Task.ID, " ", r.Holder.Task.State, " of ", r.Holder.Plan.State)
	}
	for _, found := range r.Tasks {
		if found.Plan.ID != found.Task.ID.Plan() || found.Task.Tenant.ID != tenant {
			t.Errorf("%q: found %+v in plan %s", tenant, found.Task, found.Plan.ID)
		}
		line += fmt.Sprint(", ", found.Task.ID, " ", found.Task.State)
	}
	return line + fmt.Sprint(" down to ", r.SearchedDownTo), r.Next
}

// Ids are compared as they are, whatever is in them.
func TestTenantsWithOddIDs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := commanding(t, memstore.New())
		ids := []string{"a", "a/b", "..", "../a", "a b", "a\x00b", "ä\n", "%2f", "{p:1}", strings.Repeat("x", task.MaxTenantID)}
		launch(t, e, spec(ids...))
		for i, id := range ids {
			want := fmt.Sprintf("%d PENDING of RUNNING, %[1]d PENDING down to 1", 1000001+i)
			if got, next := whereIs(t, e, id, cutover.TenantPosition{}); got != want || next != nil {
				t.Errorf("%q: %s, %v, want %s", id, got, next, want)
			}
		}
		for _, id := range []string{"b", "A", "a/", "\xff", "a\x00"} {
			if got, _ := whereIs(t, e, id, cutover.TenantPosition{}); got != "nobody down to 1" {
				t.Errorf("%q: %s", id, got)
			}
		}
		for _, id := range []string{"", strings.Repeat("x", task.MaxTenantID+1)} {
			if _, err := e.Lookup().Tenant(t.Context(), id, cutover.TenantPosition{}); !errors.Is(err, store.ErrInvalid) {
				t.Errorf("%q: %v", id, err)
			}
		}
		for _, from := range []cutover.TenantPosition{{Plan: -1}, {Plan: task.MaxPlanID + 1}, {After: 1}, {Plan: 1, After: -1}, {Plan: 1, After: task.MaxPerPlan + 1}} {
			if _, err := e.Lookup().Tenant(t.Context(), "a", from); !errors.Is(err, store.ErrInvalid) {
				t.Errorf("from %v: %v", from, err)
			}
		}
	})
}

// The holder is the one whose lock counts: not a plan that was not started, that has released the
// tenant, that is over, or that is gone.
func TestTheHolderOfATenant(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := memstore.New()
		e := commanding(t, s)
		where := func(want string) {
			t.Helper()
			if got, _ := whereIs(t, e, "a", cutover.TenantPosition{}); got != want {
				t.Errorf("%s, want %s", got, want)
			}
		}
		where("nobody down to 0")
		first, second := create(t, e, spec("a", "b")), create(t, e, spec("c", "a"))
		where("nobody, 2000002 PENDING, 1000001 PENDING down to 1")
		mustPlan(t)(e.Start(t.Context(), first))
		where("1000001 PENDING of RUNNING, 2000002 PENDING, 1000001 PENDING down to 1")
		mustTask(t)(e.SkipTask(t.Context(), task.NewID(first, 1)))
		where("nobody, 2000002 PENDING, 1000001 SKIPPED down to 1")
		mustPlan(t)(e.Start(t.Context(), second))
		where("2000002 PENDING of RUNNING, 2000002 PENDING, 1000001 SKIPPED down to 1")
		mustPlan(t)(e.Cancel(t.Context(), second))
		where("nobody, 2000002 CANCELLED, 1000001 SKIPPED down to 1")
		mustPlan(t)(e.Cancel(t.Context(), first))
	})
}

// A step of the search looks at a bounded number of plans and tenants, and the next one goes on
// where it ended; together they miss nothing.
func TestTheSearchForATenantIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, reads := memstore.New(), 0
		e := commanding(t, counting(s, "Tenants", &reads))
		missing := make(map[task.ID]bool)
		large := func() {
			sp := plan.Spec{Name: "large", ExecutorType: "X", Tenants: make([]task.Tenant, 130_000)}
			for i := range sp.Tenants {
				sp.Tenants[i].ID = fmt.Sprint("t", i)
			}
			sp.Tenants[120_000].ID = "acme"
			missing[task.NewID(create(t, e, sp), 120_001)] = true
		}
		small := func(n int) {
			for i := range n {
				id := "other"
				if i%50 == 7 {
					id = "acme"
				}
				if p := create(t, e, spec(id)); id == "acme" {
					missing[task.NewID(p, 1)] = true
				}
			}
		}
		small(120)
		large()
		small(3)
		reads = 0
		steps, lowest := 0, plan.ID(1<<40)
		for at := (cutover.TenantPosition{}); ; steps++ {
			before := reads
			r, err := e.Lookup().Tenant(t.Context(), "acme", at)
			if err != nil || reads-before > 130 || steps > 9 {
				t.Fatalf("step %d from %v: %d reads, %v", steps, at, reads-before, err)
			}
			for _, found := range r.Tasks {
				if !missing[found.Task.ID] || found.Plan.ID > lowest {
					t.Errorf("found %s after plan %s", found.Task.ID, lowest)
				}
				delete(missing, found.Task.ID)
				lowest = found.Plan.ID
			}
			if r.Next == nil {
				if r.SearchedDownTo != 1 {
					t.Errorf("searched down to %s at the end", r.SearchedDownTo)
				}
				break
			}
			at = *r.Next
		}
		if len(missing) > 0 || steps != 2 {
			t.Errorf("%v were not found in %d further steps", missing, steps)
		}
	})
}

// What is damaged is left out, with an error; a store that does not answer stops the search where
// it is.
func TestTheSearchForATenantBesideFaults(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := memstore.New()
		var fault error
		e := commanding(t, storetest.Intercept(s, func(ctx context.Context, c storetest.Call) error {
			if c.Method == "Tenants" && c.Plan == 2 && fault != nil {
				return fault
			}
			return c.Do(ctx)
		}))
		for range 3 {
			create(t, e, spec("a"))
		}
		fault = &store.CorruptError{Key: "k", Reason: "r"}
		r, err := e.Lookup().Tenant(t.Context(), "a", cutover.TenantPosition{})
		if !errors.Is(err, store.ErrCorrupt) || len(r.Tasks) != 2 || r.SearchedDownTo != 1 || r.Next != nil {
			t.Errorf("damage: %+v, %v", r, err)
		}
		fault = &store.TemporaryError{Err: errors.New("away")}
		began := time.Now()
		r, err = e.Lookup().Tenant(t.Context(), "a", cutover.TenantPosition{})
		if !store.Temporary(err) || len(r.Tasks) != 1 || r.SearchedDownTo != 3 || r.Next == nil || r.Next.Plan != 2 || time.Since(began) > 15*time.Second {
			t.Errorf("away: %+v, %v", r, err)
		}
		fault = nil
		if got, next := whereIs(t, e, "a", *r.Next); got != "nobody, 2000001 PENDING, 1000001 PENDING down to 1" || next != nil {
			t.Errorf("then: %s", got)
		}
	})
}

// The task that holds a tenant names its process.
func TestTheHolderNamesItsWorker(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := memstore.New()
		goOn := make(chan struct{})
		e := running(t, s, executor.Registry{"X": executor.Func(func(context.Context, *executor.Run) error { <-goOn; return nil })})
		id := launch(t, e, spec("a"))
		synctest.Wait()
		r, err := e.Lookup().Tenant(t.Context(), "a", cutover.TenantPosition{})
		if err != nil || r.Holder == nil || r.Holder.Task.Worker == "" || r.Holder.Task.State != task.Running || r.Holder.Task.Attempt != 1 || r.Holder.Plan.ID != id {
			t.Errorf("%+v, %v", r.Holder, err)
		}
		close(goOn)
		rests(t, e, id, plan.Completed)
		if got, _ := whereIs(t, e, "a", cutover.TenantPosition{}); got != "nobody, 1000001 COMPLETED down to 1" {
			t.Error(got)
		}
	})
}
