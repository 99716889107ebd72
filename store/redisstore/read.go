package redisstore

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// Bounds of one call of Tasks: scanCalls is the maximum number of calls of tasks.lua, and pageBytes
// the size at which such a call ends, so that its answer stays small if checkpoints are large.
const (
	scanCalls = 4
	pageBytes = 4 << 20
)

// Plan implements store.Reader.
func (s *Store) Plan(ctx context.Context, id plan.ID) (plan.Plan, error) {
	l := s.queues.of(id)
	before := l.newest()
	answer, err := s.client.run(ctx, s.client.scripts.plan, l.key, false, s.client.scripts.plan.argv(nil, l.key))
	if errors.Is(err, store.ErrNotFound) {
		err = s.queues.absent(ctx, id, l)
	}
	if err != nil {
		return plan.Plan{}, err
	}
	r := reader{key: l.key, rest: answer[2:]}
	p, err := parsePlan(id, &r)
	if err == nil {
		err = s.queues.notice(id, l, before, p.LastEvent)
	}
	if err != nil {
		return plan.Plan{}, err
	}
	return p, nil
}

// Plans implements store.Reader.
func (s *Store) Plans(ctx context.Context, q store.PlanQuery) ([]plan.Plan, error) {
	if err := q.Check(); err != nil {
		return nil, err
	}
	limit := page(q.Limit)
	before := "+inf"
	if q.Before > 0 {
		before = "(" + q.Before.String()
	}
	var plans []plan.Plan
	var damage error
	for {
		ids, err := ask(ctx, s.client, s.keys.plans(), func(ctx context.Context) ([]string, error) {
			return s.client.rdb.ZRangeArgs(ctx, redis.ZRangeArgs{
				Key: s.keys.plans(), Start: before, Stop: "-inf", ByScore: true, Rev: true, Count: plansPage,
			}).Result()
		})
		if err != nil {
			return nil, s.client.fault(ctx, s.keys.plans(), err)
		}
		found, damaged, err := s.planPage(ctx, ids)
		if err != nil {
			return nil, err
		}
		damage = errors.Join(damage, damaged)
		for _, p := range found {
			if len(q.States) == 0 || slices.Contains(q.States, p.State) {
				plans = append(plans, p)
			}
			if len(plans) == limit {
				return plans, damage
			}
		}
		if len(ids) < plansPage {
			return plans, damage
		}
		before = "(" + ids[len(ids)-1]
	}
}

// plansPage is how many plans are read in one round trip.
const plansPage = 100

// planPage reads plans. It leaves out plans that are incomplete or gone, and those that are damaged
// or cannot be reached now, which damage names.
func (s *Store) planPage(ctx context.Context, ids []string) (plans []plan.Plan, damage, err error) {
	calls := make([]pipelined, 0, len(ids))
	for _, text := range ids {
		id, err := parsePlanID(text)
		if err != nil {
			damage = errors.Join(damage, &store.CorruptError{Key: s.keys.plans(), Reason: err.Error()})
			continue
		}
		key := s.keys.plan(id)
		calls = append(calls, pipelined{id: id, key: key, script: s.client.scripts.plan, argv: s.client.scripts.plan.argv(nil, key)})
	}
	if err := s.client.pipeline(ctx, answerTimeout, calls); err != nil {
		return nil, nil, err
	}
	plans = make([]plan.Plan, 0, len(ids))
	for i := range calls {
		c := &calls[i]
		if c.lost() {
			continue
		}
		p, err := c.readPlan()
		if err != nil {
			damage = errors.Join(damage, err)
			continue
		}
		plans = append(plans, p)
	}
	return plans, damage, nil
}

// readPlan reads an answer of plan.lua.
func (p *pipelined) readPlan() (plan.Plan, error) {
	if p.err != nil {
		return plan.Plan{}, p.err
	}
	r := reader{key: p.key, rest: p.answer[2:]}
	return parsePlan(p.id, &r)
}

// Task implements store.Reader.
func (s *Store) Task(ctx context.Context, id task.ID) (task.Task, error) {
	if !id.Valid() {
		return task.Task{}, store.ErrNotFound
	}
	tasks, _, err := s.pick(ctx, id.Plan(), id.Ordinal(), store.TaskQuery{Limit: 1}, "")
	if err != nil {
		return task.Task{}, err
	}
	return tasks[0], nil
}

// TasksAt implements store.Reader. It calls one script per task, all in one round trip, so that a
// damaged task does not affect the others.
func (s *Store) TasksAt(ctx context.Context, id plan.ID, ordinals []int) ([]task.Task, error) {
	if err := store.CheckCount("ordinals", len(ordinals), store.MaxBatch); err != nil {
		return nil, err
	}
	key := s.keys.plan(id)
	var calls []pipelined
	for _, ordinal := range ordinals {
		if ordinal >= 1 && ordinal <= task.MaxPerPlan {
			argv := append(s.client.scripts.pick.argv(nil, key), ordinal, 0, 1, "", task.MaxPerPlan)
			calls = append(calls, pipelined{id: id, key: key, script: s.client.scripts.pick, argv: argv})
		}
	}
	if err := s.client.pipeline(ctx, answerTimeout, calls); err != nil {
		return nil, err
	}
	tasks := make([]task.Task, 0, len(calls))
	var damage error
	for i := range calls {
		c := &calls[i]
		if c.lost() {
			continue
		}
		var found []task.Task
		err := c.err
		if err == nil {
			found, _, err = parseTasks(s.keys, id, key, c.answer, nil)
		}
		if store.Temporary(err) {
			return nil, err
		}
		tasks, damage = append(tasks, found...), errors.Join(damage, err)
	}
	if len(tasks) == 0 && damage == nil { // no answer shows whether the plan exists
		_, err := s.Plan(ctx, id)
		return nil, err
	}
	return tasks, damage
}

// pick reads one task, or the tasks in flight that no worker holds. complete is false if their
// index has to be rebuilt.
func (s *Store) pick(ctx context.Context, id plan.ID, ordinal int, q store.TaskQuery, states string) (tasks []task.Task, complete bool, err error) {
	key := s.keys.plan(id)
	argv := s.client.scripts.pick.argv(nil, key)
	answer, err := s.client.run(ctx, s.client.scripts.pick, key, false, append(argv, ordinal, q.After, q.Limit, states, cmp.Or(q.Until, task.MaxPerPlan)))
	if err != nil {
		return nil, false, err
	}
	tasks, next, err := parseTasks(s.keys, id, key, answer, nil)
	return tasks, next == 0, err
}

// Tasks implements store.Reader.
func (s *Store) Tasks(ctx context.Context, id plan.ID, q store.TaskQuery) (tasks []task.Task, next int, err error) {
	if err := q.Check(); err != nil {
		return nil, 0, err
	}
	limit := page(q.Limit)
	if q.Unheld {
		q.Limit = limit
		return s.unheld(ctx, id, q)
	}
	key, next := s.keys.plan(id), q.After
	for range scanCalls {
		argv := s.client.scripts.tasks.argv(make([]any, 0, 10), key)
		argv = append(argv, next, limit-len(tasks), lettersOf(q.States), scanBuckets, pageBytes, q.Until)
		answer, err := s.client.run(ctx, s.client.scripts.tasks, key, false, argv)
		if err != nil {
			return nil, 0, err
		}
		if tasks, next, err = parseTasks(s.keys, id, key, answer, tasks); err != nil {
			return nil, 0, err
		}
		if next == 0 || len(tasks) == limit {
			break
		}
	}
	return tasks, next, nil
}

// unheld reads tasks in flight that no worker holds.
func (s *Store) unheld(ctx context.Context, id plan.ID, q store.TaskQuery) ([]task.Task, int, error) {
	states := ""
	for _, st := range []task.State{task.Running, task.RollingBack} {
		if len(q.States) == 0 || slices.Contains(q.States, st) {
			states += letters[st : st+1]
		}
	}
	if states == "" {
		states = "-" // no task can be in these states: only check that the plan exists
	}
	tasks, complete, err := s.pick(ctx, id, 0, q, states)
	if err == nil && !complete {
		if err = s.indexes.repair(ctx, answerTimeout, id); err == nil {
			tasks, complete, err = s.pick(ctx, id, 0, q, states)
		}
		if err == nil && !complete {
			err = &store.CorruptError{Key: s.keys.loose(id), Reason: "fewer tasks wait for a worker than are counted"}
		}
	}
	if err != nil || len(tasks) < q.Limit {
		return tasks, 0, err
	}
	return tasks, tasks[len(tasks)-1].ID.Ordinal(), nil
}

// lettersOf returns the letters of states.
func lettersOf(states []task.State) string {
	var b strings.Builder
	for _, st := range states {
		if int(st) < len(letters) {
			b.WriteByte(letters[st])
		}
	}
	if len(states) > 0 && b.Len() == 0 {
		return "-"
	}
	return b.String()
}

func parsePlanID(text string) (plan.ID, error) {
	id, err := task.ParseID(text + "000001")
	return id.Plan(), err
}

// page returns the maximum number of entries to return for limit.
func page(limit int) int {
	if limit == 0 {
		return store.MaxPage
	}
	return limit
}
