package notify_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/notify"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/store/storetest"
)

// A new name begins at the present; FromStart sends what is kept. Later processes go on where the
// first stopped.
func TestBeginsAtThePresent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, memstore.New())
		old := w.create("old", 1, "a")
		w.finish(old)
		idle := w.create("idle", 1, "b")
		var box inbox
		_, stop := w.notifier(w.engine, &box, notify.Config{})
		time.Sleep(5 * time.Second)
		w.equal("at first", box.causes(), nil)
		w.finish(idle)
		time.Sleep(30 * time.Second) // between plans there is no order
		w.finish(w.create("new", 1, "c"))
		time.Sleep(30 * time.Second)
		stop()
		w.equal("then", box.causes(), []string{"start", "success", "create", "start", "success"})
		w.finish(w.create("while nobody runs it", 1, "d"))
		var later inbox
		_, stop = w.notifier(w.engine, &later, notify.Config{FromStart: true}) // the name is not new
		time.Sleep(time.Minute)
		stop()
		w.equal("after a restart", later.causes(), []string{"create", "start", "success"})
		w.ok(notify.End(t.Context(), w.engine, "pager"))
		var all inbox
		w.notifier(w.engine, &all, notify.Config{FromStart: true})
		time.Sleep(time.Minute)
		if got := len(all.messages()); got != 4*3 {
			t.Errorf("from the start: %d messages, want 12: %v", got, all.causes())
		}
	})
}

// All events that the filter selects come, once and in order.
func TestEventsComeInOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, memstore.New())
		w.took = 50 * time.Millisecond
		var box inbox
		w.notifier(w.engine, &box, notify.Config{
			Filter: notify.Filter{Kinds: []notify.Kind{notify.KindPlan, notify.KindTask, notify.KindFailures}}, Window: -1,
		})
		time.Sleep(time.Second)
		var ids []plan.ID
		for range 3 {
			ids = append(ids, w.create("plan", 5, append(numbered("good", 30), numbered("bad", 3)...)...))
		}
		for _, id := range ids {
			w.finish(id)
		}
		time.Sleep(time.Minute)
		next := make(map[plan.ID]int64)
		for _, m := range box.messages() {
			if m.First != next[m.Plan]+1 || m.Last != m.First {
				t.Fatalf("plan %s: %d to %d comes after %d", m.Plan, m.First, m.Last, next[m.Plan])
			}
			next[m.Plan] = m.Last
		}
		for _, id := range ids {
			p, err := w.engine.Plan(t.Context(), id)
			w.ok(err)
			if next[id] != p.LastEvent {
				t.Errorf("plan %s: %d of %d events came", id, next[id], p.LastEvent)
			}
		}
		all, err := notify.Statuses(t.Context(), w.engine)
		w.ok(err)
		if len(all) != 1 || all[0].Unread != 0 || all[0].Lag != 0 || all[0].Status.DeliveredAt.IsZero() {
			t.Errorf("status %+v", all)
		}
	})
}

// 10,000 failures in a minute are at most ten messages, and every failure is counted.
func TestManyFailuresAreFewMessages(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, memstore.New())
		w.took = time.Second
		var box inbox
		w.notifier(w.engine, &box, notify.Config{
			Filter: notify.Filter{Kinds: []notify.Kind{notify.KindFailures}}, BaseURL: "https://ops.example/rollouts/", Language: "zh-CN",
		})
		time.Sleep(time.Second)
		began := time.Now()
		id := w.create("all fail", 170, numbered("bad", 10_000)...)
		w.finish(id)
		took := time.Since(began)
		time.Sleep(time.Minute)
		failures := 0
		for _, m := range box.messages() {
			failures += m.Failures
			if len(m.Causes) != 1 || m.Causes[0].Code != "GATEWAY_TIMEOUT" || m.Causes[0].Count != m.Failures || len(m.Causes[0].Tenants) != 3 {
				t.Errorf("causes %+v", m.Causes)
			}
			if m.Link != "https://ops.example/rollouts/?plan=1" || !strings.Contains(m.Title, "个任务失败") {
				t.Errorf("%q, link %s", m.Title, m.Link)
			}
		}
		if n := len(box.messages()); failures != 10_000 || n > 10 || n < 2 {
			t.Errorf("%d messages report %d failures of %v", n, failures, took)
		}
	})
}

// The failure that stops a plan is told at once, before the plan's own end.
func TestFailuresComeBeforeWhatTheyCause(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, memstore.New())
		var box inbox
		w.notifier(w.engine, &box, notify.Config{})
		time.Sleep(time.Second)
		p, err := w.engine.Create(t.Context(), plan.Spec{Name: "p", ExecutorType: "MOVE", Tenants: plan.Tenants("a", "bad", "c")})
		w.ok(err)
		w.finish(p.ID)
		time.Sleep(2 * time.Second)
		w.equal("messages", box.causes(), []string{"create", "start", "failures 1", "breach"})
		for _, m := range box.messages()[2:] {
			if m.Severity != notify.Error {
				t.Errorf("%s is a %s", m.Title, m.Severity)
			}
		}
	})
}

// A sink that is away for an hour loses nothing, and holds up only itself.
func TestSinkIsAwayForAnHour(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, memstore.New())
		var away atomic.Bool
		var count atomic.Int64
		away.Store(true)
		box := inbox{refuse: func(notify.Message) error {
			if count.Add(1); away.Load() {
				return errors.New("connection refused")
			}
			return nil
		}}
		w.notifier(w.engine, &box, notify.Config{OnFault: func(string, error) {}})
		time.Sleep(time.Second)
		for range 3 {
			w.finish(w.create("p", 1, "a", "bad"))
		}
		time.Sleep(time.Hour)
		all, err := notify.Statuses(t.Context(), w.engine)
		w.ok(err)
		if s := all[0]; s.Unread != 3 || s.Lag < 15 || time.Since(s.Status.FailingSince) < 59*time.Minute || s.Status.Error != "connection refused" {
			t.Errorf("status %+v", s)
		}
		if tries := count.Load(); tries > 3*30 || tries < 3*12 {
			t.Errorf("%d tries of three plans in an hour", tries)
		}
		away.Store(false)
		time.Sleep(10 * time.Minute)
		byPlan := make(map[plan.ID][]string)
		for i, m := range box.messages() {
			byPlan[m.Plan] = append(byPlan[m.Plan], box.causes()[i])
		}
		for id, causes := range byPlan {
			w.equal("messages of plan "+id.String(), causes, []string{"create", "start", "failures 1", "success"})
		}
		all, err = notify.Statuses(t.Context(), w.engine)
		w.ok(err)
		if s := all[0]; len(byPlan) != 3 || s.Unread != 0 || !s.Status.FailingSince.IsZero() {
			t.Errorf("%d plans, status %+v", len(byPlan), s)
		}
	})
}

// What is refused for good, or for longer than GiveUp, becomes a dead letter, and can be sent
// again.
func TestDeadLetters(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, memstore.New())
		var refusal atomic.Pointer[error]
		refuse := func(err error) { refusal.Store(&err) }
		box := inbox{refuse: func(m notify.Message) error {
			if m.Kind == notify.KindFailures {
				return *refusal.Load()
			}
			return nil
		}}
		n, _ := w.notifier(w.engine, &box, notify.Config{GiveUp: 2 * time.Hour, OnFault: func(string, error) {}})
		time.Sleep(time.Second)
		refuse(notify.Permanent(errors.New("410 Gone")))
		w.finish(w.create("refused", 1, "a", "bad"))
		time.Sleep(time.Minute)
		w.equal("messages", box.causes(), []string{"create", "start", "success"})
		refuse(notify.RetryAfter(errors.New("busy"), 20*time.Minute))
		id := w.create("given up", 1, "a", "bad-1", "bad-2")
		w.finish(id)
		time.Sleep(90 * time.Minute)
		if got := len(box.messages()); got != 5 {
			t.Errorf("%d messages before it was given up: %v", got, box.causes())
		}
		time.Sleep(time.Hour)
		letters, err := n.DeadLetters(t.Context())
		w.ok(err)
		if len(letters) != 2 || letters[0].Reason != "410 Gone" || letters[1].Reason != "busy" || letters[1].Plan != id || letters[1].First >= letters[1].Last {
			t.Fatalf("dead letters %+v", letters)
		}
		if sent, err := n.Redeliver(t.Context()); sent != 0 || err == nil {
			t.Errorf("sent %d although the sink refuses, error %v", sent, err)
		}
		refuse(nil)
		if _, err := n.Redeliver(t.Context(), "none"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("error %v for a letter that is not there", err)
		}
		if sent, err := n.Redeliver(t.Context(), letters[1].ID); sent != 1 || err != nil {
			t.Errorf("sent %d, error %v", sent, err)
		}
		if m := box.messages()[6]; m.ID != letters[1].ID || m.Failures != 2 {
			t.Errorf("sent again: %+v", m)
		}
		if sent, err := n.Redeliver(t.Context()); sent != 1 || err != nil {
			t.Errorf("sent %d, error %v", sent, err)
		}
		w.ok(n.Test(t.Context()))
		if m := box.messages()[8]; m.Kind != notify.KindTest || !strings.Contains(m.Title, "pager") {
			t.Errorf("the test: %+v", m)
		}
	})
}

// A process that dies between sending and moving the cursor makes the next one repeat that message,
// and no other.
func TestKilledBeforeTheCursorMoved(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := memstore.New()
		w := newWorld(t, s)
		var dead atomic.Bool
		mortal := storetest.Intercept(s, func(ctx context.Context, c storetest.Call) error {
			if c.Method == "MoveCursor" && !dead.Load() {
				p, err := s.Plan(ctx, c.Plan)
				dead.Store(err == nil && p.State == plan.Running && p.Version > 1)
			}
			if dead.Load() {
				return &store.TemporaryError{Err: errors.New("the process is dead")}
			}
			return c.Do(ctx)
		})
		first := inbox{refuse: func(notify.Message) error {
			if dead.Load() {
				return errors.New("the process is dead")
			}
			return nil
		}}
		w.took = time.Second
		w.notifier(w.engineOver(mortal, nil), &first, notify.Config{OnFault: func(string, error) {}})
		time.Sleep(time.Second)
		id := w.create("p", 1, "a", "bad", "c")
		w.finish(id)
		if !dead.Load() {
			t.Fatal("the first process did not die")
		}
		var second inbox
		w.notifier(w.engine, &second, notify.Config{})
		time.Sleep(2 * time.Minute)
		one, two := first.messages(), second.messages()
		if len(one) == 0 || len(two) == 0 || one[len(one)-1].ID != two[0].ID {
			t.Fatalf("first %v, then %v", first.causes(), second.causes())
		}
		w.equal("together", append(first.causes()[:len(one)-1], second.causes()...), []string{"create", "start", "failures 1", "success"})
	})
}

// A notifier whose events were dropped tells the present state, and how many are missing.
func TestOvertaken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, memstore.NewWith(memstore.Config{MaxEvents: 10}))
		var none inbox
		_, stop := w.notifier(w.engine, &none, notify.Config{})
		time.Sleep(time.Second)
		stop()
		w.took = 10 * time.Millisecond
		id := w.create("long", 5, append(numbered("bad", 3), numbered("good", 100)...)...)
		p := w.finish(id)
		var box inbox
		w.notifier(w.engine, &box, notify.Config{})
		time.Sleep(time.Minute)
		w.equal("messages", box.causes(), []string{"overtaken", "success"})
		m := box.messages()[0]
		if len(m.Events) != 2 || m.Events[0].Cause != "create" || m.Events[1].Cause != "start" {
			t.Errorf("what the plan itself did: %+v", m.Events)
		}
		if m.Last != p.LastEvent-10 || m.Lost != m.Last-2 || m.State != "COMPLETED" || m.Counters["COMPLETED"] != 100 || m.Failures != 3 || m.Causes[0].Count != 3 {
			t.Errorf("overtaken: %+v", m)
		}
	})
}

// A sink that panics, ends its goroutine, or does not return, is asked again.
func TestHostileSinks(t *testing.T) {
	t.Parallel()
	for name, misbehave := range map[string]func(release chan struct{}){
		"panics":          func(chan struct{}) { panic("oh") },
		"ends":            func(chan struct{}) { runtime.Goexit() },
		"does not return": func(release chan struct{}) { <-release },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, memstore.New())
				release := make(chan struct{})
				var tries, faults atomic.Int64
				box := inbox{refuse: func(notify.Message) error {
					if tries.Add(1) == 1 {
						misbehave(release)
						return errors.New("late")
					}
					return nil
				}}
				w.notifier(w.engine, &box, notify.Config{OnFault: func(string, error) { faults.Add(1) }})
				time.Sleep(time.Second)
				w.finish(w.create("p", 1, "a"))
				time.Sleep(time.Minute)
				close(release)
				time.Sleep(10 * time.Minute)
				w.equal("messages", box.causes(), []string{"create", "start", "success"})
				if faults.Load() == 0 {
					t.Error("nobody heard of it")
				}
			})
		})
	}
}

// If the list of unread plans is lost, the comparison of all plans finds what was not sent.
func TestLostListIsFoundByTheWalk(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := memstore.New()
		w := newWorld(t, s)
		var none, box inbox
		_, stop := w.notifier(w.engine, &none, notify.Config{})
		time.Sleep(time.Second)
		stop()
		w.finish(w.create("p", 1, "a"))
		unread, err := s.Unread(t.Context(), "pager", 0, 0)
		w.ok(err)
		for _, p := range unread {
			w.ok(s.MarkRead(t.Context(), "pager", p.ID, p.Stamp, -1))
		}
		w.notifier(w.engine, &box, notify.Config{})
		time.Sleep(time.Minute)
		w.equal("messages", box.causes(), []string{"create", "start", "success"})
	})
}

// Filters select by the name of the plan and by severity.
func TestFilter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, memstore.New())
		var box inbox
		w.notifier(w.engine, &box, notify.Config{Filter: notify.Filter{Plans: []string{"prod *"}, MinSeverity: notify.Warning}})
		time.Sleep(time.Second)
		w.finish(w.create("prod eu", 1, "a", "bad"))
		w.finish(w.create("test eu", 1, "b", "bad"))
		time.Sleep(time.Minute)
		id := w.create("prod us", 1, "c")
		_, err := w.engine.Cancel(t.Context(), id)
		w.ok(err)
		time.Sleep(time.Minute)
		w.equal("messages", box.causes(), []string{"failures 1", "cancel"})
	})
}

func TestFaults(t *testing.T) {
	t.Parallel()
	_, err := notify.New(nil, "a b", nil, notify.Config{
		Window: 2 * time.Hour, Timeout: -1, RetryMin: time.Minute, RetryMax: time.Second, Concurrency: -1, Language: "de", BaseURL: "ftp://x",
		Filter: notify.Filter{Kinds: []notify.Kind{"x"}, Plans: []string{"["}, MinSeverity: 9},
	})
	var invalid *notify.InvalidError
	if !errors.As(err, &invalid) || !errors.Is(err, notify.ErrInvalid) || len(invalid.Faults) != 12 {
		t.Errorf("error %v", err)
	}
	e, err := cutover.New(memstore.New(), cutover.Config{})
	if err != nil {
		t.Fatal(err)
	}
	n, err := notify.New(e, "x", notify.Slog(nil), notify.Config{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := n.Run(ctx); err != nil {
		t.Error(err)
	}
	if err := n.Run(ctx); !errors.Is(err, notify.ErrRunning) {
		t.Errorf("run twice: error %v", err)
	}
}
