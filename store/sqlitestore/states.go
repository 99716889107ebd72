package sqlitestore

import (
	"cmp"
	"context"
	"fmt"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/rules"
	"github.com/cutover-go/cutover/task"
)

// States implements store.Reader.
func (s *Store) States(ctx context.Context, id plan.ID, after, limit int) (states []task.State, err error) {
	err = s.column(ctx, id, "state", after, limit, tasksOf, func(p *rollout, r row, recent *recentTask) string {
		n := r.ColumnInt64(1)
		if recent != nil {
			n = recent.n[recentState]
		}
		if n < 0 || n >= int64(task.NumStates) {
			return fmt.Sprintf("state is %d", n)
		}
		states = append(states, p.StateOf(&rules.Task{State: task.State(n)}))
		return ""
	})
	return states, err
}

// Tenants implements store.Reader.
func (s *Store) Tenants(ctx context.Context, id plan.ID, after, limit int) (ids []string, err error) {
	err = s.column(ctx, id, "tenant", after, limit, tasksOf, tenant(&ids))
	return ids, err
}

// Appended implements store.Reader.
func (s *Store) Appended(ctx context.Context, id plan.ID, after, limit int) (ids []string, err error) {
	err = s.column(ctx, id, "tenant", after, limit, appendedOf, tenant(&ids))
	return ids, err
}

func tenant(to *[]string) func(*rollout, row, *recentTask) string {
	return func(_ *rollout, r row, _ *recentTask) string {
		name := r.ColumnText(1)
		if name == "" {
			return "the tenant is missing"
		}
		*to = append(*to, name)
		return ""
	}
}

// tasksOf and appendedOf return the ordinals between which rows are read.
func tasksOf(p *rollout) (above, last int) { return 0, p.TaskCount }

func appendedOf(p *rollout) (above, last int) { return p.TaskCount, p.TaskCount + p.Marks.Appended }

// column calls f for the rows after an ordinal with the ordinal and one column, at most limit of
// them. A row that is missing, or of which f says what is wrong with it, ends it with an error.
func (s *Store) column(ctx context.Context, id plan.ID, name string, after, limit int, of func(*rollout) (above, last int), f func(p *rollout, r row, recent *recentTask) string) error {
	if err := store.CheckStates(after, limit); err != nil {
		return err
	}
	return s.read(ctx, func(c *conn) error {
		p, err := c.load(id)
		if err != nil {
			return err
		}
		held, err := c.loadRows(p)
		if err != nil {
			return err
		}
		above, last := of(p)
		above = max(above, after)
		last = min(last, above+cmp.Or(limit, store.MaxStates))
		next := above + 1
		err = c.each("SELECT ordinal, "+name+" FROM task WHERE plan = ? AND ordinal > ? AND ordinal <= ? ORDER BY ordinal",
			[]any{int64(id), above, last}, func(r row) error {
				if r.ColumnInt(0) != next {
					return c.damaged(id, uint32(next), "the row is missing")
				}
				if reason := f(p, r, held.recent.unread[uint32(next)]); reason != "" {
					return c.damaged(id, uint32(next), reason)
				}
				next++
				return nil
			})
		if err == nil && next <= last {
			err = c.damaged(id, uint32(next), "the row is missing")
		}
		return err
	})
}
