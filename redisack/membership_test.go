package redisack

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// changing returns a fleet that returns the next list at each look-up, and finally repeats the last
// list.
func changing(looks ...func() ([]Endpoint, error)) Fleet {
	n := 0
	return FleetFunc(func(context.Context) ([]Endpoint, error) {
		look := looks[min(n, len(looks)-1)]
		n++
		return look()
	})
}

func list(ids ...string) func() ([]Endpoint, error) {
	var members []Endpoint
	for _, id := range ids {
		id, url, _ := strings.Cut(id, "@")
		members = append(members, Endpoint{ID: id, URL: url})
	}
	return func() ([]Endpoint, error) { return slices.Clone(members), nil }
}

func TestMembership(t *testing.T) {
	t.Parallel()
	away := func() ([]Endpoint, error) { return nil, errors.New("registry is down") }
	stale := []answer{runs("v1")}
	instance := func(id string) []answer {
		return []answer{func(_ context.Context, t Target) (Observation, error) {
			return Observation{Rev: t.Rev, Instance: id}, nil
		}}
	}
	older := func(id string) []answer {
		return []answer{func(_ context.Context, t Target) (Observation, error) {
			return Observation{Rev: t.Rev - 1, Instance: id}, nil
		}}
	}
	ok, late := []answer{current}, []answer{after(200*time.Millisecond, runs("v1")), current}
	cases := map[string]struct {
		fleet    Fleet
		clients  map[string][]answer
		policy   Policy
		reason   Reason
		tally    Tally
		rows     map[string]Reason
		warnings int
		attempts map[string]int
	}{
		"a joiner has to confirm as well": {
			fleet:   changing(list("a", "b"), list("a", "b", "c")),
			clients: map[string][]answer{"a": ok, "b": {runs("v1"), runs("v1"), runs("v1"), runs("v1"), runs("v1"), current}, "c": {runs("v1"), runs("v1"), current}},
			policy:  Policy{RefreshEvery: time.Second}, reason: ReasonConfirmed, tally: Tally{Members: 3, Confirmed: 3},
		},
		"a joiner that never confirms": {
			fleet:   changing(list("a", "b"), list("a", "b", "c")),
			clients: map[string][]answer{"a": ok, "b": {runs("v1"), runs("v1"), runs("v1"), runs("v1"), runs("v1"), current}, "c": stale},
			policy:  Policy{RefreshEvery: time.Second}, reason: ReasonTimeout, tally: Tally{Members: 3, Confirmed: 2, Different: 1},
		},
		"joiners are ignored with IgnoreJoiners": {
			fleet:   changing(list("a", "b"), list("a", "b", "c")),
			clients: map[string][]answer{"a": ok, "b": {runs("v1"), runs("v1"), runs("v1"), runs("v1"), runs("v1"), current}, "c": stale},
			policy:  Policy{RefreshEvery: time.Second, IgnoreJoiners: true}, reason: ReasonConfirmed, tally: Tally{Members: 2, Confirmed: 2},
		},
		"a leaver leaves the base": {
			fleet:   changing(list("a", "b", "c"), list("a", "b")),
			clients: map[string][]answer{"a": ok, "b": ok, "c": stale},
			policy:  Policy{RefreshEvery: time.Second}, reason: ReasonConfirmed, tally: Tally{Members: 2, Confirmed: 2, Gone: 1},
			rows: map[string]Reason{"c": ReasonGone},
		},
		"a leaver never counts, although it had confirmed": {
			fleet:   changing(list("a", "b", "c", "d"), list("c", "d")),
			clients: map[string][]answer{"a": ok, "b": ok, "c": stale, "d": stale},
			policy:  Policy{RefreshEvery: time.Second, Quorum: AtLeast(3), Timeout: 5 * time.Second},
			reason:  ReasonTimeout, tally: Tally{Members: 2, Different: 2, Gone: 2},
			rows: map[string]Reason{"a": ReasonGone, "b": ReasonGone},
		},
		"a shrunken fleet cannot confirm": {
			fleet:   changing(list("a", "b", "c", "d", "e"), list("a", "b")),
			clients: map[string][]answer{"a": ok, "b": ok, "c": stale, "d": stale, "e": stale},
			policy:  Policy{RefreshEvery: time.Second, Timeout: 5 * time.Second},
			reason:  ReasonTimeout, tally: Tally{Members: 2, Confirmed: 2, Gone: 3},
		},
		"a shrunken fleet can confirm with a low MinMembers": {
			fleet:   changing(list("a", "b", "c", "d", "e"), list("a", "b")),
			clients: map[string][]answer{"a": ok, "b": ok, "c": stale, "d": stale, "e": stale},
			policy:  Policy{RefreshEvery: time.Second, MinMembers: 1},
			reason:  ReasonConfirmed, tally: Tally{Members: 2, Confirmed: 2, Gone: 3},
		},
		"an empty list leaves no members, which is not a success": {
			fleet:   changing(list("a", "b"), list()),
			clients: map[string][]answer{"a": ok, "b": stale},
			policy:  Policy{RefreshEvery: time.Second, Timeout: 5 * time.Second},
			reason:  ReasonTimeout, tally: Tally{Gone: 2},
		},
		"a failed look-up keeps the list and is reported": {
			fleet:   changing(list("a", "b"), away, list("a", "b")),
			clients: map[string][]answer{"a": ok, "b": {runs("v1"), runs("v1"), runs("v1"), runs("v1"), runs("v1"), current}},
			policy:  Policy{RefreshEvery: time.Second}, reason: ReasonConfirmed, tally: Tally{Members: 2, Confirmed: 2}, warnings: 1,
		},
		"an invalid list is a failed look-up": {
			fleet:   changing(list("a", "b"), list("a", "a"), list("a", "b")),
			clients: map[string][]answer{"a": ok, "b": {runs("v1"), runs("v1"), runs("v1"), runs("v1"), runs("v1"), current}},
			policy:  Policy{RefreshEvery: time.Second}, reason: ReasonConfirmed, tally: Tally{Members: 2, Confirmed: 2}, warnings: 1,
		},
		"a look-up that panics": {
			fleet:   changing(list("a", "b"), func() ([]Endpoint, error) { panic("boom") }, list("a", "b")),
			clients: map[string][]answer{"a": ok, "b": {runs("v1"), runs("v1"), runs("v1"), runs("v1"), runs("v1"), current}},
			policy:  Policy{RefreshEvery: time.Second}, reason: ReasonConfirmed, tally: Tally{Members: 2, Confirmed: 2}, warnings: 1,
		},
		"a moved member confirms again": {
			fleet:   changing(list("a@1", "b@1"), list("a@2", "b@1")),
			clients: map[string][]answer{"a": {current, runs("v1"), current}, "b": {runs("v1"), runs("v1"), runs("v1"), runs("v1"), runs("v1"), current}},
			policy:  Policy{RefreshEvery: time.Second}, reason: ReasonConfirmed, tally: Tally{Members: 2, Confirmed: 2},
			rows: map[string]Reason{"a": ReasonConfirmed}, attempts: map[string]int{"a": 3},
		},
		"a stranger at a member's address is a joiner; the member is gone": {
			fleet:   fleetOf("a", "b"),
			clients: map[string][]answer{"a": instance("x"), "b": late, "x": instance("x")},
			reason:  ReasonConfirmed, tally: Tally{Members: 2, Confirmed: 2, Gone: 1},
			rows:     map[string]Reason{"a": ReasonGone, "x": ReasonConfirmed},
			warnings: 1,
		},
		"a stranger does not count if joiners are ignored": {
			fleet:   fleetOf("a", "b", "c"),
			clients: map[string][]answer{"a": {after(100*time.Millisecond, instance("x")[0])}, "b": late, "c": ok},
			policy:  Policy{IgnoreJoiners: true, MinMembers: 3, Timeout: 5 * time.Second},
			reason:  ReasonQuorumImpossible, tally: Tally{Members: 2, Confirmed: 1, Gone: 1, Pending: 1},
			warnings: 1,
		},
		"a stranger stays although the fleet does not know of it": {
			fleet:   changing(list("a", "b")),
			clients: map[string][]answer{"a": instance("x"), "b": {runs("v1"), runs("v1"), runs("v1"), runs("v1"), runs("v1"), runs("v1"), runs("v1"), current}, "x": instance("x")},
			policy:  Policy{RefreshEvery: 500 * time.Millisecond}, reason: ReasonConfirmed, tally: Tally{Members: 2, Confirmed: 2, Gone: 1},
			warnings: 1,
		},
		"a stranger in a stranger's place": {
			fleet: changing(list("a", "b")),
			clients: map[string][]answer{
				"a": older("x"), "b": ok, "x": older("y"), "y": {older("y")[0], older("y")[0], older("y")[0], older("y")[0], instance("y")[0]},
			},
			policy: Policy{RefreshEvery: 300 * time.Millisecond}, reason: ReasonConfirmed, tally: Tally{Members: 2, Confirmed: 2, Gone: 2},
			rows:     map[string]Reason{"y": ReasonConfirmed},
			warnings: 2,
		},
		"one instance does not stand for two members": {
			fleet:   fleetOf("a", "b"),
			clients: map[string][]answer{"a": instance("a"), "b": instance("a")},
			policy:  Policy{Timeout: 3 * time.Second}, reason: ReasonTimeout, tally: Tally{Members: 2, Confirmed: 1, Errored: 1},
			rows: map[string]Reason{"b": ReasonEndpointError},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c, _ := testClient(t, Config{})
				tc.policy.StartDelay = 1
				tc.policy.Interval = Interval{Base: 250 * time.Millisecond, Growth: 1}
				res, _ := c.Apply(t.Context(), change(), Check{Fleet: tc.fleet, Prober: newSim(tc.clients), Policy: tc.policy})
				res.Tally.ByVersion = nil
				if res.Reason != tc.reason || fmt.Sprint(res.Tally) != fmt.Sprint(tc.tally) || len(res.Warnings) != tc.warnings {
					t.Errorf("%v, %+v, warnings %q; want %v, %+v, %d\n%s",
						res.Reason, res.Tally, res.Warnings, tc.reason, tc.tally, tc.warnings, res.Summary())
				}
				for id, n := range tc.attempts {
					if got := row(t, res, id).Attempts; got != n {
						t.Errorf("%s: %d attempts, want %d", id, got, n)
					}
				}
				for id, reason := range tc.rows {
					if got := row(t, res, id).Reason; got != reason {
						t.Errorf("%s: %v, want %v", id, got, reason)
					}
				}
			})
		})
	}
}

// TestLearnedInstances checks that endpoints without an ID learn which instance answers, and that
// one process behind two URLs counts once.
func TestLearnedInstances(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, _ := testClient(t, Config{})
		prober := ProberFunc(func(_ context.Context, ep Endpoint, target Target) (Observation, error) {
			id := map[string]string{"http://1": "x", "http://2": "x", "http://3": "y"}[ep.URL]
			return Observation{Rev: target.Rev, Instance: id}, nil
		})
		res, err := c.Apply(t.Context(), change(), Check{
			Fleet: URLs("http://1", "http://2", "http://3"), Prober: prober, Policy: Policy{Timeout: 2 * time.Second},
		})
		if !errors.Is(err, ErrTimeout) || res.Last != ReasonEndpointError || res.Tally.Confirmed != 2 {
			t.Errorf("%v\n%s", err, res.Summary())
		}
	})
}

// TestNamesFromURLs checks that no report contains the secret parts of a URL, and that endpoints
// whose names would then be equal get different names.
func TestNamesFromURLs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, _ := testClient(t, Config{})
		res, err := c.Apply(t.Context(), change(), Check{
			Fleet: URLs("http://h/s?token=secret1", "http://h/s?token=secret2#x"),
			Prober: ProberFunc(func(_ context.Context, _ Endpoint, target Target) (Observation, error) {
				return current(t.Context(), target)
			}),
		})
		if err != nil || res.Endpoints[0].ID != "http://h/s" || res.Endpoints[1].ID != "http://h/s#2" {
			t.Errorf("%+v, %v", res.Endpoints, err)
		}
		if text := fmt.Sprintf("%+v %s", res, res.Summary()); strings.Contains(text, "secret") {
			t.Error("the result contains a secret")
		}
	})
}
