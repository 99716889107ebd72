package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/task"
)

// A goroutine that outlives its executor can save nothing any more, not even into the next task of
// the same worker.
func TestLateSave(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		late := make(chan error, 1)
		e := running(t, memstore.New(), executor.Registry{"X": executor.Func(func(ctx context.Context, run *executor.Run) error {
			if run.Tenant().ID == "a" {
				go func() {
					time.Sleep(time.Second) // wait until b runs
					late <- errors.Join(run.Save(context.WithoutCancel(ctx), "late", nil), run.SaveUndo(context.WithoutCancel(ctx), "late", nil))
				}()
				return nil
			}
			time.Sleep(2 * time.Second)
			return errors.New("for its checkpoint to be seen")
		})})
		id := launch(t, e, parallelSpec("a", "b"))
		rests(t, e, id, plan.Completed)
		if err := <-late; !errors.Is(err, executor.ErrReturned) {
			t.Errorf("a late save: %v", err)
		}
		for ordinal := range 2 {
			if tk := taskOf(t, e, id, ordinal+1); tk.Checkpoint != nil || len(tk.Undo) > 0 {
				t.Errorf("task %s has %v, %v", tk.ID, tk.Checkpoint, tk.Undo)
			}
		}
	})
}

// Several goroutines of one executor may save at the same time.
func TestConcurrentSaves(t *testing.T) {
	t.Parallel()
	e := running(t, memstore.New(), executor.Registry{"X": executor.Func(func(ctx context.Context, run *executor.Run) error {
		var wg sync.WaitGroup
		var failed atomic.Int64
		for i := range 50 {
			wg.Go(func() {
				if run.Save(ctx, fmt.Sprint("step", i), i) != nil || run.SaveUndo(ctx, fmt.Sprint("undo", i), i) != nil {
					failed.Add(1)
				}
				run.Progress(executor.Progress{Done: int64(i)})
			})
		}
		wg.Wait()
		if n := failed.Load(); n > 0 {
			return fmt.Errorf("%d saves failed", n)
		}
		return errors.New("for the checkpoint to be seen")
	})})
	id := launch(t, e, spec("a"))
	rests(t, e, id, plan.Failed)
	tk := ends(t, e, id, 1, task.Failed, executor.CodeExecutorFailed)
	if tk.Failure.Reason != "for the checkpoint to be seen" || len(tk.Undo) != 50 || tk.Checkpoint == nil {
		t.Errorf("%+v", tk)
	}
}

// A task may save any number of times, here 200,000, and no save is an event.
func TestManySaves(t *testing.T) {
	t.Parallel()
	saves := 200_000
	if testing.Short() {
		saves = 20_000
	}
	e := running(t, memstore.New(), executor.Registry{"X": executor.Func(func(ctx context.Context, run *executor.Run) error {
		data := json.RawMessage("1")
		for range saves {
			if err := run.Save(ctx, "s", data); err != nil {
				return err
			}
		}
		return nil
	})})
	id := launch(t, e, spec("a"))
	p := rests(t, e, id, plan.Completed)
	if p.LastEvent != 5 {
		t.Errorf("%d events: saves are none", p.LastEvent)
	}
}

// The data of a checkpoint may be as large as the default limit, but not larger.
func TestLimits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t, memstore.New(), cutover.Config{Executors: executor.Registry{
			"X": executor.Func(func(ctx context.Context, run *executor.Run) error {
				size := map[string]int{"fits": 64 << 10, "over": 64<<10 + 1}[run.Tenant().ID]
				return run.Save(ctx, "s", json.RawMessage(`"`+string(bytes.Repeat([]byte("x"), size-2))+`"`))
			}),
		}})
		runEngine(t, e)
		id := launch(t, e, parallelSpec("fits", "over"))
		rests(t, e, id, plan.Completed)
		ends(t, e, id, 1, task.Completed, "")
		ends(t, e, id, 2, task.Failed, task.CodeCheckpointTooLarge)
	})
}
