package hook_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"testing/synctest"
	"time"

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
		if out := f.Call(args); len(out) == 1 {
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
		OnExecuteStart: func(ctx context.Context, _ hook.Execution) context.Context {
			note("start")
			before, _ := ctx.Value(key{}).(string)
			return context.WithValue(ctx, key{}, before+name)
		},
		OnExecuteEnd: func(context.Context, hook.Execution, hook.Outcome) { note("end") },
		OnSave:       func(task.ID, string, int) { note("save") },
		OnProgress:   func(task.ID, executor.Progress) { note("progress") },
		OnPlanChange: func(plan.Plan, []plan.Event) { note("plan") },
		OnLeaseLost:  func(string, int) { note("lease") },
		OnWorkerLost: func(task.ID, string) { note("worker") },
		OnStoreFault: func(string, error) { note("fault") },
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
	if f := logs.All()[0].ContextMap(); f["hook"] != "OnExecuteStart" || f["value"] != "broken" || f["stack"] == "" {
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
			for _, what := range []string{"start", "end", "save", "progress", "plan", "lease", "worker", "fault"} {
				switch {
				case what == "end":
					want = append(want, "b end", "a end")
				case what == "start" && panics:
					want = append(want, "a start")
				default:
					want = append(want, "a "+what, "b "+what)
				}
			}
			if !slices.Equal(notes, want) {
				t.Errorf("called %q\nwant   %q", notes, want)
			}
			if got := own.Value(key{}); !panics && got != "ab" {
				t.Errorf("the contexts nest as %v", got)
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

// Zap logs one fault in ten seconds of each operation, independently of the faults of other
// operations.
func TestZapFaults(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		core, logs := observer.New(zapcore.InfoLevel)
		h := hook.Zap(zap.New(core))
		for range 30 {
			h.OnStoreFault("due", errors.New("away"))
			h.OnStoreFault("claim", errors.New("away"))
			time.Sleep(time.Second)
		}
		for _, op := range []string{"due", "claim"} {
			if n := logs.FilterMessage("store fault: " + op).Len(); n < 3 || n > 4 {
				t.Errorf("%d faults of %s are logged of 30 in 30 seconds", n, op)
			}
		}
	})
}

func TestZapExecutions(t *testing.T) {
	t.Parallel()
	core, logs := observer.New(zapcore.DebugLevel)
	h := hook.Zap(zap.New(core))
	h.OnExecuteEnd(t.Context(), hook.Execution{}, hook.Outcome{
		State: task.Failed, Failure: &task.FailureInfo{ErrorCode: "GATEWAY_TIMEOUT", Step: "SWITCH"},
	})
	h.OnExecuteEnd(t.Context(), hook.Execution{}, hook.Outcome{Lost: true})
	h.OnExecuteEnd(t.Context(), hook.Execution{}, hook.Outcome{State: task.Completed})
	ends := logs.FilterMessage("execution ended").All()
	if f := ends[0].ContextMap(); ends[0].Level != zap.WarnLevel || f["code"] != "GATEWAY_TIMEOUT" || f["step"] != "SWITCH" || f["state"] != "FAILED" {
		t.Errorf("a failure is logged as %v", f)
	}
	if f := ends[1].ContextMap(); ends[1].Level != zap.WarnLevel || f["lost"] != true || f["state"] != nil {
		t.Errorf("a loss is logged as %v", f)
	}
	if ends[2].Level != zap.DebugLevel {
		t.Errorf("a success is logged at %s", ends[2].Level)
	}
}
