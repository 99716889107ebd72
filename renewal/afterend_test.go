package renewal

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// runService runs a service in a bubble and returns a function that ends Run and returns its error.
func runService(t *testing.T, s *Service) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	synctest.Wait()
	return func() error {
		cancel()
		return <-done
	}
}

// TestCancelAndWaitAfterShutdown stops a service while one host function hangs and another one is
// queued. Run must return ErrUnfinished, and CancelAndWait must not wait for the queued function.
func TestCancelAndWaitAfterShutdown(t *testing.T) {
	t.Parallel()
	hang := func(t *testing.T) (block func(), release func()) {
		t.Helper()
		gate := make(chan struct{})
		return func() { <-gate }, func() { close(gate); synctest.Wait() }
	}
	for name, set := range map[string]func(p *Policy, block func()){
		"callbacks": func(p *Policy, block func()) {
			p.Callbacks.OnRenewed = func(context.Context, Event) { block() }
			p.Callbacks.OnFinished = func(context.Context, Result) { block() }
		},
		"functions": func(p *Policy, block func()) {
			p.Stop = []StopRule{If(func(context.Context, Status) (bool, error) { block(); return false, nil })}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFake()
				w := &world{fake: f, s: onFake(Config{UserGoroutines: 1, UserBudget: time.Hour, Grace: time.Second}, f)}
				block, release := hang(t)
				stop := runService(t, w.s)
				p := every(time.Second)
				set(p, block)
				first, second := w.lease(t, "a", p), w.lease(t, "b", p)
				pass(3 * time.Second)
				if err := stop(); !errors.Is(err, ErrUnfinished) {
					t.Errorf("Run: %v, want ErrUnfinished", err)
				}
				release()
				for _, h := range []*Handle{first, second} {
					ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
					if err := h.CancelAndWait(ctx); err != nil {
						t.Errorf("%s after the end: %v", h.ID(), err)
					}
					cancel()
				}
			})
		})
	}
}

// TestCancelStopsQueuedCallbacks checks that a queued callback is dropped when its task is
// canceled.
func TestCancelStopsQueuedCallbacks(t *testing.T) {
	t.Parallel()
	bubble(t, Config{UserGoroutines: 1, UserBudget: time.Hour}, func(w *world) {
		t := w.t
		gate := make(chan struct{})
		slow := every(10 * time.Second)
		slow.RenewAtOnce = true
		slow.Callbacks.OnRenewed = func(context.Context, Event) { <-gate }
		w.lease(t, "slow", slow)
		pass(time.Second)
		var got []string
		p := every(10 * time.Second)
		p.RenewAtOnce = true
		p.Callbacks.OnRenewed = func(context.Context, Event) { got = append(got, "renewed") }
		p.Callbacks.OnFinished = func(context.Context, Result) { got = append(got, "finished") }
		h := w.lease(t, "k", p)
		pass(time.Second)
		if err := h.Cancel(); err != nil {
			t.Fatal(err)
		}
		close(gate)
		pass(time.Second)
		if len(got) != 1 || got[0] != "finished" {
			t.Errorf("callbacks after Cancel: %v, want Finished alone", got)
		}
	})
}

// TestWaitingForItself checks that a host function gets an error if it waits for its own task,
// which waits for that function.
func TestWaitingForItself(t *testing.T) {
	t.Parallel()
	bubble(t, Config{}, func(w *world) {
		t := w.t
		handles, answers := make(chan *Handle, 1), make(chan error, 2)
		p := every(time.Second)
		p.Stop = []StopRule{If(func(ctx context.Context, _ Status) (bool, error) {
			h := <-handles
			answers <- h.RenewNow(ctx)
			answers <- h.CancelAndWait(ctx)
			return false, nil
		})}
		handles <- w.lease(t, "k", p)
		for range 2 {
			if err := <-answers; !errors.Is(err, ErrInCallback) {
				t.Errorf("%v, want ErrInCallback", err)
			}
		}
	})
}

// TestDroppedKeyIsWaitedFor makes a task lose a selected key during a call with that key, after
// which the selector no longer returns the key. CancelAndWait must wait for the call.
func TestDroppedKeyIsWaitedFor(t *testing.T) {
	t.Parallel()
	bubble(t, Config{CallTimeout: time.Hour, InFlight: 1}, func(w *world) {
		t := w.t
		var ended atomic.Bool
		p := every(time.Second)
		p.Select = Select(func(context.Context) ([]string, error) {
			if ended.Load() {
				return nil, nil
			}
			return []string{"k"}, nil
		})
		w.set("k", "", time.Minute)
		h := register(t, w.s, Task{Policy: p})
		pass(3 * time.Second)
		w.at("main").slow(30 * time.Second)
		pass(10 * time.Second) // past the deadline of k, while a call with k is under way
		ended.Store(true)
		pass(2 * time.Second)
		if err := h.CancelAndWait(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := w.at("main").calls(); n != 0 {
			t.Errorf("%d calls under way after CancelAndWait", n)
		}
	})
}

// TestCanceledTaskIsNotLost checks that a task that has dropped a key and is canceled later ends as
// canceled, not as lost.
func TestCanceledTaskIsNotLost(t *testing.T) {
	t.Parallel()
	bubble(t, Config{}, func(w *world) {
		t := w.t
		p := every(time.Second)
		p.Loss = DropKey
		w.set("here", "me", 4*time.Second)
		h := register(t, w.s, Task{Keys: []string{"here", "gone"}, Policy: p})
		pass(3 * time.Second)
		ctx := h.Context()
		if err := h.Cancel(); err != nil {
			t.Fatal(err)
		}
		if cause := context.Cause(ctx); !errors.Is(cause, ErrEnded) || errors.Is(cause, ErrLost) {
			t.Errorf("cause %v, want ErrEnded and not ErrLost", cause)
		}
		if r := h.Result(); !errors.Is(r.Err, ErrLost) {
			t.Errorf("%+v, want the loss as the last error", r)
		}
	})
}
