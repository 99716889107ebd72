package executor_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/cutover-go/cutover/checkpoint"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/executor/executortest"
	"github.com/cutover-go/cutover/task"
)

func TestGuard(t *testing.T) {
	t.Parallel()
	boom := errors.New("boom")
	for name, c := range map[string]struct {
		f     func(context.Context, *executor.Run) error
		want  error
		text  string
		panic bool
	}{
		"nil":         {f: func(context.Context, *executor.Run) error { return nil }},
		"error":       {f: func(context.Context, *executor.Run) error { return boom }, want: boom, text: "boom"},
		"panic":       {f: func(context.Context, *executor.Run) error { panic("oops") }, text: "executor: panic: oops", panic: true},
		"panic error": {f: func(context.Context, *executor.Run) error { panic(boom) }, want: boom, text: "executor: panic: boom", panic: true},
		"panic nil":   {f: func(context.Context, *executor.Run) error { panic(nil) }, text: "executor: panic: ", panic: true}, //nolint:govet // on purpose
		"goexit":      {f: func(context.Context, *executor.Run) error { runtime.Goexit(); return nil }, text: "executor: the executor ended its goroutine", panic: true},
		"runtime":     {f: func(context.Context, *executor.Run) error { return fmt.Errorf("%d", [1]int{}[len(t.Name())]) }, text: "executor: panic: runtime error: index", panic: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			then := make(chan error, 2)
			go executor.GuardThen(t.Context(), executortest.NewRun(t).Run, c.f, func(err error) { then <- err })
			for how, err := range map[string]error{
				"Guard":     executor.Guard(t.Context(), executortest.NewRun(t).Run, c.f),
				"GuardThen": <-then,
			} {
				checkGuarded(t, how, err, c.want, c.text, c.panic)
			}
		})
	}
}

func checkGuarded(t *testing.T, how string, err, want error, text string, panicked bool) {
	t.Helper()
	if text == "" {
		if err != nil {
			t.Errorf("%s: %v", how, err)
		}
		return
	}
	if err == nil || !strings.HasPrefix(err.Error(), text) || want != nil && !errors.Is(err, want) {
		t.Errorf("%s: %v, want %s", how, err, text)
	}
	var p *executor.PanicError
	if errors.As(err, &p) != panicked {
		t.Errorf("%s: %v is a panic: %t", how, err, !panicked)
	}
	if panicked && !strings.Contains(string(p.Stack), "guard_test.go") && p.Value != nil {
		t.Errorf("%s: the stack does not show the place:\n%s", how, p.Stack)
	}
}

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

func TestGuardWaitsForASaveThatIsUnderWay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		rec := &slow{entered: make(chan struct{}), leave: make(chan struct{})}
		run := executor.NewRun(executortest.NewRun(t).Task(), nil, 1, rec)
		saved := make(chan error, 1)
		guarded := make(chan error, 1)
		go func() {
			guarded <- executor.Guard(t.Context(), run, func(ctx context.Context, run *executor.Run) error {
				go func() { saved <- run.Save(ctx, "A", nil) }()
				<-rec.entered
				return nil
			})
		}()
		synctest.Wait()
		if len(guarded) > 0 {
			t.Fatal("Guard returned during a save")
		}
		close(rec.leave)
		if err := <-saved; err != nil {
			t.Errorf("Save: %v", err)
		}
		if err := <-guarded; err != nil {
			t.Errorf("Guard: %v", err)
		}
	})
}

// slow keeps a save until it is told to go on.
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
	err := executor.Guard(t.Context(), run, func(_ context.Context, run *executor.Run) error {
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
		"another worker's by then": {executortest.LoseAt(1), 1, nil, nil}, // the engine's commit finds out
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

// explosive cannot be encoded, in a way that encoding/json does not turn into an error.
type explosive struct{ ends bool }

func (e explosive) MarshalJSON() ([]byte, error) {
	if e.ends {
		runtime.Goexit()
	}
	panic("explosive")
}

// TestASaveThatEndsByAPanicIsRefused: also if the executor goes on after it.
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

// TestAPanicOfASaveIsThePanicOfTheRun: an executor that lets it pass fails with it.
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
