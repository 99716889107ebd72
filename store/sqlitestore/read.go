package sqlitestore

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/rules"
	"github.com/cutover-go/cutover/task"
)

// scanned is the maximum number of tasks that one query examines.
const scanned = 16 << 10

// Plan implements store.Reader.
func (s *Store) Plan(ctx context.Context, id plan.ID) (p plan.Plan, err error) {
	err = s.read(ctx, func(c *conn) (err error) {
		p, err = s.plan(c, id)
		return err
	})
	return p, err
}

func (s *Store) plan(c *conn, id plan.ID) (plan.Plan, error) {
	p, err := c.load(id)
	if err != nil {
		return plan.Plan{}, err
	}
	r, err := c.loadRows(p)
	if err != nil {
		return plan.Plan{}, err
	}
	found := p.snapshot(r, s.now())
	if r.err != nil {
		return plan.Plan{}, r.err
	}
	return found, nil
}

// Plans implements store.Reader.
func (s *Store) Plans(ctx context.Context, q store.PlanQuery) (plans []plan.Plan, err error) {
	if err := q.Check(); err != nil {
		return nil, err
	}
	limit := cmp.Or(q.Limit, store.MaxPage)
	before := q.Before
	if before == 0 {
		before = task.MaxPlanID + 1
	}
	var damaged []error
	for more := true; more && len(plans) < limit; {
		var page []plan.ID
		if page, err = s.planIDs(ctx, q.States, before, limit-len(plans)); err != nil {
			return plans, err
		}
		more = len(page) == limit-len(plans)
		for _, id := range page {
			p, err := s.Plan(ctx, id)
			switch before = id; {
			case err == nil && (len(q.States) == 0 || slices.Contains(q.States, p.State)):
				plans = append(plans, p)
			case err == nil || errors.Is(err, store.ErrNotFound): // changed or removed meanwhile
			case errors.Is(err, store.ErrCorrupt) || store.Temporary(err):
				damaged = append(damaged, err)
			default:
				return plans, err
			}
		}
	}
	return plans, errors.Join(damaged...)
}

// planIDs returns the ids of plans in these states, descending from below an id. A plan that has
// lost its control is among them.
func (s *Store) planIDs(ctx context.Context, states []plan.State, before plan.ID, limit int) (ids []plan.ID, err error) {
	which := ""
	args := []any{int64(before)}
	if len(states) > 0 {
		which = "AND (c.state IS NULL OR c.state IN (" + places(len(states)) + "))"
		for _, state := range states {
			args = append(args, int64(state))
		}
	}
	err = s.read(ctx, func(c *conn) error {
		return c.each("SELECT p.id FROM plan AS p LEFT JOIN control AS c ON c.plan = p.id WHERE p.id < ? AND p.stage = 1 "+which+
			" ORDER BY p.id DESC LIMIT ?", append(args, limit), func(r row) error {
			ids = append(ids, plan.ID(r.ColumnInt64(0)))
			return nil
		})
	})
	return ids, err
}

func places(n int) string { return strings.TrimSuffix(strings.Repeat("?,", n), ",") }

// export reads a task as callers see it.
func (r *rows) export(ordinal uint32) (found task.Task, err error) {
	t, err := r.read(ordinal)
	if err != nil {
		return found, err
	}
	worker := ""
	if k := r.claims.rows[t.Claim]; k != nil {
		worker = k.worker
	} else if t.Claim != 0 {
		const sql = "SELECT worker FROM claim WHERE plan = ? AND number = ?"
		known, err := r.c.one(sql, []any{int64(r.p.ID), t.Claim}, func(s row) { worker = s.ColumnText(0) })
		if err == nil && !known {
			err = r.c.damaged(r.p.ID, ordinal, fmt.Sprintf("its claim %d is missing in the table claim", t.Claim))
		}
		if err != nil {
			return found, err
		}
	}
	r.p.Export(ordinal, &t.Task, worker, &found)
	return found, nil
}

// Task implements store.Reader.
func (s *Store) Task(ctx context.Context, id task.ID) (found task.Task, err error) {
	err = s.read(ctx, func(c *conn) error {
		p, err := c.load(id.Plan())
		if err != nil {
			return err
		}
		if o := id.Ordinal(); o < 1 || o > p.TaskCount {
			return store.ErrNotFound
		}
		r, err := c.loadRows(p)
		if err == nil {
			found, err = r.export(uint32(id.Ordinal()))
		}
		return err
	})
	if err != nil {
		return task.Task{}, err
	}
	return found, nil
}

// TasksAt implements store.Reader.
func (s *Store) TasksAt(ctx context.Context, id plan.ID, ordinals []int) (tasks []task.Task, err error) {
	if err := store.CheckCount("ordinals", len(ordinals), store.MaxBatch); err != nil {
		return nil, err
	}
	err = s.read(ctx, func(c *conn) error {
		p, err := c.load(id)
		if err != nil {
			return err
		}
		r, err := c.loadRows(p)
		if err != nil {
			return err
		}
		tasks = make([]task.Task, 0, len(ordinals))
		var damaged []error
		for _, o := range ordinals {
			if o < 1 || o > p.TaskCount {
				continue
			}
			switch found, err := r.export(uint32(o)); {
			case err == nil:
				tasks = append(tasks, found)
			case errors.Is(err, store.ErrCorrupt):
				damaged = append(damaged, err)
			default:
				return err
			}
		}
		return errors.Join(damaged...)
	})
	return tasks, err
}

// Tasks implements store.Reader.
func (s *Store) Tasks(ctx context.Context, id plan.ID, q store.TaskQuery) (tasks []task.Task, next int, err error) {
	if err := q.Check(); err != nil {
		return nil, 0, err
	}
	err = s.read(ctx, func(c *conn) error {
		p, err := c.load(id)
		if err != nil || !p.any(q) {
			return err
		}
		tasks, next, err = c.tasks(p, q)
		return err
	})
	if err != nil {
		return nil, 0, err
	}
	return tasks, next, nil
}

// tasks returns a page of the tasks that match, and the After of the next page.
func (c *conn) tasks(p *rollout, q store.TaskQuery) (tasks []task.Task, next int, err error) {
	limit, last := cmp.Or(q.Limit, store.MaxPage), p.TaskCount
	if q.Until > 0 {
		last = min(last, q.Until)
	}
	end := min(last, q.After+scanned)
	r, err := c.loadRows(p)
	if err != nil {
		return nil, 0, err
	}
	which, args := r.condition(q, []any{int64(p.ID), q.After, end})
	sql := "SELECT " + taskColumns + ", cl.worker FROM task AS t LEFT JOIN claim AS cl ON t.claim > 0 AND cl.plan = t.plan AND cl.number = t.claim " +
		"WHERE t.plan = ? AND t.ordinal > ? AND t.ordinal <= ?" + which + " ORDER BY t.ordinal"
	err = c.each(sql, args, func(s row) error {
		ordinal := uint32(s.ColumnInt64(0))
		var t rules.Task
		if err := scanTask(s, &t); err != nil {
			return c.damaged(p.ID, ordinal, err.Error())
		}
		worker := s.ColumnText(28)
		recent, err := r.fillRecent(ordinal, &t)
		switch {
		case err != nil:
			return err
		case recent != nil && (q.Unheld || len(q.States) > 0 && !slices.Contains(q.States, p.StateOf(&t))):
			return nil
		case recent != nil:
			worker = recent.worker
		case t.Claim != 0 && r.claims.rows[t.Claim] != nil:
			worker = r.claims.rows[t.Claim].worker
		}
		if len(tasks) == limit {
			return errFound // there is more
		}
		tasks = append(tasks, task.Task{})
		p.Export(ordinal, &t, worker, &tasks[len(tasks)-1])
		return nil
	})
	switch {
	case isFound(err):
		return tasks, tasks[limit-1].ID.Ordinal(), nil
	case err != nil:
		return nil, 0, err
	case end < last:
		return tasks, end, nil
	}
	return tasks, 0, nil
}

// condition returns what a query asks of tasks in SQL. Tasks that the table recent has match in any
// case, because it knows more of them.
func (r *rows) condition(q store.TaskQuery, args []any) (string, []any) {
	which := ""
	if q.Unheld {
		which = fmt.Sprintf(" AND t.claim = 0 AND t.state IN (%d, %d)", task.Running, task.RollingBack)
	}
	if len(q.States) > 0 {
		n := 0
		for state := range task.State(task.NumStates) {
			if slices.Contains(q.States, r.p.StateOf(&rules.Task{State: state})) {
				args = append(args, int64(state))
				n++
			}
		}
		which += " AND t.state IN (" + places(n) + ")"
	}
	if which == "" || len(r.recent.unread) == 0 {
		return which, args
	}
	list, _ := json.Marshal(slices.Collect(maps.Keys(r.recent.unread))) //nolint:errchkjson // numbers have no error
	return " AND (true" + which + " OR t.ordinal IN (SELECT value FROM json_each(?)))", append(args, string(list))
}

// any reports whether a task that matches the query can exist.
func (p *rollout) any(q store.TaskQuery) bool {
	if q.Unheld && p.Counters.InFlight() == p.Counters.Held {
		return false
	}
	match := func(s task.State) bool { return int(s) < task.NumStates && p.Counters.Of(s) > 0 }
	return len(q.States) == 0 || slices.ContainsFunc(q.States, match)
}
