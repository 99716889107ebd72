package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/task"
)

// refusedSaves returns a save for every reason to refuse one, with the code of the failure.
func refusedSaves() map[string]struct {
	save func(context.Context, *executor.Run) error
	code string
} {
	type cyclic struct{ Next any }
	loop := &cyclic{}
	loop.Next = loop
	large := json.RawMessage(`"` + strings.Repeat("x", 64<<10) + `"`)
	type refused = struct {
		save func(context.Context, *executor.Run) error
		code string
	}
	save := func(step string, data any, code string) refused {
		return refused{func(ctx context.Context, r *executor.Run) error { return r.Save(ctx, step, data) }, code}
	}
	undo := func(step string, data any, code string) refused {
		return refused{func(ctx context.Context, r *executor.Run) error { return r.SaveUndo(ctx, step, data) }, code}
	}
	const invalid, tooLarge = executor.CodeCheckpointInvalid, task.CodeCheckpointTooLarge
	return map[string]refused{
		"a channel":           save("s", make(chan int), invalid),
		"NaN":                 save("s", math.NaN(), invalid),
		"a cycle":             save("s", loop, invalid),
		"no JSON":             save("s", json.RawMessage("{"), invalid),
		"no step":             save("", 1, invalid),
		"a step not in UTF-8": save("\xff", 1, invalid),
		"a long step":         save(strings.Repeat("s", 129), 1, tooLarge),
		"too large":           save("s", large, tooLarge),
		"undo, a function":    undo("s", func() {}, invalid),
		"undo, no JSON":       undo("s", json.RawMessage("x"), invalid),
		"undo, no step":       undo("", 1, invalid),
		"undo, too large":     undo("s", large, tooLarge),
		"undo, too many": {func(ctx context.Context, r *executor.Run) (err error) {
			for i := range 257 {
				err = r.SaveUndo(ctx, fmt.Sprint(i), i)
			}
			return err
		}, tooLarge},
	}
}

// TestARefusedSaveFailsTheTask: if an executor ignores that a save was refused, its task fails,
// even if the executor saves something else afterwards.
func TestARefusedSaveFailsTheTask(t *testing.T) {
	t.Parallel()
	for name, c := range refusedSaves() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ignore := func(ctx context.Context, run *executor.Run) error {
					if err := c.save(ctx, run); err == nil {
						t.Error("it was saved")
					}
					return run.Save(ctx, "later", 1)
				}
				e := running(t, memstore.New(), executor.Registry{"X": both{ignore, ignore}})
				id := launch(t, e, spec("a"))
				rests(t, e, id, plan.Failed)
				if tk := ends(t, e, id, 1, task.Failed, c.code); tk.Failure.Retryable || tk.Checkpoint.Step != "later" {
					t.Errorf("failed with %+v at %v", tk.Failure, tk.Checkpoint)
				}
				mustPlan(t)(e.Rollback(t.Context(), id))
				rests(t, e, id, plan.RollbackFailed)
				ends(t, e, id, 1, task.RollbackFailed, c.code)
			})
		})
	}
}

// A step that ignores a refused save fails, and the steps after it are not run.
func TestARefusedSaveFailsTheStep(t *testing.T) {
	t.Parallel()
	for name, c := range refusedSaves() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				type state struct{ N int }
				ignore := func(ctx context.Context, run *executor.Run, s *state) error {
					_ = c.save(ctx, run)
					s.N++
					return nil
				}
				steps, err := executor.NewSteps(
					executor.Step[state]{Name: "FIRST", Do: ignore},
					executor.Step[state]{Name: "SECOND", Do: func(context.Context, *executor.Run, *state) error {
						t.Error("it went on")
						return nil
					}},
				)
				if err != nil {
					t.Fatal(err)
				}
				e := newEngine(t, memstore.New(), cutover.Config{Executors: executor.Registry{"X": steps}})
				runEngine(t, e)
				id := launch(t, e, spec("a"))
				rests(t, e, id, plan.Failed)
				tk := ends(t, e, id, 1, task.Failed, c.code)
				if tk.Failure.Step != "FIRST" || string(tk.Checkpoint.Data) != `{"completedSteps":[],"failedStep":"FIRST"}` {
					t.Errorf("failed with %+v at %v", tk.Failure, tk.Checkpoint)
				}
			})
		})
	}
}
