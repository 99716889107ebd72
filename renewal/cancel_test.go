package renewal

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// noisy makes every callback of a policy increment the returned counter.
func noisy(p *Policy) *atomic.Int64 {
	var n atomic.Int64
	p.Callbacks = Callbacks{
		OnRenewed:  func(context.Context, Event) { n.Add(1) },
		OnLost:     func(context.Context, Event) { n.Add(1) },
		OnFailed:   func(context.Context, Event) { n.Add(1) },
		OnFinished: func(context.Context, Result) { n.Add(1) },
	}
	return &n
}

func TestCancelAndWait(t *testing.T) {
	t.Parallel()
	bubble(t, Config{CallTimeout: time.Minute}, func(w *world) {
		t := w.t
		p := every(10 * time.Second)
		p.RenewAtOnce = true
		called := noisy(p)
		h := w.lease(t, "k", p)
		w.at("main").slow(2 * time.Second)
		pass(time.Second) // the call is under way
		began := time.Now()
		if err := h.CancelAndWait(t.Context()); err != nil {
			t.Fatal(err)
		}
		if d := time.Since(began); d < 900*time.Millisecond {
			t.Errorf("returned after %v, with the call still under way", d)
		}
		if w.at("main").calls() != 0 {
			t.Error("a call is under way")
		}
		calls, sent := called.Load(), len(w.sent("k"))
		if calls != 1 {
			t.Errorf("%d callbacks, want Finished alone: the outcome is dropped", calls)
		}
		pass(time.Hour)
		if called.Load() != calls || len(w.sent("k")) != sent {
			t.Error("a callback or a renewal came after CancelAndWait")
		}
		if r := h.Result(); r.Reason != ReasonCanceled || r.Renewals != 0 {
			t.Errorf("%+v, want canceled, without the dropped renewal", r)
		}
	})
}

// TestCancelAndWaitOnEveryPhase cancels busy tasks, each at a different one of their first 60
// milliseconds. After CancelAndWait has returned, there must be no callback and no renewal.
func TestCancelAndWaitOnEveryPhase(t *testing.T) {
	t.Parallel()
	for ms := range 60 {
		bubble(t, Config{}, func(w *world) {
			t := w.t
			p := every(50 * time.Millisecond)
			p.RenewAtOnce = true
			called := noisy(p)
			w.at("main").slow(15 * time.Millisecond)
			if ms%2 == 0 {
				w.at("main").fail(errDown)
			}
			h := w.lease(t, "k", p)
			pass(time.Duration(ms) * time.Millisecond)
			if err := h.CancelAndWait(t.Context()); err != nil {
				t.Fatal(err)
			}
			calls, sent := called.Load(), len(w.sent("k"))
			pass(time.Second)
			synctest.Wait()
			if called.Load() != calls || len(w.sent("k")) != sent {
				t.Errorf("canceled after %d ms: a callback or a renewal came later", ms)
			}
		})
	}
}

func TestCancelAndWaitGivesUpWithItsContext(t *testing.T) {
	t.Parallel()
	bubble(t, Config{CallTimeout: time.Minute}, func(w *world) {
		t := w.t
		p := every(time.Minute)
		p.RenewAtOnce = true
		h := w.lease(t, "k", p)
		w.at("main").slow(10 * time.Second)
		pass(time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := h.CancelAndWait(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v, want the context's error", err)
		}
		if r := h.Result(); r.Reason != ReasonCanceled {
			t.Errorf("%+v, want canceled all the same", r)
		}
	})
}

func TestCancelAndWaitInsideACallback(t *testing.T) {
	t.Parallel()
	bubble(t, Config{}, func(w *world) {
		t := w.t
		handles, answers := make(chan *Handle, 1), make(chan error, 1)
		p := every(time.Second)
		p.Callbacks.OnRenewed = func(ctx context.Context, _ Event) { answers <- (<-handles).CancelAndWait(ctx) }
		h := w.lease(t, "k", p)
		handles <- h
		if err := <-answers; !errors.Is(err, ErrInCallback) {
			t.Errorf("%v, want ErrInCallback", err)
		}
		<-h.Done()
	})
}

func TestCancelEndsTheContextWithAReason(t *testing.T) {
	t.Parallel()
	bubble(t, Config{}, func(w *world) {
		t := w.t
		h := w.lease(t, "k", every(time.Second))
		ctx := h.Context()
		if err := h.Cancel(); err != nil {
			t.Fatal(err)
		}
		if err := h.Cancel(); err != nil { // repeating Cancel is harmless
			t.Fatal(err)
		}
		var ended *EndedError
		if cause := context.Cause(ctx); !errors.As(cause, &ended) || ended.Reason != ReasonCanceled || errors.Is(cause, ErrLost) {
			t.Errorf("cause %v", cause)
		}
		if later := context.Cause(h.Context()); !errors.Is(later, ErrEnded) {
			t.Errorf("a context taken after the end: %v", later)
		}
		if err := h.RenewNow(t.Context()); !errors.Is(err, ErrEnded) {
			t.Errorf("RenewNow after the end: %v", err)
		}
	})
}

func TestRenewNow(t *testing.T) {
	t.Parallel()
	bubble(t, Config{}, func(w *world) {
		t := w.t
		p := every(time.Hour)
		w.set("a", "me", p.TTL.fixed)
		w.set("b", "wrong type", 0)
		h := register(t, w.s, Task{Keys: []string{"a"}, Owner: "me", Policy: p})
		due := h.Status().NextDue
		if err := h.RenewNow(t.Context()); err != nil {
			t.Fatal(err)
		}
		if r := h.Result(); r.Renewals != 1 {
			t.Errorf("%+v, want renewed", r)
		}
		if !h.Status().NextDue.Equal(due) {
			t.Error("the next tick moved")
		}
		both := register(t, w.s, Task{Keys: []string{"a", "b"}, Owner: "me", Policy: p})
		if err := both.RenewNow(t.Context()); !errors.Is(err, ErrWrongType) {
			t.Errorf("%v, want ErrWrongType", err)
		}
		w.del("a")
		if err := h.RenewNow(t.Context()); !errors.Is(err, ErrLost) {
			t.Errorf("%v, want ErrLost", err)
		}
	})
}

func TestRenewNowEndsWithItsContext(t *testing.T) {
	t.Parallel()
	bubble(t, Config{CallTimeout: time.Minute}, func(w *world) {
		t := w.t
		h := w.lease(t, "k", every(time.Hour))
		w.at("main").slow(10 * time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := h.RenewNow(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v, want the context's error", err)
		}
	})
}

func TestShutdownDrains(t *testing.T) {
	t.Parallel()
	bubble(t, Config{}, func(w *world) {
		t := w.t
		p := every(time.Minute)
		p.RenewAtOnce = true
		renewed, finished := 0, Result{}
		p.Callbacks.OnRenewed = func(context.Context, Event) { time.Sleep(100 * time.Millisecond); renewed++ }
		p.Callbacks.OnFinished = func(_ context.Context, r Result) { time.Sleep(100 * time.Millisecond); finished = r }
		w.at("main").slow(500 * time.Millisecond)
		h := w.lease(t, "k", p)
		pass(100 * time.Millisecond)
		if err := w.stop(); err != nil {
			t.Fatal(err)
		}
		if renewed != 1 || finished.Reason != ReasonShutdown || finished.Renewals != 1 {
			t.Errorf("%d renewed, finished %+v; want the renewal under way and both callbacks", renewed, finished)
		}
		<-h.Done()
		if _, err := w.s.Register(Task{Keys: []string{"k"}, Policy: p}); !errors.Is(err, ErrStopped) {
			t.Errorf("Register after the end: %v", err)
		}
		if err := w.s.Run(t.Context()); !errors.Is(err, ErrStopped) {
			t.Errorf("Run after the end: %v", err)
		}
		if _, ok := w.get("k"); !ok {
			t.Error("shutdown deleted the key")
		}
	})
}

func TestShutdownLeavesHungFunctionsBehind(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		s := onFake(Config{Grace: time.Second}, f)
		w := &world{fake: f, s: s}
		hang := make(chan struct{})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- s.Run(ctx) }()
		synctest.Wait()
		p := every(100 * time.Millisecond)
		p.Callbacks.OnRenewed = func(context.Context, Event) { <-hang }
		w.lease(t, "k", p)
		pass(time.Second)
		began := time.Now()
		cancel()
		if err := <-done; !errors.Is(err, ErrUnfinished) {
			t.Errorf("Run: %v, want ErrUnfinished", err)
		}
		if d := time.Since(began); d > 2*time.Second {
			t.Errorf("shutdown took %v with a grace of 1 s", d)
		}
		close(hang)
	})
}

// TestCancelAndWaitForAPolicy checks that CancelAndWait waits for a running function of the policy,
// even if nothing else has happened to the task yet.
func TestCancelAndWaitForAPolicy(t *testing.T) {
	t.Parallel()
	bubble(t, Config{UserBudget: time.Minute}, func(w *world) {
		t := w.t
		var running atomic.Bool
		p := every(10 * time.Second)
		p.RenewAtOnce = true
		p.Stop = []StopRule{If(func(context.Context, Status) (bool, error) {
			running.Store(true)
			time.Sleep(3 * time.Second)
			running.Store(false)
			return false, nil
		})}
		h := w.lease(t, "k", p)
		pass(time.Second)
		if !running.Load() {
			t.Fatal("the function does not run: nothing is tested")
		}
		if err := h.CancelAndWait(t.Context()); err != nil || running.Load() {
			t.Errorf("%v, function still running: %v", err, running.Load())
		}
	})
}
