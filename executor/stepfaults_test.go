package executor_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/cutover-go/cutover/executor"
)

func nop[S any](context.Context, *executor.Run, *S) error { return nil }

func TestInvalidStepsAreRefusedWithEveryFault(t *testing.T) {
	t.Parallel()
	type step = executor.Step[move]
	for name, c := range map[string]struct {
		steps []step
		want  []string
	}{
		"none":            {nil, []string{"there are none"}},
		"empty":           {[]step{{}}, []string{"step 1 (): it has no name", "step 1 (): Do is missing"}},
		"twice":           {[]step{{Name: "A", Do: nop[move]}, {Name: "A", Do: nop[move]}}, []string{`step 2 (A): its name "A" is also step 1's`}},
		"done twice":      {[]step{{Name: "A", Do: nop[move]}, {Name: "B", Done: "A", Do: nop[move]}}, []string{`step 2 (B): its name "A" is also step 1's`}},
		"another's undo":  {[]step{{Name: "A", Do: nop[move]}, {Name: "UNDO_A", Do: nop[move]}}, []string{`step 2 (UNDO_A): its name "UNDO_A" is also step 1's`}},
		"long":            {[]step{{Name: strings.Repeat("A", 124), Do: nop[move]}}, []string{"is too long or not UTF-8"}},
		"no text":         {[]step{{Name: "\xff", Do: nop[move]}}, []string{"is too long or not UTF-8"}},
		"times":           {[]step{{Name: "A", Do: nop[move], Timeout: -1, Retry: executor.Retry{Attempts: -1, First: -1}}}, []string{"Timeout is negative", "Retry.Attempts is negative", "Retry.First or Retry.Max is negative"}},
		"first above max": {[]step{{Name: "A", Do: nop[move], Retry: executor.Retry{First: time.Hour, Max: time.Second}}}, []string{"Retry.First is longer than Retry.Max"}},
		"many":            {make([]step, 257), []string{"there are more than 256"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := executor.NewSteps(c.steps...)
			wantFaults(t, err, c.want)
		})
	}
}

func wantFaults(t *testing.T, err error, want []string) {
	t.Helper()
	var invalid *executor.InvalidError
	if !errors.Is(err, executor.ErrInvalid) || !errors.As(err, &invalid) {
		t.Fatalf("NewSteps: %v", err)
	}
	for _, fault := range want {
		if !strings.Contains(err.Error(), fault) {
			t.Errorf("%v\ndoes not name %q", err, fault)
		}
	}
}

func TestTheStateHasToBeAPlainStruct(t *testing.T) {
	t.Parallel()
	type taken struct {
		FailedStep     string
		CompletedSteps []string `json:"completedSteps"`
	}
	type embedded struct{ time.Time }
	_, err := executor.NewSteps(executor.Step[taken]{Name: "A", Do: nop[taken]})
	wantFaults(t, err, []string{"has a field completedSteps, which is taken", "has a field failedStep, which is taken"})
	_, err = executor.NewSteps(executor.Step[embedded]{Name: "A", Do: nop[embedded]})
	wantFaults(t, err, []string{"has an UnmarshalJSON of its own"})
	_, err = executor.NewSteps(executor.Step[map[string]any]{Name: "A", Do: nop[map[string]any]})
	wantFaults(t, err, []string{"is a map[string]interface {}, not a struct"})
	if _, err = executor.NewSteps(executor.Step[struct{}]{Name: "A", Do: nop[struct{}]}); err != nil {
		t.Errorf("an empty state: %v", err)
	}
}
