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

// Bounds of one step of a search for a tenant: of how many plans, and about how many tenants, it
// looks at.
const (
	searchedPlans   = 100
	searchedTenants = 20 * store.MaxStates
)

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
	s := tenantSearch{Lookup: l, tenant: tenant, left: searchedTenants, result: &r}
	return r, cmp.Or(s.run(ctx, from), err)
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
	if from.Plan < 0 || from.Plan > task.MaxPlanID || from.After < 0 || from.After > task.MaxPerPlan || from.Plan == 0 && from.After > 0 {
		faults = append(faults, plan.Fault{Field: "From", Problem: "is no position of a search"})
	}
	if len(faults) > 0 {
		return &store.InvalidError{Faults: faults}
	}
	return nil
}

// tenantSearch is one step of a search.
type tenantSearch struct {
	Lookup
	tenant string
	left   int // how many tenants it may still look at
	result *TenantResult
}

// run searches plans from a position on.
func (s *tenantSearch) run(ctx context.Context, from TenantPosition) error {
	q := store.PlanQuery{Limit: searchedPlans}
	if from.Plan > 0 {
		q.Before = from.Plan + 1
	}
	plans, partly := s.e.Plans(ctx, q)
	if partly != nil && len(plans) == 0 {
		s.result.Next = &from
		return partly
	}
	for i := range plans {
		at := TenantPosition{Plan: plans[i].ID}
		if at.Plan == from.Plan {
			at.After = from.After
		}
		stopped, err := s.searchPlan(ctx, &plans[i], &at)
		if stopped {
			s.result.Next = &at
			return cmp.Or(err, partly)
		}
		s.result.SearchedDownTo, partly = at.Plan, cmp.Or(partly, err)
	}
	if last := s.result.SearchedDownTo; len(plans) == searchedPlans && last > 1 {
		s.result.Next = &TenantPosition{Plan: last - 1}
	}
	return partly
}

// searchPlan searches a plan from a position on, and moves the position. It stops if the step may
// look at no more tenants, or if the store cannot answer now.
func (s *tenantSearch) searchPlan(ctx context.Context, p *plan.Plan, at *TenantPosition) (stopped bool, err error) {
	for at.After < p.TaskCount {
		if s.left <= 0 {
			return true, nil
		}
		tenants, err := s.e.client.Tenants(ctx, p.ID, at.After, store.MaxStates)
		if err != nil || len(tenants) == 0 {
			return s.failed(ctx, err)
		}
		s.left -= len(tenants)
		if i := slices.Index(tenants, s.tenant); i >= 0 {
			tasks, err := s.e.client.TasksAt(ctx, p.ID, []int{at.After + i + 1})
			for _, t := range tasks {
				s.result.Tasks = append(s.result.Tasks, TenantTask{Plan: *p, Task: t})
			}
			return s.failed(ctx, err) // a plan has a tenant once
		}
		at.After += len(tenants)
	}
	return false, nil
}

// failed decides whether the search goes on with the next plan after an error in one. A plan that
// was removed meanwhile is no error.
func (s *tenantSearch) failed(ctx context.Context, err error) (stopped bool, _ error) {
	switch {
	case errors.Is(err, store.ErrNotFound):
		return false, nil
	case err != nil && (store.Temporary(err) || ctx.Err() != nil):
		return true, err
	}
	return false, err
}
