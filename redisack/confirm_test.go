package redisack

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cutover-go/cutover/redisack/probe"
)

// outcome is the expected result of a case.
type outcome struct {
	reason, last Reason
	confirmed    int
	attempts     map[string]int
	rows         map[string]Reason
	within       time.Duration // maximum duration of the run; 0 for none
}

func TestConfirm(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		clients map[string][]answer
		policy  Policy
		want    outcome
	}{
		"all confirm at once": {
			clients: map[string][]answer{"a": {current}, "b": {current}},
			want:    outcome{reason: ReasonConfirmed, confirmed: 2, attempts: map[string]int{"a": 1, "b": 1}},
		},
		"old version three times and then new": {
			clients: map[string][]answer{"a": {runs("v1"), runs("v1"), runs("v1"), runs("v2")}},
			want:    outcome{reason: ReasonConfirmed, confirmed: 1, attempts: map[string]int{"a": 4}, within: 2 * time.Second},
		},
		"the second of two stays stale; the first is not asked again": {
			clients: map[string][]answer{"a": {current}, "b": {runs("v1")}},
			policy:  Policy{Timeout: 5 * time.Second},
			want: outcome{
				reason: ReasonTimeout, last: ReasonMismatch, confirmed: 1, attempts: map[string]int{"a": 1},
				rows: map[string]Reason{"a": ReasonConfirmed, "b": ReasonMismatch},
			},
		},
		"a rejection ends the run at once": {
			clients: map[string][]answer{"a": {runs("v1")}, "b": {refuses("x")}},
			want: outcome{
				reason: ReasonRejected, last: ReasonRejected, attempts: map[string]int{"b": 1},
				rows: map[string]Reason{"b": ReasonRejected}, within: time.Second,
			},
		},
		"a rejection does not matter if the quorum can do without": {
			clients: map[string][]answer{"a": {runs("v1"), current}, "b": {refuses("x")}, "c": {current}},
			policy:  Policy{Quorum: AtLeast(2)},
			want:    outcome{reason: ReasonConfirmed, confirmed: 2, attempts: map[string]int{"b": 1}},
		},
		"a newer revision that Redis does not know is from before a failover": {
			clients: map[string][]answer{"a": {atRev(1), atRev(1), current}},
			want:    outcome{reason: ReasonConfirmed, confirmed: 1, attempts: map[string]int{"a": 3}},
		},
		"an unknown newer revision is not accepted with AcceptNewer": {
			clients: map[string][]answer{"a": {atRev(1)}},
			policy:  Policy{AcceptNewer: true, MaxAttempts: 2},
			want:    outcome{reason: ReasonMismatch, last: ReasonMismatch, attempts: map[string]int{"a": 2}},
		},
		"a permanent error makes All impossible at once": {
			clients: map[string][]answer{"a": {runs("v1")}, "b": {failsPermanently}},
			want: outcome{
				reason: ReasonEndpointError, last: ReasonEndpointError, attempts: map[string]int{"b": 1}, within: time.Second,
			},
		},
		"attempts used up on another version": {
			clients: map[string][]answer{"a": {runs("v1")}},
			policy:  Policy{MaxAttempts: 3},
			want:    outcome{reason: ReasonMismatch, last: ReasonMismatch, attempts: map[string]int{"a": 3}},
		},
		"attempts used up on errors": {
			clients: map[string][]answer{"a": {fails(probe.KindDial)}},
			policy:  Policy{MaxAttempts: 3},
			want:    outcome{reason: ReasonEndpointError, last: ReasonEndpointError, attempts: map[string]int{"a": 3}},
		},
		"an error is retried": {
			clients: map[string][]answer{"a": {fails(probe.KindDial), fails(probe.KindStatus), current}},
			want:    outcome{reason: ReasonConfirmed, confirmed: 1, attempts: map[string]int{"a": 3}},
		},
		"no version is an error and never a match": {
			clients: map[string][]answer{"a": {says(Observation{})}},
			policy:  Policy{Timeout: 2 * time.Second},
			want: outcome{
				reason: ReasonTimeout, last: ReasonEndpointError, rows: map[string]Reason{"a": ReasonEndpointError},
			},
		},
		"a deadline shorter than one slow answer": {
			clients: map[string][]answer{"a": {after(time.Minute, current)}},
			policy:  Policy{Timeout: 300 * time.Millisecond, FirstAttemptTimeout: 2 * time.Second},
			want:    outcome{reason: ReasonTimeout, last: ReasonEndpointError, within: 300 * time.Millisecond},
		},
		"a panic in the prober is an endpoint error": {
			clients: map[string][]answer{"a": {panics, current}},
			want:    outcome{reason: ReasonConfirmed, confirmed: 1, attempts: map[string]int{"a": 2}},
		},
		"a prober that hangs does not delay the others": {
			clients: map[string][]answer{"a": {hangs(time.Hour)}, "b": {current}},
			policy:  Policy{Timeout: 3 * time.Second, Quorum: AtLeast(1), Grace: time.Hour},
			want: outcome{
				reason: ReasonConfirmed, confirmed: 1, attempts: map[string]int{"a": 1}, within: 3200 * time.Millisecond,
			},
		},
		"members that confirm in the grace count": {
			clients: map[string][]answer{"a": {current}, "b": {runs("v1"), current}},
			policy:  Policy{Quorum: AtLeast(1), Grace: time.Second},
			want:    outcome{reason: ReasonConfirmed, confirmed: 2, within: time.Second},
		},
		"members that have not confirmed after the grace are pending": {
			clients: map[string][]answer{"a": {current}, "b": {runs("v1")}},
			policy:  Policy{Quorum: AtLeast(1), Grace: time.Second},
			want: outcome{
				reason: ReasonConfirmed, confirmed: 1, rows: map[string]Reason{"b": ReasonPending}, within: 1300 * time.Millisecond,
			},
		},
		"stability begins anew after a restart": {
			clients: map[string][]answer{"a": {booted("1"), booted("1"), booted("2")}},
			policy:  Policy{Stable: Stability{Count: 3}},
			want:    outcome{reason: ReasonConfirmed, confirmed: 1, attempts: map[string]int{"a": 5}},
		},
		"stability begins anew after another answer": {
			clients: map[string][]answer{"a": {current, runs("v1"), current}},
			policy:  Policy{Stable: Stability{Count: 2}},
			want:    outcome{reason: ReasonConfirmed, confirmed: 1, attempts: map[string]int{"a": 4}},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				sim := newSim(tc.clients)
				c, _ := testClient(t, Config{})
				began := time.Now()
				var names []string
				for _, id := range []string{"a", "b", "c"} {
					if tc.clients[id] != nil {
						names = append(names, id)
					}
				}
				tc.policy.StartDelay = time.Nanosecond
				res, err := c.Apply(t.Context(), change(), Check{Fleet: fleetOf(names...), Prober: sim, Policy: tc.policy})
				took := time.Since(began)
				verify(t, sim, res, err, took, tc.want)
				time.Sleep(2 * time.Hour) // until the hanging prober has returned
			})
		})
	}
}

func verify(t *testing.T, sim *sim, res *AckResult, err error, took time.Duration, want outcome) {
	t.Helper()
	if res.Reason != want.reason || res.Last != want.last || res.Tally.Confirmed != want.confirmed {
		t.Errorf("reason %v, last %v, %d confirmed; want %v, %v, %d\n%s",
			res.Reason, res.Last, res.Tally.Confirmed, want.reason, want.last, want.confirmed, res.Summary())
	}
	if res.OK != (want.reason == ReasonConfirmed) || (err == nil) != res.OK {
		t.Errorf("OK is %v, error %v", res.OK, err)
	}
	if sentinel := want.reason.info().sentinel; sentinel != nil && !errors.Is(err, sentinel) {
		t.Errorf("error %v does not match %v", err, sentinel)
	}
	for id, n := range want.attempts {
		if got := row(t, res, id).Attempts; got != n || sim.count(id) != n {
			t.Errorf("%s: %d attempts reported, asked %d times; want %d", id, got, sim.count(id), n)
		}
	}
	for id, reason := range want.rows {
		if got := row(t, res, id).Reason; got != reason {
			t.Errorf("%s: %v, want %v", id, got, reason)
		}
	}
	if want.within > 0 && took > want.within {
		t.Errorf("took %v, want at most %v", took, want.within)
	}
	if res.Elapsed > took || res.Elapsed < 0 {
		t.Errorf("elapsed %v of %v", res.Elapsed, took)
	}
	total := 0
	for _, row := range res.Endpoints {
		total += row.Attempts
	}
	if total != res.Attempts {
		t.Errorf("%d attempts, the rows have %d", res.Attempts, total)
	}
}
