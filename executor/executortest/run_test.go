package executortest_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"

	"go.uber.org/goleak"

	"github.com/cutover-go/cutover/checkpoint"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/executor/executortest"
	"github.com/cutover-go/cutover/task"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// counter counts to three and saves after each number. It first records an undo entry.
type counter struct{ effects *[]int }

func (c counter) Execute(ctx context.Context, run *executor.Run) error {
	if err := run.SaveUndo(ctx, "START", 0); err != nil {
		return err
	}
	n := 0
	if _, _, err := run.Restore(&n); err != nil {
		return err
	}
	for n < 3 {
		n++
		*c.effects = append(*c.effects, n)
		if err := run.Save(ctx, fmt.Sprint("N", n), n); err != nil {
			return err
		}
	}
	return nil
}

func (c counter) Rollback(_ context.Context, run *executor.Run) error {
	if ok, err := run.Undo("START", nil); !ok || err != nil {
		return err
	}
	*c.effects = nil
	return nil
}

func TestARunKeepsWhatIsSaved(t *testing.T) {
	t.Parallel()
	var effects []int
	run := executortest.NewRun(t, executortest.Tenant("acme"), executortest.Attempt(2),
		executortest.Params(map[string]string{"p": "1"}), executortest.Labels(map[string]string{"l": "1"}))
	if err := run.Execute(counter{&effects}); err != nil {
		t.Fatal(err)
	}
	if got := run.Saved(); len(got) != 3 || got[2].Step != "N3" || string(got[2].Data) != "3" {
		t.Errorf("saved %s", got)
	}
	tk := run.Task()
	if tk.Checkpoint.Step != "N3" || len(tk.Undo) != 1 || tk.Attempt != 2 || tk.Tenant.ID != "acme" || tk.Tenant.Labels["l"] != "1" {
		t.Errorf("task %+v", tk)
	}
	if err := run.FromScratch().Rollback(counter{&effects}); err != nil || effects != nil {
		t.Errorf("Rollback: %v, left %v", err, effects)
	}
}

func TestInterruptions(t *testing.T) {
	t.Parallel()
	boom := errors.New("boom")
	for name, c := range map[string]struct {
		option executortest.Option
		err    error
		saved  int
	}{
		"stop":         {executortest.StopAt(3, task.StopCancel), executor.ErrStopped, 2},
		"fail":         {executortest.FailAt(3, boom), boom, 1},
		"lose":         {executortest.LoseAt(3), executor.ErrLost, 1},
		"crash before": {executortest.CrashBefore(3), executortest.ErrCrashed, 1},
		"crash after":  {executortest.CrashAfter(3), executortest.ErrCrashed, 2},
		"never":        {executortest.CrashAfter(5), nil, 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var effects []int
			run := executortest.NewRun(t, c.option)
			if err := run.Execute(counter{&effects}); !errors.Is(err, c.err) {
				t.Errorf("Execute: %v, want %v", err, c.err)
			}
			if len(run.Saved()) != c.saved || len(run.Task().Undo) != 1 {
				t.Errorf("saved %s, undo %s", run.Saved(), run.Task().Undo)
			}
			again := run.Again()
			if err := again.Execute(counter{&effects}); err != nil || len(again.Saved()) != 3 {
				t.Errorf("going on: %v, saved %s", err, again.Saved())
			}
			if again.Token() <= run.Token() {
				t.Errorf("token %d after %d", again.Token(), run.Token())
			}
		})
	}
}

func TestNothingIsSavedWhileACrashUnwinds(t *testing.T) {
	t.Parallel()
	run := executortest.NewRun(t, executortest.CrashAfter(1))
	err := run.Execute(executor.Func(func(ctx context.Context, run *executor.Run) error {
		defer func() { _ = run.Save(ctx, "DEFERRED", nil) }()
		return run.Save(ctx, "A", nil)
	}))
	if got := run.Saved(); !errors.Is(err, executortest.ErrCrashed) || len(got) != 1 || got[0].Step != "A" {
		t.Errorf("Execute: %v, saved %s", err, got)
	}
}

func TestNothingIsSavedOnAnEndedContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	run := executortest.NewRun(t)
	if err := run.Save(ctx, "A", nil); !errors.Is(err, context.Canceled) || len(run.Saved()) > 0 {
		t.Errorf("Save: %v", err)
	}
}

func TestInterruptedVisitsEveryWriteInEveryWay(t *testing.T) {
	t.Parallel()
	visits, interruptions := 0, 0
	for name, interruption := range executortest.Interruptions() {
		t.Run(name, func(t *testing.T) {
			visits++
			var effects []int
			first := executortest.NewRun(t, interruption)
			last, err := first.Finish(counter{&effects})
			if err != nil || len(effects) < 3 || len(effects) > 4 || last.Task().Checkpoint.Step != "N3" {
				t.Errorf("Finish: %v, effects %v", err, effects)
			}
			if last != first {
				interruptions++
			}
		})
	}
	// Four writes in three ways, and per way one more iteration that shows that there is no fifth
	// write.
	if visits != 15 || interruptions != 12 {
		t.Errorf("%d visits, %d interruptions", visits, interruptions)
	}
}

// prudent is an executor that saves when it verifies its work.
type prudent struct{ executor.Func }

func (prudent) Verify(ctx context.Context, run *executor.Run) error {
	return run.Save(ctx, "VERIFIED", run.Attempt())
}

func TestVerifyNeedsAVerifier(t *testing.T) {
	t.Parallel()
	none := executor.Func(func(context.Context, *executor.Run) error { return nil })
	if err := executortest.NewRun(t).Verify(none); !errors.Is(err, executortest.ErrUnsupported) {
		t.Errorf("Verify: %v", err)
	}
	run := executortest.NewRun(t, executortest.CrashAfter(1))
	if err := run.Verify(prudent{none}); !errors.Is(err, executortest.ErrCrashed) {
		t.Errorf("Verify: %v", err)
	}
	run = run.Again(executortest.Attempt(2))
	if err := run.Verify(prudent{none}); err != nil || len(run.Saved()) != 2 {
		t.Errorf("Verify: %v, saved %s", err, run.Saved())
	}
}

func TestRollbackNeedsARollbacker(t *testing.T) {
	t.Parallel()
	none := executor.Func(func(context.Context, *executor.Run) error { return nil })
	if err := executortest.NewRun(t).Rollback(none); !errors.Is(err, executortest.ErrUnsupported) {
		t.Errorf("Rollback: %v", err)
	}
	var effects []int
	if _, err := executortest.NewRun(t, executortest.Undo("START", 0)).FinishRollback(counter{&effects}); err != nil {
		t.Errorf("FinishRollback: %v", err)
	}
}

// broken is a TB that records that Fatalf was called.
type broken struct {
	testing.TB
	failed bool
}

func (b *broken) Helper()               {}
func (b *broken) Fatalf(string, ...any) { b.failed = true; runtime.Goexit() }

func TestOptionsThatCannotBeAreFatal(t *testing.T) {
	t.Parallel()
	tooMany := make([]executortest.Option, checkpoint.MaxUndoEntries+1)
	for i := range tooMany {
		tooMany[i] = executortest.Undo(fmt.Sprint(i), nil)
	}
	for name, options := range map[string][]executortest.Option{
		"data":    {executortest.Checkpoint("A", func() {})},
		"entries": tooMany,
	} {
		b := &broken{TB: t}
		done := make(chan struct{})
		go func() {
			defer close(done)
			executortest.NewRun(b, options...)
		}()
		<-done
		if !b.failed {
			t.Errorf("%s: accepted", name)
		}
	}
}
