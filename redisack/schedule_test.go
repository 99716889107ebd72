package redisack

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/cutover-go/cutover/redisack/probe"
)

// apply runs Apply with a fleet of simulated clients and returns the result.
func apply(t *testing.T, s *sim, p Policy, names ...string) *AckResult {
	t.Helper()
	c, _ := testClient(t, Config{})
	if p.StartDelay == 0 {
		p.StartDelay = 1
	}
	res, _ := c.Apply(t.Context(), change(), Check{Fleet: fleetOf(names...), Prober: s, Policy: p})
	return res
}

// distances returns the times between the attempts at a client.
func (s *sim) distances(id string) []time.Duration {
	var d []time.Duration
	for i := 1; i < len(s.at[id]); i++ {
		d = append(d, s.at[id][i].Sub(s.at[id][i-1]))
	}
	return d
}

// TestIntervalForNotYet checks that a client that answers but does not run the target yet is asked
// at a nearly constant interval, whatever the delays for errors.
func TestIntervalForNotYet(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSim(map[string][]answer{"a": {runs("v1")}})
		apply(t, s, Policy{Timeout: 20 * time.Second, NewDelays: func() Delays { return backoff.NewConstantBackOff(time.Hour) }}, "a")
		d := s.distances("a")
		if len(d) < 12 || len(d) > 40 {
			t.Fatalf("%d attempts in 20 s", len(d)+1)
		}
		for i, got := range d[:len(d)-1] {
			want := min(250*time.Millisecond*time.Duration(pow(1.1, i)*1000)/1000, 2*time.Second)
			if got < want*79/100 || got > want*121/100 {
				t.Errorf("distance %d: %v, want %v +-20 %%", i, got, want)
			}
		}
	})
}

func pow(base float64, n int) float64 {
	p := 1.0
	for range n {
		p *= base
	}
	return p
}

// TestBackoffForErrors checks that the delays after errors grow to at most 2 s and are reset by an
// answer.
func TestBackoffForErrors(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSim(map[string][]answer{"a": {fails(probe.KindDial)}})
		apply(t, s, Policy{Timeout: time.Minute}, "a")
		for i, d := range s.distances("a") {
			if d > 2*time.Second {
				t.Errorf("distance %d: %v", i, d)
			}
		}
		if n := s.count("a"); n < 35 || n > 150 {
			t.Errorf("%d attempts in a minute", n)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		reset := &countingDelays{}
		s := newSim(map[string][]answer{"a": {fails(probe.KindDial), fails(probe.KindDial), runs("v1"), current}})
		apply(t, s, Policy{NewDelays: func() Delays { return reset }}, "a")
		if reset.next != 2 || reset.resets < 1 {
			t.Errorf("%+v", reset)
		}
	})
}

type countingDelays struct{ next, resets int }

func (d *countingDelays) NextBackOff() time.Duration { d.next++; return time.Second }
func (d *countingDelays) Reset()                     { d.resets++ }

// TestBadDelays checks that an endpoint whose Delays returns a negative time is not asked again,
// and that an endpoint is asked again after NewDelays has panicked or returned nil.
func TestBadDelays(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		delays func() Delays
		reason Reason
	}{
		"stop":     {func() Delays { return &backoff.StopBackOff{} }, ReasonEndpointError},
		"panic":    {func() Delays { panic("boom") }, ReasonConfirmed},
		"nil":      {func() Delays { return nil }, ReasonConfirmed},
		"negative": {func() Delays { return backoff.NewConstantBackOff(-time.Hour) }, ReasonEndpointError},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newSim(map[string][]answer{"a": {fails(probe.KindDial), current}})
				if res := apply(t, s, Policy{NewDelays: tc.delays}, "a"); res.Reason != tc.reason {
					t.Errorf("%s", res.Summary())
				}
			})
		})
	}
}

// TestLastAttempt checks that a last attempt is made before the deadline if the next one would come
// after it.
func TestLastAttempt(t *testing.T) {
	t.Parallel()
	never := func() Delays { return backoff.NewConstantBackOff(time.Hour) }
	for name, first := range map[string]answer{"error": fails(probe.KindDial), "not yet": runs("v1"), "retry after": later(time.Hour)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newSim(map[string][]answer{"a": {first, current}})
				res := apply(t, s, Policy{
					Timeout: 10 * time.Second, NewDelays: never, Interval: Interval{Base: time.Hour},
				}, "a")
				if !res.OK || s.count("a") != 2 || res.Elapsed < 5*time.Second {
					t.Errorf("%s", res.Summary())
				}
			})
			synctest.Test(t, func(t *testing.T) {
				s := newSim(map[string][]answer{"a": {first}})
				apply(t, s, Policy{Timeout: 10 * time.Second, NewDelays: never, Interval: Interval{Base: time.Hour}}, "a")
				if s.count("a") != 2 {
					t.Errorf("%d attempts, want one and a last one", s.count("a"))
				}
			})
		})
	}
}

func later(d time.Duration) answer {
	return func(context.Context, Target) (Observation, error) {
		return Observation{}, &ProbeError{Kind: probe.KindStatus, Status: 429, RetryAfter: d}
	}
}

func TestRetryAfterDelaysTheNextAttempt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSim(map[string][]answer{"a": {later(7 * time.Second), current}})
		apply(t, s, Policy{}, "a")
		if d := s.distances("a"); len(d) != 1 || d[0] < 7*time.Second || d[0] > 8*time.Second {
			t.Errorf("distances %v", d)
		}
	})
}

// TestStartDelay checks that the first attempts wait for StartDelay, with jitter, unless nothing
// was written.
func TestStartDelay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		names := ids(200)
		clients := make(map[string][]answer)
		for _, id := range names {
			clients[id] = []answer{current}
		}
		s := newSim(clients)
		began := time.Now()
		apply(t, s, Policy{StartDelay: time.Second}, names...)
		first, last := time.Hour, time.Duration(0)
		for _, id := range names {
			d := s.at[id][0].Sub(began)
			first, last = min(first, d), max(last, d)
		}
		if first < 800*time.Millisecond || first > 900*time.Millisecond || last > 1201*time.Millisecond || last < 1100*time.Millisecond {
			t.Errorf("first attempts from %v to %v", first, last)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		c, _ := testClient(t, Config{})
		s := newSim(map[string][]answer{"a": {current}})
		began := time.Now()
		_, err := c.Apply(t.Context(), Change{Key: "app:config", Version: "v1", Payload: []byte("one")},
			Check{Fleet: fleetOf("a"), Prober: s})
		if err != nil || !s.at["a"][0].Equal(began) {
			t.Errorf("unchanged: asked after %v, %v", s.at["a"][0].Sub(began), err)
		}
	})
}

// TestAttemptTimeoutGrows checks that the timeouts of attempts start short and double, so that a
// slow client can still answer.
func TestAttemptTimeoutGrows(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSim(map[string][]answer{"a": {after(1500*time.Millisecond, current)}})
		res := apply(t, s, Policy{NewDelays: func() Delays { return backoff.NewConstantBackOff(time.Millisecond) }}, "a")
		if !res.OK || s.count("a") != 4 { // 250 ms, 500 ms, 1 s, 2 s
			t.Errorf("%s", res.Summary())
		}
	})
}

// TestBlackHoles checks that endpoints that never answer, nearly a quarter of the fleet, hardly
// slow down the others even with few workers. After each has timed out once, they share an eighth
// of the workers; without that limit the run takes six seconds.
func TestBlackHoles(t *testing.T) {
	t.Parallel()
	run := func(t *testing.T, holes int) time.Duration {
		t.Helper()
		const healthy = 200
		clients := make(map[string][]answer)
		for i, id := range ids(healthy + holes) {
			clients[id] = []answer{after(20*time.Millisecond, runs("v1")), after(20*time.Millisecond, runs("v1")), after(20*time.Millisecond, current)}
			if i < holes {
				clients[id] = []answer{blackHole}
			}
		}
		c := newClient(memoryBackend{new(memory)}, Config{MaxInFlight: 16})
		s := newSim(clients)
		res, err := c.Apply(t.Context(), change(), Check{
			Fleet: fleetOf(ids(healthy + holes)...), Prober: s,
			Policy: Policy{Timeout: 30 * time.Second, Quorum: AtLeast(healthy), StartDelay: 1},
		})
		if err != nil || s.most > 16 {
			t.Fatalf("%v, %d attempts at once\n%s", err, s.most, res.Summary())
		}
		return res.Elapsed
	}
	var without, with time.Duration
	synctest.Test(t, func(t *testing.T) { without = run(t, 0) })
	synctest.Test(t, func(t *testing.T) { with = run(t, 60) })
	const firstLook = 60 / 16 * defaultFirstTimeout // until each hole has timed out, 16 at a time
	if with > without+firstLook+500*time.Millisecond {
		t.Errorf("%v with black holes, %v without", with, without)
	}
}

// TestRunsAreFair checks that runs share the places of a client fairly: a run of 2,000 endpoints
// does not starve a run of 5.
func TestRunsAreFair(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newClient(memoryBackend{new(memory)}, Config{MaxInFlight: 4})
		clients := make(map[string][]answer)
		for _, id := range ids(2000) {
			clients[id] = []answer{after(100*time.Millisecond, current)}
		}
		s := newSim(clients)
		target, err := c.Write(t.Context(), change())
		if err != nil {
			t.Fatal(err)
		}
		confirm := func(n int) (*AckResult, error) {
			return c.Confirm(t.Context(), target, Check{Fleet: fleetOf(ids(n)...), Prober: s})
		}
		done := make(chan error, 1)
		go func() {
			_, err := confirm(2000)
			done <- err
		}()
		time.Sleep(time.Second)
		res, err := confirm(5)
		if err != nil || res.Elapsed > 600*time.Millisecond {
			t.Errorf("the small run took %v: %v", res.Elapsed, err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
		if s.most > 4 {
			t.Errorf("%d attempts at once", s.most)
		}
		if len(c.limiter.waiting) != 0 || c.limiter.free != 4 {
			t.Errorf("limiter: %d wait, %d free", len(c.limiter.waiting), c.limiter.free)
		}
	})
}

// TestLimiter checks that runs get places one at a time, in the order in which they began to wait.
func TestLimiter(t *testing.T) {
	t.Parallel()
	l := newLimiter(1)
	a, b, c := l.quota(), l.quota(), l.quota()
	if !a.acquire() || b.acquire() || c.acquire() || a.acquire() || b.acquire() {
		t.Fatal("more places than there are")
	}
	for i, next := range []*quota{b, c, a} {
		l.mu.Lock()
		l.put()
		l.mu.Unlock()
		if next.grants != 1 || !next.acquire() {
			t.Fatalf("place %d went to another run", i)
		}
	}
	b.acquire()
	b.leave() // stops waiting
	a.release()
	if l.free != 1 || len(l.waiting) != 0 {
		t.Errorf("%d free, %d wait", l.free, len(l.waiting))
	}
}

// TestCallersDeadline checks that the caller's deadline also bounds the run, and that the error
// wraps its cause.
func TestCallersDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, _ := testClient(t, Config{})
		cause := errors.New("the shift is over")
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, cause)
		defer cancel()
		s := newSim(map[string][]answer{"a": {runs("v1")}})
		res, err := c.Apply(ctx, change(), Check{Fleet: fleetOf("a"), Prober: s})
		if !errors.Is(err, ErrTimeout) || !errors.Is(err, cause) || res.Elapsed > time.Second {
			t.Errorf("after %v: %v", res.Elapsed, err)
		}
	})
}

func TestIntervalNext(t *testing.T) {
	t.Parallel()
	p := Policy{}.complete()
	for tries := range 200 {
		if d := p.Interval.next(tries); d <= 0 || d > 2400*time.Millisecond {
			t.Fatalf("try %d: %v", tries, d)
		}
	}
	if d := (Interval{Base: time.Hour}); fmt.Sprint(Policy{Interval: d}.complete().Interval.Max) != "1h0m0s" {
		t.Error("a base above 2 s is cut")
	}
}
