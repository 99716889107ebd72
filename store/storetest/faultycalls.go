package storetest

import (
	"context"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// The methods of FaultyStore that only pass a call on.

// BeginCreate implements store.Creator.
func (f *FaultyStore) BeginCreate(ctx context.Context, c store.Create) (store.Creation, error) {
	return call(ctx, f, func() (store.Creation, error) { return f.inner.BeginCreate(ctx, c) })
}

// AddTenants implements store.Creator.
func (f *FaultyStore) AddTenants(ctx context.Context, c store.Creation, first int, tenants []task.Tenant) error {
	return callNothing(ctx, f, func() error { return f.inner.AddTenants(ctx, c, first, tenants) })
}

// FinishCreate implements store.Creator.
func (f *FaultyStore) FinishCreate(ctx context.Context, c store.Creation) error {
	return callNothing(ctx, f, func() error { return f.inner.FinishCreate(ctx, c) })
}

// Remove implements store.Creator.
func (f *FaultyStore) Remove(ctx context.Context, id plan.ID) (bool, error) {
	return call(ctx, f, func() (bool, error) { return f.inner.Remove(ctx, id) })
}

// Apply implements store.Writer.
func (f *FaultyStore) Apply(ctx context.Context, c store.Command) (store.Applied, error) {
	return call(ctx, f, func() (store.Applied, error) { return f.inner.Apply(ctx, c) })
}

// Join implements store.Leaser.
func (f *FaultyStore) Join(ctx context.Context, incarnation string, ttl time.Duration) error {
	return callNothing(ctx, f, func() error { return f.inner.Join(ctx, incarnation, ttl) })
}

// Heartbeat implements store.Leaser.
func (f *FaultyStore) Heartbeat(ctx context.Context, incarnation string, ttl time.Duration, plans []plan.ID) ([]store.Holding, error) {
	return call(ctx, f, func() ([]store.Holding, error) { return f.inner.Heartbeat(ctx, incarnation, ttl, plans) })
}

// Leave implements store.Leaser.
func (f *FaultyStore) Leave(ctx context.Context, incarnation string) error {
	return callNothing(ctx, f, func() error { return f.inner.Leave(ctx, incarnation) })
}

// Orphans implements store.Leaser.
func (f *FaultyStore) Orphans(ctx context.Context, id plan.ID) ([]store.Holding, error) {
	return call(ctx, f, func() ([]store.Holding, error) { return f.inner.Orphans(ctx, id) })
}

// Remind implements store.Agenda.
func (f *FaultyStore) Remind(ctx context.Context, plans map[plan.ID]time.Duration) error {
	return callNothing(ctx, f, func() error { return f.inner.Remind(ctx, plans) })
}

// Reserve implements store.Locker.
func (f *FaultyStore) Reserve(ctx context.Context, locks []store.TenantLock) ([]store.TenantLock, error) {
	return call(ctx, f, func() ([]store.TenantLock, error) { return f.inner.Reserve(ctx, locks) })
}

// Locks implements store.Locker.
func (f *FaultyStore) Locks(ctx context.Context, tenants []string) ([]store.TenantLock, error) {
	return call(ctx, f, func() ([]store.TenantLock, error) { return f.inner.Locks(ctx, tenants) })
}

// Replace implements store.Locker.
func (f *FaultyStore) Replace(ctx context.Context, old, next store.TenantLock) (bool, error) {
	return call(ctx, f, func() (bool, error) { return f.inner.Replace(ctx, old, next) })
}

// Release implements store.Locker.
func (f *FaultyStore) Release(ctx context.Context, locks []store.TenantLock) error {
	return callNothing(ctx, f, func() error { return f.inner.Release(ctx, locks) })
}

// Due implements store.Agenda.
func (f *FaultyStore) Due(ctx context.Context, limit int) ([]store.DuePlan, error) {
	return call(ctx, f, func() ([]store.DuePlan, error) { return f.inner.Due(ctx, limit) })
}

// Rest implements store.Agenda.
func (f *FaultyStore) Rest(ctx context.Context, id plan.ID, stamp uint64, after time.Duration) error {
	return callNothing(ctx, f, func() error { return f.inner.Rest(ctx, id, stamp, after) })
}

// Cursor implements store.Cursors.
func (f *FaultyStore) Cursor(ctx context.Context, id plan.ID, name, owner string, ttl time.Duration) (int64, error) {
	return call(ctx, f, func() (int64, error) { return f.inner.Cursor(ctx, id, name, owner, ttl) })
}

// MoveCursor implements store.Cursors.
func (f *FaultyStore) MoveCursor(ctx context.Context, id plan.ID, name, owner string, seq int64) error {
	return callNothing(ctx, f, func() error { return f.inner.MoveCursor(ctx, id, name, owner, seq) })
}

// Plan implements store.Reader.
func (f *FaultyStore) Plan(ctx context.Context, id plan.ID) (plan.Plan, error) {
	return call(ctx, f, func() (plan.Plan, error) { return f.inner.Plan(ctx, id) })
}

// Plans implements store.Reader.
func (f *FaultyStore) Plans(ctx context.Context, q store.PlanQuery) ([]plan.Plan, error) {
	return call(ctx, f, func() ([]plan.Plan, error) { return f.inner.Plans(ctx, q) })
}

// Task implements store.Reader.
func (f *FaultyStore) Task(ctx context.Context, id task.ID) (task.Task, error) {
	return call(ctx, f, func() (task.Task, error) { return f.inner.Task(ctx, id) })
}

// TasksAt implements store.Reader.
func (f *FaultyStore) TasksAt(ctx context.Context, id plan.ID, ordinals []int) ([]task.Task, error) {
	return call(ctx, f, func() ([]task.Task, error) { return f.inner.TasksAt(ctx, id, ordinals) })
}

// Tasks implements store.Reader.
func (f *FaultyStore) Tasks(ctx context.Context, id plan.ID, q store.TaskQuery) ([]task.Task, int, error) {
	type page struct {
		tasks []task.Task
		next  int
	}
	p, err := call(ctx, f, func() (page, error) {
		tasks, next, err := f.inner.Tasks(ctx, id, q)
		return page{tasks, next}, err
	})
	return p.tasks, p.next, err
}

// States implements store.Reader.
func (f *FaultyStore) States(ctx context.Context, id plan.ID, after, limit int) ([]task.State, error) {
	return call(ctx, f, func() ([]task.State, error) { return f.inner.States(ctx, id, after, limit) })
}

// Tenants implements store.Reader.
func (f *FaultyStore) Tenants(ctx context.Context, id plan.ID, after, limit int) ([]string, error) {
	return call(ctx, f, func() ([]string, error) { return f.inner.Tenants(ctx, id, after, limit) })
}

// PlanEvents implements store.Reader.
func (f *FaultyStore) PlanEvents(ctx context.Context, id plan.ID, after int64, limit int) ([]plan.Event, error) {
	return call(ctx, f, func() ([]plan.Event, error) { return f.inner.PlanEvents(ctx, id, after, limit) })
}

// Events implements store.Reader.
func (f *FaultyStore) Events(ctx context.Context, id plan.ID, after int64, limit int) ([]plan.Event, error) {
	return call(ctx, f, func() ([]plan.Event, error) { return f.inner.Events(ctx, id, after, limit) })
}
