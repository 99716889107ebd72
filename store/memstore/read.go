package memstore

import (
	"cmp"
	"context"
	"slices"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// scanned is the maximum number of tasks that one query examines.
const scanned = 16 << 10

// Plan implements store.Reader.
func (s *Store) Plan(ctx context.Context, id plan.ID) (plan.Plan, error) {
	p, err := s.visible(ctx, id)
	if err != nil {
		return plan.Plan{}, err
	}
	defer p.mu.Unlock()
	return p.snapshot(), nil
}

// Plans implements store.Reader.
func (s *Store) Plans(ctx context.Context, q store.PlanQuery) ([]plan.Plan, error) {
	if err := q.Check(); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	end := len(s.order)
	if q.Before > 0 {
		end, _ = slices.BinarySearch(s.order, q.Before)
	}
	limit := cmp.Or(q.Limit, store.MaxPage)
	var plans []plan.Plan
	for i := end - 1; i >= 0 && len(plans) < limit; i-- {
		p := s.plans[s.order[i]]
		p.mu.Lock()
		if p.stage == complete && (len(q.States) == 0 || slices.Contains(q.States, p.plan.State)) {
			plans = append(plans, p.snapshot())
		}
		p.mu.Unlock()
	}
	return plans, nil
}

// Task implements store.Reader.
func (s *Store) Task(ctx context.Context, id task.ID) (task.Task, error) {
	p, err := s.visible(ctx, id.Plan())
	if err != nil {
		return task.Task{}, err
	}
	defer p.mu.Unlock()
	r := p.find(id)
	if r == nil {
		return task.Task{}, store.ErrNotFound
	}
	return p.export(nil, uint32(id.Ordinal()))[0], nil
}

// TasksAt implements store.Reader.
func (s *Store) TasksAt(ctx context.Context, id plan.ID, ordinals []int) ([]task.Task, error) {
	if err := store.CheckCount("ordinals", len(ordinals), store.MaxBatch); err != nil {
		return nil, err
	}
	p, err := s.visible(ctx, id)
	if err != nil {
		return nil, err
	}
	defer p.mu.Unlock()
	tasks := make([]task.Task, 0, len(ordinals))
	for _, ordinal := range ordinals {
		if ordinal >= 1 && ordinal <= p.tasks.n {
			tasks = p.export(tasks, uint32(ordinal))
		}
	}
	return tasks, nil
}

// Tasks implements store.Reader.
func (s *Store) Tasks(ctx context.Context, id plan.ID, q store.TaskQuery) (tasks []task.Task, next int, err error) {
	if err := q.Check(); err != nil {
		return nil, 0, err
	}
	p, err := s.visible(ctx, id)
	if err != nil {
		return nil, 0, err
	}
	defer p.mu.Unlock()
	if !p.any(q) {
		return nil, 0, nil
	}
	limit := cmp.Or(q.Limit, store.MaxPage)
	ordinal, last := q.After, p.tasks.n
	if q.Until > 0 {
		last = min(last, q.Until)
	}
	for looked := 0; ordinal < last; looked++ {
		if len(tasks) == limit || looked == scanned {
			return tasks, ordinal, nil
		}
		ordinal++
		if r := p.tasks.at(uint32(ordinal)); p.matches(r, q) {
			tasks = p.export(tasks, uint32(ordinal))
		}
	}
	return tasks, 0, nil
}

// States implements store.Reader.
func (s *Store) States(ctx context.Context, id plan.ID, after, limit int) ([]task.State, error) {
	return each(ctx, s, id, after, limit, func(p *rollout, r *record) task.State { return p.plan.StateOf(r) })
}

// Tenants implements store.Reader.
func (s *Store) Tenants(ctx context.Context, id plan.ID, after, limit int) ([]string, error) {
	return each(ctx, s, id, after, limit, func(_ *rollout, r *record) string { return r.Tenant })
}

// each returns the results of f for the tasks after an ordinal, at most limit of them.
func each[T any](ctx context.Context, s *Store, id plan.ID, after, limit int, f func(*rollout, *record) T) ([]T, error) {
	if err := store.CheckStates(after, limit); err != nil {
		return nil, err
	}
	p, err := s.visible(ctx, id)
	if err != nil {
		return nil, err
	}
	defer p.mu.Unlock()
	if limit == 0 {
		limit = store.MaxStates
	}
	after = min(after, p.tasks.n)
	found := make([]T, min(limit, p.tasks.n-after))
	for i := range found {
		found[i] = f(p, p.tasks.at(uint32(after+1+i)))
	}
	return found, nil
}

func (p *rollout) matches(r *record, q store.TaskQuery) bool {
	if q.Unheld && (r.Claim != 0 || !r.State.InFlight()) {
		return false
	}
	return len(q.States) == 0 || slices.Contains(q.States, p.plan.StateOf(r))
}

// any reports whether a task that matches the query can exist.
func (p *rollout) any(q store.TaskQuery) bool {
	if q.Unheld && p.plan.Counters.InFlight() == p.plan.Counters.Held {
		return false
	}
	match := func(s task.State) bool {
		return int(s) < task.NumStates && p.plan.Counters.Of(s) > 0
	}
	return len(q.States) == 0 || slices.ContainsFunc(q.States, match)
}
