package memstore

import (
	"cmp"
	"context"
	"fmt"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/rules"
	"github.com/cutover-go/cutover/task"
)

// AppendTenants implements store.Creator.
func (s *Store) AppendTenants(ctx context.Context, id plan.ID, token uint64, first int, tenants []task.Tenant) error {
	if err := store.CheckCount("tenants", len(tenants), store.MaxTenants); err != nil {
		return err
	}
	p, err := s.visible(ctx, id)
	if err != nil {
		return err
	}
	defer p.mu.Unlock()
	if err := p.plan.CheckAppend(token, first, len(tenants)); err != nil {
		return err
	}
	for i, t := range tenants {
		at := first + i - p.tasks.n - 1
		if at == len(p.tail) {
			p.tail = append(p.tail, rules.NewTask(t))
			p.plan.Marks.Appended++
		} else if p.tail[at].Tenant != t.ID {
			return fmt.Errorf("%w: tenant %d is %q, not %q", store.ErrConflict, first+i, p.tail[at].Tenant, t.ID)
		}
	}
	return nil
}

// grow makes tasks of the tenants that were added, or drops them, as a command has decided.
func (p *rollout) grow(done *rules.Outcome) {
	for _, r := range p.tail[:done.Added] {
		p.tasks.add(r, p.plan.TaskCount)
	}
	if done.Added > 0 || done.Dropped {
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
		ids = append(ids, r.Tenant)
	}
	return ids, nil
}
