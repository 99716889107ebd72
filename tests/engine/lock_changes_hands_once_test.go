package engine

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/store/storetest"
	"github.com/cutover-go/cutover/task"
)

// busy is an executor that counts the calls that work on a tenant at the same time.
type busy struct {
	mu   sync.Mutex
	now  map[string]int
	most int
}

// Execute fails in the first attempt of task 1 of plan 1, and works for a minute otherwise.
func (b *busy) Execute(_ context.Context, run *executor.Run) error {
	if run.ID() == task.NewID(1, 1) && run.Attempt() == 1 {
		return errors.New("first attempt")
	}
	b.work(run.Tenant().ID)
	return nil
}

// Rollback works for a minute too.
func (b *busy) Rollback(_ context.Context, run *executor.Run) error {
	b.work(run.Tenant().ID)
	return nil
}

func (b *busy) work(tenant string) {
	b.mu.Lock()
	b.now[tenant]++
	b.most = max(b.most, b.now[tenant])
	b.mu.Unlock()
	time.Sleep(time.Minute)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now[tenant]--
}

// peak returns the maximum number of calls that worked on a tenant at the same time.
func (b *busy) peak() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.most
}

// tolerant completes plan 1 although its task for tenant a has failed. The release of the lock of a
// is lost, so that lock is stale, and a retry of the task needs it again.
func tolerant(t *testing.T, m *interceptedStore) (e *cutover.Engine, b *busy, failed task.ID) {
	t.Helper()
	b = &busy{now: make(map[string]int)}
	m.on(func(ctx context.Context, c storetest.Call) error {
		if c.Method == "Release" {
			return nil // the call is lost
		}
		return c.Do(ctx)
	})
	e = running(t, m, executor.Registry{"X": b})
	id := launch(t, e, parallelSpec("a", "b"))
	rests(t, e, id, plan.Completed)
	synctest.Wait() // the release has been tried
	return e, b, task.NewID(id, 1)
}

// pausing returns an interceptor that delays the first call for which meant returns true, until
// goOn is closed. Other calls pass.
func pausing(meant func(storetest.Call) bool) (f func(context.Context, storetest.Call) error, reached, goOn chan struct{}) {
	reached, goOn = make(chan struct{}), make(chan struct{})
	var done atomic.Bool
	return func(ctx context.Context, c storetest.Call) error {
		if meant(c) && done.CompareAndSwap(false, true) {
			close(reached)
			<-goOn
		}
		return c.Do(ctx)
	}, reached, goOn
}

// freezing returns an interceptor that delays all calls, from the first for which meant returns
// true, until goOn is closed: the process is frozen.
func freezing(meant func(storetest.Call) bool) (f func(context.Context, storetest.Call) error, reached, goOn chan struct{}) {
	reached, goOn = make(chan struct{}), make(chan struct{})
	var frozen atomic.Bool
	return func(ctx context.Context, c storetest.Call) error {
		if meant(c) && frozen.CompareAndSwap(false, true) {
			close(reached)
		}
		if frozen.Load() {
			<-goOn
		}
		return c.Do(ctx)
	}, reached, goOn
}

// If another plan finds the lock of a failed task stale, and a retry of the task begins before the
// plan takes the lock over, the start of that plan is refused and the retry completes the task.
func TestTakeOverAfterRetry(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := intercept(memstore.New())
		e, b, failed := tolerant(t, m)
		second := create(t, e, spec("a"))
		f, reached, goOn := pausing(func(c storetest.Call) bool { return c.Method == "Release" && c.Locks[0].Plan == failed.Plan() })
		m.on(f)
		started := make(chan error, 1)
		go func() {
			_, err := e.Start(t.Context(), second)
			started <- err
		}()
		<-reached
		mustTask(t)(e.RetryTask(t.Context(), failed, cutover.FromCheckpoint))
		time.Sleep(time.Second)
		close(goOn)
		if err := <-started; !errors.Is(err, store.ErrTenantHeld) {
			t.Errorf("the start: %v", err)
		}
		rests(t, e, failed.Plan(), plan.Completed)
		ends(t, e, failed.Plan(), 1, task.Completed, "")
		if n := b.peak(); n != 1 {
			t.Errorf("%d executors worked on a tenant at once", n)
		}
	})
}

// If another plan takes over the lock of a failed task before a retry of the task is committed, the
// retry is accepted and the task fails with TENANT_HELD.
func TestTakeOverBeforeRetry(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := intercept(memstore.New())
		e, b, failed := tolerant(t, m)
		f, reached, goOn := pausing(func(c storetest.Call) bool { return c.Method == "Apply" && c.Command.Plan.ID == failed.Plan() })
		m.on(f)
		retried := make(chan error, 1)
		go func() {
			_, err := e.RetryTask(t.Context(), failed, cutover.FromCheckpoint)
			retried <- err
		}()
		<-reached
		second := launch(t, e, spec("a"))
		close(goOn)
		if err := <-retried; err != nil {
			t.Errorf("the retry: %v", err)
		}
		rests(t, e, second, plan.Completed)
		ends(t, e, failed.Plan(), 1, task.Failed, task.CodeTenantHeld)
		if n := b.peak(); n != 1 {
			t.Errorf("%d executors worked on a tenant at once", n)
		}
	})
}

// A late release of a task's lock does not release the lock that the undo of the same task has
// taken.
func TestLateReleaseSparesTheUndo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := intercept(memstore.New())
		e, _, _ := tolerant(t, m)
		var late sync.WaitGroup
		m.on(func(ctx context.Context, c storetest.Call) error {
			if c.Method != "Release" {
				return c.Do(ctx)
			}
			locks := append([]store.TenantLock(nil), c.Locks...)
			late.Go(func() {
				time.Sleep(30 * time.Second)
				_ = m.inner.Release(context.Background(), locks)
			})
			return nil
		})
		id := launch(t, newEngine(t, m.inner, cutover.Config{}), spec("a"))
		rests(t, e, id, plan.Completed)
		mustTask(t)(e.RollbackTask(t.Context(), task.NewID(id, 1)))
		time.Sleep(40 * time.Second) // the undo takes a minute
		if _, err := e.Start(t.Context(), create(t, e, spec("a"))); !errors.Is(err, store.ErrTenantHeld) {
			t.Errorf("a start while the undo is under way: %v", err)
		}
		rests(t, e, id, plan.Completed)
		m.on(nil)
		late.Wait()
	})
}

// A start that was frozen until another plan took its tenants is abandoned.
func TestSlowStart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := intercept(memstore.New())
		e := newEngine(t, m, cutover.Config{}) // it does not run, so only the other start can abandon the first
		slow, quick := create(t, e, spec("a")), create(t, e, spec("a"))
		f, reached, goOn := pausing(func(c storetest.Call) bool {
			return c.Method == "Apply" && c.Command.Plan.ID == slow && c.Command.Plan.State == plan.Running
		})
		m.on(f)
		started := make(chan error, 1)
		go func() {
			_, err := e.Start(t.Context(), slow)
			started <- err
		}()
		<-reached
		time.Sleep(time.Minute)
		mustPlan(t)(e.Start(t.Context(), quick))
		close(goOn)
		if err := <-started; !errors.Is(err, plan.ErrNotApplicable) {
			t.Errorf("the slow start: %v", err)
		}
		if p, err := e.Plan(t.Context(), slow); err != nil || p.State != plan.Created {
			t.Errorf("the plan of the slow start is %s, %v", p.State, err)
		}
	})
}

// A start that succeeds just when another process is about to abandon it keeps its tenants.
func TestStartSucceedsWhileGivenUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		inner := intercept(memstore.New())
		m := intercept(inner)
		e := newEngine(t, m, cutover.Config{})
		slow, other := create(t, e, spec("a")), create(t, e, spec("a"))
		of := func(s plan.State, starting bool) func(storetest.Call) bool {
			return func(c storetest.Call) bool {
				return c.Method == "Apply" && c.Command.Plan.ID == slow && c.Command.Plan.State == s &&
					(c.Command.Plan.Starting != nil) == starting
			}
		}
		starts, startsNow, start := pausing(of(plan.Running, false))
		givesUp, givesUpNow, giveUp := pausing(of(plan.Created, false))
		m.on(starts)
		inner.on(givesUp)
		started := make(chan error, 1)
		go func() {
			_, err := e.Start(t.Context(), slow)
			started <- err
		}()
		<-startsNow
		running(t, m, executor.Registry{"X": executor.Func(untilInterrupted)})
		<-givesUpNow
		close(start)
		if err := <-started; err != nil {
			t.Fatal(err)
		}
		close(giveUp)
		time.Sleep(time.Second)
		if _, err := e.Start(t.Context(), other); !errors.Is(err, store.ErrTenantHeld) {
			t.Errorf("the start of another plan: %v", err)
		}
	})
}

// If a start succeeds but its caller never receives the answer and gives up, the plan keeps its
// tenants.
func TestStartThatSucceededUnheard(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := intercept(memstore.New())
		m.on(func(ctx context.Context, c storetest.Call) error {
			err := c.Do(ctx)
			if err == nil && c.Method == "Apply" && c.Command.Plan.State == plan.Running {
				return errAway
			}
			return err
		})
		e := newEngine(t, m, cutover.Config{})
		id := create(t, e, spec("a"))
		if _, err := e.Start(t.Context(), id); !store.Temporary(err) {
			t.Errorf("the start: %v", err)
		}
		locked(t, e, m, "a", id)
	})
}

// A start that was frozen, and continues after another start of the same plan has succeeded, does
// not touch the tenants of the other start.
func TestSlowStartStealsNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := intercept(memstore.New())
		slow, e := newEngine(t, m, cutover.Config{}), newEngine(t, m.inner, cutover.Config{})
		id, other := create(t, e, spec("a")), create(t, e, spec("a"))
		f, reached, goOn := freezing(func(c storetest.Call) bool { return c.Method == "Reserve" })
		m.on(f)
		started := make(chan error, 1)
		go func() {
			_, err := slow.Start(t.Context(), id)
			started <- err
		}()
		<-reached
		time.Sleep(time.Minute)
		mustPlan(t)(e.Start(t.Context(), id))
		close(goOn)
		if err := <-started; err == nil {
			t.Error("both starts succeeded")
		}
		if _, err := e.Start(t.Context(), other); !errors.Is(err, store.ErrTenantHeld) {
			t.Errorf("the start of another plan: %v", err)
		}
	})
}

// The rollback of a plan does not touch a tenant that another plan has locked after the task ended.
func TestRollbackOfAHeldTenant(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &busy{now: make(map[string]int)}
		e := running(t, memstore.New(), executor.Registry{"X": b})
		rests(t, e, launch(t, e, spec("a")), plan.Failed) // plan 1 fails
		id := launch(t, e, spec("b", "c"))
		rests(t, e, id, plan.Completed)
		mustPlan(t)(e.Rollback(t.Context(), id)) // c is undone first, and takes a minute
		time.Sleep(30 * time.Second)
		other := launch(t, e, spec("b"))
		rests(t, e, id, plan.RollbackFailed)
		ends(t, e, id, 1, task.RollbackFailed, task.CodeTenantHeld)
		ends(t, e, id, 2, task.RolledBack, "")
		rests(t, e, other, plan.Completed)
		if n := b.peak(); n != 1 {
			t.Errorf("%d executors worked on a tenant at once", n)
		}
	})
}
