package executor_test

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"testing/synctest"

	"github.com/cutover-go/cutover/checkpoint"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/executor/executortest"
	"github.com/cutover-go/cutover/internal/guard"
	"github.com/cutover-go/cutover/task"
)

func TestNothingIsSavedAfterTheReturn(t *testing.T) {
	t.Parallel()
	run := executortest.NewRun(t)
	if err := run.Execute(executor.Func(func(context.Context, *executor.Run) error { return nil })); err != nil {
		t.Fatal(err)
	}
	if err := run.Save(t.Context(), "LATE", nil); !errors.Is(err, executor.ErrReturned) {
		t.Errorf("Save: %v", err)
	}
	if err := run.SaveUndo(t.Context(), "LATE", nil); !errors.Is(err, executor.ErrReturned) {
		t.Errorf("SaveUndo: %v", err)
	}
	if len(run.Saved()) != 0 || len(run.Task().Undo) != 0 {
		t.Error("something was stored")
	}
}

func TestEndWaitsForASaveThatIsUnderWay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		rec := &slow{entered: make(chan struct{}), leave: make(chan struct{})}
		run := executor.NewRun(executortest.NewRun(t).Task(), nil, 1, rec)
		saved := make(chan error, 1)
		guarded := make(chan error, 1)
		go func() {
			guarded <- guard.Run(t.Context(), run, func(ctx context.Context, run *executor.Run) error {
				go func() { saved <- run.Save(ctx, "A", nil) }()
				<-rec.entered
				return nil
			})
		}()
		synctest.Wait()
		if len(guarded) > 0 {
			t.Fatal("the run ended during a save")
		}
		close(rec.leave)
		if err := <-saved; err != nil {
			t.Errorf("Save: %v", err)
		}
		if err := <-guarded; err != nil {
			t.Errorf("the run: %v", err)
		}
	})
}

// slow blocks in Save until leave is closed.
type slow struct {
	single
	entered, leave chan struct{}
}

func (s *slow) Save(context.Context, checkpoint.Checkpoint) error {
	close(s.entered)
	<-s.leave
	return nil
}

// counting counts the progress that reaches a recorder.
type counting struct {
	executor.Recorder
	reports int
}

func (c *counting) Progress(executor.Progress) { c.reports++ }

func TestProgressAfterTheReturnIsDropped(t *testing.T) {
	t.Parallel()
	c := &counting{}
	run := executor.NewRun(task.Task{}, nil, 1, c)
	err := guard.Run(t.Context(), run, func(_ context.Context, run *executor.Run) error {
		run.Progress(executor.Progress{Done: 1})
		return nil
	})
	run.Progress(executor.Progress{Done: 2})
	if err != nil || c.reports != 1 {
		t.Errorf("%d reports, %v", c.reports, err)
	}
}

func TestARunWithARefusedSaveFails(t *testing.T) {
	t.Parallel()
	store := errors.New("store")
	for name, c := range map[string]struct {
		option   executortest.Option
		save     any
		returned error
		want     error
	}{
		"cannot be encoded":        {executortest.Attempt(1), func() {}, nil, checkpoint.ErrInvalid},
		"too large":                {executortest.Limits(checkpoint.Limits{Data: 2}), "long", nil, checkpoint.ErrTooLarge},
		"not stored":               {executortest.FailAt(1, store), 1, nil, store},
		"an error of its own":      {executortest.FailAt(1, store), 1, errRefused, errRefused},
		"told to stop":             {executortest.StopAt(1, task.StopPause), 1, nil, nil},
		"another worker's by then": {executortest.LoseAt(1), 1, nil, nil}, // the engine's commit will detect it
	} {
		err := executortest.NewRun(t, c.option).Execute(executor.Func(func(ctx context.Context, run *executor.Run) error {
			_ = run.Save(ctx, "A", c.save)
			return c.returned
		}))
		if !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// explosive panics or, if ends is set, ends its goroutine when it is encoded. The package
// encoding/json turns neither into an error.
type explosive struct{ ends bool }

func (e explosive) MarshalJSON() ([]byte, error) {
	if e.ends {
		runtime.Goexit()
	}
	panic("explosive")
}

// TestASaveThatEndsByAPanicIsRefused checks that the run fails even if the executor continues after
// the panic.
func TestASaveThatEndsByAPanicIsRefused(t *testing.T) {
	t.Parallel()
	saves := map[string]func(context.Context, *executor.Run, any) error{
		"checkpoint": func(ctx context.Context, run *executor.Run, data any) error { return run.Save(ctx, "A", data) },
		"undo entry": func(ctx context.Context, run *executor.Run, data any) error { return run.SaveUndo(ctx, "A", data) },
	}
	for name, save := range saves {
		for _, ends := range []bool{false, true} {
			run := executortest.NewRun(t)
			err := run.Execute(executor.Func(func(ctx context.Context, run *executor.Run) error {
				done := make(chan struct{})
				go func() {
					defer close(done)
					defer func() { _ = recover() }()
					_ = save(ctx, run, explosive{ends})
				}()
				<-done
				return run.Save(ctx, "B", 1)
			}))
			if !errors.Is(err, checkpoint.ErrInvalid) {
				t.Errorf("%s, ends its goroutine %t: %v", name, ends, err)
			}
			if saved := run.Saved(); len(saved) != 1 || saved[0].Step != "B" {
				t.Errorf("%s, ends its goroutine %t: saved %v", name, ends, saved)
			}
		}
	}
}

// TestAPanicOfASaveIsThePanicOfTheRun checks that an executor that does not recover from a panic in
// a save fails with that panic.
func TestAPanicOfASaveIsThePanicOfTheRun(t *testing.T) {
	t.Parallel()
	err := executortest.NewRun(t).Execute(executor.Func(func(ctx context.Context, run *executor.Run) error {
		return run.Save(ctx, "A", explosive{})
	}))
	var panicked *executor.PanicError
	if !errors.As(err, &panicked) || panicked.Value != "explosive" {
		t.Errorf("%v", err)
	}
}
