package renewal

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/cutover-go/cutover/internal/sample"
)

// TestManyKeysOfOneTask checks that the failure or loss of one key does not cost a pass over all
// keys of the task. At quadratic cost the test exceeds manyKeysTime, which allows for a busy
// machine and for the race detector; at linear cost it takes one or two seconds. With -short, one
// of a hundred runs has that many keys.
func TestManyKeysOfOneTask(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"lost", "failed"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := 150_000
			if !sample.Full(t, 100) {
				n = 3_000
			}
			f, keys := newFake(), make([]string, n)
			for i := range keys {
				keys[i] = fmt.Sprint("k", i)
				if name == "failed" { // a lost key does not exist
					f.set(keys[i], "wrong type", 0)
				}
			}
			s := onFake(Config{}, f)
			start(t, s)
			p := &Policy{TTL: FixedTTL(time.Minute), Interval: Every(20 * time.Second), Loss: DropKey, RenewAtOnce: true}
			h := register(t, s, Task{Keys: keys, Owner: "me", Policy: p})
			eventually(t, manyKeysTime, func() bool { r := h.Result(); return r.Failures >= n || r.Reason == ReasonLost }, "not gone through")
			if lost := s.Stats().Lost; name == "lost" && lost != int64(n) {
				t.Errorf("%d keys lost, want %d", lost, n)
			}
		})
	}
}

// TestManyKeysAreRetriedAndLostOnTime checks that no retry and no deadline is missed, although a
// change to one key of a task with many keys only ever makes the timer fire earlier.
func TestManyKeysAreRetriedAndLostOnTime(t *testing.T) {
	t.Parallel()
	bubble(t, Config{}, func(w *world) {
		t := w.t
		const n = few + 1
		var keys []string
		for i := range n {
			keys = append(keys, fmt.Sprint("k", i))
			w.set(keys[i], "me", 40*time.Second)
		}
		p := every(10 * time.Second)
		p.Loss = DropKey
		h := register(t, w.s, Task{Keys: keys, Owner: "me", Policy: p})
		pass(20 * time.Second)
		w.at("main").fail(errDown)
		pass(11 * time.Second) // more than an interval, so at least one renewal
		w.at("main").fail(nil)
		pass(9 * time.Second)
		before := h.Result()
		if before.Failures < n || before.Reason != Live {
			t.Fatalf("%+v, want a failure of each key", before)
		}
		for _, key := range keys[1:] {
			w.del(key)
		}
		pass(10 * time.Second)
		if st := h.Status(); st.Reason != Live || st.Keys != 1 {
			t.Errorf("%+v, want one key left", st)
		}
		w.at("main").fail(errDown)
		deadline := h.Status().Deadline
		<-h.Done()
		if late := time.Since(deadline); late < 0 || late > 20*time.Millisecond || !errors.Is(h.Result().Err, ErrDeadline) {
			t.Errorf("%+v, %v after the deadline", h.Result(), late)
		}
	})
}

// TestManyKeysDelayNobody checks that the clock does not wait for the mutex of a task with very
// many keys.
func TestManyKeysDelayNobody(t *testing.T) {
	t.Parallel()
	s := newIdle(t, Config{})
	keys := make([]string, onTheClock+1)
	for i := range keys {
		keys[i] = fmt.Sprint("k", i)
	}
	big := register(t, s, Task{Keys: keys, Policy: every(time.Second)})
	big.mu.Lock() // as if a pass over its keys were under way
	fired := make(chan struct{})
	go func() {
		s.fire(big, s.shared.clock.now())
		close(fired)
	}()
	select {
	case <-fired:
	case <-time.After(10 * time.Second):
		t.Error("the clock waits for a task of many keys")
	}
	big.mu.Unlock()
	s.router.group.Close()
}
