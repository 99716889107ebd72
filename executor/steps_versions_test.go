package executor_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/executor/executortest"
)

// version returns an executor of the named steps, as one version of a host would build it. A name
// that ends in "!" is a step without an Undo.
func (w *world) version(t *testing.T, names ...string) *executor.Steps[move] {
	t.Helper()
	var steps []executor.Step[move]
	for _, name := range names {
		name, final := strings.CutSuffix(name, "!")
		s := w.step(name)
		s.Undo = func(context.Context, *executor.Run, *move) error { return w.effect("undo " + name) }
		if final {
			s.Undo = nil
		}
		steps = append(steps, s)
	}
	return mustSteps(t, steps...)
}

func TestStepsAreUndoneInTheOrderInWhichTheyWereDone(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		before, after []string
		undone        []string
	}{
		"a step more in the middle": {[]string{"A", "B", "C"}, []string{"A", "X", "B", "C"}, []string{"undo X", "undo C", "undo B", "undo A"}},
		"a step more in front":      {[]string{"A", "B", "C"}, []string{"X", "A", "B", "C"}, []string{"undo X", "undo C", "undo B", "undo A"}},
		"another order":             {[]string{"A", "B", "C"}, []string{"C", "B", "A", "X"}, []string{"undo X", "undo C", "undo B", "undo A"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := &world{}
			run := executortest.NewRun(t, executortest.LoseAt(7)) // just before END begins
			if err := run.Execute(w.version(t, append(c.before, "END")...)); !errors.Is(err, executor.ErrLost) {
				t.Fatalf("the first version: %v", err)
			}
			run = run.Again()
			if err := run.Execute(w.version(t, c.after...)); err != nil {
				t.Fatal(err)
			}
			w.done = nil
			if err := run.FromScratch().Rollback(w.version(t, c.after...)); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(w.done, c.undone) {
				t.Errorf("undone %v, want %v", w.done, c.undone)
			}
		})
	}
}

// TestAnInterruptedRollbackKeepsTheOrder begins a rollback with one version and continues it with
// another. The steps are undone in the reverse of the order in which the first version began them.
func TestAnInterruptedRollbackKeepsTheOrder(t *testing.T) {
	t.Parallel()
	for name, interruption := range executortest.Interruptions() {
		t.Run(name, func(t *testing.T) {
			w := &world{}
			run := executortest.NewRun(t)
			if err := run.Execute(w.version(t, "A", "B", "C")); err != nil {
				t.Fatal(err)
			}
			w.done = nil
			back := run.FromScratch(interruption)
			if err := back.Rollback(w.version(t, "A", "B", "C")); err != nil {
				if err = back.Again().Rollback(w.version(t, "C", "A", "X", "B")); err != nil {
					t.Fatal(err)
				}
			}
			if w.done = slices.Compact(w.done); !slices.Equal(w.done, []string{"undo C", "undo B", "undo A"}) {
				t.Errorf("undone %v", w.done)
			}
		})
	}
}

func TestStepsThatAreGoneAreRefused(t *testing.T) {
	t.Parallel()
	boom := errors.New("boom")
	execute := func(r *executortest.Run, x *executor.Steps[move]) error { return r.Execute(x) }
	rollback := func(r *executortest.Run, x *executor.Steps[move]) error { return r.Rollback(x) }
	for name, c := range map[string]struct {
		did     []string // the steps of the other version
		fails   string   // the step that fails, "" for success
		has     []string // the steps of this version
		scratch bool
		call    func(*executortest.Run, *executor.Steps[move]) error
		unknown []string
		final   []string
	}{
		"done":                      {[]string{"A", "X", "B"}, "B", []string{"A", "B"}, false, execute, []string{"X"}, nil},
		"begun":                     {[]string{"A", "X", "B"}, "X", []string{"A", "B"}, false, execute, []string{"X"}, nil},
		"begun, from scratch":       {[]string{"A", "X", "B"}, "X", []string{"A", "B"}, true, execute, []string{"X"}, nil},
		"several":                   {[]string{"A", "X", "Y", "B"}, "B", []string{"B"}, false, execute, []string{"A", "X", "Y"}, nil},
		"rollback from a failure":   {[]string{"A", "X", "B"}, "B", []string{"A", "B"}, false, rollback, []string{"X"}, nil},
		"rollback of what is begun": {[]string{"A", "X", "B"}, "X", []string{"A", "B"}, false, rollback, []string{"X"}, nil},
		"rollback after success":    {[]string{"A", "X", "B"}, "", []string{"A", "B"}, true, rollback, []string{"X"}, nil},
		"an undo that is gone":      {[]string{"A", "X", "B"}, "", []string{"A", "X!", "B"}, true, rollback, nil, []string{"X"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := &world{fail: map[string]error{c.fails: boom}}
			run := executortest.NewRun(t)
			if err := run.Execute(w.version(t, c.did...)); (err != nil) != (c.fails != "") {
				t.Fatalf("the other version: %v", err)
			}
			w.done, w.fail = nil, nil
			next := run.Again()
			if c.scratch {
				next = run.FromScratch()
			}
			before := next.Task()
			err := c.call(next, w.version(t, c.has...))
			var changed *executor.StepsChangedError
			if !errors.As(err, &changed) || !errors.Is(err, executor.ErrStepsChanged) ||
				!slices.Equal(changed.Unknown, c.unknown) || !slices.Equal(changed.NoUndo, c.final) {
				t.Fatalf("refused with %v", err)
			}
			if info := executor.FailureOf(err, time.Time{}, 1, ""); info.ErrorCode != executor.CodeCheckpointInvalid || info.Retryable {
				t.Errorf("failed with %+v", info)
			}
			if after := next.Task(); len(w.done) > 0 || len(after.Undo) != len(before.Undo) || after.Checkpoint != before.Checkpoint {
				t.Errorf("it did %v, and left %v", w.done, after)
			}
			// The version that has the steps continues as if the refusal had not happened.
			if err := c.call(next.Again(), w.version(t, c.did...)); err != nil {
				t.Errorf("the other version again: %v", err)
			}
		})
	}
}

// TestEntriesOfTheStepsOwnAreNoSteps checks that an undo entry that a Do records under another name
// is not mistaken for an entry of a step that this version lacks.
func TestEntriesOfTheStepsOwnAreNoSteps(t *testing.T) {
	t.Parallel()
	a := (&world{}).step("A")
	a.Do = func(ctx context.Context, run *executor.Run, _ *move) error {
		return run.SaveUndo(ctx, "WHAT_A_FOUND", map[string]int{"weight": 5})
	}
	var found map[string]int
	a.Undo = func(_ context.Context, run *executor.Run, _ *move) error {
		_, err := run.Undo("WHAT_A_FOUND", &found)
		return err
	}
	run := executortest.NewRun(t)
	if err := run.Execute(mustSteps(t, a)); err != nil {
		t.Fatal(err)
	}
	if err := run.FromScratch().Rollback(mustSteps(t, a)); err != nil || found["weight"] != 5 {
		t.Errorf("Rollback: %v, found %v", err, found)
	}
}

// TestUndoEntriesOfOthersAreRefused checks that an undo entry with a step's name is refused if
// [Steps] did not record it, because such an entry does not hold what the step's Undo needs.
func TestUndoEntriesOfOthersAreRefused(t *testing.T) {
	t.Parallel()
	for name, data := range map[string]any{
		"a state": move{Tenant: "x"}, "null": nil, "a number": 7, "another step's": json.RawMessage(`{"beforeStep":"C"}`),
	} {
		w := &world{}
		err := executortest.NewRun(t, executortest.Undo("B", data)).Rollback(w.steps(t))
		info := executor.FailureOf(err, time.Time{}, 1, "")
		if info.ErrorCode != executor.CodeCheckpointInvalid || len(w.done) > 0 {
			t.Errorf("%s: %+v after %v", name, info, w.done)
		}
	}
}

// place is part of the state of a newer version of move.
type place struct {
	Colour string `json:"colour,omitempty"`
	Weight int    `json:"weight,omitempty"`
}

type oldPlace struct {
	Colour string `json:"colour,omitempty"`
}

type newMove struct {
	Tenant string           `json:"tenant,omitempty"`
	Trail  []string         `json:"trail,omitempty"`
	At     place            `json:"at"`
	By     map[string]place `json:"by,omitempty"`
	Stops  []place          `json:"stops,omitempty"`
	Ticket *string          `json:"ticket"`
}

type oldMove struct {
	Tenant string              `json:"tenant,omitempty"`
	At     oldPlace            `json:"at"`
	By     map[string]oldPlace `json:"by,omitempty"`
	Stops  []oldPlace          `json:"stops,omitempty"`
}

// TestAnOlderVersionKeepsWhatItDoesNotKnow runs one step with a newer version, one with an older
// version and one with the newer version again. The fields that only the newer version knows
// survive, in the state and in the undo log.
func TestAnOlderVersionKeepsWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	boom := errors.New("boom")
	ticket := "<T&1>"
	var got newMove
	stepsOfNew := func(fail string) *executor.Steps[newMove] {
		return mustSteps(t,
			executor.Step[newMove]{Name: "A", Do: func(_ context.Context, _ *executor.Run, s *newMove) error {
				*s = newMove{
					Tenant: "acme", Trail: []string{"A"}, At: place{"green", 5}, By: map[string]place{"x": {"red", 7}, "y": {"pink", 8}},
					Stops: []place{{"one", 1}, {"two", 2}}, Ticket: &ticket,
				}
				return nil
			}},
			executor.Step[newMove]{Name: "B", Do: func(context.Context, *executor.Run, *newMove) error {
				if fail == "B" {
					return boom
				}
				return nil
			}, Undo: func(context.Context, *executor.Run, *newMove) error { return nil }},
			executor.Step[newMove]{Name: "C", Do: func(_ context.Context, _ *executor.Run, s *newMove) error {
				got = *s
				return nil
			}, Undo: func(_ context.Context, _ *executor.Run, s *newMove) error {
				got = *s
				return nil
			}},
		)
	}
	stepsOfOld := mustSteps(t,
		executor.Step[oldMove]{Name: "A", Do: func(context.Context, *executor.Run, *oldMove) error { return nil }},
		executor.Step[oldMove]{Name: "B", Do: func(_ context.Context, _ *executor.Run, s *oldMove) error {
			s.Tenant, s.At.Colour = "", "blue"
			s.By["x"] = oldPlace{"orange"}
			s.By["z"] = oldPlace{"gold"}
			delete(s.By, "y")
			s.Stops = append(s.Stops, oldPlace{"three"})
			return nil
		}, Undo: func(context.Context, *executor.Run, *oldMove) error { return nil }},
		executor.Step[oldMove]{
			Name: "C", Do: func(context.Context, *executor.Run, *oldMove) error { return boom },
			Undo: func(context.Context, *executor.Run, *oldMove) error { return nil },
		},
	)
	run := executortest.NewRun(t)
	if err := run.Execute(stepsOfNew("B")); err == nil {
		t.Fatal("B did not fail")
	}
	run = run.Again()
	if err := run.Execute(stepsOfOld); err == nil {
		t.Fatal("C did not fail")
	}
	run = run.Again()
	if err := run.Execute(stepsOfNew("")); err != nil {
		t.Fatal(err)
	}
	want := newMove{
		Trail: []string{"A"}, At: place{"blue", 5}, By: map[string]place{"x": {"orange", 7}, "z": {Colour: "gold"}},
		Stops: []place{{"one", 1}, {"two", 2}, {Colour: "three"}}, Ticket: &ticket,
	}
	check := func(when string) {
		t.Helper()
		g, _ := json.Marshal(got)
		w, _ := json.Marshal(want)
		if string(g) != string(w) {
			t.Errorf("%s the newer version finds\n%s, want\n%s", when, g, w)
		}
	}
	check("in C")
	// The undo entry of C was recorded by the older version.
	got = newMove{}
	if err := run.FromScratch().Rollback(stepsOfNew("")); err != nil {
		t.Fatal(err)
	}
	check("in the undo of C")
}
