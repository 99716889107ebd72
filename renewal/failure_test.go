package renewal

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestRedisGone makes the server refuse or hang for less and for more time than the TTL allows. The
// task must survive the shorter outage, and end at its local deadline in the longer one.
func TestRedisGone(t *testing.T) {
	t.Parallel()
	const ttl, interval = 4 * time.Second, time.Second
	for name, down := range map[string]func(*fakeNode) (up func()){
		"refuses": func(n *fakeNode) func() { n.fail(errDown); return func() { n.fail(nil) } },
		"hangs":   func(n *fakeNode) func() { n.freeze(); return n.thaw },
	} {
		t.Run(name+" for less", func(t *testing.T) {
			t.Parallel()
			bubble(t, Config{}, func(w *world) {
				t := w.t
				h := w.lease(t, "k", every(interval))
				pass(10 * interval)
				up := down(w.at("main"))
				pass(2 * interval)
				up()
				pass(ttl)
				if r := h.Result(); r.Reason != Live || r.Failures == 0 {
					t.Errorf("%+v, want a live task with failures", r)
				}
				if err := h.Context().Err(); err != nil {
					t.Errorf("the context has ended: %v", err)
				}
			})
		})
		t.Run(name+" for more", func(t *testing.T) {
			t.Parallel()
			bubble(t, Config{}, func(w *world) {
				t := w.t
				h := w.lease(t, "k", every(interval))
				pass(10 * interval)
				renewals := w.sent("k")
				deadline := renewals[len(renewals)-1].Add(ttl - marginOf(ttl))
				defer down(w.at("main"))()
				<-h.Context().Done()
				if late := time.Since(deadline); late < 0 || late > 10*time.Millisecond {
					t.Errorf("ended %v after the local deadline, want within a tick", late)
				}
				if _, alive := w.get("k"); !alive {
					t.Error("the key had expired before the context ended")
				}
				cause := context.Cause(h.Context())
				if !errors.Is(cause, ErrLost) || !errors.Is(cause, ErrDeadline) {
					t.Errorf("cause %v, want ErrLost and ErrDeadline", cause)
				}
				if r := h.Result(); r.Reason != ReasonLost || !errors.Is(r.Err, ErrDeadline) {
					t.Errorf("result %+v", r)
				}
			})
		})
	}
}

// TestLateAnswerDoesNotRevive makes Redis answer "renewed" after the local deadline. The task must
// be lost without a renewal.
func TestLateAnswerDoesNotRevive(t *testing.T) {
	t.Parallel()
	bubble(t, Config{CallTimeout: time.Minute}, func(w *world) {
		t := w.t
		lost := 0
		p := &Policy{
			TTL: FixedTTL(time.Minute), Interval: Every(20 * time.Second), RenewAtOnce: true,
			Callbacks: Callbacks{OnLost: func(context.Context, Event) { lost++ }},
		}
		w.at("main").slow(59 * time.Second)
		w.set("k", "me", 0) // never expires, so Redis would answer "renewed"
		h := register(t, w.s, Task{Keys: []string{"k"}, Policy: p})
		pass(2 * time.Minute)
		if r := h.Result(); r.Reason != ReasonLost || r.Renewals != 0 || lost != 1 {
			t.Errorf("%+v after %d lost callbacks, want one loss and no renewal", r, lost)
		}
	})
}

func TestFailedRefreshIsRepeatedInTime(t *testing.T) {
	t.Parallel()
	bubble(t, Config{}, func(w *world) {
		t := w.t
		p := every(4 * time.Second)
		p.RenewAtOnce = true
		h := w.lease(t, "k", p)
		pass(100 * time.Millisecond)
		w.at("main").fail(errDown)
		pass(3900*time.Millisecond + 1100*time.Millisecond)
		// The second refresh failed at 4 s. A quarter of the interval later, it must have been
		// repeated.
		if n := len(w.sent("k")); n < 3 {
			t.Errorf("%d attempts, want the failed one repeated within a quarter of the interval", n)
		}
		w.at("main").fail(nil)
		pass(2900 * time.Millisecond)
		if r := h.Result(); r.Renewals < 2 {
			t.Errorf("%+v, want renewed again before the next tick", r)
		}
	})
}

func TestRetryDelay(t *testing.T) {
	t.Parallel()
	const s = time.Second
	for _, tc := range []struct {
		interval, left time.Duration
		attempt        uint8
		want           time.Duration
	}{
		{8 * s, 24 * s, 1, 2 * s},
		{8 * s, 24 * s, 2, 4 * s},
		{8 * s, 24 * s, 3, 6 * s}, // limited to a quarter of the remaining time
		{8 * s, 4 * s, 1, s},
		{8 * s, 24 * s, 255, 6 * s},
		{8 * s, never, 255, 8 * s}, // a key whose expiry is unknown
	} {
		if got := retryDelay(tc.interval, tc.left, tc.attempt, 1); got != tc.want {
			t.Errorf("interval %v, left %v, attempt %d: at most %v, want %v", tc.interval, tc.left, tc.attempt, got, tc.want)
		}
		if got := retryDelay(tc.interval, tc.left, tc.attempt, 0.5); got != tc.want/2 {
			t.Errorf("the delay is not a random share of all of it: %v", got)
		}
	}
}

// TestOneKeyFailsAlone gives one key of a task the wrong type and places another on a node that
// hangs. The third key must be renewed on time.
func TestOneKeyFailsAlone(t *testing.T) {
	t.Parallel()
	bubble(t, Config{}, func(w *world) {
		t := w.t
		p := every(time.Second)
		p.Loss = DropKey
		w.set("good", "me", p.TTL.fixed)
		w.set("bad", "wrong type", 0)
		w.set("far/hangs", "me", p.TTL.fixed)
		w.at("far").freeze()
		h := register(t, w.s, Task{Keys: []string{"good", "bad", "far/hangs"}, Owner: "me", Policy: p})
		pass(20 * time.Second)
		at := w.sent("good")
		if len(at) < 19 || len(at) > 21 {
			t.Errorf("%d renewals of the good key in 20 s, want 20 ± 1", len(at))
		}
		for i := 1; i < len(at); i++ {
			if gap := at[i].Sub(at[i-1]); gap > 1020*time.Millisecond {
				t.Errorf("a gap of %v between renewals of the good key", gap)
			}
		}
		if st := h.Status(); st.Reason != Live || st.Keys != 1 {
			t.Errorf("%+v, want the good key alone", st)
		}
		w.at("far").thaw()
	})
}

func TestDeadNodeDelaysOnlyItsOwnKeys(t *testing.T) {
	t.Parallel()
	bubble(t, Config{}, func(w *world) {
		t := w.t
		p := every(time.Second)
		var dead []*Handle
		for _, k := range []string{"dead/1", "dead/2", "dead/3"} {
			dead = append(dead, w.lease(t, k, p))
		}
		w.at("dead").freeze()
		good := w.lease(t, "good/1", p)
		pass(30 * time.Second)
		if r := good.Result(); r.Renewals < 29 || r.Failures != 0 {
			t.Errorf("%+v, want 30 ± 1 renewals", r)
		}
		for _, h := range dead {
			if r := h.Result(); r.Reason != ReasonLost {
				t.Errorf("%+v, want lost", r)
			}
		}
		w.at("dead").thaw()
	})
}

func TestMissingAndForeignAreLostAtOnce(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		harm func(*world)
		want error
	}{
		"missing": {func(w *world) { w.del("k") }, ErrMissing},
		"foreign": {func(w *world) { w.set("k", "somebody else", time.Hour) }, ErrForeignOwner},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, Config{}, func(w *world) {
				t := w.t
				w.set("k", "me", 4*time.Second)
				h := register(t, w.s, Task{Keys: []string{"k"}, Owner: "me", Policy: every(time.Second)})
				ctx := h.Context()
				pass(5 * time.Second)
				tc.harm(w)
				before, _ := w.get("k")
				pass(1020 * time.Millisecond)
				var lost *LostError
				if cause := context.Cause(ctx); !errors.As(cause, &lost) || !errors.Is(cause, tc.want) || lost.Key != "k" {
					t.Fatalf("cause %v, want %v", cause, tc.want)
				}
				<-h.Done()
				attempts := len(w.sent("k"))
				pass(time.Minute)
				if len(w.sent("k")) != attempts {
					t.Error("the key was refreshed after the loss")
				}
				if after, _ := w.get("k"); after != before {
					t.Errorf("the other owner's key changed from %v to %v", before, after)
				}
			})
		})
	}
}

func TestDropKeyEndsWithTheLastKey(t *testing.T) {
	t.Parallel()
	bubble(t, Config{}, func(w *world) {
		t := w.t
		p := every(time.Second)
		p.Loss = DropKey
		w.set("a", "me", p.TTL.fixed)
		w.set("b", "me", p.TTL.fixed)
		h := register(t, w.s, Task{Keys: []string{"a", "b"}, Policy: p})
		w.del("a")
		pass(3 * time.Second)
		if st := h.Status(); st.Reason != Live || st.Keys != 1 {
			t.Fatalf("%+v, want to go on with one key", st)
		}
		w.del("b")
		pass(2 * time.Second)
		if r := h.Result(); r.Reason != ReasonLost {
			t.Errorf("%+v, want lost with the last key", r)
		}
	})
}

// TestClockSteps moves the wall clock. A step back has no effect. A large step ahead may mean that
// the machine slept, so every key is renewed at once, and no key is lost before that.
func TestClockSteps(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		step   time.Duration
		checks int
	}{
		"back an hour":   {-time.Hour, 0},
		"ahead an hour":  {time.Hour, 1},
		"ahead a little": {500 * time.Millisecond, 0},
		"back a little":  {-500 * time.Millisecond, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFake()
				s := onFake(Config{}, f)
				var step atomic.Int64
				s.shared.clock.wall = func() time.Time { return time.Now().Add(time.Duration(step.Load())) }
				ctx, cancel := context.WithCancel(t.Context())
				done := make(chan error, 1)
				w := &world{fake: f, s: s}
				go func() { done <- s.Run(ctx) }()
				synctest.Wait()
				hourly := every(time.Hour)
				// Otherwise the first tick, at a random moment, might fall into the test.
				hourly.RenewAtOnce = true
				far := w.lease(t, "far", hourly)
				near := w.lease(t, "near", every(time.Second))
				pass(10 * time.Second)
				before := len(w.sent("far"))
				step.Store(int64(tc.step))
				pass(5 * time.Second)
				if got := len(w.sent("far")) - before; got != tc.checks {
					t.Errorf("%d checks of a key that was not due, want %d", got, tc.checks)
				}
				for _, h := range []*Handle{far, near} {
					if r := h.Result(); r.Reason != Live {
						t.Errorf("%+v, want live", r)
					}
				}
				if got := int(s.Stats().ClockSteps); got != tc.checks {
					t.Errorf("%d steps counted, want %d", got, tc.checks)
				}
				cancel()
				if err := <-done; err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// TestDeadlineCountsFromTheSending checks that the deadline counts from the moment of sending, not
// from the answer.
func TestDeadlineCountsFromTheSending(t *testing.T) {
	t.Parallel()
	bubble(t, Config{CallTimeout: time.Minute}, func(w *world) {
		t := w.t
		p := every(10 * time.Second) // TTL 40 s, margin 0.8 s
		h := w.lease(t, "k", p)
		w.at("main").slow(5 * time.Second)
		sent := time.Now()
		if err := h.RenewNow(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got, want := h.Status().Deadline.Sub(sent), 39200*time.Millisecond; got < want-time.Second || got > want+time.Second {
			t.Errorf("the deadline is %v after the request was sent, want %v", got, want)
		}
	})
}
