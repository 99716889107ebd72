package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/hook"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/store/storetest"
	"github.com/cutover-go/cutover/task"
)

// ledger is an executor that records its effects: one per second, each followed by a save, so that
// a test notices a step that is repeated or done by two workers at the same time.
type ledger struct {
	steps int

	mu      sync.Mutex
	effects []string
	causes  []error // the causes with which the contexts of interrupted runs ended
}

// Execute implements executor.TaskExecutor.
func (l *ledger) Execute(ctx context.Context, run *executor.Run) error {
	done := 0
	if _, _, err := run.Restore(&done); err != nil {
		return err
	}
	for done < l.steps {
		l.note(fmt.Sprintf("%s%d", run.Tenant().ID, done+1))
		done++
		if err := run.Save(ctx, fmt.Sprint("step", done), done); err != nil {
			l.interrupted(ctx)
			return err
		}
		select {
		case <-ctx.Done():
			l.interrupted(ctx)
			return context.Cause(ctx)
		case <-time.After(time.Second):
		}
	}
	return nil
}

func (l *ledger) note(effect string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.effects = append(l.effects, effect)
}

func (l *ledger) interrupted(ctx context.Context) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.causes = append(l.causes, context.Cause(ctx))
}

// total returns the number of effects.
func (l *ledger) total() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.effects)
}

// repeats returns the number of effects that were repeated.
func (l *ledger) repeats() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	slices.Sort(l.effects)
	return len(l.effects) - len(slices.Compact(slices.Clone(l.effects)))
}

// interruptions returns the causes with which the contexts of interrupted runs ended.
func (l *ledger) interruptions() []error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.causes)
}

// An outage shorter than the lease only costs time.
func TestStoreAwayForAWhile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := intercept(memstore.New())
		l := &ledger{steps: 60}
		var lost atomic.Int64
		c := cutover.Config{
			Executors: executor.Registry{"X": l},
			Hooks:     hook.Hooks{OnLeaseLost: func(string, int) { lost.Add(1) }},
		}
		e := newEngine(t, m, c)
		runEngine(t, e)
		id := launch(t, e, parallelSpec("a", "b", "c"))
		for range 3 {
			time.Sleep(5 * time.Second)
			m.away()
			time.Sleep(15 * time.Second)
			m.on(nil)
		}
		rests(t, e, id, plan.Completed)
		if n, all := l.repeats(), l.total(); n > 0 || lost.Load() > 0 || all != 180 {
			t.Errorf("%d repeated of %d, %d leases lost", n, all, lost.Load())
		}
		for ordinal := range 3 {
			if tk := ends(t, e, id, ordinal+1, task.Completed, ""); tk.Attempt != 1 || tk.Losses != 0 {
				t.Errorf("%+v", tk.Control)
			}
		}
	})
}

// After an outage longer than the lease, the process acquires a new lease and takes over its own
// tasks. No task fails, no attempt is used up, and only the steps in progress at the end of the
// lease are repeated.
func TestStoreAwayTooLong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := intercept(memstore.New())
		l := &ledger{steps: 10}
		var lost atomic.Int64
		c := cutover.Config{
			Executors: executor.Registry{"X": l},
			Hooks:     hook.Hooks{OnLeaseLost: func(_ string, tasks int) { lost.Add(int64(tasks)) }},
		}
		e := newEngine(t, m, c)
		runEngine(t, e)
		id := launch(t, e, parallelSpec("a", "b", "c"))
		time.Sleep(3500 * time.Millisecond)
		m.away()
		time.Sleep(2 * time.Minute)
		m.on(nil)
		rests(t, e, id, plan.Completed)
		if n := l.repeats(); n != 3 || lost.Load() != 3 {
			t.Errorf("%d effects repeated, %d tasks lost", n, lost.Load())
		}
		for ordinal := range 3 {
			if tk := ends(t, e, id, ordinal+1, task.Completed, ""); tk.Attempt != 1 {
				t.Errorf("attempt %d", tk.Attempt)
			}
		}
		causes := l.interruptions()
		for _, cause := range causes {
			if !errors.Is(cause, executor.ErrLeaseLost) {
				t.Errorf("a context ended because of %v", cause)
			}
		}
		if len(causes) != 3 {
			t.Errorf("%d executors were interrupted", len(causes))
		}
	})
}

// A process that is cut off from the store loses its tasks to another process. Its executors are
// interrupted, and only the steps in progress are repeated.
func TestCutOffProcess(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := memstore.New()
		cut := intercept(s)
		l := &ledger{steps: 100}
		c := cutover.Config{Executors: executor.Registry{"X": l}}
		first := startProcess(t, cut, c)
		id := launch(t, first.Engine, parallelSpec("a", "b"))
		time.Sleep(5500 * time.Millisecond)
		before := taskOf(t, first.Engine, id, 1)
		cut.on(func(ctx context.Context, c storetest.Call) error {
			if c.Method == "Apply" || c.Method == "Plan" {
				return c.Do(ctx) // some calls succeed, so the process need not notice that it is cut off
			}
			return errAway
		})
		second := startProcess(t, s, c)
		time.Sleep(45 * time.Second)
		after := taskOf(t, second.Engine, id, 1)
		if after.Worker == before.Worker || after.Worker == "" || after.Token <= before.Token || after.Attempt != 1 {
			t.Errorf("held by %q under %d, before by %q under %d", after.Worker, after.Token, before.Worker, before.Token)
		}
		cut.on(nil)
		rests(t, second.Engine, id, plan.Completed)
		if n := l.repeats(); n != 2 {
			t.Errorf("%d effects repeated, want the two under way", n)
		}
		for _, cause := range l.interruptions() {
			if !errors.Is(cause, executor.ErrLeaseLost) {
				t.Errorf("a context ended because of %v", cause)
			}
		}
	})
}

// If a process is frozen for longer than its lease, its next save is refused and the context of its
// executor ends.
func TestFrozenProcess(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := memstore.New()
		frozen := intercept(s)
		saved := make(chan error, 1)
		cause := make(chan error, 1)
		var runs atomic.Int64
		thaw := make(chan struct{})
		x := executor.Registry{"X": executor.Func(func(ctx context.Context, run *executor.Run) error {
			if runs.Add(1) > 1 {
				return nil
			}
			if err := run.Save(ctx, "before", nil); err != nil {
				return err
			}
			<-thaw
			saved <- run.Save(ctx, "after", nil)
			<-ctx.Done()
			cause <- context.Cause(ctx)
			return nil
		})}
		first := startProcess(t, frozen, cutover.Config{Executors: x})
		id := launch(t, first.Engine, spec("a"))
		synctest.Wait()
		frozen.on(func(ctx context.Context, c storetest.Call) error { // nothing moves, not even the wait for an answer
			<-thaw
			return c.Do(ctx)
		})
		second := startProcess(t, s, cutover.Config{Executors: x})
		rests(t, second.Engine, id, plan.Completed)
		time.Sleep(time.Minute)
		close(thaw)
		if err := <-saved; !errors.Is(err, executor.ErrLost) {
			t.Errorf("a save after the thaw: %v", err)
		}
		if err := <-cause; !errors.Is(err, executor.ErrLeaseLost) {
			t.Errorf("the context ended because of %v", err)
		}
		tk := ends(t, second.Engine, id, 1, task.Completed, "")
		if tk.Checkpoint != nil || tk.Attempt != 1 || runs.Load() != 2 {
			t.Errorf("%+v after %d runs", tk, runs.Load())
		}
	})
}

// No effect is repeated and no event is missing if calls of any kind are sometimes lost, before or
// after the store carries them out.
func TestUnreliableStore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := intercept(memstore.New())
		var n atomic.Int64
		m.on(func(ctx context.Context, c storetest.Call) error {
			switch n.Add(1) % 7 {
			case 2:
				return errAway
			case 5:
				_ = c.Do(ctx)
				return errAway
			}
			return c.Do(ctx)
		})
		l := &ledger{steps: 5}
		e := running(t, m, executor.Registry{"X": both{l.Execute, succeed}})
		for range 5 {
			id := launch(t, e, parallelSpec(tenantsOf(fmt.Sprint("p", n.Load()), 10)...))
			rests(t, e, id, plan.Completed)
			mustPlan(t)(e.Rollback(t.Context(), id))
			p := rests(t, e, id, plan.RolledBack)
			events, err := e.Events(t.Context(), id, 0, 0)
			if err != nil || len(events) != 5+4*10 || int64(len(events)) != p.LastEvent {
				t.Errorf("%d events, last %d, %v", len(events), p.LastEvent, err)
			}
		}
		if r := l.repeats(); r > 0 {
			t.Errorf("%d effects repeated", r)
		}
	})
}
