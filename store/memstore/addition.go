package memstore

import (
	"cmp"
	"context"
	"fmt"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// AppendTenants implements store.Creator.
func (s *Store) AppendTenants(ctx context.Context, id plan.ID, token uint64, first int, tenants []task.Tenant) error {
	if err := store.CheckCount("tenants", len(tenants), store.MaxBatch); err != nil {
		return err
	}
	p, err := s.visible(ctx, id)
	if err != nil {
		return err
	}
	defer p.mu.Unlock()
	a := p.plan.Adding
	if a == nil || a.Token != token || a.GivenUp {
		return fmt.Errorf("%w: plan %s has no such addition of tenants", store.ErrConflict, id)
	}
	had := p.tasks.n + len(p.tail)
	if last := first + len(tenants) - 1; first <= p.tasks.n || first > had+1 || last > p.tasks.n+a.Tenants {
		return fmt.Errorf("%w: tenants %d to %d for an addition of %d to plan %s, which has %d tasks and has stored tenants up to %d",
			store.ErrConflict, first, last, a.Tenants, id, p.tasks.n, had)
	}
	for i, t := range tenants {
		at := first + i - p.tasks.n - 1
		if at == len(p.tail) {
			p.tail = append(p.tail, newRecord(t))
		} else if p.tail[at].tenant != t.ID {
			return fmt.Errorf("%w: tenant %d is %q, not %q", store.ErrConflict, first+i, p.tail[at].tenant, t.ID)
		}
	}
	return nil
}

// checkAddition returns an error if a decision adds tenants and those that were stored are others
// in number.
func (p *rollout) checkAddition(next *plan.Plan) error {
	if n := next.TaskCount - p.plan.TaskCount; n != 0 && n != len(p.tail) {
		return fmt.Errorf("%w: plan %s is to get %d tasks more, and %d tenants are stored", store.ErrConflict, p.plan.ID, n, len(p.tail))
	}
	return nil
}

// grow makes tasks of the tenants that were added if next has them. If next has the mark of another
// addition, it drops what the one before has stored.
func (p *rollout) grow(next *plan.Plan) {
	if next.TaskCount > p.plan.TaskCount {
		p.plan.TaskCount = next.TaskCount
		p.plan.Counters.States[task.Pending] += len(p.tail)
		for _, r := range p.tail {
			p.tasks.add(r, next.TaskCount)
		}
		p.tail = nil
		p.plan.WaveCounters = append(p.plan.WaveCounters, waveCounters(len(next.Waves)-len(p.plan.Waves))...)
	}
	if a, b := p.plan.Adding, next.Adding; b != nil && (a == nil || a.Token != b.Token) {
		p.tail = nil
	}
}

// Appended implements store.Reader.
func (s *Store) Appended(ctx context.Context, id plan.ID, after, limit int) ([]string, error) {
	if err := store.CheckStates(after, limit); err != nil {
		return nil, err
	}
	p, err := s.visible(ctx, id)
	if err != nil {
		return nil, err
	}
	defer p.mu.Unlock()
	from := min(max(0, after-p.tasks.n), len(p.tail))
	ids := make([]string, 0, min(cmp.Or(limit, store.MaxStates), len(p.tail)-from))
	for _, r := range p.tail[from : from+cap(ids)] {
		ids = append(ids, r.tenant)
	}
	return ids, nil
}
