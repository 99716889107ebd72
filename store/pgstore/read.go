package pgstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/rules"
	"github.com/cutover-go/cutover/task"
)

const (
	// scanned is the maximum number of tasks that one query examines.
	scanned = 16 << 10
	// together is how many plans are read in one transaction.
	together = 50
)

// Plan implements store.Reader.
func (s *Store) Plan(ctx context.Context, id plan.ID) (p plan.Plan, err error) {
	err = s.read(ctx, func(t *tx) error {
		loaded, err := t.load(id, false)
		if err == nil {
			p, err = t.show(loaded)
		}
		return err
	})
	return p, err
}

// show returns a plan for a caller.
func (t *tx) show(p *rollout) (plan.Plan, error) {
	if p.Counters.Waiting == 0 {
		return p.snapshot(newRows(p)), nil
	}
	n := rules.NeedsOf(&p.Plan, &store.Command{Decision: plan.Decision{Plan: p.Plan.Plan}})
	n.Undoable = rules.Window{}
	r, err := t.loadRows(p, &n)
	if err != nil {
		return plan.Plan{}, err
	}
	return p.snapshot(r), r.Err()
}

// Plans implements store.Reader.
func (s *Store) Plans(ctx context.Context, q store.PlanQuery) (plans []plan.Plan, err error) {
	if err := q.Check(); err != nil {
		return nil, err
	}
	limit, before := cmp.Or(q.Limit, store.MaxPage), q.Before
	if before == 0 {
		before = task.MaxPlanID + 1
	}
	var damaged []error
	for len(plans) < limit {
		n := min(limit-len(plans), together)
		more, last, err := s.somePlans(ctx, &q, before, n, &damaged)
		if err != nil {
			return plans, err
		}
		if plans = append(plans, more...); last == 0 {
			break
		}
		before = last
	}
	return plans, errors.Join(damaged...)
}

// somePlans returns plans below an id, and the last id that it has looked at, 0 if there are no
// more.
func (s *Store) somePlans(ctx context.Context, q *store.PlanQuery, before plan.ID, n int, damaged *[]error) (plans []plan.Plan, last plan.ID, err error) {
	err = s.read(ctx, func(t *tx) error {
		ids, err := t.planIDs(q.States, before, n)
		if err != nil {
			return err
		}
		if len(ids) == n {
			last = ids[n-1]
		}
		var loaded []*rollout
		for _, id := range ids {
			loaded = append(loaded, t.queuePlan(id, false))
		}
		if err := t.flush(); err != nil {
			return err
		}
		for _, p := range loaded {
			err := p.parse()
			var shown plan.Plan
			if err == nil {
				shown, err = t.show(p)
			}
			switch {
			case err == nil:
				plans = append(plans, shown)
			case errors.Is(err, store.ErrCorrupt):
				*damaged = append(*damaged, err)
				t.err = nil
			default:
				return err
			}
		}
		return nil
	})
	return plans, last, err
}

// planIDs returns the ids of plans in these states, descending from below an id. A plan that has
// lost its control is among them.
func (t *tx) planIDs(states []plan.State, before plan.ID, limit int) (ids []plan.ID, err error) {
	which, args := "", []any{int64(before), limit}
	if len(states) > 0 {
		numbers := make([]int16, len(states))
		for i, state := range states {
			numbers[i] = int16(state)
		}
		which, args = "AND (c.state IS NULL OR c.state = ANY ($3::smallint[]))", append(args, numbers)
	}
	t.each(func(r pgx.Rows) error {
		var id plan.ID
		err := r.Scan(&id)
		ids = append(ids, id)
		return err
	}, "SELECT p.id FROM @.plan AS p LEFT JOIN @.control AS c ON c.plan = p.id WHERE p.id < $1 AND p.stage = 1 "+which+" ORDER BY p.id DESC LIMIT $2", args...)
	return ids, t.flush()
}

// Task implements store.Reader.
func (s *Store) Task(ctx context.Context, id task.ID) (task.Task, error) {
	tasks, err := s.TasksAt(ctx, id.Plan(), []int{id.Ordinal()})
	switch {
	case err != nil:
		return task.Task{}, err
	case len(tasks) == 0:
		return task.Task{}, store.ErrNotFound
	}
	return tasks[0], nil
}

// exporter reads rows of taskColumns and the worker, and exports the tasks.
func (t *tx) exporter(p *rollout, f func(ordinal int, found *task.Task, err error) error) func(r pgx.Rows) error {
	return func(r pgx.Rows) error {
		var row taskRow
		var worker *string
		if err := row.scan(r, &worker); err != nil {
			return err
		}
		var own rules.Task
		if err := row.fill(&own); err != nil {
			return f(int(row.ordinal), nil, t.s.damaged(p.ID, uint32(row.ordinal), err.Error()))
		}
		name := ""
		switch {
		case worker != nil:
			name = decoded(*worker)
		case own.Claim != 0:
			return f(int(row.ordinal), nil, t.s.damaged(p.ID, uint32(row.ordinal), fmt.Sprintf("its claim %d is missing in the table claim", own.Claim)))
		}
		var found task.Task
		p.Export(uint32(row.ordinal), &own, name, &found)
		return f(int(row.ordinal), &found, nil)
	}
}

const selectTasks = "SELECT " + taskColumns + ", cl.worker FROM @.task AS t LEFT JOIN @.claim AS cl ON t.claim > 0 AND cl.plan = t.plan AND cl.number = t.claim WHERE t.plan = $1 AND "

// TasksAt implements store.Reader.
func (s *Store) TasksAt(ctx context.Context, id plan.ID, ordinals []int) (tasks []task.Task, err error) {
	if err := store.CheckCount("ordinals", len(ordinals), store.MaxBatch); err != nil {
		return nil, err
	}
	err = s.read(ctx, func(t *tx) error {
		p, err := t.load(id, false)
		if err != nil {
			return err
		}
		var known []int32
		for _, o := range ordinals {
			if o >= 1 && o <= p.TaskCount {
				known = append(known, int32(o))
			}
		}
		found, faults := make(map[int]*task.Task), make(map[int]error)
		t.each(t.exporter(p, func(ordinal int, one *task.Task, err error) error {
			found[ordinal], faults[ordinal] = one, err
			return nil
		}), selectTasks+"t.ordinal = ANY ($2::int[])", int64(id), known)
		if err := t.flush(); err != nil {
			return err
		}
		var damaged []error
		tasks = make([]task.Task, 0, len(known))
		for _, o := range known {
			switch one, is := found[int(o)]; {
			case one != nil:
				tasks = append(tasks, *one)
			case is:
				damaged = append(damaged, faults[int(o)])
			default:
				damaged = append(damaged, s.damaged(id, uint32(o), "the row is missing"))
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
	err = s.read(ctx, func(t *tx) error {
		p, err := t.load(id, false)
		if err != nil || !p.any(q) {
			return err
		}
		tasks, next, err = t.tasks(p, q)
		return err
	})
	if err != nil {
		return nil, 0, err
	}
	return tasks, next, nil
}

// tasks returns a page of the tasks that match, and the After of the next page.
func (t *tx) tasks(p *rollout, q store.TaskQuery) (tasks []task.Task, next int, err error) {
	limit, last := cmp.Or(q.Limit, store.MaxPage), p.TaskCount
	if q.Until > 0 {
		last = min(last, q.Until)
	}
	end := min(last, q.After+scanned)
	which := ""
	if q.Unheld {
		which = fmt.Sprintf(" AND t.claim = 0 AND t.state IN (%d, %d)", task.Running, task.RollingBack)
	}
	args := []any{int64(p.ID), q.After, end, limit + 1}
	if len(q.States) > 0 {
		which, args = which+" AND t.state = ANY ($5::smallint[])", append(args, p.stored(q.States))
	}
	more := false
	t.each(t.exporter(p, func(_ int, found *task.Task, err error) error {
		switch {
		case len(tasks) == limit:
			more = true
		case err != nil:
			return err
		default:
			tasks = append(tasks, *found)
		}
		return nil
	}), selectTasks+"t.ordinal > $2 AND t.ordinal <= $3"+which+" ORDER BY t.ordinal LIMIT $4", args...)
	switch err := t.flush(); {
	case err != nil:
		return nil, 0, err
	case more:
		return tasks, tasks[limit-1].ID.Ordinal(), nil
	case end < last:
		return tasks, end, nil
	}
	return tasks, 0, nil
}

// stored returns the states in the tables that are shown as one of these.
func (p *rollout) stored(shown []task.State) []int16 {
	stored := make([]int16, 0, task.NumStates)
	for state := range task.State(task.NumStates) {
		if slices.Contains(shown, p.StateOf(&rules.Task{State: state})) {
			stored = append(stored, int16(state))
		}
	}
	return stored
}

// any reports whether a task that matches the query can exist.
func (p *rollout) any(q store.TaskQuery) bool {
	if q.Unheld && p.Counters.InFlight() == p.Counters.Held {
		return false
	}
	match := func(s task.State) bool { return int(s) < task.NumStates && p.Counters.Of(s) > 0 }
	return len(q.States) == 0 || slices.ContainsFunc(q.States, match)
}
