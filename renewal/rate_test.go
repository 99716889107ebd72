package renewal

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

func TestFixedRateDoesNotDrift(t *testing.T) {
	t.Parallel()
	for name, interval := range map[string]Interval{
		"every": Every(250 * time.Millisecond), "jittered": Jittered(250*time.Millisecond, 0.1),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, Config{}, func(w *world) {
				t := w.t
				// A slow answer must not delay the next tick.
				w.at("main").slow(70 * time.Millisecond)
				h := w.lease(t, "k", &Policy{TTL: FixedTTL(time.Second), Interval: interval})
				pass(10*time.Second + 71*time.Millisecond)
				if n := h.Result().Renewals; n < 39 || n > 41 {
					t.Errorf("%d renewals in 10 s at 250 ms, want 40 ± 1", n)
				}
			})
		})
	}
}

func TestJitterComesOnlyEarlier(t *testing.T) {
	t.Parallel()
	bubble(t, Config{}, func(w *world) {
		t := w.t
		const interval = time.Second
		w.lease(t, "k", &Policy{TTL: FixedTTL(4 * time.Second), Interval: Jittered(interval, MaxJitter), RenewAtOnce: true})
		began := time.Now()
		pass(200 * interval)
		early := 0
		for i, at := range w.sent("k")[1:] {
			d := at.Sub(began) - time.Duration(i+1)*interval
			if d > 10*time.Millisecond || d < -interval/10-10*time.Millisecond {
				t.Fatalf("tick %d came %v after its place, want -100 ms to 0", i+1, d)
			}
			if d < -10*time.Millisecond {
				early++
			}
		}
		if early < 100 {
			t.Errorf("%d of 200 ticks came early, want most", early)
		}
	})
}

func TestFirstTicksAreSpread(t *testing.T) {
	t.Parallel()
	bubble(t, Config{}, func(w *world) {
		t := w.t
		p := every(time.Second)
		for i := range 1000 {
			w.lease(t, fmt.Sprint(i), p)
		}
		began := time.Now()
		var tenth [10]int
		for _, st := range w.s.Tasks() {
			due := st.NextDue.Sub(began)
			if due <= 0 || due > time.Second {
				t.Fatalf("first tick due in %v, want within the interval", due)
			}
			tenth[(due-1)*10/time.Second]++
		}
		for i, n := range tenth {
			if n < 50 || n > 150 {
				t.Errorf("%d of 1000 first ticks in tenth %d, want about 100", n, i)
			}
		}
	})
}

func TestRenewAtOnce(t *testing.T) {
	t.Parallel()
	bubble(t, Config{}, func(w *world) {
		t := w.t
		p := every(time.Minute)
		p.RenewAtOnce = true
		h := w.lease(t, "k", p)
		pass(20 * time.Millisecond)
		if n := h.Result().Renewals; n != 1 {
			t.Errorf("%d renewals right after registration, want 1", n)
		}
	})
}

// TestMissedTicksBecomeOne delays an answer by several intervals. The ticks that are missed in that
// time must be merged into one.
func TestMissedTicksBecomeOne(t *testing.T) {
	t.Parallel()
	bubble(t, Config{CallTimeout: time.Minute}, func(w *world) {
		t := w.t
		p := &Policy{TTL: FixedTTL(time.Minute), Interval: Every(time.Second), RenewAtOnce: true}
		h := w.lease(t, "k", p)
		pass(100 * time.Millisecond)
		w.at("main").slow(5500 * time.Millisecond)
		pass(900*time.Millisecond + 5500*time.Millisecond + 50*time.Millisecond)
		w.at("main").slow(0)
		if n := h.Result().Renewals; n != 2 {
			t.Errorf("%d renewals, want one before and one for the slow time", n)
		}
		pass(10 * time.Second)
		if n := h.Result().Renewals; n < 10 || n > 13 {
			t.Errorf("%d renewals, want one per second again", n)
		}
	})
}

func TestTaskNeverOverlapsItself(t *testing.T) {
	t.Parallel()
	bubble(t, Config{CallTimeout: time.Minute}, func(w *world) {
		t := w.t
		h := w.lease(t, "k", &Policy{TTL: FixedTTL(time.Minute), Interval: Every(100 * time.Millisecond), RenewAtOnce: true})
		w.at("main").freeze()
		pass(2 * time.Second)
		go func() { _ = h.RenewNow(t.Context()) }()
		synctest.Wait()
		if n := w.at("main").calls(); n > 1 {
			t.Errorf("%d calls under way for one key", n)
		}
		w.at("main").thaw()
		pass(time.Second)
	})
}

func TestIntervalAsAShareOfTheTTL(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		interval Interval
		want     int
	}{
		"default third": {Interval{}, 30},
		"fifth":         {Fraction(0.2), 50},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, Config{}, func(w *world) {
				t := w.t
				h := w.lease(t, "k", &Policy{TTL: FixedTTL(3 * time.Second), Interval: tc.interval})
				pass(30 * time.Second)
				if n := h.Result().Renewals; n < tc.want-1 || n > tc.want+1 {
					t.Errorf("%d renewals in 30 s, want %d ± 1", n, tc.want)
				}
			})
		})
	}
}

func TestSubSecondTTL(t *testing.T) {
	t.Parallel()
	bubble(t, Config{}, func(w *world) {
		t := w.t
		h := w.lease(t, "k", &Policy{TTL: FixedTTL(120 * time.Millisecond), Interval: Every(40 * time.Millisecond)})
		pass(4 * time.Second)
		if r := h.Result(); r.Reason != Live || r.Renewals < 99 || r.Renewals > 101 {
			t.Errorf("%+v, want 100 ± 1 renewals", r)
		}
	})
}

// TestStallKeepsThePhase checks that ticks after a stall keep their phase: the due time stays at
// the same offset within the interval.
func TestStallKeepsThePhase(t *testing.T) {
	t.Parallel()
	s := newIdle(t, Config{})
	h := register(t, s, Task{Keys: []string{"k"}, Policy: every(time.Second)})
	h.mu.Lock()
	defer h.mu.Unlock()
	h.due = 300 * time.Millisecond
	h.tick(3500 * time.Millisecond)
	if want := 4300 * time.Millisecond; h.due != want {
		t.Errorf("next due at %v, want %v", h.due, want)
	}
}
