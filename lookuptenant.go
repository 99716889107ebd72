package cutover

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// TenantTask is the task of a tenant in a plan.
type TenantTask struct {
	Plan plan.Plan
	Task task.Task
}

// TenantResult is what [Lookup.Tenant] finds.
type TenantResult struct {
	// Holder is the task that works on the tenant, nil if none does. While tenants are being added
	// to a plan it may have only an ID.
	Holder *TenantTask
	// Tasks are the tenant's tasks in the plans that were searched, that of the newest plan first.
	Tasks []TenantTask
	// SearchedDownTo is the last plan, and so the one with the smallest id, of which this call has
	// searched all tenants; 0 if it has come to the end of none.
	SearchedDownTo plan.ID
	// Next is where the search goes on, nil if it has come to its end.
	Next *TenantPosition
}

// TenantPosition is how far a search for a tenant has come: to a plan, of which the tenants up to
// an ordinal were searched. The zero value is the beginning.
type TenantPosition struct {
	Plan  plan.ID
	After int
}

// faults says what is wrong with a position.
func (at TenantPosition) faults() (faults []plan.Fault) {
	if at.Plan < 0 || at.Plan > task.MaxPlanID || at.After < 0 || at.After > task.MaxPerPlan || at.Plan == 0 && at.After > 0 {
		faults = append(faults, plan.Fault{Field: "From", Problem: "is no position of a search"})
	}
	return faults
}

// searchedTenants is about how many tenants one step of a search for a tenant looks at.
const searchedTenants = 20 * store.MaxStates

// Tenant finds out where a tenant is: which task works on it now, by the lock that every plan takes
// before it works on a tenant, and which tasks it has in the newest plans. There is no index of
// tenants, so that part is a search, the newest plans first, in steps of at most 100 plans and
// about 100,000 tenants: from is the Next of the step before. Every step finds the holder anew.
//
// Returns store.ErrInvalid if no tenant can have the id, or no search the position. If something
// cannot be read, Tenant returns what it has found, together with an error that matches
// store.ErrCorrupt or is store.Temporary. It leaves out what is damaged, and plans that the store
// does not list for now; where the store does not answer at all it stops, and Next is the position.
func (l Lookup) Tenant(ctx context.Context, tenant string, from TenantPosition) (TenantResult, error) {
	var r TenantResult
	if err := checkTenant(tenant, from); err != nil {
		return r, err
	}
	var err error
	if r.Holder, err = l.holder(ctx, tenant); err != nil && (store.Temporary(err) || ctx.Err() != nil) {
		r.Next = &from
		return r, err
	}
	s := search{Lookup: l, left: searchedTenants, room: searchedPlans, leavesOut: func(*plan.Plan) bool { return false }, page: l.pageByTenant(tenant)}
	err = cmp.Or(s.run(ctx, from), err)
	r.Tasks, r.SearchedDownTo, r.Next = s.tasks, s.down, s.next
	return r, err
}

// pageByTenant returns a search of a page for a tenant, which a plan has once.
func (l Lookup) pageByTenant(tenant string) pageSearch {
	return func(ctx context.Context, p *plan.Plan, after int) ([]task.Task, int, bool, error) {
		tenants, err := l.e.client.Tenants(ctx, p.ID, after, store.MaxStates)
		i := slices.Index(tenants, tenant)
		if err != nil || i < 0 {
			return nil, len(tenants), false, err
		}
		tasks, err := l.e.client.TasksAt(ctx, p.ID, []int{after + i + 1})
		return tasks, len(tenants), true, err
	}
}

// holder returns the task that works on a tenant, nil if none does.
func (l Lookup) holder(ctx context.Context, tenant string) (*TenantTask, error) {
	lock, p, held, err := l.e.locks.Holder(ctx, 0, tenant)
	if err != nil || !held {
		return nil, err
	}
	h := &TenantTask{Plan: p, Task: task.Task{ID: task.NewID(lock.Plan, lock.Ordinal)}}
	t, err := l.e.client.Task(ctx, h.Task.ID)
	if errors.Is(err, store.ErrNotFound) { // the tenant is being added, or the plan was removed
		return h, nil
	}
	if t.Tenant.ID == tenant {
		h.Task = t
	}
	return h, err
}

func checkTenant(tenant string, from TenantPosition) error {
	var faults []plan.Fault
	if tenant == "" || len(tenant) > task.MaxTenantID {
		faults = append(faults, plan.Fault{Field: "Tenant", Problem: "is empty or longer than any tenant's id"})
	}
	if faults = append(faults, from.faults()...); len(faults) > 0 {
		return &store.InvalidError{Faults: faults}
	}
	return nil
}
