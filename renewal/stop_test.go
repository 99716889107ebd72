package renewal

import (
	"context"
	"errors"
	"testing"
	"time"
)

// TestStopRules makes each rule hold. The next tick must end the task with the rule's reason,
// without a refresh unless the rule is KeyGone, which only a refresh can evaluate.
func TestStopRules(t *testing.T) {
	t.Parallel()
	const interval = time.Second
	signal := make(chan struct{})
	for name, tc := range map[string]struct {
		rule     func(began time.Time) StopRule
		when     func(*world)
		reason   Reason
		renewals int
	}{
		"done": {
			func(time.Time) StopRule { return WhenDone(signal) },
			func(*world) { pass(3500 * time.Millisecond); close(signal) },
			ReasonDone, 4,
		},
		"at": {
			func(began time.Time) StopRule { return At(began.Add(2500 * time.Millisecond)) },
			func(*world) {}, ReasonDeadline, 3,
		},
		"after": {
			func(time.Time) StopRule { return After(2500 * time.Millisecond) },
			func(*world) {}, ReasonDeadline, 3,
		},
		"times": {func(time.Time) StopRule { return Times(3) }, func(*world) {}, ReasonCount, 3},
		"function": {
			func(time.Time) StopRule {
				return If(func(_ context.Context, st Status) (bool, error) { return st.Renewals == 2, nil })
			},
			func(*world) {}, ReasonRule, 2,
		},
		"key gone": {
			func(time.Time) StopRule { return KeyGone() },
			func(w *world) { pass(2500 * time.Millisecond); w.del("k") },
			ReasonKeyGone, 3,
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, Config{}, func(w *world) {
				t := w.t
				lost := false
				p := every(interval)
				p.RenewAtOnce = true
				p.Stop = []StopRule{Times(1000), tc.rule(time.Now())}
				p.Callbacks.OnLost = func(context.Context, Event) { lost = true }
				if name == "done" {
					signal = make(chan struct{}) // a channel of this bubble
					p.Stop[1] = tc.rule(time.Now())
				}
				h := w.lease(t, "k", p)
				tc.when(w)
				pass(4 * interval)
				r := h.Result()
				if r.Reason != tc.reason || r.Renewals != tc.renewals {
					t.Fatalf("%+v, want %v after %d renewals", r, tc.reason, tc.renewals)
				}
				if lost || w.s.Stats().Lost != 0 || w.s.Stats().Skipped != 1 {
					t.Errorf("%+v, want one skip and no loss", w.s.Stats())
				}
				sent := len(w.sent("k"))
				if sends := tc.reason == ReasonKeyGone; !sends && sent != tc.renewals {
					t.Errorf("%d refreshes, want %d: rules come first", sent, tc.renewals)
				}
				if cause := context.Cause(h.Context()); errors.Is(cause, ErrLost) || !errors.Is(cause, ErrEnded) {
					t.Errorf("cause %v, want ErrEnded", cause)
				}
				pass(time.Minute)
				if len(w.sent("k")) != sent {
					t.Error("refreshed after the end")
				}
			})
		})
	}
}

// TestDoneStopsQueuedKeys closes the signal while a key waits in the queue. The key must not be
// refreshed.
func TestDoneStopsQueuedKeys(t *testing.T) {
	t.Parallel()
	bubble(t, Config{InFlight: 1, BatchSize: 1, CallTimeout: time.Minute}, func(w *world) {
		t := w.t
		done := make(chan struct{})
		p := every(time.Minute)
		p.RenewAtOnce = true
		q := *p
		q.Stop = []StopRule{WhenDone(done)}
		w.at("main").slow(10 * time.Second)
		w.lease(t, "first", p)
		pass(time.Second)
		h := w.lease(t, "second", &q)
		pass(time.Second)
		close(done)
		pass(30 * time.Second)
		if n := len(w.sent("second")); n != 0 || h.Result().Reason != ReasonDone {
			t.Errorf("%d refreshes, reason %v; want none, done", n, h.Result().Reason)
		}
	})
}
