package ops

import (
	"errors"
	"slices"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// holder is a tenant that another plan works on.
type holder struct {
	TenantID string `json:"tenantId"`
	// PlanID is left out if the caller may not view the plan.
	PlanID plan.ID `json:"planId,omitzero"`
}

// nameHolders returns the error that becomes the answer. Tenants that other plans work on are named
// with those plans that the caller may view; the error itself names all of them, so its text is
// shown only to a caller who may view all.
//
// It is no part of call.problem because it asks a function of the host, which may panic.
func (c *call) nameHolders(err error) error {
	var e *store.TenantHeldError
	p := problemOf(err)
	if p.Code != codeTenantHeld.name || !errors.As(err, &e) {
		return err
	}
	visible := c.visible(e.Held)
	held := make([]holder, len(e.Held))
	p.Detail = e.Error()
	for i, l := range e.Held {
		held[i].TenantID = l.Tenant
		if visible[l.Plan] {
			held[i].PlanID = l.Plan
		} else {
			p.Detail = ""
		}
	}
	p.Params = map[string]any{"held": held}
	return p
}

// maxHolders is how many plans that hold tenants are read for one answer. It is as many tenants as
// an error names.
const maxHolders = 100

// visible returns which of the plans that hold tenants the caller may view. Those that cannot be
// read are not shown, and the first one that the store cannot answer for is the last one that is
// asked for: the answer is no later than that of one read.
func (c *call) visible(held []store.TenantLock) map[plan.ID]bool {
	visible := make(map[plan.ID]bool)
	for _, l := range held {
		if _, read := visible[l.Plan]; read {
			continue
		}
		if len(visible) == maxHolders {
			break
		}
		may, err := c.sees(l.Plan)
		if store.Temporary(err) || c.r.Context().Err() != nil {
			break
		}
		visible[l.Plan] = may
	}
	return visible
}

// sees reports whether the caller may view a plan that an answer about another plan names.
func (c *call) sees(id plan.ID) (bool, error) {
	p, err := c.engine.Plan(c.r.Context(), id)
	return err == nil && c.caller.May(View, &p), err
}

// hideHolder takes the plan that works on the tenant, and the tasks that have the places of a
// quota, out of a reason, unless the caller may view their plans.
func (c *call) hideHolder(r *plan.Reason) {
	if r.Code == plan.ReasonQuota {
		may := make(map[plan.ID]bool)
		r.QuotaHolders = slices.DeleteFunc(r.QuotaHolders, func(id task.ID) bool {
			if _, asked := may[id.Plan()]; !asked {
				may[id.Plan()], _ = c.sees(id.Plan())
			}
			return !may[id.Plan()]
		})
	}
	if r.Code != plan.ReasonTenantHeld {
		return
	}
	if may, _ := c.sees(r.Holder.Plan()); !may { // one that cannot be read is not shown
		r.Holder, r.HolderState = 0, 0
	}
}
