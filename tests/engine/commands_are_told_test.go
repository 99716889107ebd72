package engine

import (
	"context"
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/hook"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/store/storetest"
	"github.com/cutover-go/cutover/task"
)

// Hooks are told of every command, under the name of its method, also if it is refused: each method
// that takes options of a command is called with nothing else.
func TestEveryCommandIsTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var began, ended []string
		e := newEngine(t, memstore.New(), cutover.Config{Hooks: hook.Hooks{
			OnCommandStart: func(ctx context.Context, c hook.Command) context.Context {
				began = append(began, c.Name)
				return ctx
			},
			OnCommandEnd: func(_ context.Context, c hook.Command, r hook.CommandResult) {
				if ended = append(ended, c.Name); r.Err == nil {
					t.Errorf("%s was carried out", c.Name)
				}
			},
		}})
		var want []string
		want = append(want, callCommands(t, reflect.ValueOf(e), "")...)
		want = append(want, callCommands(t, reflect.ValueOf(e.Select(0, task.Filter{})), "Tasks")...)
		if len(want) < 26 || !slices.Equal(began, want) || !slices.Equal(ended, want) {
			t.Errorf("called %q\nbegan %q\nended %q", want, began, ended)
		}
	})
}

// callCommands calls every command of v without arguments, and returns their names.
func callCommands(t *testing.T, v reflect.Value, suffix string) (names []string) {
	t.Helper()
	for i := range v.NumMethod() {
		f, name := v.Method(i), v.Type().Method(i).Name
		if !f.Type().IsVariadic() || !strings.HasSuffix(f.Type().In(f.Type().NumIn()-1).Elem().Name(), "Option") {
			continue
		}
		var args []reflect.Value
		for n := range f.Type().NumIn() - 1 {
			arg := reflect.Zero(f.Type().In(n))
			if f.Type().In(n) == reflect.TypeFor[context.Context]() {
				arg = reflect.ValueOf(t.Context())
			}
			args = append(args, arg)
		}
		names = append(names, name+suffix)
		f.Call(args)
	}
	return names
}

// Hooks are told who gives a command on what, why, and what became of it; the command's calls of
// the store have the context that the first hook returned.
func TestCommandsAreTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := intercept(memstore.New())
		var calls journal
		e := startProcess(t, m, cutover.Config{
			Executors: executor.Registry{"X": both{succeed, succeed}},
			Hooks: hook.Hooks{
				OnCreate: func(ctx context.Context, s plan.Spec) map[string]string {
					return map[string]string{"trace": s.Name, "span": ctx.Value(spanKey{}).(string), "ticket": "none"}
				},
				OnCommandStart: func(ctx context.Context, c hook.Command) context.Context {
					calls.add("%s plan %d task %d by %s: %s", c.Name, c.Plan, c.Task, c.Actor, c.Reason)
					return context.WithValue(ctx, spanKey{}, c.Name)
				},
				OnCommandEnd: func(ctx context.Context, _ hook.Command, r hook.CommandResult) {
					calls.add("%v: %s %s, unchanged %t, repeated %t, %t", ctx.Value(spanKey{}), r.Plan.State, r.Plan.Annotations["trace"],
						r.Unchanged, r.Repeated, errors.Is(r.Err, plan.ErrNotApplicable))
				},
			},
		})
		contexts := make(map[any]bool)
		m.on(func(ctx context.Context, c storetest.Call) error {
			if c.Method == "Apply" && c.Command.Plan.State == plan.Paused || c.Method == "BeginCreate" {
				contexts[ctx.Value(spanKey{})] = true
			}
			return c.Do(ctx)
		})
		s := spec("a", "b")
		s.Annotations = map[string]string{"ticket": "OPS-7"}
		p, err := e.Create(t.Context(), s, cutover.By("ann"))
		if want := map[string]string{"trace": s.Name, "span": "Create", "ticket": "OPS-7"}; err != nil || !maps.Equal(p.Annotations, want) {
			t.Fatal(p.Annotations, err)
		}
		if len(s.Annotations) != 1 {
			t.Errorf("the annotations of the caller became %v", s.Annotations)
		}
		mustPlan(t)(e.Start(t.Context(), p.ID, cutover.By("bob"), cutover.Because("it is time")))
		rests(t, e.Engine, p.ID, plan.Completed)
		if _, err = e.Pause(t.Context(), p.ID); !errors.Is(err, plan.ErrNotApplicable) {
			t.Fatal(err)
		}
		for range 2 {
			mustTask(t)(e.RollbackTask(t.Context(), task.NewID(p.ID, 2), cutover.By("cid"), cutover.CommandID("once")))
		}
		if _, err := e.Select(p.ID, task.Filter{States: []task.State{task.Completed}}).Rollback(t.Context(), cutover.DryRun()); err != nil {
			t.Fatal(err)
		}
		calls.expect(t,
			"Create plan 0 task 0 by ann: ", "Create: CREATED "+s.Name+", unchanged false, repeated false, false",
			"Start plan 1 task 0 by bob: it is time", "Start: RUNNING "+s.Name+", unchanged false, repeated false, false",
			"Pause plan 1 task 0 by : ", "Pause: COMPLETED "+s.Name+", unchanged false, repeated false, true",
			"RollbackTask plan 1 task 1000002 by cid: ", "RollbackTask: COMPLETED "+s.Name+", unchanged false, repeated false, false",
			"RollbackTask plan 1 task 1000002 by cid: ", "RollbackTask: COMPLETED "+s.Name+", unchanged false, repeated true, false",
			"RollbackTasks plan 1 task 0 by : ", "RollbackTasks: COMPLETED "+s.Name+", unchanged true, repeated false, false")
		if len(contexts) != 1 || !contexts["Create"] {
			t.Errorf("the store was called by %v", contexts)
		}
	})
}

// Annotations of a hook that do not fit are left out, and logged; the plan is created.
func TestAnnotationsThatDoNotFit(t *testing.T) {
	t.Parallel()
	for name, more := range map[string]map[string]string{
		"too long":  {"k": strings.Repeat("x", plan.MaxAnnotations)},
		"not UTF-8": {"k": "\xff"},
		"no key":    {"": "x"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			core, logs := observer.New(zapcore.WarnLevel)
			e := newEngine(t, memstore.New(), cutover.Config{
				Logger: zap.New(core), Executors: executor.Registry{"X": executor.Func(succeed)},
				Hooks: hook.Hooks{OnCreate: func(context.Context, plan.Spec) map[string]string { return more }},
			})
			s := spec("a")
			s.Annotations = map[string]string{"ticket": "OPS-7"}
			p, err := e.Create(t.Context(), s)
			if err != nil || !maps.Equal(p.Annotations, s.Annotations) || logs.FilterMessage("annotations of a hook are left out").Len() != 1 {
				t.Errorf("%v, %v, %d messages", p.Annotations, err, logs.Len())
			}
		})
	}
}

// An execution names the step from which it continues, the workers that its task has lost, and the
// annotations of its plan.
func TestExecutionsNameWhatTheyContinue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := intercept(memstore.New())
		var calls journal
		c := cutover.Config{
			Executors: executor.Registry{"X": executor.Func(func(ctx context.Context, run *executor.Run) error {
				if _, saved, err := run.Restore(nil); saved || err != nil {
					return err
				}
				if err := run.Save(ctx, "half", nil); err != nil {
					return err
				}
				return untilInterrupted(ctx, run)
			})},
			Hooks: hook.Hooks{
				OnCreate: func(context.Context, plan.Spec) map[string]string { return map[string]string{"trace": "7"} },
				OnExecuteStart: func(ctx context.Context, x hook.Execution) context.Context {
					calls.add("from %q after %d losses in trace %s", x.Step, x.Losses, x.Annotations["trace"])
					return ctx
				},
			},
		}
		e := newEngine(t, m, c)
		runEngine(t, e)
		id := launch(t, e, spec("a"))
		synctest.Wait()
		m.away()
		time.Sleep(40 * time.Second)
		m.on(nil)
		rests(t, e, id, plan.Completed)
		calls.expect(t, `from "" after 0 losses in trace 7`, `from "half" after 1 losses in trace 7`)
	})
}
