package engine

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/hook"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/task"
)

// failing is a transaction whose calls fail for now, and are counted.
type failing struct {
	cutover.Transaction
	calls int
}

func (f *failing) AddTenants(context.Context, store.Creation, int, []task.Tenant) error {
	f.calls++
	return &store.TemporaryError{Err: errors.New("the connection is gone")}
}

// CreateIn writes a plan once, tells hooks of it, and refuses what a transaction cannot take.
func TestCreateIn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var results []hook.CommandResult
		m := memstore.New()
		e := newEngine(t, m, cutover.Config{Hooks: hook.Hooks{OnCommandEnd: func(_ context.Context, c hook.Command, r hook.CommandResult) {
			if c.Name == "CreateIn" {
				results = append(results, r)
			}
		}}})
		var existed bool
		id, err := cutover.CreateIn(t.Context(), e, m, twoTenants("a key"), cutover.Existed(&existed), cutover.ExecutorElsewhere())
		again, err2 := cutover.CreateIn(t.Context(), e, m, twoTenants("a key"), cutover.Existed(&existed), cutover.ExecutorElsewhere())
		if err != nil || err2 != nil || again != id || !existed {
			t.Errorf("plans %s and %s, existed %v: %v, %v", id, again, existed, err, err2)
		}
		if p, err := e.Plan(t.Context(), id); err != nil || p.State != plan.Created || p.TaskCount != 2 {
			t.Errorf("%+v, %v", p, err)
		}
		broken := &failing{Transaction: m}
		if _, err := cutover.CreateIn(t.Context(), e, broken, twoTenants(""), cutover.ExecutorElsewhere()); !store.Temporary(err) || broken.calls != 1 {
			t.Errorf("a call that fails was made %d times: %v", broken.calls, err)
		}
		large := twoTenants("")
		large.Tenants = make([]task.Tenant, cutover.MaxTenantsIn+1)
		if _, err := cutover.CreateIn(t.Context(), e, nil, large, cutover.ExecutorElsewhere()); !errors.Is(err, plan.ErrInvalid) {
			t.Errorf("too many tenants: %v", err)
		}
		if len(results) != 4 || results[0].Plan.ID != id || results[0].Err != nil || results[2].Err == nil {
			t.Errorf("told: %+v", results)
		}
	})
}

// twoTenants returns the spec of a plan of two tenants.
func twoTenants(key string) plan.Spec {
	return plan.Spec{Name: "plan", ExecutorType: "X", IdempotencyKey: key, Tenants: []task.Tenant{{ID: "a"}, {ID: "b"}}}
}
