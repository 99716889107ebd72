package renewal

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/internal/redistest"
)

// TestLateAnswerIsNoLease delays the answer to Acquire until after the deadline of the lock.
// Acquire must return no lease, and the lock must be released.
func TestLateAnswerIsNoLease(t *testing.T) {
	t.Parallel()
	bubble(t, Config{}, func(w *world) {
		t := w.t
		for _, delay := range []time.Duration{2940 * time.Millisecond, 3 * time.Second, time.Minute} {
			w.slowLeases(delay)
			l, err := w.s.Acquire(t.Context(), "lock", 3*time.Second)
			if l != nil || !errors.Is(err, ErrLost) || !errors.Is(err, ErrDeadline) {
				t.Fatalf("after %v: %v, %v; want no lease and ErrDeadline", delay, l, err)
			}
			pass(delay) // the service releases the lock
			if k, ok := w.get("lock"); ok || w.s.Stats().Live != 0 {
				t.Errorf("after %v: the lock holds %q, %d tasks are live", delay, k.value, w.s.Stats().Live)
			}
		}
		w.slowLeases(2900 * time.Millisecond)
		l, err := w.s.Acquire(t.Context(), "lock", 3*time.Second)
		if err != nil || l.Context().Err() != nil {
			t.Errorf("in time: %v", err)
		}
		w.slowLeases(0)
	})
}

// TestTaskThatIsOverAtRegister registers a task whose TTL was set too long ago. The task must be
// lost immediately.
func TestTaskThatIsOverAtRegister(t *testing.T) {
	t.Parallel()
	bubble(t, Config{}, func(w *world) {
		h := register(w.t, w.s, Task{Keys: []string{"k"}, Since: time.Now().Add(-time.Hour), Policy: every(time.Second)})
		if r := h.Result(); r.Reason != ReasonLost || !errors.Is(context.Cause(h.Context()), ErrDeadline) {
			w.t.Errorf("%+v, want lost", r)
		}
	})
}

// TestContextEndsBeforeTheAnswer checks that Acquire returns when its context ends, and that a lock
// which the server grants afterwards is released.
func TestContextEndsBeforeTheAnswer(t *testing.T) {
	t.Parallel()
	bubble(t, Config{}, func(w *world) {
		t := w.t
		w.slowLeases(10 * time.Second)
		for name, end := range endings() {
			ctx, cancel := end(t.Context(), 200*time.Millisecond)
			before := time.Now()
			_, err := w.s.Acquire(ctx, "lock", time.Minute)
			if took := time.Since(before); took != 200*time.Millisecond || err == nil || !errors.Is(err, ctx.Err()) {
				t.Errorf("%s: %v after %v", name, err, took)
			}
			cancel()
			pass(20 * time.Second)
			if _, ok := w.get("lock"); ok {
				t.Errorf("%s: a lock that nobody holds was left behind", name)
			}
		}
	})
}

// endings returns the ways in which a context can end after a time.
func endings() map[string]func(context.Context, time.Duration) (context.Context, context.CancelFunc) {
	return map[string]func(context.Context, time.Duration) (context.Context, context.CancelFunc){
		"deadline": context.WithTimeout,
		"cancel": func(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(ctx)
			time.AfterFunc(d, cancel)
			return ctx, cancel
		},
	}
}

// TestCallsOnAFrozenServer checks that every call returns when its context ends, and that no lock
// remains after the server answers again.
func TestCallsOnAFrozenServer(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	opt := server.Options()
	opt.ReadTimeout = time.Second // after this time all goroutines have ended
	rdb := redis.NewClient(opt)
	t.Cleanup(func() { _ = rdb.Close() })
	s := onRedis(t, rdb, Config{CallTimeout: 300 * time.Millisecond})
	leases := map[string]*Lease{}
	for name := range endings() {
		l, err := s.Acquire(t.Context(), "held:"+name, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		leases[name] = l
	}
	server.Freeze()
	for name, end := range endings() {
		l := leases[name]
		for call, f := range map[string]func(context.Context) error{
			"Acquire":  func(ctx context.Context) error { _, err := s.Acquire(ctx, "new:"+name, time.Minute); return err },
			"RenewNow": l.Handle().RenewNow,
		} {
			checkReturns(t, name+"/"+call, end, f)
		}
		checkReturns(t, name+"/Release", end, l.Release)
	}
	server.Thaw()
	eventually(t, 20*time.Second, func() bool { return s.lockCalls.Load() == 0 }, "calls are still under way")
	for _, l := range leases { // some calls ended while they waited for a renewal under way
		if err := l.Release(t.Context()); err != nil && !errors.Is(err, ErrMissing) {
			t.Error(err)
		}
	}
	for _, key := range []string{"new:deadline", "new:cancel", "held:deadline", "held:cancel"} {
		eventually(t, 5*time.Second, func() bool { return server.Client().Exists(t.Context(), key).Val() == 0 }, key+" was left behind")
	}
}

// checkReturns checks that a call returns soon after its context ends.
func checkReturns(t *testing.T, name string, end func(context.Context, time.Duration) (context.Context, context.CancelFunc), f func(context.Context) error) {
	t.Helper()
	ctx, cancel := end(t.Context(), 200*time.Millisecond)
	defer cancel()
	returned := make(chan time.Time, 1)
	ended := make(chan time.Time, 1)
	context.AfterFunc(ctx, func() { ended <- time.Now() })
	err := f(ctx)
	returned <- time.Now()
	if err == nil {
		t.Errorf("%s: no error", name)
		return
	}
	select {
	case at := <-ended:
		if late := (<-returned).Sub(at); late > 500*time.Millisecond { // usually 1 ms
			t.Errorf("%s returned %v after the end of its context", name, late)
		}
	case <-time.After(10 * time.Second):
		t.Errorf("%s returned before the end of its context: %v", name, err)
	}
}
