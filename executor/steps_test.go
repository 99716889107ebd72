package executor_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/executor/executortest"
	"github.com/cutover-go/cutover/task"
)

// move is the state of the steps under test.
type move struct {
	Tenant string   `json:"tenant,omitempty"`
	Trail  []string `json:"trail,omitempty"`
}

// world records the effects of the steps under test.
type world struct {
	mu   sync.Mutex
	done []string
	// fail makes the named effects fail.
	fail map[string]error
}

func (w *world) effect(name string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.fail[name]; err != nil {
		return err
	}
	w.done = append(w.done, name)
	return nil
}

func (w *world) count(name string) (n int) {
	for _, done := range w.done {
		if done == name {
			n++
		}
	}
	return n
}

func (w *world) step(name string) executor.Step[move] {
	return executor.Step[move]{
		Name: name,
		Do: func(_ context.Context, run *executor.Run, s *move) error {
			s.Tenant = run.Tenant().ID
			s.Trail = append(s.Trail, name)
			return w.effect(name)
		},
		Undo: func(_ context.Context, _ *executor.Run, s *move) error {
			return w.effect(fmt.Sprint("undo ", name, " from ", s.Trail))
		},
	}
}

// steps returns A, which cannot be undone, B and C.
func (w *world) steps(t *testing.T) *executor.Steps[move] {
	t.Helper()
	a, b, c := w.step("A"), w.step("B"), w.step("C")
	a.Undo = nil
	b.Action, b.Done = "DO_B", "B_DONE"
	return mustSteps(t, a, b, c)
}

func mustSteps[S any](t *testing.T, steps ...executor.Step[S]) *executor.Steps[S] {
	t.Helper()
	x, err := executor.NewSteps(steps...)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func wantSaved(t *testing.T, run *executortest.Run, want ...string) {
	t.Helper()
	var got []string
	for _, c := range run.Saved() {
		got = append(got, c.Step+" "+string(c.Data))
	}
	if !slices.Equal(got, want) {
		t.Errorf("saved\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestStepsAreDoneInOrderAndCheckpointed(t *testing.T) {
	t.Parallel()
	w := &world{}
	run := executortest.NewRun(t)
	if err := run.Execute(w.steps(t)); err != nil {
		t.Fatal(err)
	}
	if want := []string{"A", "B", "C"}; !slices.Equal(w.done, want) {
		t.Errorf("done %v", w.done)
	}
	wantSaved(t, run,
		`A {"completedSteps":["A"],"tenant":"tenant1","trail":["A"]}`,
		`B_DONE {"completedSteps":["A","B"],"tenant":"tenant1","trail":["A","B"]}`)
	log := run.Task().Undo
	if len(log) != 2 || string(log[0].Data) != `{"beforeStep":"B","tenant":"tenant1","trail":["A"]}` || log[1].Step != "C" {
		t.Errorf("undo log %s", log)
	}
}

func TestAFailedStepIsRecordedAndGoneOnWith(t *testing.T) {
	t.Parallel()
	w := &world{fail: map[string]error{"B": executor.Retryable("NOT_NOW", errors.New("not now"))}}
	run := executortest.NewRun(t)
	err := run.Execute(w.steps(t))
	info := executor.FailureOf(err, time.Time{}, 1, "LAST")
	want := task.FailureInfo{Reason: "not now", ErrorCode: "NOT_NOW", Step: "B", Attempt: 1, Retryable: true}
	if info != want {
		t.Errorf("failed with %+v, want %+v", info, want)
	}
	wantSaved(t, run,
		`A {"completedSteps":["A"],"tenant":"tenant1","trail":["A"]}`,
		`B {"completedSteps":["A"],"failedStep":"DO_B","tenant":"tenant1","trail":["A"]}`)

	w.fail = nil
	again := run.Again(executortest.Attempt(2))
	if err := again.Execute(w.steps(t)); err != nil {
		t.Fatal(err)
	}
	if want := []string{"A", "B", "C"}; !slices.Equal(w.done, want) {
		t.Errorf("done %v", w.done)
	}
	if got := again.Saved(); len(got) != 3 || got[2].Step != "B_DONE" || strings.Contains(string(got[2].Data), "failedStep") {
		t.Errorf("the last checkpoint is %s", got)
	}
}

func TestEveryStepTakesEffectWhereverItIsInterrupted(t *testing.T) {
	t.Parallel()
	for name, interruption := range executortest.Interruptions() {
		t.Run(name, func(t *testing.T) {
			w := &world{}
			run, err := executortest.NewRun(t, interruption).Finish(w.steps(t))
			if err != nil {
				t.Fatal(err)
			}
			twice := 0
			for _, name := range []string{"A", "B", "C"} {
				if n := w.count(name); n < 1 || n > 2 {
					t.Errorf("%s took effect %d times", name, n)
				} else if n == 2 {
					twice++
				}
			}
			if twice > 1 {
				t.Errorf("more than one step was repeated: %v", w.done)
			}
			w.done = nil
			if err := run.FromScratch().Rollback(w.steps(t)); err != nil {
				t.Fatal(err)
			}
			if want := []string{"undo C from [A B]", "undo B from [A]"}; !slices.Equal(w.done, want) {
				t.Errorf("undone %v", w.done)
			}
		})
	}
}

func TestEveryUndoTakesEffectWhereverItIsInterrupted(t *testing.T) {
	t.Parallel()
	for name, interruption := range executortest.Interruptions() {
		t.Run(name, func(t *testing.T) {
			w := &world{}
			run := executortest.NewRun(t)
			if err := run.Execute(w.steps(t)); err != nil {
				t.Fatal(err)
			}
			w.done = nil
			if _, err := run.FromScratch(interruption).FinishRollback(w.steps(t)); err != nil {
				t.Fatal(err)
			}
			if w.done = slices.Compact(w.done); !slices.Equal(w.done, []string{"undo C from [A B]", "undo B from [A]"}) {
				t.Errorf("undone %v", w.done)
			}
		})
	}
}

func TestRollbackPassesOverWhatWasNeverBegun(t *testing.T) {
	t.Parallel()
	w := &world{fail: map[string]error{"B": errors.New("no")}}
	run := executortest.NewRun(t)
	if err := run.Execute(w.steps(t)); err == nil {
		t.Fatal("B did not fail")
	}
	w.done = nil
	if err := run.Again().Rollback(w.steps(t)); err != nil {
		t.Fatal(err)
	}
	if want := []string{"undo B from [A]"}; !slices.Equal(w.done, want) {
		t.Errorf("undone %v", w.done)
	}
	if err := executortest.NewRun(t).Rollback(w.steps(t)); err != nil || len(w.done) != 1 {
		t.Errorf("a task that did nothing: %v, undone %v", err, w.done)
	}
}

func TestAFailedUndoIsRecordedAndGoneOnWith(t *testing.T) {
	t.Parallel()
	w := &world{}
	run := executortest.NewRun(t)
	if err := run.Execute(w.steps(t)); err != nil {
		t.Fatal(err)
	}
	w.done, w.fail = nil, map[string]error{"undo B from [A]": executor.Fail("MOVED", errors.New("moved"))}
	back := run.FromScratch()
	err := back.Rollback(w.steps(t))
	if info := executor.FailureOf(err, time.Time{}, 1, ""); info.ErrorCode != "MOVED" || info.Step != "UNDO_B" {
		t.Errorf("failed with %+v", info)
	}
	saved := back.Saved()
	if got := saved[len(saved)-1]; got.Step != "UNDO_B" || string(got.Data) != `{"completedSteps":[],"undoneSteps":["C"],"failedStep":"UNDO_DO_B"}` {
		t.Errorf("saved %s %s", got.Step, got.Data)
	}
	w.fail = nil
	if err := back.Again().Rollback(w.steps(t)); err != nil {
		t.Fatal(err)
	}
	if want := []string{"undo C from [A B]", "undo B from [A]"}; !slices.Equal(w.done, want) {
		t.Errorf("undone %v", w.done)
	}
}

func TestRollbackOfStepsWithoutUndoIsUnsupported(t *testing.T) {
	t.Parallel()
	a := (&world{}).step("A")
	a.Undo = nil
	err := executortest.NewRun(t).Rollback(mustSteps(t, a))
	if info := executor.FailureOf(err, time.Time{}, 1, ""); info.ErrorCode != task.CodeRollbackUnsupported {
		t.Errorf("failed with %+v", info)
	}
}

var errRefused = errors.New("refused")

func TestOneStepsServesManyTasks(t *testing.T) {
	t.Parallel()
	w := &world{}
	steps := w.steps(t)
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			run := executortest.NewRun(t, executortest.Tenant(fmt.Sprint("tenant", i)))
			if err := run.Execute(steps); err != nil {
				t.Error(err)
			}
			if got := string(run.Task().Undo[0].Data); got != fmt.Sprintf(`{"beforeStep":"B","tenant":"tenant%d","trail":["A"]}`, i) {
				t.Errorf("tenant %d has the state %s", i, got)
			}
		})
	}
	wg.Wait()
	if n := w.count("C"); n != 16 {
		t.Errorf("C took effect %d times", n)
	}
}

// embedding is an executor of a host around steps, with a rollback of its own.
type embedding struct{ *executor.Steps[move] }

func (embedding) Rollback(context.Context, *executor.Run) error { return nil }

func TestCanUndo(t *testing.T) {
	t.Parallel()
	a, b := (&world{}).step("A"), (&world{}).step("B")
	a.Undo = nil
	for name, tt := range map[string]struct {
		executor executor.TaskExecutor
		want     bool
	}{
		"no rollback":                  {executor.Func(nil), false},
		"steps, one of them undoable":  {mustSteps(t, a, b), true},
		"steps, none of them undoable": {mustSteps(t, a), false},
		"a rollback around steps":      {embedding{mustSteps(t, a)}, true},
	} {
		if got := executor.CanUndo(tt.executor); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
