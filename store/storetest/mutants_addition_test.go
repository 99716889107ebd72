package storetest

import (
	"context"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/task"
)

// appendsNothing forgets the tenants of additions.
type appendsNothing struct{ mutant }

func (m *appendsNothing) AppendTenants(context.Context, plan.ID, uint64, int, []task.Tenant) error {
	return nil
}

// appendsForAnybody stores tenants whatever the token of their addition is.
type appendsForAnybody struct{ mutant }

func (m *appendsForAnybody) AppendTenants(ctx context.Context, id plan.ID, token uint64, first int, tenants []task.Tenant) error {
	if p, err := m.Plan(ctx, id); err == nil && p.Adding != nil {
		token = p.Adding.Token
	}
	return m.Store.AppendTenants(ctx, id, token, first, tenants)
}

// showsAppended lists tenants of an addition before it is complete.
type showsAppended struct{ mutant }

func (m *showsAppended) Tenants(ctx context.Context, id plan.ID, after, limit int) ([]string, error) {
	ids, err := m.Store.Tenants(ctx, id, after, limit)
	if err != nil {
		return nil, err
	}
	more, err := m.Appended(ctx, id, after+len(ids), limit)
	return append(ids, more...), err
}

// stripsLabels stores added tenants without their labels and parameters.
type stripsLabels struct{ mutant }

func (m *stripsLabels) AppendTenants(ctx context.Context, id plan.ID, token uint64, first int, tenants []task.Tenant) error {
	bare := make([]task.Tenant, len(tenants))
	for i := range tenants {
		bare[i].ID = tenants[i].ID
	}
	return m.Store.AppendTenants(ctx, id, token, first, bare)
}

// countsNoAddedWaves has no counters of waves that were added.
func countsNoAddedWaves(p *plan.Plan) {
	if created := len(p.Strategy.Waves); created < len(p.WaveCounters) {
		clear(p.WaveCounters[created:])
	}
}
