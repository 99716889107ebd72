package hook_test

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/hook"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/task"
)

// callAll calls every function of h once. It fails the test if a function is nil, so that Guard and
// Join cannot omit a new function.
func callAll(t *testing.T, h hook.Hooks) context.Context {
	t.Helper()
	v := reflect.ValueOf(h)
	var own context.Context
	for i := range v.NumField() {
		f := v.Field(i)
		if f.IsNil() {
			t.Fatalf("%s is nil", v.Type().Field(i).Name)
		}
		args := make([]reflect.Value, f.Type().NumIn())
		for n := range args {
			args[n] = reflect.Zero(f.Type().In(n))
			if f.Type().In(n) == reflect.TypeFor[context.Context]() {
				args[n] = reflect.ValueOf(t.Context())
			}
		}
		out := f.Call(args)
		if v.Type().Field(i).Name == "OnExecuteStart" {
			own, _ = out[0].Interface().(context.Context)
		}
	}
	return own
}

type key struct{}

// noting returns hooks that record their names under the observer's name, and panic if asked to.
func noting(name string, notes *[]string, panics bool) hook.Hooks {
	note := func(what string) {
		*notes = append(*notes, name+" "+what)
		if panics {
			panic("broken")
		}
	}
	return hook.Hooks{
		OnCreate: func(context.Context, plan.Spec) map[string]string {
			note("create")
			return map[string]string{"set by": name, name: "yes"}
		},
		OnCommandStart: func(ctx context.Context, _ hook.Command) context.Context {
			note("command")
			before, _ := ctx.Value(key{}).(string)
			return context.WithValue(ctx, key{}, before+name)
		},
		OnCommandEnd: func(context.Context, hook.Command, hook.CommandResult) { note("result") },
		OnExecuteStart: func(ctx context.Context, _ hook.Execution) context.Context {
			note("start")
			before, _ := ctx.Value(key{}).(string)
			return context.WithValue(ctx, key{}, before+name)
		},
		OnExecuteEnd:  func(context.Context, hook.Execution, hook.Outcome) { note("end") },
		OnSave:        func(task.ID, string, int) { note("save") },
		OnProgress:    func(task.ID, executor.Progress) { note("progress") },
		OnPlanChange:  func(plan.Plan, []plan.Event) { note("plan") },
		OnPlanRemoved: func(plan.Plan, hook.Removal) { note("removal") },
		OnLeaseLost:   func(string, int) { note("lease") },
		OnWorkerLost:  func(task.ID, string) { note("worker") },
		OnStoreFault:  func(string, error) { note("fault") },
	}
}

func TestGuardFillsIn(t *testing.T) {
	t.Parallel()
	if own := callAll(t, hook.Hooks{}.Guard(zap.NewNop())); own != t.Context() {
		t.Error("the context has changed")
	}
}

func TestGuardRecovers(t *testing.T) {
	t.Parallel()
	core, logs := observer.New(zapcore.ErrorLevel)
	var notes []string
	if own := callAll(t, noting("a", &notes, true).Guard(zap.New(core))); own != t.Context() {
		t.Error("the context of a start that panicked is used")
	}
	want := reflect.TypeFor[hook.Hooks]().NumField()
	if len(notes) != want || logs.Len() != want {
		t.Errorf("%d calls, %d panics logged, want %d", len(notes), logs.Len(), want)
	}
	if f := logs.All()[0].ContextMap(); f["hook"] != "OnCreate" || f["value"] != "broken" || f["stack"] == "" {
		t.Errorf("logged %v", f)
	}
}

func TestJoin(t *testing.T) {
	t.Parallel()
	for _, panics := range []bool{false, true} {
		t.Run(fmt.Sprint("panics=", panics), func(t *testing.T) {
			t.Parallel()
			var notes []string
			h := hook.Join(noting("a", &notes, panics), hook.Hooks{}, noting("b", &notes, false)).Guard(zap.NewNop())
			own := callAll(t, h)
			var want []string
			for _, what := range []string{"create", "command", "result", "start", "end", "save", "progress", "plan", "removal", "lease", "worker", "fault"} {
				first, second := "a ", "b "
				if what == "end" || what == "result" {
					first, second = second, first
				}
				want = append(want, first+what, second+what)
			}
			if !slices.Equal(notes, want) {
				t.Errorf("called %q\nwant   %q", notes, want)
			}
			nested := map[bool]string{false: "ab", true: "b"}[panics]
			if got := own.Value(key{}); got != nested {
				t.Errorf("the contexts nest as %v, want %s", got, nested)
			}
		})
	}
}

func TestJoinOfNothing(t *testing.T) {
	t.Parallel()
	v := reflect.ValueOf(hook.Join(hook.Hooks{}, hook.Hooks{}))
	for i := range v.NumField() {
		if !v.Field(i).IsNil() {
			t.Errorf("%s is set", v.Type().Field(i).Name)
		}
	}
}

// Every panic of joined starts is logged, also of starts that were joined before, and the context
// of the one that did not panic counts.
func TestJoinedStartsThatPanic(t *testing.T) {
	t.Parallel()
	core, logs := observer.New(zapcore.ErrorLevel)
	var notes []string
	inner := hook.Join(noting("a", &notes, true), noting("b", &notes, false))
	h := hook.Join(inner, noting("c", &notes, true), hook.Hooks{
		OnExecuteStart: func(context.Context, hook.Execution) context.Context { return nil },
	}).Guard(zap.New(core))
	own := h.OnExecuteStart(t.Context(), hook.Execution{})
	if got := own.Value(key{}); got != "b" || !slices.Equal(notes, []string{"a start", "b start", "c start"}) {
		t.Errorf("context of %v after %q", got, notes)
	}
	for _, l := range logs.All() {
		if f := l.ContextMap(); f["hook"] != "OnExecuteStart" || f["value"] != "broken" || !strings.Contains(f["stack"].(string), "noting") {
			t.Errorf("logged %v", f)
		}
	}
	if logs.Len() != 2 {
		t.Errorf("%d panics are logged, want 2", logs.Len())
	}
}

// Without a guard the panic goes on, and shows what panicked.
func TestJoinedStartsWithoutAGuard(t *testing.T) {
	t.Parallel()
	var notes []string
	h := hook.Join(noting("a", &notes, true), noting("b", &notes, false))
	defer func() {
		if text := fmt.Sprint(recover()); !strings.Contains(text, "broken") || !strings.Contains(text, "noting") {
			t.Errorf("panicked with %s", text)
		}
	}()
	h.OnExecuteStart(t.Context(), hook.Execution{})
	t.Error("did not panic")
}

// Commands nest as executions do, and each creation gets the annotations of all that did not panic.
func TestJoinedCommands(t *testing.T) {
	t.Parallel()
	core, logs := observer.New(zapcore.ErrorLevel)
	var notes []string
	inner := hook.Join(noting("a", &notes, true), noting("b", &notes, false))
	h := hook.Join(inner, noting("c", &notes, false)).Guard(zap.New(core))
	if got := h.OnCommandStart(t.Context(), hook.Command{}).Value(key{}); got != "bc" {
		t.Errorf("the contexts nest as %v", got)
	}
	got := h.OnCreate(t.Context(), plan.Spec{})
	if want := map[string]string{"set by": "b", "b": "yes", "c": "yes"}; !maps.Equal(got, want) {
		t.Errorf("annotations %v, want %v", got, want)
	}
	var panicked []any
	for _, l := range logs.All() {
		panicked = append(panicked, l.ContextMap()["hook"])
	}
	if !slices.Equal(panicked, []any{"OnCommandStart", "OnCreate"}) {
		t.Errorf("panics of %v are logged", panicked)
	}
}
