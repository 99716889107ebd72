package storetest

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

type eventGap struct{ mutant }

func (m *eventGap) Events(ctx context.Context, id plan.ID, after int64, limit int) ([]plan.Event, error) {
	events, err := m.Store.Events(ctx, id, after, limit)
	return slices.DeleteFunc(events, func(e plan.Event) bool { return e.Seq == 3 }), err
}

type ownOfAll struct{ mutant }

func (m *ownOfAll) PlanEvents(ctx context.Context, id plan.ID, after int64, limit int) ([]plan.Event, error) {
	return m.Events(ctx, id, after, limit)
}

type ownBeginLate struct{ mutant }

func (m *ownBeginLate) PlanEvents(ctx context.Context, id plan.ID, after int64, limit int) ([]plan.Event, error) {
	return m.Store.PlanEvents(ctx, id, max(1, after), limit)
}

type neverAhead struct{ mutant }

func (m *neverAhead) Events(ctx context.Context, id plan.ID, after int64, limit int) ([]plan.Event, error) {
	events, err := m.Store.Events(ctx, id, after, limit)
	if errors.Is(err, store.ErrEventsAhead) {
		return nil, nil
	}
	return events, err
}

type quietTasks struct{ mutant }

func (m *quietTasks) Listen(ctx context.Context, hint func(store.Hint)) error {
	return m.Store.Listen(ctx, func(h store.Hint) {
		if !h.OnlyEvents {
			hint(h)
		}
	})
}

type restless struct{ mutant }

func (m *restless) Events(ctx context.Context, id plan.ID, after int64, limit int) ([]plan.Event, error) {
	events, err := m.Store.Events(ctx, id, after, limit)
	for i := range events {
		events[i].AtRest = false
	}
	return events, err
}

type sharedCursors struct{ mutant }

func (m *sharedCursors) Cursor(ctx context.Context, id plan.ID, name, _ string, ttl time.Duration) (int64, error) {
	return m.Store.Cursor(ctx, id, name, "everybody", ttl)
}

func (m *sharedCursors) MoveCursor(ctx context.Context, id plan.ID, name, _ string, seq int64) error {
	return m.Store.MoveCursor(ctx, id, name, "everybody", seq)
}

type longPages struct{ mutant }

func (m *longPages) Tasks(ctx context.Context, id plan.ID, q store.TaskQuery) ([]task.Task, int, error) {
	tasks, next, err := m.Store.Tasks(ctx, id, q)
	if next != 0 {
		more, after, err := m.Store.Tasks(ctx, id, store.TaskQuery{After: next, States: q.States, Unheld: q.Unheld, Limit: q.Limit})
		return append(tasks, more...), after, err
	}
	return tasks, next, err
}

type untilTheEnd struct{ mutant }

func (m *untilTheEnd) Tasks(ctx context.Context, id plan.ID, q store.TaskQuery) ([]task.Task, int, error) {
	q.Until = 0
	return m.Store.Tasks(ctx, id, q)
}

type stillPending struct{ mutant }

func (m *stillPending) Task(ctx context.Context, id task.ID) (task.Task, error) {
	t, err := m.Store.Task(ctx, id)
	if t.State == task.Canceled && t.Attempt == 0 {
		t.State = task.Pending
	}
	return t, err
}

// anyPage replaces an invalid page with the nearest valid page.
type anyPage struct{ mutant }

func (m *anyPage) States(ctx context.Context, id plan.ID, after, limit int) ([]task.State, error) {
	return m.Store.States(ctx, id, max(0, after), min(max(0, limit), store.MaxStates))
}

// statesOffByOne begins every page but the first one task too late.
type statesOffByOne struct{ mutant }

func (m *statesOffByOne) States(ctx context.Context, id plan.ID, after, limit int) ([]task.State, error) {
	if after > 0 {
		after++
	}
	return m.Store.States(ctx, id, after, limit)
}

type statesAsStored struct{ mutant }

func (m *statesAsStored) States(ctx context.Context, id plan.ID, after, limit int) ([]task.State, error) {
	states, err := m.Store.States(ctx, id, after, limit)
	for i, s := range states {
		if t, err := m.Task(ctx, task.NewID(id, max(0, after)+1+i)); err == nil && s == task.Canceled && t.Attempt == 0 {
			states[i] = task.Pending
		}
	}
	return states, err
}

type longStates struct{ mutant }

func (m *longStates) States(ctx context.Context, id plan.ID, after, limit int) ([]task.State, error) {
	states, err := m.Store.States(ctx, id, after, limit)
	if len(states) == store.MaxStates {
		more, _ := m.Store.States(ctx, id, after+len(states), limit)
		states = append(states, more...)
	}
	return states, err
}
