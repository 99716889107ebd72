package engine

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/task"
)

// damagedPages is a damaged store of which also what is read of many tasks at once cannot be read
// where the damaged task is among them.
type damagedPages struct {
	*damaged
	states, tenants bool
}

func (d damagedPages) hits(is bool, id plan.ID, after, limit int) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if at := d.task.Ordinal(); is && id == d.task.Plan() && at > after && at <= after+limit {
		return d.corrupt(d.task)
	}
	return nil
}

func (d damagedPages) States(ctx context.Context, id plan.ID, after, limit int) ([]task.State, error) {
	if err := d.hits(d.states, id, after, limit); err != nil {
		return nil, err
	}
	return d.damaged.States(ctx, id, after, limit)
}

func (d damagedPages) Tenants(ctx context.Context, id plan.ID, after, limit int) ([]string, error) {
	if err := d.hits(d.tenants, id, after, limit); err != nil {
		return nil, err
	}
	return d.damaged.Tenants(ctx, id, after, limit)
}

// In a plan that waits for its tenants a lock that cannot be read keeps only the task of its own
// tenant from beginning.
func TestDamagedLockOfAPlanThatWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, x := &damaged{Store: memstore.New(), tenant: "t-103"}, &exclusive{}
		e := running(t, d, executor.Registry{"X": quick{x}})
		sp := parallelSpec(tenantsOf("t", 250)...)
		sp.Strategy.Conflict = strategy.Wait
		id := launch(t, e, sp)
		time.Sleep(10 * time.Minute)
		p, err := e.Plan(t.Context(), id)
		if unread := d.triedInVain(); err != nil || p.Counters.Of(task.Completed) != 249 || p.Counters.Of(task.Pending) != 1 || unread == 0 {
			t.Errorf("%v, %v, %d", p.Counters, err, unread)
		}
		d.damage(func() { d.tenant = "" })
		rests(t, e, id, plan.Completed)
		x.check(t)
	})
}

// In a plan that waits for its tenants a damaged task keeps only itself from beginning, whatever of
// it cannot be read.
func TestDamagedTaskOfAPlanThatWaits(t *testing.T) {
	t.Parallel()
	for name, d := range map[string]damagedPages{"states": {states: true}, "tenants": {tenants: true}, "both": {states: true, tenants: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				d.damaged = &damaged{Store: memstore.New()}
				x := &exclusive{}
				e := running(t, d, executor.Registry{"X": quick{x}})
				sp := parallelSpec(tenantsOf("t", 250)...)
				sp.Strategy.Conflict = strategy.Wait
				id := create(t, e, sp)
				d.damage(func() { d.task = task.NewID(id, 103) })
				mustPlan(t)(e.Start(t.Context(), id))
				time.Sleep(10 * time.Minute)
				p, err := e.Plan(t.Context(), id)
				if unread := d.triedInVain(); err != nil || p.Counters.Of(task.Completed) != 249 || p.Counters.Of(task.Pending) != 1 || unread == 0 {
					t.Errorf("%v, %v, %d", p.Counters, err, unread)
				}
				d.damage(func() { d.task = 0 })
				rests(t, e, id, plan.Completed)
				x.check(t)
			})
		})
	}
}
