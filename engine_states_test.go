package cutover_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/task"
)

// States tells what Tasks shows, also of what a cancelled plan never began, and asks
// again when the store is away for a moment.
func TestStates(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &meddler{Store: memstore.New()}
		e := newEngine(t, m, cutover.Config{Executors: executor.Registry{"X": twoSteps(succeed)}})
		ctx := t.Context()
		id := create(t, e, spec("a", "b", "c"))
		mustPlan(t)(e.Start(ctx, id))
		mustTask(t)(e.SkipTask(ctx, task.NewID(id, 2), "not needed"))
		mustPlan(t)(e.Cancel(ctx, id))
		asked := 0
		m.on(func(_ context.Context, c call) error {
			if asked++; asked == 1 {
				return errAway
			}
			return c.do()
		})
		states, err := e.States(ctx, id, 0, 0)
		if want := []task.State{task.Cancelled, task.Skipped, task.Cancelled}; err != nil || !slices.Equal(states, want) {
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
