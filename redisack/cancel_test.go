package redisack

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cutover-go/cutover/redisack/probe"
)

// TestCancel checks that a canceled run returns in every phase, immediately unless an attempt
// hangs, with the cause of the cancellation, and leaves no goroutine: a synctest bubble ends only
// after all its goroutines have ended.
func TestCancel(t *testing.T) {
	t.Parallel()
	cause := errors.New("changed our minds")
	hang := func(op string) func(string) error {
		return func(o string) error {
			if o == op {
				time.Sleep(time.Hour) // ignores every context, like a connection that hangs
			}
			return nil
		}
	}
	slowFleet := FleetFunc(func(ctx context.Context) ([]Endpoint, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	})
	looks := 0
	slowRefresh := FleetFunc(func(ctx context.Context) ([]Endpoint, error) {
		if looks++; looks > 1 {
			<-ctx.Done()
		}
		return []Endpoint{{ID: "a"}}, ctx.Err()
	})
	cases := map[string]struct {
		refuse func(string) error
		check  Check
		want   error
		within time.Duration
	}{
		"looking up the fleet": {check: Check{Fleet: slowFleet, Prober: newSim(nil)}, want: ErrCanceled},
		"writing, unreached":   {refuse: func(string) error { return errors.New("refused") }, check: Check{Fleet: fleetOf("a"), Prober: newSim(nil)}, want: ErrCanceled},
		"writing, no answer":   {refuse: hang("reply"), check: Check{Fleet: fleetOf("a"), Prober: newSim(nil)}, want: ErrWriteUnknown},
		"before the first try": {check: Check{Fleet: fleetOf("a"), Prober: newSim(nil), Policy: Policy{StartDelay: 20 * time.Second}}, want: ErrCanceled},
		"in an attempt":        {check: Check{Fleet: fleetOf("a"), Prober: newSim(map[string][]answer{"a": {blackHole}}), Policy: Policy{FirstAttemptTimeout: time.Minute, AttemptTimeout: time.Minute}}, want: ErrCanceled},
		"between two attempts": {check: Check{Fleet: fleetOf("a"), Prober: newSim(map[string][]answer{"a": {runs("v1")}}), Policy: Policy{Interval: Interval{Base: time.Minute}}}, want: ErrCanceled},
		"in backoff":           {check: Check{Fleet: fleetOf("a"), Prober: newSim(map[string][]answer{"a": {fails(probe.KindDial)}})}, want: ErrCanceled},
		"in an attempt that hangs": {
			check: Check{Fleet: fleetOf("a"), Prober: newSim(map[string][]answer{"a": {hangs(time.Hour)}})}, want: ErrCanceled,
			within: 2 * hangGrace,
		},
		"refreshing":            {check: Check{Fleet: slowRefresh, Prober: newSim(map[string][]answer{"a": {runs("v1")}}), Policy: Policy{RefreshEvery: time.Second}}, want: ErrCanceled},
		"waiting for a push":    {check: Check{Fleet: fleetOf("a"), Push: true}, want: ErrCanceled},
		"reading acks, hanging": {refuse: hang("acks"), check: Check{Fleet: fleetOf("a"), Push: true}, want: ErrCanceled},
		"in the grace":          {check: Check{Fleet: fleetOf("a", "b"), Prober: newSim(map[string][]answer{"a": {current}, "b": {runs("v1")}}), Policy: Policy{Quorum: AtLeast(1), Grace: time.Minute}}, want: ErrCanceled},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				mem := new(memory)
				c := newClient(memoryBackend{mem}, Config{WriteTimeout: time.Minute})
				mem.refuse = tc.refuse
				ctx, cancel := context.WithCancelCause(t.Context())
				time.AfterFunc(5*time.Second, func() { cancel(cause) })
				began := time.Now()
				res, err := c.Apply(ctx, change(), tc.check)
				if took := time.Since(began); took < 5*time.Second || took > 5*time.Second+tc.within {
					t.Errorf("returned after %v", took)
				}
				if !errors.Is(err, tc.want) || !errors.Is(err, cause) || res == nil {
					t.Errorf("error %v, want %v and the cause", err, tc.want)
				}
				if free := c.limiter.vacant(); free != c.cfg.MaxInFlight && tc.within == 0 {
					t.Errorf("%d places free", free)
				}
				time.Sleep(2 * time.Hour) // until hanging calls have returned
				if free := c.limiter.vacant(); free != c.cfg.MaxInFlight {
					t.Errorf("%d places free after all has returned", free)
				}
			})
		})
	}
}

// TestCanceledBefore checks that a run whose context has already ended writes nothing and asks no
// client.
func TestCanceledBefore(t *testing.T) {
	t.Parallel()
	c, mem := testClient(t, Config{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s := newSim(map[string][]answer{"a": {current}})
	if _, err := c.Apply(ctx, change(), Check{Fleet: fleetOf("a"), Prober: s}); !errors.Is(err, ErrCanceled) || !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if head, _ := mem.snapshot(); head.Version != "v1" || s.count("a") != 0 {
		t.Errorf("%s is current, %d attempts", head.Version, s.count("a"))
	}
}

// TestHostileCode checks the reason and the duration of runs whose hooks, comparers or probers
// panic, hang or end their goroutine.
func TestHostileCode(t *testing.T) {
	t.Parallel()
	exits := answer(func(context.Context, Target) (Observation, error) { runtime.Goexit(); return Observation{}, nil })
	cases := map[string]struct {
		cfg      Config
		policy   Policy
		first    answer
		reason   Reason
		kind     probe.Kind
		attempts int // 0 for any number
	}{
		"prober panics":        {first: panics, reason: ReasonConfirmed},
		"prober exits":         {first: exits, reason: ReasonConfirmed},
		"prober panics always": {first: panics, policy: Policy{MaxAttempts: 1}, reason: ReasonEndpointError, kind: probe.KindPanic},
		"prober exits always":  {first: exits, policy: Policy{MaxAttempts: 1}, reason: ReasonEndpointError, kind: probe.KindPanic},
		"prober hangs":         {first: hangs(time.Hour), policy: Policy{Timeout: 3 * time.Second}, reason: ReasonTimeout, kind: probe.KindTimeout},
		"prober is late":       {first: hangs(time.Second), reason: ReasonConfirmed, attempts: 2}, // ignored
		"comparer panics": {
			first: current, policy: Policy{MaxAttempts: 1, Compare: func(Target, Observation) Verdict { panic("boom") }},
			reason: ReasonEndpointError, kind: probe.KindPanic,
		},
		"comparer hangs": {
			first: current, reason: ReasonTimeout, kind: probe.KindTimeout,
			policy: Policy{Timeout: 3 * time.Second, Compare: func(Target, Observation) Verdict { time.Sleep(time.Hour); return VerdictMatch }},
		},
		"hooks panic": {
			first: current, reason: ReasonConfirmed,
			cfg: Config{Hooks: Hooks{
				OnWrite: func(Target, error) { panic("boom") }, OnAttempt: func(Attempted) { panic("boom") },
				OnEndpoint: func(Target, EndpointReport) { panic("boom") }, OnProgress: func(Target, Tally) { runtime.Goexit() },
				OnDone: func(*AckResult) { panic("boom") },
			}},
		},
		"a hook hangs": {
			first: current, reason: ReasonConfirmed,
			cfg: Config{Hooks: Hooks{OnAttempt: func(Attempted) { time.Sleep(time.Hour) }}},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c, _ := testClient(t, tc.cfg)
				s := newSim(map[string][]answer{"a": {tc.first, current}})
				began := time.Now()
				res, err := c.Apply(t.Context(), change(), Check{Fleet: fleetOf("a"), Prober: s, Policy: tc.policy})
				if res.Reason != tc.reason || res.Endpoints[0].Kind != tc.kind {
					t.Errorf("%v, kind %v\n%s", err, res.Endpoints[0].Kind, res.Summary())
				}
				if tc.attempts > 0 && res.Attempts != tc.attempts {
					t.Errorf("%d attempts, want %d", res.Attempts, tc.attempts)
				}
				if took := time.Since(began); took > 5*time.Second {
					t.Errorf("took %v", took)
				}
				time.Sleep(2 * time.Hour)
			})
		})
	}
}

func (l *limiter) vacant() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.free
}
