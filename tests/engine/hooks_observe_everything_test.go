package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/hook"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/store/storetest"
	"github.com/cutover-go/cutover/task"
)

type spanKey struct{}

// journal records the calls of hooks.
type journal struct {
	mu    sync.Mutex
	lines []string
}

func (j *journal) add(format string, args ...any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, fmt.Sprintf(format, args...))
}

func (j *journal) clear() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = nil
}

func (j *journal) all() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.lines)
}

func (j *journal) expect(t *testing.T, want ...string) {
	t.Helper()
	if got := j.all(); !slices.Equal(got, want) {
		t.Errorf("told %q\nwant %q", got, want)
	}
}

// Hooks observe the start, the saves, the progress and the end of every execution, whether it
// succeeds, fails or undoes a task. The context that the start hook returns reaches the executor
// and the end hook.
func TestExecutionHooks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var reported journal
		span := 0
		hooks := hook.Hooks{
			OnExecuteStart: func(ctx context.Context, x hook.Execution) context.Context {
				span++
				reported.add("start %d: plan %s task %s of %s by %s, attempt %d, rollback %t", span, x.Plan, x.Task, x.Tenant, x.ExecutorType, x.Attempt, x.Rollback)
				return context.WithValue(ctx, spanKey{}, span)
			},
			OnExecuteEnd: func(ctx context.Context, x hook.Execution, out hook.Outcome) {
				reported.add("end %v: %s after %s, lost %t, %v", ctx.Value(spanKey{}), out.State, out.Elapsed, out.Lost, out.Err)
			},
			OnSave: func(id task.ID, step string, bytes int) { reported.add("saved %s %q %d", id, step, bytes) },
			OnProgress: func(id task.ID, p executor.Progress) {
				reported.add("progress %s %d/%d %s", id, p.Done, p.Total, p.Note)
			},
		}
		c := cutover.Config{Hooks: hooks, Executors: executor.Registry{"X": both{func(ctx context.Context, run *executor.Run) error {
			reported.add("executor in %v", ctx.Value(spanKey{}))
			if err := run.SaveUndo(ctx, "colour", "green"); err != nil {
				return err
			}
			time.Sleep(time.Second)
			run.Progress(executor.Progress{Done: 1, Total: 2, Note: "half"})
			if run.Attempt() == 1 {
				return errors.New("fails")
			}
			return run.Save(ctx, "done", 12345)
		}, succeed}}}
		e := newEngine(t, memstore.New(), c)
		runEngine(t, e)
		id := launch(t, e, spec("a"))
		rests(t, e, id, plan.Failed)
		synctest.Wait() // hooks are called after the commit that ends the plan
		reported.expect(t,
			"start 1: plan 1 task 1000001 of a by X, attempt 1, rollback false",
			"executor in 1", `saved 1000001 "" 7`, "progress 1000001 1/2 half",
			"end 1: FAILED after 1s, lost false, fails")
		reported.clear()
		mustTask(t)(e.RetryTask(t.Context(), task.NewID(id, 1), cutover.FromCheckpoint))
		rests(t, e, id, plan.Completed)
		mustPlan(t)(e.Rollback(t.Context(), id))
		rests(t, e, id, plan.RolledBack)
		synctest.Wait()
		reported.expect(t,
			"start 2: plan 1 task 1000001 of a by X, attempt 2, rollback false",
			"executor in 2", "progress 1000001 1/2 half", `saved 1000001 "done" 5`,
			"end 2: COMPLETED after 1s, lost false, <nil>",
			"start 3: plan 1 task 1000001 of a by X, attempt 2, rollback true",
			"end 3: ROLLED_BACK after 0s, lost false, <nil>")
	})
}

// Even if a host stops its engine as soon as it reads that the plan has ended, its hooks are still
// told of that last change.
func TestLastChangeIsTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := intercept(memstore.New())
		var plans journal
		e := startProcess(t, m, cutover.Config{
			PollInterval: 100 * time.Millisecond,
			Executors:    executor.Registry{"X": executor.Func(func(context.Context, *executor.Run) error { return nil })},
			Hooks:        hook.Hooks{OnPlanChange: func(p plan.Plan, _ []plan.Event) { plans.add("%s", p.State) }},
		})
		m.on(func(ctx context.Context, c storetest.Call) error {
			if err := c.Do(ctx); err != nil || c.Method != "Apply" || c.Command.Plan.State != plan.Completed {
				return err
			}
			select { // the answer takes a while
			case <-time.After(500 * time.Millisecond):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
		rests(t, e.Engine, launch(t, e.Engine, spec("a")), plan.Completed)
		e.stop()
		if err := <-e.done; err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(plans.all(), "COMPLETED") {
			t.Errorf("told of %q", plans.all())
		}
	})
}

// A hook that panics harms neither its task nor the engine, and each panic is logged.
func TestHooksPanic(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		core, logs := observer.New(zapcore.ErrorLevel)
		e := newEngine(t, memstore.New(), cutover.Config{
			Logger:    zap.New(core),
			Executors: executor.Registry{"X": twoSteps(succeed)},
			Hooks: hook.Hooks{
				OnExecuteStart: func(context.Context, hook.Execution) context.Context { panic("start") },
				OnExecuteEnd:   func(context.Context, hook.Execution, hook.Outcome) { panic("end") },
				OnSave:         func(task.ID, string, int) { panic("save") },
				OnPlanChange:   func(plan.Plan, []plan.Event) { panic("plan") },
			},
		})
		runEngine(t, e)
		rests(t, e, launch(t, e, spec("a", "b")), plan.Completed)
		if n := logs.FilterMessage("a hook panicked").Len(); n < 6 {
			t.Errorf("%d panics are logged", n)
		}
	})
}

// Hooks observe plan changes, lost leases, lost workers and store faults.
func TestEngineHooks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := intercept(memstore.New())
		var plans, leases, workers, faults journal
		c := cutover.Config{
			Executors: executor.Registry{"X": executor.Func(untilInterrupted)},
			Hooks: hook.Hooks{
				OnPlanChange: func(p plan.Plan, events []plan.Event) {
					for _, ev := range events {
						if ev.Task == 0 {
							plans.add("%s: %s to %s by %s", p.ID, ev.From, ev.To, ev.Cause)
						}
					}
				},
				OnLeaseLost:  func(_ string, tasks int) { leases.add("lost %d", tasks) },
				OnWorkerLost: func(id task.ID, _ string) { workers.add("%s", id) },
				OnStoreFault: func(op string, err error) { faults.add("%s %t", op, store.Temporary(err)) },
			},
		}
		e := newEngine(t, m, c)
		runEngine(t, e)
		id := launch(t, e, parallelSpec("a", "b"))
		synctest.Wait()
		faults.expect(t)
		m.away()
		time.Sleep(40 * time.Second)
		m.on(nil)
		leases.expect(t, "lost 2")
		time.Sleep(10 * time.Second)
		workers.expect(t, "1000001", "1000002")
		for _, op := range []string{"heartbeat true", "due true", "join true"} {
			if !slices.Contains(faults.all(), op) {
				t.Errorf("nothing was told of %s", op)
			}
		}
		mustPlan(t)(e.Pause(t.Context(), id))
		mustPlan(t)(e.Cancel(t.Context(), id))
		rests(t, e, id, plan.Canceled)
		if got := plans.all()[:3]; !slices.Equal(got, []string{"1: CREATED to RUNNING by start", "1: RUNNING to PAUSED by pause", "1: PAUSED to CANCELLED by cancel"}) {
			t.Errorf("%q", plans.all())
		}
	})
}

// Hooks observe a store fault even if the first repetition of the call succeeds.
func TestEveryFaultIsTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := intercept(memstore.New())
		var faults journal
		e := newEngine(t, m, cutover.Config{
			Executors: executor.Registry{"X": executor.Func(succeed)},
			Hooks:     hook.Hooks{OnStoreFault: func(op string, _ error) { faults.add("%s", op) }},
		})
		runEngine(t, e)
		var failed atomic.Bool
		m.on(func(ctx context.Context, c storetest.Call) error {
			if c.Method == "Commit" && failed.CompareAndSwap(false, true) {
				return errAway
			}
			return c.Do(ctx)
		})
		rests(t, e, launch(t, e, spec("a")), plan.Completed)
		faults.expect(t, "commit")
	})
}

// The event of a command records who gave the command, and why; that of a breach has its numbers.
func TestActorAndReason(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := running(t, memstore.New(), executor.Registry{"X": both{twoSteps(func(context.Context, *executor.Run) error {
			return errors.New("fails")
		}), succeed}})
		ctx := t.Context()
		p, err := e.Create(ctx, spec("a", "b"), cutover.By("ann"))
		if err != nil {
			t.Fatal(err)
		}
		id := p.ID
		mustPlan(t)(e.Start(ctx, id, cutover.By("bob"), cutover.Because("because of bob")))
		rests(t, e, id, plan.Failed)
		mustPlan(t)(e.RetryFailed(ctx, id, cutover.FromCheckpoint, cutover.By("cid"), cutover.Because("because of cid")))
		rests(t, e, id, plan.Failed)
		mustTask(t)(e.SkipTask(ctx, task.NewID(id, 1), cutover.By("dan"), cutover.Because("told so")))
		mustPlan(t)(e.Rollback(ctx, id, cutover.By("eve"), cutover.Because("because of eve")))
		rests(t, e, id, plan.RolledBack)
		events, err := e.Events(t.Context(), id, 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, ev := range events {
			if ev.Actor != "" || ev.Reason != "" {
				got = append(got, fmt.Sprintf("%s of %q by %s: %s", ev.Cause, ev.Tenant, ev.Actor, ev.Reason))
			}
		}
		want := []string{
			`create of "" by ann: `, // the event of a creation records no reason
			`start of "" by bob: because of bob`,
			`breach of "" by : 1 failed, 0 tolerated`,
			`retry of "" by cid: because of cid`,
			`retry of "a" by cid: because of cid`,
			`breach of "" by : 1 failed, 0 tolerated`,
			`skip of "a" by dan: told so`,
			`rollback of "" by eve: because of eve`,
		}
		if !slices.Equal(got, want) {
			t.Errorf("got  %q\nwant %q", got, want)
		}
	})
}

// hook.Zap logs plan changes and the ends of executions, each at its level, and survives an error
// whose methods panic.
func TestZapHooks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		core, logs := observer.New(zapcore.DebugLevel)
		c := cutover.Config{
			Hooks: hook.Zap(zap.New(core)),
			Executors: executor.Registry{"X": executor.Func(func(_ context.Context, run *executor.Run) error {
				if run.Tenant().ID == "bad" {
					var h *nilError
					return h
				}
				return nil
			})},
		}
		e := newEngine(t, memstore.New(), c)
		runEngine(t, e)
		rests(t, e, launch(t, e, spec("good", "bad")), plan.Failed)
		synctest.Wait() // the worker logs the end of an execution after it has committed it, and in no order with the plan
		var got []string
		for _, l := range logs.All() {
			got = append(got, l.Level.String()+" "+l.Message)
		}
		slices.Sort(got)
		want := []string{"debug execution ended", "info plan changed", "info plan changed", "warn execution ended"}
		if !slices.Equal(got, want) {
			t.Errorf("logged %q, want %q", got, want)
		}
	})
}

// A shutdown cancels store calls that the engine itself makes; these calls are not reported as
// faults.
func TestShutdownTellsOfNoFault(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var faults journal
		m := intercept(memstore.New())
		e := startProcess(t, m, cutover.Config{
			Executors: executor.Registry{"X": executor.Func(untilInterrupted)},
			Hooks:     hook.Hooks{OnStoreFault: func(op string, err error) { faults.add("%s: %v", op, err) }},
		})
		m.on(func(ctx context.Context, c storetest.Call) error {
			if c.Method != "Due" {
				return c.Do(ctx)
			}
			<-ctx.Done() // a call is in flight when the host stops
			return ctx.Err()
		})
		time.Sleep(5 * time.Second)
		e.stop()
		if err := <-e.done; err != nil {
			t.Fatal(err)
		}
		faults.expect(t)
	})
}

// TestActorAndReasonAreCut: an actor or a reason that is too long is cut between two characters,
// never inside one.
func TestActorAndReasonAreCut(t *testing.T) {
	t.Parallel()
	e := newEngine(t, memstore.New(), cutover.Config{})
	id := create(t, e, spec("a"))
	long := strings.Repeat("ä", task.MaxReason)
	mustPlan(t)(e.Cancel(t.Context(), id, cutover.By(long), cutover.Because(long)))
	events, err := e.PlanEvents(t.Context(), id, 1, 0)
	if err != nil || len(events) != 1 {
		t.Fatal(events, err)
	}
	ev := events[0]
	if len(ev.Actor) != 256 || len(ev.Reason) != task.MaxReason || !utf8.ValidString(ev.Actor+ev.Reason) {
		t.Errorf("%d bytes of actor, %d of reason", len(ev.Actor), len(ev.Reason))
	}
}
