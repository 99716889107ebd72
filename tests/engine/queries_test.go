package engine

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/store/storetest"
	"github.com/cutover-go/cutover/task"
)

// States returns the states that Tasks shows, including those of tasks that a canceled plan never
// began, and tries again after a temporary error of the store.
func TestStates(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := intercept(memstore.New())
		e := newEngine(t, m, cutover.Config{Executors: executor.Registry{"X": twoSteps(succeed)}})
		ctx := t.Context()
		id := create(t, e, spec("a", "b", "c"))
		mustPlan(t)(e.Start(ctx, id))
		mustTask(t)(e.SkipTask(ctx, task.NewID(id, 2), cutover.Because("not needed")))
		mustPlan(t)(e.Cancel(ctx, id))
		asked := 0
		m.on(func(ctx context.Context, c storetest.Call) error {
			if asked++; asked == 1 {
				return errAway
			}
			return c.Do(ctx)
		})
		states, err := e.States(ctx, id, 0, 0)
		if want := []task.State{task.Canceled, task.Skipped, task.Canceled}; err != nil || !slices.Equal(states, want) {
			t.Errorf("states %v, %v; want %v", states, err, want)
		}
		if asked != 2 {
			t.Errorf("asked %d times, want twice", asked)
		}
		if last, err := e.States(ctx, id, 2, 1); err != nil || !slices.Equal(last, states[2:]) {
			t.Errorf("the last state %v, %v", last, err)
		}
		if _, err := e.States(ctx, id+1, 0, 0); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("states of no plan: %v", err)
		}
	})
}

// Every query refuses a negative position or limit, and names the argument.
func TestQueriesRefuse(t *testing.T) {
	t.Parallel()
	e := newEngine(t, memstore.New(), cutover.Config{})
	id := create(t, e, spec("a"))
	ctx := t.Context()
	watch := func(after int64) (err error) {
		for _, err = range e.Watch(ctx, id, after) {
			break
		}
		return err
	}
	_, plans := e.Plans(ctx, store.PlanQuery{Limit: -4})
	_, _, tasks := e.Tasks(ctx, id, store.TaskQuery{Limit: -4})
	_, states := e.States(ctx, id, 0, -4)
	_, tenants := e.Tenants(ctx, id, 0, -4)
	_, events := e.Events(ctx, id, -1, -1)
	_, own := e.PlanEvents(ctx, id, -1, -1)
	for name, tt := range map[string]struct {
		err  error
		want string
	}{
		"Plans": {plans, "Limit is -4"}, "Tasks": {tasks, "Limit is -4"}, "States": {states, "Limit is -4"},
		"Tenants": {tenants, "Limit is -4"}, "Events": {events, "After is -1"}, "PlanEvents": {own, "Limit is -1"},
		"Watch": {watch(-7), "After is -7"},
	} {
		if invalid := (*store.InvalidError)(nil); !errors.As(tt.err, &invalid) || !strings.Contains(tt.err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", name, tt.err, tt.want)
		}
	}
}
