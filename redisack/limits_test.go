package redisack

import (
	"context"
	"errors"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/redisack/probe"
)

const endless = time.Duration(math.MaxInt64)

// TestEndlessDurations checks that the maximum duration means "as long as possible" in every field
// and never overflows to an immediate timeout.
func TestEndlessDurations(t *testing.T) {
	t.Parallel()
	slow := after(time.Minute, current)
	cases := map[string]struct {
		clients  []answer
		policy   Policy
		reason   Reason
		attempts int // 0 for any number
	}{
		"interval":        {[]answer{runs("v1"), current}, Policy{Interval: Interval{Base: endless}}, ReasonConfirmed, 2},
		"longest":         {[]answer{runs("v1")}, Policy{Interval: Interval{Base: 30 * time.Second, Max: endless, Growth: 10}}, ReasonTimeout, 0},
		"delays":          {[]answer{fails(probe.KindDial), current}, Policy{NewDelays: func() Delays { return backoff.NewConstantBackOff(endless) }}, ReasonConfirmed, 2},
		"retry after":     {[]answer{later(endless), current}, Policy{}, ReasonConfirmed, 2},
		"attempt timeout": {[]answer{slow}, Policy{Timeout: time.Hour, AttemptTimeout: endless, FirstAttemptTimeout: endless}, ReasonConfirmed, 1},
		"doubled timeout": {[]answer{blackHole, current}, Policy{AttemptTimeout: endless, FirstAttemptTimeout: endless/2 + 1, Timeout: time.Hour}, ReasonTimeout, 1},
		"start delay":     {[]answer{current}, Policy{StartDelay: endless}, ReasonConfirmed, 1},
		"timeout":         {[]answer{runs("v1"), current}, Policy{Timeout: endless}, ReasonConfirmed, 2},
		"refresh":         {[]answer{runs("v1"), current}, Policy{RefreshEvery: endless}, ReasonConfirmed, 2},
		"stable":          {[]answer{current}, Policy{Stable: Stability{For: endless}, Interval: Interval{Base: 20 * time.Second, Growth: 1, Jitter: 0.01}}, ReasonTimeout, 0},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c, _ := testClient(t, Config{WriteTimeout: endless})
				s := newSim(map[string][]answer{"a": tc.clients})
				if tc.policy.StartDelay == 0 {
					tc.policy.StartDelay = 1
				}
				res, _ := c.Apply(t.Context(), change(), Check{Fleet: changing(list("a")), Prober: s, Policy: tc.policy})
				if res.Reason != tc.reason || (tc.attempts > 0 && res.Attempts != tc.attempts) {
					t.Errorf("want %v in %d attempts\n%s", tc.reason, tc.attempts, res.Summary())
				}
			})
		})
	}
}

// TestNegativeIsNone checks that a negative value means "none" in every field that allows it.
func TestNegativeIsNone(t *testing.T) {
	t.Parallel()
	none := Policy{
		Timeout: -1, StartDelay: -1, Grace: -1, RefreshEvery: -1, MaxAttempts: -1, MinMembers: -1,
		Interval: Interval{Base: time.Minute, Growth: 1, Max: time.Minute, Jitter: -1},
	}
	synctest.Test(t, func(t *testing.T) {
		c, _ := testClient(t, Config{})
		looks := 0
		members := FleetFunc(func(context.Context) ([]Endpoint, error) {
			looks++
			return []Endpoint{{ID: "a"}, {ID: "b"}, {ID: "c"}}, nil
		})
		s := newSim(map[string][]answer{"a": {runs("v1"), runs("v1"), current}, "b": {current}, "c": {current}})
		res, err := c.Apply(t.Context(), change(), Check{Fleet: members, Prober: s, Policy: none})
		if err != nil || res.Attempts != 5 || res.Elapsed != 2*time.Minute || looks != 1 {
			t.Errorf("%d look-ups, %v\n%s", looks, err, res.Summary())
		}
	})
	if loaded(none, Endpoint{ID: "a"}, Endpoint{ID: "b"}, Endpoint{ID: "c"}).minMembers() != 1 {
		t.Error("an empty fleet would confirm")
	}
}

// TestEndlessGrace checks that an endless grace period lasts until all members have confirmed, and
// that the run then succeeds.
func TestEndlessGrace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSim(map[string][]answer{"a": {current}, "b": {runs("v1"), runs("v1"), current}})
		res := apply(t, s, Policy{Quorum: AtLeast(1), Grace: endless}, "a", "b")
		if !res.OK || res.Tally.Confirmed != 2 || res.Elapsed > 2*time.Second {
			t.Errorf("%s", res.Summary())
		}
	})
}

// TestTooManyInFlight checks that New refuses absurd values of MaxInFlight, because a run allocates
// channels of that size.
func TestTooManyInFlight(t *testing.T) {
	t.Parallel()
	_, err := New(redistest.Mini(t), Config{MaxInFlight: math.MaxInt})
	if !errors.Is(err, ErrInvalid) {
		t.Errorf("error %v", err)
	}
}

// TestManyRunsAtOnce checks that many concurrent runs on one client succeed unless they are
// canceled, and release all places.
func TestManyRunsAtOnce(t *testing.T) {
	t.Parallel()
	c, _ := testClient(t, Config{MaxInFlight: 7})
	target, err := c.Write(t.Context(), change())
	if err != nil {
		t.Fatal(err)
	}
	const all = 60
	done := make(chan *AckResult, all)
	for i := range all {
		go func() {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if i%3 == 0 {
				time.AfterFunc(time.Duration(i)*time.Millisecond/10, cancel)
			}
			clients := make(map[string][]answer)
			for _, id := range ids(40) {
				clients[id] = []answer{runs("v1"), fails(probe.KindDial), current}
			}
			res, _ := c.Confirm(ctx, target, Check{Fleet: fleetOf(ids(40)...), Prober: newSim(clients), Policy: Policy{
				Interval: Interval{Base: time.Millisecond}, NewDelays: func() Delays { return &backoff.ZeroBackOff{} },
			}})
			done <- res
		}()
	}
	for range all {
		if res := <-done; !res.OK && res.Reason != ReasonCanceled {
			t.Errorf("%s", res.Summary())
		}
	}
	if n := c.limiter.vacant(); n != 7 {
		t.Errorf("%d places are free of 7", n)
	}
}
