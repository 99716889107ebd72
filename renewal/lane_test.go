package renewal

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// TestLagPutsTheUrgentFirst lets one slow node fall behind and checks that the keys
// with the least time left come before those that were due earlier.
func TestLagPutsTheUrgentFirst(t *testing.T) {
	t.Parallel()
	var lags []Lag
	cfg := Config{BatchSize: 10, InFlight: 1, CallTimeout: time.Hour}
	cfg.Hooks.Lag = func(l Lag) { lags = append(lags, l) }
	bubble(t, cfg, func(w *world) {
		t := w.t
		long := &Policy{TTL: FixedTTL(10 * time.Hour), Interval: Every(2 * time.Second), RenewAtOnce: true}
		short := &Policy{TTL: FixedTTL(time.Minute), Interval: Every(10 * time.Second), RenewAtOnce: true}
		w.at("main").slow(5 * time.Second)
		w.lease(t, "first", long) // occupies the node
		pass(100 * time.Millisecond)
		for i := range 5000 {
			w.lease(t, fmt.Sprint("long", i), long)
		}
		pass(100 * time.Millisecond)
		for i := range 5 {
			w.lease(t, fmt.Sprint("short", i), short)
		}
		pass(10 * time.Second)
		w.mu.Lock()
		var order []string
		for _, s := range w.sends {
			order = append(order, s.key)
		}
		w.mu.Unlock()
		for i := range 5 {
			if at := slices.Index(order, fmt.Sprint("short", i)); at < 0 || at > 10 {
				t.Errorf("the key with the least time left came at place %d", at)
			}
		}
		w.at("main").slow(0)
		pass(20 * time.Second)
		if len(lags) < 2 || !lags[0].Begun || lags[0].Late < time.Second || lags[len(lags)-1].Begun {
			t.Errorf("lag events %+v, want a beginning and an end", lags)
		}
		for i, l := range lags {
			if l.Begun != (i%2 == 0) {
				t.Errorf("event %d of one episode twice: %+v", i, l)
			}
		}
	})
}

// TestRenewNowGoesAhead asks for keys that are new to the queue of a node that is far
// behind, and for one that waits in it already.
func TestRenewNowGoesAhead(t *testing.T) {
	t.Parallel()
	bubble(t, Config{BatchSize: 10, InFlight: 1, CallTimeout: time.Hour}, func(w *world) {
		t := w.t
		long := &Policy{TTL: FixedTTL(10 * time.Hour), Interval: Every(2 * time.Second), RenewAtOnce: true}
		w.at("main").slow(5 * time.Second)
		w.lease(t, "first", long) // occupies the node
		pass(100 * time.Millisecond)
		queued := make([]*Handle, 5000)
		for i := range queued {
			queued[i] = w.lease(t, fmt.Sprint("long", i), long)
		}
		longer := &Policy{TTL: FixedTTL(20 * time.Hour), Interval: Every(time.Hour)}
		fresh := w.lease(t, "fresh", longer)
		pass(6 * time.Second) // the queue is in the order of the time left
		if st := w.s.Stats(); st.Overdue < 5*time.Second || st.Queued < 900 {
			t.Errorf("%+v, want a queue that is 6 s late", st)
		}
		for _, h := range []*Handle{fresh, queued[len(queued)-1]} {
			began := time.Now()
			if err := h.RenewNow(t.Context()); err != nil {
				t.Fatal(err)
			}
			if d := time.Since(began); d > 10*time.Second {
				t.Errorf("%s: RenewNow took %v, want the call under way and one more", h.ID(), d)
			}
		}
		w.at("main").slow(0)
		pass(20 * time.Second)
		if st := w.s.Stats(); st.Queued != 0 {
			t.Errorf("%+v, want an empty queue", st)
		}
	})
}

func TestSilentNodeIsNotAskedAllTheTime(t *testing.T) {
	t.Parallel()
	bubble(t, Config{BatchSize: 1}, func(w *world) {
		t := w.t
		p := &Policy{TTL: FixedTTL(time.Minute), Interval: Every(10 * time.Millisecond)}
		for i := range 100 {
			w.lease(t, fmt.Sprint(i), p)
		}
		w.at("main").fail(errDown)
		before := w.at("main").total()
		pass(10 * time.Second)
		if n := w.at("main").total() - before; n < 20 || n > 200 {
			t.Errorf("%d calls to a dead node in 10 s, want one now and then", n)
		}
	})
}

func TestNodesThatCannotBeFoundFail(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		w := &world{fake: f, s: newService(Config{}.withDefaults(), nowhere{f}, f, nil)}
		start(t, w.s)
		h := w.lease(t, "k", every(time.Second))
		pass(20 * time.Second)
		if r := h.Result(); r.Reason != ReasonLost || r.Failures == 0 {
			t.Errorf("%+v, want failures and then the deadline", r)
		}
	})
}

func TestRing(t *testing.T) {
	t.Parallel()
	var r ring
	next, want := 0, 0
	for round := range 50 {
		for range round * 7 {
			r.push(item{due: time.Duration(next)})
			next++
		}
		for _, it := range r.take(nil, round*5) {
			if int(it.due) != want {
				t.Fatalf("item %d, want %d", it.due, want)
			}
			want++
		}
	}
	rest := r.take(nil, r.n)
	if want+len(rest) != next || r.n != 0 {
		t.Errorf("%d of %d items came out", want+len(rest), next)
	}
}

func TestRingGivesItsMemoryBack(t *testing.T) {
	t.Parallel()
	var r ring
	for range 100_000 {
		r.push(item{})
	}
	r.take(nil, 100_000)
	if len(r.buf) > keptRing {
		t.Errorf("an empty ring keeps %d places", len(r.buf))
	}
}

// TestIdleServiceSleeps counts the wake-ups of the clock with nothing armed, and with
// tasks that are far off.
func TestIdleServiceSleeps(t *testing.T) {
	t.Parallel()
	bubble(t, Config{}, func(w *world) {
		t := w.t
		synctest.Wait()
		if w.s.timers.sleep != parked {
			t.Error("a clock with nothing armed is not parked")
		}
		for i := range 10 {
			w.lease(t, fmt.Sprint(i), every(1000*time.Hour))
		}
		synctest.Wait()
		w.s.timers.mu.Lock()
		defer w.s.timers.mu.Unlock()
		if until := time.Duration(w.s.timers.sleep) * w.s.cfg.Tick; until < 30*time.Second {
			t.Errorf("the clock wakes in %v for tasks that are hours off", until)
		}
	})
}

func TestHashSlot(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]uint16{
		"123456789":                  0x31C3 % slots, // the check value of the CRC
		"{user1000}.following":       hashSlot("user1000"),
		"{user1000}.followers":       hashSlot("user1000"),
		"foo{}{bar}":                 hashSlotOf("foo{}{bar}"),
		"foo{{bar}}zap":              hashSlot("{bar"),
		"foo{bar}{zap}":              hashSlot("bar"),
		"no closing {brace":          hashSlotOf("no closing {brace"),
		"closing } comes { first }x": hashSlot(" first "),
	} {
		if got := hashSlot(key); got != want {
			t.Errorf("%s: slot %d, want %d", key, got, want)
		}
	}
}

// hashSlotOf is the slot of a key all of which counts; CLUSTER KEYSLOT gave the values.
func hashSlotOf(key string) uint16 {
	return map[string]uint16{"foo{}{bar}": 8363, "no closing {brace": 5599}[key]
}

func TestHooksGetWhatHappened(t *testing.T) {
	t.Parallel()
	var got Batch
	slow := make(chan struct{})
	cfg := Config{Hooks: Hooks{Batch: func(b Batch) { <-slow; got.merge(&b) }}}
	bubble(t, cfg, func(w *world) {
		t := w.t
		slow = make(chan struct{})
		p := every(time.Second)
		p.Labels = map[string]string{"kind": "lock"}
		p.OnLoss = DropKey
		w.set("a", "me", 4*time.Second)
		w.set("b", "wrong type", 0)
		w.set("c", "other", 0)
		h := register(t, w.s, Task{Keys: []string{"a", "b", "c"}, Owner: "me", Policy: p})
		pass(2500 * time.Millisecond) // the hook hangs meanwhile
		close(slow)
		pass(time.Minute)
		_ = h.Cancel()
		pass(time.Second)
		st := w.s.Stats()
		if int64(got.Renewed) != st.Renewed || int64(got.Failed) != st.Failed || int64(got.Lost) != st.Lost {
			t.Errorf("hooks %+v, stats %+v", got, st)
		}
		if got.Renewed < 60 || got.Lost != 2 || got.Failed < 1 || got.Labels["kind"] != "lock" {
			t.Errorf("%+v, want about 62 renewed, two lost, some failed", got)
		}
		late, left := 0, 0
		for _, n := range got.Late[:lateBucket(10*time.Millisecond)+1] {
			late += n
		}
		for _, n := range got.Left[6:8] { // three quarters of the TTL, less the margin
			left += n
		}
		if late != got.Renewed || left < got.Renewed-1 {
			t.Errorf("late %v, left %v of %d", got.Late, got.Left, got.Renewed)
		}
	})
}

// TestSlowLagHookHearsTheEnd: however many times a lag came and went while the hook
// hung, it is told the present state last.
func TestSlowLagHookHearsTheEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		var got []bool
		m := newMeter(Config{Hooks: Hooks{Lag: func(l Lag) { <-gate; got = append(got, l.Begun) }}}.withDefaults())
		m.lag(Lag{Node: "n", Begun: true})
		synctest.Wait()
		for range 100 {
			m.lag(Lag{Node: "n"})
			m.lag(Lag{Node: "n", Begun: true})
		}
		m.lag(Lag{Node: "n"})
		close(gate)
		synctest.Wait()
		if !slices.Equal(got, []bool{true, false}) {
			t.Errorf("told %v, want the beginning and the end", got)
		}
	})
}

func TestPanicInAHook(t *testing.T) {
	t.Parallel()
	cfg := Config{Hooks: Hooks{Batch: func(Batch) { panic("boom") }, Lag: func(Lag) { panic("boom") }}}
	bubble(t, cfg, func(w *world) {
		t := w.t
		h := w.lease(t, "k", every(time.Second))
		pass(10 * time.Second)
		if r := h.Result(); r.Renewals < 9 || w.s.Stats().UserErrors < 9 {
			t.Errorf("%+v, %+v", r, w.s.Stats())
		}
	})
}

func TestErrorsSayWhatHappened(t *testing.T) {
	t.Parallel()
	for want, err := range map[string]error{
		`renewal: key "k" is lost: key does not exist`:       &LostError{Key: "k", Cause: ErrMissing},
		`renewal: lock "k" is held for another 2s`:           &HeldError{Key: "k", Left: 2 * time.Second},
		`renewal: lock "k" is held without limit`:            &HeldError{Key: "k", Left: -1},
		`renewal: task t has ended: cancelled`:               &EndedError{ID: "t", Reason: ReasonCancelled},
		`renewal: panic in TTL: boom`:                        &PanicError{Where: "TTL", Value: "boom"},
		`renewal: invalid task x: no keys; task id is taken`: &InvalidError{What: "task x", Faults: []error{errors.New("no keys"), ErrDuplicateID}},
	} {
		if err.Error() != want {
			t.Errorf("%q, want %q", err, want)
		}
	}
	for o := Outcome(0); o <= Skipped+1; o++ {
		if known := o >= Renewed && o <= Skipped; (o.String() != "unknown") != known {
			t.Errorf("outcome %d is called %s", o, o)
		}
	}
	for r := Live; r <= ReasonShutdown+1; r++ {
		if known := r <= ReasonShutdown; (r.String() != "unknown") != known {
			t.Errorf("reason %d is called %s", r, r)
		}
	}
}

// TestSortKeepsEveryItemInOrder sorts a queue again and again while it fills.
func TestSortKeepsEveryItemInOrder(t *testing.T) {
	t.Parallel()
	s := newIdle(t, Config{})
	l := &lane{svc: s, group: s.lanes}
	r := rand.New(rand.NewPCG(1, 2))
	pushed := 0
	for range 20 {
		for range r.IntN(500) {
			l.push(item{deadline: time.Duration(r.IntN(1000))}, rank(r.IntN(2)))
			pushed++
		}
		l.mu.Lock()
		l.sort(0)
		l.mu.Unlock()
		if l.depth() != pushed || len(l.run) != pushed || !slices.IsSortedFunc(l.run, byDeadline) {
			t.Fatalf("%d of %d items, in order: %v", l.depth(), pushed, slices.IsSortedFunc(l.run, byDeadline))
		}
	}
	if l.nextSort < resort {
		t.Error("the next sort is not put off: sorting could take all the time of a worker")
	}
}
