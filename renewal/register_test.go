package renewal

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// newIdle returns a service on a fake, without running it.
func newIdle(t *testing.T, cfg Config) *Service {
	t.Helper()
	f := newFake()
	return onFake(cfg, f)
}

func TestRegisterNamesEveryFault(t *testing.T) {
	t.Parallel()
	good := func() *Policy { return every(time.Second) }
	with := func(change func(*Policy)) *Policy {
		p := good()
		change(p)
		return p
	}
	keys := []string{"k"}
	for name, tc := range map[string]struct {
		task   Task
		faults []string
	}{
		"nothing":           {Task{}, []string{"no keys", "no policy"}},
		"empty key list":    {Task{Keys: []string{}, Policy: good()}, []string{"no keys"}},
		"empty key":         {Task{Keys: []string{""}, Policy: good()}, []string{"an empty key"}},
		"key twice":         {Task{Keys: []string{"a", "b", "a"}, Policy: good()}, []string{`key "a" is named twice`}},
		"zero policy":       {Task{Keys: keys, Policy: &Policy{}}, []string{"TTL is 0s"}},
		"negative TTL":      {Task{Keys: keys, Policy: &Policy{TTL: FixedTTL(-1), Interval: Every(time.Second)}}, []string{"TTL is -1ns"}},
		"negative interval": {Task{Keys: keys, Policy: &Policy{TTL: FixedTTL(time.Hour), Interval: Every(-1)}}, []string{"interval is -1ns"}},
		"tiny TTL":          {Task{Keys: keys, Policy: &Policy{TTL: FixedTTL(time.Microsecond), Interval: Every(time.Second)}}, []string{"TTL is 1µs"}},
		"below the tick":    {Task{Keys: keys, Policy: &Policy{TTL: FixedTTL(time.Second), Interval: Every(time.Millisecond)}}, []string{"shorter than the tick"}},
		"too long":          {Task{Keys: keys, Policy: &Policy{TTL: FixedTTL(time.Hour), Interval: Every(MaxInterval + 1)}}, []string{"at most"}},
		"more than a third of the TTL": {
			Task{Keys: keys, Policy: &Policy{TTL: FixedTTL(time.Minute), Interval: Every(21 * time.Second)}},
			[]string{"interval 21s is more than a third of the TTL 1m0s"},
		},
		"tight, and within the margin": {
			Task{Keys: keys, Policy: &Policy{TTL: FixedTTL(time.Minute), Interval: Every(59 * time.Second), AllowTight: true}},
			[]string{"less the margin"},
		},
		"share":     {Task{Keys: keys, Policy: &Policy{TTL: FixedTTL(time.Minute), Interval: Fraction(1.5)}}, []string{"1.5 of the TTL"}},
		"jitter":    {Task{Keys: keys, Policy: &Policy{TTL: FixedTTL(time.Minute), Interval: Jittered(time.Second, 0.5)}}, []string{"jitter is 0.5"}},
		"no share":  {Task{Keys: keys, Policy: &Policy{TTL: FixedTTL(time.Minute), Interval: Fraction(math.NaN())}}, []string{"NaN of the TTL"}},
		"no jitter": {Task{Keys: keys, Policy: &Policy{TTL: FixedTTL(time.Minute), Interval: Jittered(time.Second, math.NaN())}}, []string{"jitter is NaN"}},
		"stop rules": {
			Task{Keys: keys, Policy: with(func(p *Policy) {
				p.Stop = []StopRule{{}, WhenDone(nil), At(time.Time{}), After(0), Times(-1), If(nil), KeyGone()}
			})},
			[]string{"rule 0: the zero rule", "rule 1: WhenDone", "rule 2: At", "rule 3: After 0s", "rule 4: Times -1", "rule 5: If"},
		},
		"selector and keys": {Task{Keys: keys, Policy: with(func(p *Policy) { p.Select = Pattern("x*") })}, []string{"both keys and a selector"}},
		"no selector":       {Task{Policy: with(func(p *Policy) { p.Select = Select(nil) })}, []string{"selector: no function"}},
		"empty prefix":      {Task{Policy: with(func(p *Policy) { p.Select = Prefix("") })}, []string{"empty prefix"}},
		"loss rule":         {Task{Keys: keys, Policy: with(func(p *Policy) { p.Loss = 9 })}, []string{"unknown loss rule 9"}},
		"everything": {
			Task{ID: "taken", Keys: []string{"", ""}, Policy: &Policy{TTL: FixedTTL(-1), Interval: Jittered(-1, 7), Stop: []StopRule{{}}, Loss: 3}},
			[]string{"empty key", "twice", "task id is taken", "too many tasks", "TTL is -1ns", "jitter is 7", "interval is -1ns", "rule 0", "loss rule"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newIdle(t, Config{MaxTasks: 1})
			if name == "everything" {
				register(t, s, Task{ID: "taken", Keys: keys, Policy: good()})
			}
			live := s.Stats().Live
			h, err := s.Register(tc.task)
			var invalid *InvalidError
			if h != nil || !errors.As(err, &invalid) || !errors.Is(err, ErrInvalid) {
				t.Fatalf("%v, %v; want an *InvalidError", h, err)
			}
			if len(invalid.Faults) != len(tc.faults) {
				t.Errorf("%d faults, want %d: %v", len(invalid.Faults), len(tc.faults), err)
			}
			for _, want := range tc.faults {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is not named in: %v", want, err)
				}
			}
			if s.Stats().Live != live || len(s.shared.registry.policies) != live {
				t.Error("something was registered")
			}
		})
	}
}

func TestRegisterRefusesDuplicateIDsAndTooManyTasks(t *testing.T) {
	t.Parallel()
	s := newIdle(t, Config{MaxTasks: 2})
	p := every(time.Second)
	first := register(t, s, Task{ID: "a", Keys: []string{"k"}, Policy: p})
	if _, err := s.Register(Task{ID: "a", Keys: []string{"k"}, Policy: p}); !errors.Is(err, ErrDuplicateID) || !errors.Is(err, ErrInvalid) {
		t.Errorf("%v, want ErrDuplicateID", err)
	}
	register(t, s, Task{Keys: []string{"k"}, Policy: p})
	if _, err := s.Register(Task{Keys: []string{"k"}, Policy: p}); !errors.Is(err, ErrTooManyTasks) {
		t.Errorf("%v, want ErrTooManyTasks", err)
	}
	if err := first.Cancel(); err != nil { // frees the ID and the place
		t.Fatal(err)
	}
	register(t, s, Task{ID: "a", Keys: []string{"k"}, Policy: p})
}

func TestGeneratedIDsDoNotCollide(t *testing.T) {
	t.Parallel()
	s := newIdle(t, Config{})
	p := every(time.Second)
	register(t, s, Task{ID: "t1", Keys: []string{"k"}, Policy: p})
	if h := register(t, s, Task{Keys: []string{"k"}, Policy: p}); h.ID() != "t2" {
		t.Errorf("generated id %q, want t2", h.ID())
	}
}

func TestUnknownHandles(t *testing.T) {
	t.Parallel()
	for _, h := range []*Handle{nil, {}} {
		for name, err := range map[string]error{
			"Cancel": h.Cancel(), "CancelAndWait": h.CancelAndWait(t.Context()),
			"RenewNow": h.RenewNow(t.Context()), "Result": h.Result().Err, "Context": context.Cause(h.Context()),
		} {
			if !errors.Is(err, ErrUnknownTask) {
				t.Errorf("%s: %v, want ErrUnknownTask", name, err)
			}
		}
		<-h.Done()
		if st := h.Status(); st.ID != "" {
			t.Errorf("status %+v", st)
		}
	}
	if _, err := newIdle(t, Config{}).Task("nobody"); !errors.Is(err, ErrUnknownTask) || !strings.Contains(err.Error(), `"nobody"`) {
		t.Errorf("%v, want ErrUnknownTask with the id", err)
	}
}

func TestNewNamesEveryFault(t *testing.T) {
	t.Parallel()
	_, err := New(nil, Config{
		Tick: -1, BatchSize: 5000, InFlight: -1, CallTimeout: -1, UserGoroutines: -1,
		UserBudget: -1, ScanGoroutines: -1, ScanCount: -1,
	})
	var invalid *InvalidError
	if !errors.As(err, &invalid) || len(invalid.Faults) != 9 {
		t.Errorf("%v, want 9 faults", err)
	}
	if _, err := New(nil, Config{BatchSize: -1}); !errors.As(err, &invalid) || len(invalid.Faults) != 2 {
		t.Errorf("%v, want 2 faults", err)
	}
}

// TestNegativeSwitchesABoundOff checks that negative values remove the limits on tasks and on
// selected keys, and that with a negative Grace Run ends without waiting.
func TestNegativeSwitchesABoundOff(t *testing.T) {
	t.Parallel()
	bubble(t, Config{MaxTasks: -1, MaxSelected: -1, Grace: -1, CallTimeout: time.Minute}, func(w *world) {
		t := w.t
		p := every(10 * time.Second)
		p.RenewAtOnce = true
		p.Select = Pattern("k*")
		for i := range 10 {
			w.set(fmt.Sprint("k", i), "me", time.Minute)
		}
		h := register(t, w.s, Task{Policy: p})
		pass(time.Second)
		if r := h.Status(); r.Keys != 10 || r.Failures != 0 {
			t.Errorf("%+v, want ten keys", r)
		}
		w.at("main").freeze()
		pass(10 * time.Second) // now a call is under way
		began := time.Now()
		if err := w.stop(); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took > 0 {
			t.Errorf("Run took %v to end", took)
		}
	})
}

// hostClient is a client of a type that only the host knows.
type hostClient struct{ redis.UniversalClient }

func TestNewWithoutAClient(t *testing.T) {
	t.Parallel()
	for _, rdb := range []redis.UniversalClient{nil, (*redis.Client)(nil), (*redis.ClusterClient)(nil), (*redis.Ring)(nil), (*hostClient)(nil)} {
		if _, err := New(rdb, Config{}); !errors.Is(err, ErrInvalid) {
			t.Errorf("%T: %v, want ErrInvalid", rdb, err)
		}
	}
}

func TestNotRunning(t *testing.T) {
	t.Parallel()
	s := newIdle(t, Config{})
	h := register(t, s, Task{Keys: []string{"k"}, Policy: every(time.Second)})
	if err := h.RenewNow(t.Context()); !errors.Is(err, ErrNotRunning) {
		t.Errorf("RenewNow: %v", err)
	}
	if _, err := s.Acquire(t.Context(), "k", time.Minute); !errors.Is(err, ErrNotRunning) {
		t.Errorf("Acquire: %v", err)
	}
	if err := h.CancelAndWait(t.Context()); err != nil {
		t.Errorf("CancelAndWait: %v", err)
	}
}

func TestRunTwice(t *testing.T) {
	t.Parallel()
	bubble(t, Config{}, func(w *world) {
		t := w.t
		if err := w.s.Run(t.Context()); !errors.Is(err, ErrRunning) {
			t.Errorf("%v, want ErrRunning", err)
		}
	})
}

// TestPolicyIsForgottenWithItsLastTask checks that a policy is removed with its last task, so that
// hosts with a policy per task do not fill the memory.
func TestPolicyIsForgottenWithItsLastTask(t *testing.T) {
	t.Parallel()
	s := newIdle(t, Config{})
	for i := range 100 {
		h := register(t, s, Task{Keys: []string{fmt.Sprint(i)}, Policy: every(time.Second)})
		_ = h.Cancel()
	}
	if len(s.shared.registry.policies) != 0 || s.shared.registry.tasks.Len() != 0 || s.shared.timers.wheel.Len() != 0 {
		t.Errorf("%d policies, %d tasks, %d timers left", len(s.shared.registry.policies), s.shared.registry.tasks.Len(), s.shared.timers.wheel.Len())
	}
}

func TestSinceSetsTheFirstDeadline(t *testing.T) {
	t.Parallel()
	bubble(t, Config{}, func(w *world) {
		t := w.t
		w.at("main").fail(errDown)
		p := every(10 * time.Second) // TTL 40 s, margin 0.8 s
		h := register(t, w.s, Task{Keys: []string{"k"}, Policy: p, Since: time.Now().Add(-30 * time.Second)})
		pass(9 * time.Second)
		if r := h.Result(); r.Reason != Live {
			t.Fatalf("%+v, want live", r)
		}
		pass(time.Second)
		if r := h.Result(); r.Reason != ReasonLost {
			t.Errorf("%+v, want lost 40 s after Since", r)
		}
	})
}

func TestTasksAreListedByNextDue(t *testing.T) {
	t.Parallel()
	bubble(t, Config{}, func(w *world) {
		t := w.t
		for i := range 100 {
			w.lease(t, fmt.Sprint(i), every(time.Duration(1+i%7)*time.Second))
		}
		pass(3 * time.Second)
		last, n := time.Time{}, 0
		for _, st := range w.s.Tasks() {
			if st.NextDue.Before(last) {
				t.Fatal("not in the order of the next due time")
			}
			last = st.NextDue
			n++
		}
		if n != 100 || w.s.Stats().Live != 100 {
			t.Errorf("%d tasks listed, %d live, want 100", n, w.s.Stats().Live)
		}
		for range w.s.Tasks() {
			break // the caller may stop early
		}
		if h, err := w.s.Task("7"); err != nil || h.ID() != "7" {
			t.Errorf("Task: %v, %v", h, err)
		}
	})
}
