package ops

import (
	"context"
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
	v := c.viewer()
	held := make([]holder, len(e.Held))
	p.Detail = e.Error()
	for i, l := range e.Held {
		held[i].TenantID = l.Tenant
		if v.sees(l.Plan) {
			held[i].PlanID = l.Plan
		} else {
			p.Detail = ""
		}
	}
	p.Params = map[string]any{"held": held}
	return p
}

// maxHolders is how many other plans are read for one answer, or one page of it. It is as many
// tenants as an error names.
const maxHolders = 100

// viewer reads the other plans that an answer names, each once. The first one that the store cannot
// answer for is the last one that is asked for: the answer is no later than that of one read.
type viewer struct {
	c    *call
	ctx  context.Context //nolint:containedctx // that of the call, or of a part of it
	seen map[plan.ID]*plan.Plan
	away error // the store cannot answer: nothing more is asked
}

func (c *call) viewer() *viewer {
	return &viewer{c: c, ctx: c.r.Context(), seen: make(map[plan.ID]*plan.Plan)}
}

// plan returns a plan, or nil if the caller may not view it or it cannot be read. The error is that
// of a plan that cannot be read. A plan that is not there has none.
func (v *viewer) plan(id plan.ID) (*plan.Plan, error) {
	if p, seen := v.seen[id]; seen || v.away != nil {
		return p, v.away
	}
	p, err := v.c.engine.Plan(v.ctx, id)
	v.seen[id] = nil
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil, nil //nolint:nilnil // as documented
	case err != nil:
		if store.Temporary(err) || v.ctx.Err() != nil {
			v.away = err
		}
		return nil, err
	case v.c.caller.May(View, &p):
		v.seen[id] = &p
	}
	return v.seen[id], nil
}

// sees reports whether the caller may view a plan. Of those that it asks for, one that cannot be
// read is not shown, and neither is one after maxHolders others.
func (v *viewer) sees(id plan.ID) bool {
	if _, seen := v.seen[id]; !seen && len(v.seen) >= maxHolders {
		return false
	}
	p, _ := v.plan(id)
	return p != nil
}

// failure returns a failure as the caller may see it: that of a task which was skipped because
// another plan worked on its tenant names that plan.
func (v *viewer) failure(f *task.FailureInfo) *task.FailureInfo {
	if holder := f.Holder(); holder == 0 || v.sees(holder.Plan()) {
		return f
	}
	return f.WithoutHolder()
}

// tasks and events take out of tasks and events what the caller may not see.
func (v *viewer) tasks(tasks []task.Task) {
	for i := range tasks {
		tasks[i].Failure = v.failure(tasks[i].Failure)
	}
}

func (v *viewer) events(events []plan.Event) {
	for i := range events {
		events[i].Failure = v.failure(events[i].Failure)
	}
}

// reason takes other plans out of a reason, unless the caller may view them: the one that works on
// the tenant or worked on it, and those whose tasks have the places of a quota.
func (v *viewer) reason(r *plan.Reason) {
	r.Failure = v.failure(r.Failure)
	r.QuotaHolders = slices.DeleteFunc(r.QuotaHolders, func(id task.ID) bool { return !v.sees(id.Plan()) })
	if r.Code == plan.ReasonTenantHeld && !v.sees(r.Holder.Plan()) {
		r.Holder, r.HolderState = 0, 0
	}
}
