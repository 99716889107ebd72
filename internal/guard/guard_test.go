package guard_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/executor/executortest"
	"github.com/cutover-go/cutover/internal/guard"
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
			go guard.Then(t.Context(), executortest.NewRun(t).Run, c.f, func(err error) { then <- err })
			for how, err := range map[string]error{
				"Run":  guard.Run(t.Context(), executortest.NewRun(t).Run, c.f),
				"Then": <-then,
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
