package executor_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"

	"go.uber.org/zap"

	"github.com/cutover-go/cutover/checkpoint"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/executor/executortest"
	"github.com/cutover-go/cutover/task"
)

type position struct {
	At int `json:"at"`
}

func TestRunTellsAboutItsTask(t *testing.T) {
	t.Parallel()
	tk := task.Task{
		ID:     task.NewID(7, 3),
		Tenant: task.Tenant{ID: "acme", Labels: map[string]string{"region": "eu"}, Parameters: map[string]string{"colour": "blue"}},
	}
	tk.Attempt = 2
	run := executor.NewRun(tk, nil, 99, nil)

	if run.ID() != 7_000_003 || run.Attempt() != 2 || run.Token() != 99 || run.Tenant().ID != "acme" {
		t.Errorf("id %v attempt %d token %d tenant %v", run.ID(), run.Attempt(), run.Token(), run.Tenant())
	}
	if v, ok := run.Param("colour"); v != "blue" || !ok {
		t.Errorf("Param(colour) = %q, %t", v, ok)
	}
	if _, ok := run.Param("missing"); ok || len(run.Params()) != 1 {
		t.Errorf("Param(missing) is there, or Params() = %v", run.Params())
	}
}

func TestIdempotencyKeyIsTheSameOverAttemptsAndNoOtherTasks(t *testing.T) {
	t.Parallel()
	key := func(id task.ID, attempt int, token task.Token, step string) string {
		tk := task.Task{ID: id}
		tk.Attempt = attempt
		return executor.NewRun(tk, nil, token, nil).IdempotencyKey(step)
	}
	first := key(1_000_001, 1, 5, "SWITCH")
	if again := key(1_000_001, 3, 9, "SWITCH"); again != first {
		t.Errorf("a retry has key %q, the first attempt %q", again, first)
	}
	for name, other := range map[string]string{
		"step": key(1_000_001, 1, 5, "SWITCH2"),
		"task": key(1_000_002, 1, 5, "SWITCH"),
	} {
		if other == first {
			t.Errorf("another %s has the same key %q", name, first)
		}
	}
}

func TestSaveKeepsTheRunInStep(t *testing.T) {
	t.Parallel()
	run := executortest.NewRun(t, executortest.Checkpoint("A", position{1}))
	var p position
	if step, ok, err := run.Restore(&p); step != "A" || !ok || err != nil || p.At != 1 {
		t.Fatalf("Restore = %q, %t, %v with %+v", step, ok, err, p)
	}
	if err := run.Save(t.Context(), "B", position{2}); err != nil {
		t.Fatal(err)
	}
	if step, ok, err := run.Restore(&p); step != "B" || !ok || err != nil || p.At != 2 {
		t.Errorf("after the save Restore = %q, %t, %v with %+v", step, ok, err, p)
	}
	if got := run.Saved(); len(got) != 1 || string(got[0].Data) != `{"at":2}` {
		t.Errorf("saved %v", got)
	}
}

func TestRestoreWithoutCheckpoint(t *testing.T) {
	t.Parallel()
	run := executortest.NewRun(t)
	p := position{7}
	if step, ok, err := run.Restore(&p); step != "" || ok || err != nil || p.At != 7 {
		t.Errorf("Restore = %q, %t, %v with %+v", step, ok, err, p)
	}
}

func TestSaveEncodes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		data any
		want string
		err  error
	}{
		"nil":              {nil, "null", nil},
		"nil raw":          {json.RawMessage(nil), "null", nil},
		"raw":              {json.RawMessage(`{"a": 1}`), `{"a": 1}`, nil},
		"map":              {map[string]int{"a": 1}, `{"a":1}`, nil},
		"raw, not JSON":    {json.RawMessage(`{"a"`), "", checkpoint.ErrInvalid},
		"raw, empty":       {json.RawMessage{}, "", checkpoint.ErrInvalid},
		"cannot be JSON":   {func() {}, "", checkpoint.ErrInvalid},
		"over the limit":   {make([]int, 40<<10), "", checkpoint.ErrTooLarge},
		"marshaller fails": {faulty{}, "", errFaulty},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run := executortest.NewRun(t, executortest.Checkpoint("BEFORE", nil))
			err := run.Save(t.Context(), "S", c.data)
			if !errors.Is(err, c.err) {
				t.Fatalf("Save: %v, want %v", err, c.err)
			}
			step, _, _ := run.Restore(nil)
			if c.err != nil {
				if step != "BEFORE" || len(run.Saved()) != 0 {
					t.Errorf("a refused save left step %q and %v", step, run.Saved())
				}
				return
			}
			if got := string(run.Saved()[0].Data); got != c.want || step != "S" {
				t.Errorf("saved %q as step %q, want %q", got, step, c.want)
			}
		})
	}
}

var errFaulty = errors.New("faulty")

type faulty struct{}

func (faulty) MarshalJSON() ([]byte, error) { return nil, errFaulty }

func TestASaveWithoutStepIsRefused(t *testing.T) {
	t.Parallel()
	run := executortest.NewRun(t)
	if err := run.Save(t.Context(), "", 1); !errors.Is(err, checkpoint.ErrInvalid) {
		t.Errorf("Save: %v", err)
	}
}

func TestAStoppedSaveIsStored(t *testing.T) {
	t.Parallel()
	run := executortest.NewRun(t, executortest.StopAt(1, task.StopCancel))
	err := run.Save(t.Context(), "A", position{1})
	var stop *executor.StopError
	if !errors.Is(err, executor.ErrStopped) || !errors.As(err, &stop) || stop.Stop != task.StopCancel {
		t.Fatalf("Save: %v", err)
	}
	if step, ok, _ := run.Restore(nil); step != "A" || !ok {
		t.Errorf("Restore = %q, %t", step, ok)
	}
	if run.Task().Checkpoint == nil {
		t.Error("nothing was stored")
	}
}

func TestALostSaveIsNotStored(t *testing.T) {
	t.Parallel()
	run := executortest.NewRun(t, executortest.LoseAt(1))
	if err := run.Save(t.Context(), "A", nil); !errors.Is(err, executor.ErrLost) {
		t.Errorf("Save: %v", err)
	}
	if err := run.SaveUndo(t.Context(), "A", nil); !errors.Is(err, executor.ErrLost) {
		t.Errorf("SaveUndo: %v", err)
	}
	if _, ok, _ := run.Restore(nil); ok || len(run.UndoLog()) != 0 {
		t.Error("the run believes that something was saved")
	}
}

func TestTheFirstUndoEntryWins(t *testing.T) {
	t.Parallel()
	run := executortest.NewRun(t, executortest.Undo("A", "green"), executortest.StopAt(1, task.StopPause))
	if err := run.SaveUndo(t.Context(), "A", "blue"); err != nil {
		t.Fatalf("an entry that is there cost a write: %v", err)
	}
	if err := run.SaveUndo(t.Context(), "B", "red"); !errors.Is(err, executor.ErrStopped) {
		t.Fatalf("SaveUndo: %v", err)
	}
	for step, want := range map[string]string{"A": "green", "B": "red"} {
		var got string
		if ok, err := run.Undo(step, &got); !ok || err != nil || got != want {
			t.Errorf("Undo(%s) = %q, %t, %v, want %q", step, got, ok, err, want)
		}
	}
	if ok, err := run.Undo("C", nil); ok || err != nil {
		t.Errorf("Undo(C) = %t, %v", ok, err)
	}
	if log := run.Task().Undo; len(log) != 2 {
		t.Errorf("stored %v", log)
	}
}

func TestUndoEntriesAreLimited(t *testing.T) {
	t.Parallel()
	run := executortest.NewRun(t)
	if err := run.SaveUndo(t.Context(), "big", make([]int, 4<<10)); !errors.Is(err, checkpoint.ErrTooLarge) {
		t.Errorf("a big entry: %v", err)
	}
	for i := range checkpoint.MaxUndoEntries {
		if err := run.SaveUndo(t.Context(), fmt.Sprint(i), nil); err != nil {
			t.Fatalf("entry %d: %v", i, err)
		}
	}
	if err := run.SaveUndo(t.Context(), "one more", nil); !errors.Is(err, checkpoint.ErrTooLarge) {
		t.Errorf("one entry too many: %v", err)
	}
}

func TestDataThatDoesNotFitIsCorrupt(t *testing.T) {
	t.Parallel()
	run := executortest.NewRun(t, executortest.Checkpoint("A", "text"), executortest.Undo("A", "text"))
	var p position
	if step, ok, err := run.Restore(&p); step != "A" || !ok || !errors.Is(err, checkpoint.ErrCorrupt) {
		t.Errorf("Restore = %q, %t, %v", step, ok, err)
	}
	if ok, err := run.Undo("A", &p); !ok || !errors.Is(err, checkpoint.ErrCorrupt) {
		t.Errorf("Undo = %t, %v", ok, err)
	}
}

// single is a Recorder whose writes fail if they overlap.
type single struct {
	executor.Recorder
	mu sync.Mutex
}

var errOverlap = errors.New("two writes at a time")

func (s *single) Save(context.Context, checkpoint.Checkpoint) error { return s.once() }
func (s *single) SaveUndo(context.Context, checkpoint.Undo) error   { return s.once() }
func (s *single) Progress(executor.Progress)                        {}

func (s *single) once() error {
	if !s.mu.TryLock() {
		return errOverlap
	}
	defer s.mu.Unlock()
	return nil
}

func TestManyGoroutinesWriteOneAtATime(t *testing.T) {
	t.Parallel()
	run := executor.NewRun(task.Task{ID: task.NewID(1, 1)}, nil, 1, &single{})
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 100 {
				name := fmt.Sprint(g, i)
				if err := run.Save(t.Context(), name, position{i}); err != nil {
					t.Error(err)
				}
				if err := run.SaveUndo(t.Context(), fmt.Sprint(i%16), g); err != nil {
					t.Error(err)
				}
				if _, ok, err := run.Restore(&position{}); !ok || err != nil {
					t.Errorf("Restore: %t, %v", ok, err)
				}
				run.Progress(executor.Progress{Done: int64(i)})
				run.Logger().Debug("saved")
			}
		})
	}
	wg.Wait()
	if n := len(run.UndoLog()); n != 16 {
		t.Errorf("%d undo entries, want 16", n)
	}
}

// talkative is a Recorder that counts how often the logger is requested from it.
type talkative struct {
	single
	asked  int
	logger *zap.Logger
}

func (l *talkative) Logger() *zap.Logger { l.asked++; return l.logger }

func TestTheLoggerIsMadeWhenAskedFor(t *testing.T) {
	t.Parallel()
	own := zap.NewNop()
	rec := &talkative{logger: own}
	run := executor.NewRun(task.Task{}, nil, 1, rec)
	if err := run.Save(t.Context(), "A", nil); err != nil || rec.asked != 0 {
		t.Fatalf("Save: %v, asked for the logger %d times", err, rec.asked)
	}
	for range 2 {
		if run.Logger() != own || rec.asked != 1 {
			t.Errorf("asked for the logger %d times", rec.asked)
		}
	}
	for name, rec := range map[string]executor.Recorder{"none": &single{}, "nil": &talkative{}} {
		if executor.NewRun(task.Task{}, nil, 1, rec).Logger() == nil {
			t.Errorf("%s: the logger is nil", name)
		}
	}
}
