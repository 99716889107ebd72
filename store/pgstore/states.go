package pgstore

import (
	"cmp"
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/rules"
	"github.com/cutover-go/cutover/task"
)

// States implements store.Reader.
func (s *Store) States(ctx context.Context, id plan.ID, after, limit int) (states []task.State, err error) {
	var n int16
	err = s.column(ctx, id, "state", &n, after, limit, tasksOf, func(p *rollout) string {
		if n < 0 || int(n) >= task.NumStates {
			return fmt.Sprintf("state is %d", n)
		}
		states = append(states, p.StateOf(&rules.Task{State: task.State(n)}))
		return ""
	})
	return states, err
}

// Tenants implements store.Reader.
func (s *Store) Tenants(ctx context.Context, id plan.ID, after, limit int) ([]string, error) {
	return s.tenants(ctx, id, after, limit, tasksOf)
}

// Appended implements store.Reader.
func (s *Store) Appended(ctx context.Context, id plan.ID, after, limit int) ([]string, error) {
	return s.tenants(ctx, id, after, limit, appendedOf)
}

func (s *Store) tenants(ctx context.Context, id plan.ID, after, limit int, of bounds) (ids []string, err error) {
	var name string
	err = s.column(ctx, id, "tenant", &name, after, limit, of, func(*rollout) string {
		if name == "" {
			return "the tenant is missing"
		}
		ids = append(ids, decoded(name))
		return ""
	})
	return ids, err
}

// bounds returns the ordinals between which rows are read.
type bounds func(p *rollout) (above, last int)

func tasksOf(p *rollout) (above, last int) { return 0, p.TaskCount }

func appendedOf(p *rollout) (above, last int) { return p.TaskCount, p.TaskCount + p.Marks.Appended }

// column calls f for the rows after an ordinal, at most limit of them, with one column in to. A row
// that is missing, or of which f says what is wrong with it, ends it with an error.
func (s *Store) column(ctx context.Context, id plan.ID, name string, to any, after, limit int, of bounds, f func(p *rollout) string) error {
	if err := store.CheckStates(after, limit); err != nil {
		return err
	}
	return s.read(ctx, func(t *tx) error {
		p, err := t.load(id, false)
		if err != nil {
			return err
		}
		above, last := of(p)
		above = max(above, after)
		last = min(last, above+cmp.Or(limit, store.MaxStates))
		next := above + 1
		t.each(func(r pgx.Rows) error {
			var ordinal int
			if err := r.Scan(&ordinal, to); err != nil {
				return err
			}
			if ordinal != next {
				return s.damaged(id, uint32(next), "the row is missing")
			}
			if reason := f(p); reason != "" {
				return s.damaged(id, uint32(next), reason)
			}
			next++
			return nil
		}, "SELECT ordinal, "+name+" FROM @.task WHERE plan = $1 AND ordinal > $2 AND ordinal <= $3 ORDER BY ordinal", int64(id), above, last)
		if err = t.flush(); err == nil && next <= last {
			err = s.damaged(id, uint32(next), "the row is missing")
		}
		return err
	})
}
