package renewal

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cutover-go/cutover/renewal/internal/nodequeue"
)

// TestLagPutsTheUrgentFirst makes a slow node fall behind. Keys with the least time left must then
// be renewed before keys that were due earlier.
func TestLagPutsTheUrgentFirst(t *testing.T) {
	t.Parallel()
	var lags []Lag
	cfg := Config{BatchSize: 10, InFlight: 1, CallTimeout: time.Hour}
	cfg.Hooks.OnLag = func(l Lag) { lags = append(lags, l) }
	bubble(t, cfg, func(w *world) {
		t := w.t
		long := &Policy{TTL: FixedTTL(10 * time.Hour), Interval: Every(2 * time.Second), RenewAtOnce: true}
		short := &Policy{TTL: FixedTTL(time.Minute), Interval: Every(10 * time.Second), RenewAtOnce: true}
		w.at("main").slow(5 * time.Second)
		w.lease(t, "first", long) // keeps the node busy
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
				t.Errorf("event %d repeats the state before: %+v", i, l)
			}
		}
	})
}

// TestRenewNowGoesAhead calls RenewNow on a node whose queue is far behind, for a key that is not
// queued and for a key that is. Each call must return after the refresh under way and one more.
func TestRenewNowGoesAhead(t *testing.T) {
	t.Parallel()
	bubble(t, Config{BatchSize: 10, InFlight: 1, CallTimeout: time.Hour}, func(w *world) {
		t := w.t
		long := &Policy{TTL: FixedTTL(10 * time.Hour), Interval: Every(2 * time.Second), RenewAtOnce: true}
		w.at("main").slow(5 * time.Second)
		w.lease(t, "first", long) // keeps the node busy
		pass(100 * time.Millisecond)
		queued := make([]*Handle, 5000)
		for i := range queued {
			queued[i] = w.lease(t, fmt.Sprint("long", i), long)
		}
		longer := &Policy{TTL: FixedTTL(20 * time.Hour), Interval: Every(time.Hour)}
		fresh := w.lease(t, "fresh", longer)
		pass(6 * time.Second) // by now the queue is sorted by time left
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
		w := &world{fake: f, s: onFake(Config{}, nowhere{f})}
		start(t, w.s)
		h := w.lease(t, "k", every(time.Second))
		pass(20 * time.Second)
		if r := h.Result(); r.Reason != ReasonLost || r.Failures == 0 {
			t.Errorf("%+v, want failures and then the deadline", r)
		}
	})
}

// TestIdleServiceSleeps checks that the clock never wakes without timers, and sleeps for at least
// 30 s if all timers are far ahead.
func TestIdleServiceSleeps(t *testing.T) {
	t.Parallel()
	bubble(t, Config{}, func(w *world) {
		t := w.t
		synctest.Wait()
		if w.s.shared.timers.sleep != parked {
			t.Error("a clock with nothing armed is not parked")
		}
		for i := range 10 {
			w.lease(t, fmt.Sprint(i), every(1000*time.Hour))
		}
		synctest.Wait()
		w.s.shared.timers.mu.Lock()
		defer w.s.shared.timers.mu.Unlock()
		if until := time.Duration(w.s.shared.timers.sleep) * w.s.shared.cfg.Tick; until < 30*time.Second {
			t.Errorf("the clock wakes in %v for tasks that are hours off", until)
		}
	})
}

func TestHooksGetTheOutcomes(t *testing.T) {
	t.Parallel()
	var got Batch
	slow := make(chan struct{})
	cfg := Config{Hooks: Hooks{OnBatch: func(b Batch) { <-slow; got.merge(&b) }}}
	bubble(t, cfg, func(w *world) {
		t := w.t
		slow = make(chan struct{})
		p := every(time.Second)
		p.Labels = map[string]string{"kind": "lock"}
		p.Loss = DropKey
		w.set("a", "me", 4*time.Second)
		w.set("b", "wrong type", 0)
		w.set("c", "other", 0)
		h := register(t, w.s, Task{Keys: []string{"a", "b", "c"}, Owner: "me", Policy: p})
		pass(2500 * time.Millisecond) // the hook hangs during this time
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
		if most := time.Duration(got.Renewed) * 10 * time.Millisecond; got.LateSum < 0 || got.LateSum > most {
			t.Errorf("late by %s in all, by %v", got.LateSum, got.Late)
		}
		if share := got.LeftSum / float64(got.Renewed); share < 0.6 || share >= 0.8 {
			t.Errorf("%v of the TTL left, of %v", share, got.Left)
		}
		for _, n := range got.Left[6:8] { // 3/4 of the TTL less the margin is left
			left += n
		}
		if late != got.Renewed || left < got.Renewed-1 {
			t.Errorf("late %v, left %v of %d", got.Late, got.Left, got.Renewed)
		}
	})
}

// TestSlowLagHookGetsTheLastState checks that the last call of OnLag reports the current state,
// however often a lag began and ended while the hook hung.
func TestSlowLagHookGetsTheLastState(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		var got []bool
		m := newMeter(Config{Hooks: Hooks{OnLag: func(l Lag) { <-gate; got = append(got, l.Begun) }}}.withDefaults())
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
			t.Errorf("called with %v, want the beginning and the end", got)
		}
	})
}

// TestPhasesEndWithTheService checks that what was reported as begun is reported as ended when the
// service ends: an observer that counts nodes, or has a span open, would keep them for ever.
func TestPhasesEndWithTheService(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var got []string
		m := newMeter(Config{Hooks: Hooks{
			OnLag:      func(l Lag) { got = append(got, fmt.Sprint("lag ", l.Node, l.Begun)) },
			OnEviction: func(e Eviction) { got = append(got, fmt.Sprint("eviction ", e.Node, e.Begun)) },
		}}.withDefaults())
		m.lag(Lag{Node: "n", Begun: true})
		m.lag(Lag{Node: "well", Begun: true})
		m.eviction(Eviction{Node: "n", Begun: true})
		synctest.Wait()
		m.lag(Lag{Node: "well"})
		synctest.Wait()
		got = nil
		m.close()
		synctest.Wait()
		if want := []string{"eviction nfalse", "lag nfalse"}; !slices.Equal(got, want) {
			t.Errorf("reported are %q, want %q", got, want)
		}
		m.close()
		m.eviction(Eviction{Node: "n", Begun: true})
		m.lag(Lag{Node: "n", Begun: true})
		synctest.Wait()
		if len(got) != 2 {
			t.Errorf("a closed meter reports %q", got[2:])
		}
	})
}

func TestPanicInAHook(t *testing.T) {
	t.Parallel()
	cfg := Config{Hooks: Hooks{OnBatch: func(Batch) { panic("boom") }, OnLag: func(Lag) { panic("boom") }}}
	bubble(t, cfg, func(w *world) {
		t := w.t
		h := w.lease(t, "k", every(time.Second))
		pass(10 * time.Second)
		if r := h.Result(); r.Renewals < 9 || w.s.Stats().UserErrors < 9 {
			t.Errorf("%+v, %+v", r, w.s.Stats())
		}
	})
}

func TestErrorTexts(t *testing.T) {
	t.Parallel()
	for want, err := range map[string]error{
		`renewal: key "k" is lost: key does not exist`:       &LostError{Key: "k", Cause: ErrMissing},
		`renewal: lock "k" is held for another 2s`:           &HeldError{Key: "k", Left: 2 * time.Second},
		`renewal: lock "k" is held without limit`:            &HeldError{Key: "k", Left: -1},
		`renewal: task t has ended: canceled`:                &EndedError{ID: "t", Reason: ReasonCanceled},
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

// TestRenewNowMovesAQueuedKeyAhead checks that RenewNow moves a queued key ahead, and does so only
// once.
func TestRenewNowMovesAQueuedKeyAhead(t *testing.T) {
	t.Parallel()
	s := newIdle(t, Config{})
	h := register(t, s, Task{Keys: []string{"k"}, Policy: every(time.Second)})
	pushed := &pushes{nodeQueues: s.router}
	s.shared.queues = pushed
	h.mu.Lock()
	defer h.mu.Unlock()
	h.refresh(0)
	h.x().waits.add()
	for range 3 { // only the first refresh moves the key
		h.refresh(0)
	}
	if want := []nodequeue.Rank{nodequeue.RankDue, nodequeue.RankFirst}; !slices.Equal(pushed.ranks, want) {
		t.Errorf("queued with ranks %v, want %v", pushed.ranks, want)
	}
}

// pushes records the rank of every push.
type pushes struct {
	nodeQueues
	ranks []nodequeue.Rank
}

func (p *pushes) push(it nodequeue.Item[taskKey], r nodequeue.Rank) {
	p.ranks = append(p.ranks, r)
	p.nodeQueues.push(it, r)
}
