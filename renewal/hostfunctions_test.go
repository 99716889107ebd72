package renewal

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cutover-go/cutover/internal/sample"
	"github.com/cutover-go/cutover/renewal/internal/nodequeue"
)

// breakers returns policies, each with one host function that calls misbehave.
func breakers(misbehave func()) map[string]*Policy {
	const interval = time.Second
	plain := func() *Policy { return every(interval) }
	m := map[string]*Policy{}
	add := func(name string, change func(*Policy)) {
		p := plain()
		change(p)
		m[name] = p
	}
	add("TTL", func(p *Policy) {
		p.TTL = TTLFrom(func(context.Context, Status) (time.Duration, error) { misbehave(); return 4 * interval, nil })
	})
	add("interval", func(p *Policy) {
		p.Interval = IntervalFrom(func(context.Context, Status) (time.Duration, error) { misbehave(); return interval, nil })
	})
	add("stop rule", func(p *Policy) {
		p.Stop = []StopRule{If(func(context.Context, Status) (bool, error) { misbehave(); return false, nil })}
	})
	add("selector", func(p *Policy) {
		p.Select = Select(func(context.Context) ([]string, error) { misbehave(); return []string{"k"}, nil })
	})
	add("renewed", func(p *Policy) { p.Callbacks.OnRenewed = func(context.Context, Event) { misbehave() } })
	add("failed", func(p *Policy) { p.Callbacks.OnFailed = func(context.Context, Event) { misbehave() } })
	add("lost", func(p *Policy) { p.Callbacks.OnLost = func(context.Context, Event) { misbehave() } })
	add("finished", func(p *Policy) { p.Callbacks.OnFinished = func(context.Context, Result) { misbehave() } })
	return m
}

// runBroken registers a task with a misbehaving function beside a healthy task, causes every kind
// of callback of the broken task, and checks that the healthy task is renewed on time.
func runBroken(t *testing.T, w *world, p *Policy) {
	t.Helper()
	w.set("broken", "me", 4*time.Second)
	task := Task{ID: "broken", Keys: []string{"broken"}, Policy: p}
	if p.Select.set {
		task.Keys = nil
	}
	healthy := w.lease(t, "k", &Policy{TTL: FixedTTL(4 * time.Second), Interval: Every(250 * time.Millisecond)})
	broken := register(t, w.s, task)
	pass(5 * time.Second)
	// To cause OnFailed: one interval, plus the longest pause after a silent call, for which a tick
	// may have to wait.
	const outage = time.Second + nodequeue.LastPause + 50*time.Millisecond
	w.at("main").fail(errDown)
	pass(outage)
	w.at("main").fail(nil)
	pass(5*time.Second - outage)
	w.del("broken") // causes OnLost and OnFinished
	pass(5 * time.Second)
	_ = broken.Cancel()
	if r := healthy.Result(); r.Reason != Live || r.Renewals < 54 {
		t.Errorf("the healthy task: %+v, want about 60 renewals", r)
	}
}

func TestPanicInHostCode(t *testing.T) {
	t.Parallel()
	ends := []func(){func() { panic("boom") }, runtime.Goexit}
	for _, i := range sample.Of(t, 1, 2) {
		for name, p := range breakers(ends[i]) {
			t.Run(name+" "+[]string{"panic", "goexit"}[i], func(t *testing.T) {
				t.Parallel()
				bubble(t, Config{}, func(w *world) {
					t := w.t
					runBroken(t, w, p)
					if w.s.Stats().UserErrors == 0 {
						t.Error("nothing was counted: was the function called?")
					}
				})
			})
		}
	}
}

func TestPanicIsReportedToTheTask(t *testing.T) {
	t.Parallel()
	bubble(t, Config{}, func(w *world) {
		t := w.t
		p := every(time.Second)
		p.TTL = TTLFrom(func(context.Context, Status) (time.Duration, error) { panic("boom") })
		var events []Event
		p.Callbacks.OnFailed = func(_ context.Context, e Event) { events = append(events, e) }
		w.set("k", "me", time.Hour)
		h := register(t, w.s, Task{Keys: []string{"k"}, Policy: p})
		pass(3 * time.Second)
		var boom *PanicError
		if err := h.Result().Err; !errors.As(err, &boom) || boom.Where != "TTL" || boom.Value != "boom" || len(boom.Stack) == 0 {
			t.Errorf("result %v, want the panic", err)
		}
		if len(events) == 0 || !errors.As(events[0].Err, &boom) || events[0].Outcome != Failed {
			t.Errorf("events %+v, want failed with the panic", events)
		}
	})
}

// TestSlowHostCode registers more slow functions than the pool has places. A healthy task with
// functions must still be renewed on time.
func TestSlowHostCode(t *testing.T) {
	t.Parallel()
	names := slices.Sorted(maps.Keys(breakers(nil)))
	for _, i := range sample.Of(t, 3, uint64(len(names))) {
		name := names[i]
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, Config{UserGoroutines: 2, UserBudget: 200 * time.Millisecond, Grace: time.Minute}, func(w *world) {
				t := w.t
				release := make(chan struct{})
				defer close(release)
				p := breakers(func() {
					select {
					case <-time.After(20 * time.Second):
					case <-release:
					}
				})[name]
				for i := range 5 {
					key := fmt.Sprint("slow", i)
					w.set(key, "me", 4*time.Second)
					task := Task{ID: key, Keys: []string{key}, Policy: p}
					if p.Select.set {
						task.Keys = nil
					}
					register(t, w.s, task)
				}
				q := every(time.Second)
				called := 0
				q.Stop = []StopRule{If(func(context.Context, Status) (bool, error) { return false, nil })}
				q.Callbacks.OnRenewed = func(context.Context, Event) { called++ }
				w.lease(t, "asks", q)
				runBroken(t, w, p)
				at := w.sent("asks")
				for i := 1; i < len(at); i++ {
					if gap := at[i].Sub(at[i-1]); gap > 1600*time.Millisecond {
						t.Errorf("a gap of %v between renewals of a task with functions", gap)
					}
				}
				if len(at) < 13 || called < 12 {
					t.Errorf("%d renewals and %d callbacks in 15 s", len(at), called)
				}
			})
		})
	}
}

// TestSlowSelectorBesideAFastTask checks that a slow selector delays its own task only.
func TestSlowSelectorBesideAFastTask(t *testing.T) {
	t.Parallel()
	bubble(t, Config{}, func(w *world) {
		t := w.t
		p := every(time.Second)
		p.Select = Select(func(ctx context.Context) ([]string, error) {
			select {
			case <-time.After(900 * time.Millisecond):
			case <-ctx.Done():
			}
			return []string{"slow"}, ctx.Err()
		})
		w.set("slow", "", 4*time.Second)
		register(t, w.s, Task{Policy: p})
		fast := w.lease(t, "fast", every(50*time.Millisecond))
		pass(10 * time.Second)
		if r := fast.Result(); r.Renewals < 199 {
			t.Errorf("%+v, want 200 ± 1 renewals", r)
		}
		if n := len(w.sent("slow")); n < 8 {
			t.Errorf("%d renewals of the slow selector's key, want about 10", n)
		}
	})
}

func TestTTLAndIntervalFunctions(t *testing.T) {
	t.Parallel()
	bubble(t, Config{}, func(w *world) {
		t := w.t
		p := &Policy{
			TTL: TTLFrom(func(_ context.Context, st Status) (time.Duration, error) {
				return time.Duration(st.Renewals+3) * time.Second, nil
			}),
			Interval: IntervalFrom(func(context.Context, Status) (time.Duration, error) { return 500 * time.Millisecond, nil }),
		}
		w.set("k", "me", time.Minute)
		h := register(t, w.s, Task{Keys: []string{"k"}, Policy: p})
		pass(4*time.Second + 50*time.Millisecond)
		if r := h.Result(); r.Renewals != 9 {
			t.Errorf("%d renewals at 500 ms in 4 s, want 9: at once and then each interval", r.Renewals)
		}
		k, _ := w.get("k")
		if left := time.Until(k.expires); left < 10*time.Second || left > 11*time.Second {
			t.Errorf("%v left, want 11 s as the function says after 8 renewals", left)
		}
	})
}

// TestFunctionSlowerThanTheInterval checks a function that is slower than the interval but within
// its budget. Ticks that come during a call do nothing and do not count as failures.
func TestFunctionSlowerThanTheInterval(t *testing.T) {
	t.Parallel()
	bubble(t, Config{}, func(w *world) {
		t := w.t
		p := every(100 * time.Millisecond)
		p.Stop = []StopRule{If(func(context.Context, Status) (bool, error) {
			time.Sleep(150 * time.Millisecond)
			return false, nil
		})}
		h := w.lease(t, "k", p)
		pass(10 * time.Second)
		if r := h.Result(); r.Failures != 0 || r.Renewals < 45 || r.Reason != Live {
			t.Errorf("%+v, want a renewal at every other tick and no failure", r)
		}
	})
}

func TestFixedIntervalCannotOutrunTheTTLOfAFunction(t *testing.T) {
	t.Parallel()
	bubble(t, Config{}, func(w *world) {
		t := w.t
		w.set("k", "me", 3*time.Second)
		h := register(t, w.s, Task{Keys: []string{"k"}, Policy: &Policy{
			TTL:      TTLFrom(func(context.Context, Status) (time.Duration, error) { return 3 * time.Second, nil }),
			Interval: Every(time.Minute),
		}})
		pass(30 * time.Second)
		if r := h.Result(); r.Renewals < 29 {
			t.Errorf("%+v, want a renewal each third of the TTL", r)
		}
	})
}

func TestIntervalFunctionCannotOutrunTheTTL(t *testing.T) {
	t.Parallel()
	bubble(t, Config{}, func(w *world) {
		t := w.t
		p := &Policy{
			TTL:      FixedTTL(3 * time.Second),
			Interval: IntervalFrom(func(context.Context, Status) (time.Duration, error) { return time.Hour, nil }),
		}
		h := w.lease(t, "k", p)
		pass(30 * time.Second)
		if r := h.Result(); r.Renewals < 29 {
			t.Errorf("%+v, want a renewal each third of the TTL", r)
		}
	})
}

func TestCallbacksComeInOrderAndFinishedLast(t *testing.T) {
	t.Parallel()
	bubble(t, Config{}, func(w *world) {
		t := w.t
		var mu sync.Mutex
		var got []string
		note := func(s string) { mu.Lock(); defer mu.Unlock(); got = append(got, s) }
		event := func(_ context.Context, e Event) {
			time.Sleep(1200 * time.Millisecond) // longer than the interval
			note(e.Outcome.String())
		}
		p := every(time.Second)
		p.RenewAtOnce = true
		p.Callbacks = Callbacks{
			OnRenewed: event, OnLost: event, OnFailed: event,
			OnFinished: func(_ context.Context, r Result) { note(r.Reason.String()) },
		}
		w.lease(t, "k", p)
		pass(1500 * time.Millisecond)
		w.del("k")
		pass(20 * time.Second)
		if fmt.Sprint(got) != "[renewed renewed lost lost]" {
			t.Errorf("callbacks %v, want two renewals, the lost key and the reason", got)
		}
	})
}

// TestSlowCallbackDropsOnlyRenewals makes OnRenewed hang for many ticks. Only calls of
// OnRenewed may be dropped.
func TestSlowCallbackDropsOnlyRenewals(t *testing.T) {
	t.Parallel()
	bubble(t, Config{}, func(w *world) {
		t := w.t
		hang := make(chan struct{})
		renewed, lost, finished := 0, 0, 0
		p := every(100 * time.Millisecond)
		p.Callbacks = Callbacks{
			OnRenewed:  func(context.Context, Event) { <-hang; renewed++ },
			OnLost:     func(context.Context, Event) { lost++ },
			OnFinished: func(context.Context, Result) { finished++ },
		}
		h := w.lease(t, "k", p)
		pass(time.Minute)
		if r := h.Result(); r.Renewals < 590 {
			t.Errorf("%+v: the callback held up renewals", r)
		}
		w.del("k")
		pass(time.Second)
		close(hang)
		pass(time.Second)
		dropped := int(w.s.Stats().CallbacksDropped)
		if renewed != backlog+1 || dropped != h.Result().Renewals-renewed {
			t.Errorf("%d renewed and %d dropped of %d", renewed, dropped, h.Result().Renewals)
		}
		if lost != 1 || finished != 1 {
			t.Errorf("%d lost, %d finished, want one each", lost, finished)
		}
	})
}

// TestBudgetEndsWithTheAnswer checks that if a function returns at the moment its budget ends, its
// answer counts, and GiveUp does not affect the next call.
func TestBudgetEndsWithTheAnswer(t *testing.T) {
	t.Parallel()
	bubble(t, Config{}, func(w *world) {
		t := w.t
		p := every(time.Second)
		p.Stop = []StopRule{If(func(context.Context, Status) (bool, error) { return false, nil })}
		h := w.lease(t, "k", p)
		c := &policyCall{h: h, answers: policyAnswers{policy: &h.pol.Policy, status: h.Status(), tick: time.Millisecond}}
		c.Run(t.Context())
		synctest.Wait()
		h.mu.Lock()
		h.calling = true // as if the next call had begun
		h.mu.Unlock()
		c.GiveUp(ErrBudget)
		h.mu.Lock()
		overdue, failures := h.ext != nil && h.ext.overdue, h.failures
		h.calling = false
		h.mu.Unlock()
		if overdue || failures != 0 {
			t.Errorf("overdue %v, %d failures; want neither", overdue, failures)
		}
	})
}
