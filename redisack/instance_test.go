package redisack

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// instances returns one answer per name: the instance of that name answers, and is behind the
// target.
func instances(names ...string) []answer {
	answers := make([]answer, len(names))
	for i, name := range names {
		answers[i] = func(_ context.Context, t Target) (Observation, error) {
			return Observation{Rev: t.Rev - 1, Instance: name}, nil
		}
	}
	return answers
}

// TestStrangersByTurns has two instances answer in turn at the address of an endpoint that leaves
// the fleet and comes back. The run must end with a timeout.
func TestStrangersByTurns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, _ := testClient(t, Config{})
		s := newSim(map[string][]answer{
			"a": instances("x"), "x": instances("y", "x"), "y": instances("x"), "b": {runs("v1")},
		})
		res, _ := c.Apply(t.Context(), change(), Check{
			Fleet:  changing(list("a", "b"), list("b"), list("a", "b")),
			Prober: s,
			Policy: Policy{RefreshEvery: 5 * time.Second, Timeout: 20 * time.Second, MinMembers: 1},
		})
		if res.Reason != ReasonTimeout {
			t.Errorf("%s", res.Summary())
		}
	})
}

// TestStrangerIsReported checks that there is a warning if the instance that answers has an ID
// other than that of the endpoint, because the ID may be misspelt or the process replaced.
func TestStrangerIsReported(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSim(map[string][]answer{"wrong": {func(_ context.Context, t Target) (Observation, error) {
			return Observation{Rev: t.Rev, Instance: "c0"}, nil
		}}})
		res := apply(t, s, Policy{}, "wrong")
		if !res.OK || len(res.Warnings) != 1 || !strings.Contains(res.Warnings[0], "wrong") || !strings.Contains(res.Warnings[0], "c0") {
			t.Errorf("%s%q", res.Summary(), res.Warnings)
		}
	})
}

// TestHostileInstances checks that the name that an instance reports is cleaned in every row, for a
// member without an ID as well as for an instance that joins in place of a member.
func TestHostileInstances(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		evil := "\x1b[31m\n" + strings.Repeat("i", 5000)
		c, _ := testClient(t, Config{})
		prober := ProberFunc(func(_ context.Context, ep Endpoint, t Target) (Observation, error) {
			return Observation{Rev: t.Rev - 1, Instance: evil + ep.URL}, nil
		})
		res, _ := c.Apply(t.Context(), change(), Check{
			Fleet: Static(Endpoint{URL: "http://u"}, Endpoint{ID: "a", URL: "http://a"}), Prober: prober,
			Policy: Policy{Timeout: 3 * time.Second},
		})
		if res.Tally.Members != 2 || res.Tally.Gone != 1 {
			t.Errorf("%s", res.Summary())
		}
		for _, row := range res.Endpoints {
			if text := row.ID + row.Instance; len(text) > 2*maxVersion || strings.ContainsAny(text, "\x1b\n") {
				t.Errorf("%q", text)
			}
		}
	})
}

// TestClaimAtAnOldAddress checks that a report of a newer revision from an old address does not
// count for the process at the new address.
func TestClaimAtAnOldAddress(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, mem := testClient(t, Config{})
		looks := 0
		mem.refuse = func(op string) error {
			if op != "head" {
				return nil
			}
			if looks++; looks == 1 { // this read of the head ends after the move, and finds the reported revision
				time.Sleep(2 * time.Second)
				mem.change(func(b *memory) { b.head.Rev++ })
				time.AfterFunc(time.Second, func() { mem.change(func(b *memory) { b.head.Rev-- }) })
			}
			return nil
		}
		s := newSim(map[string][]answer{"a": {atRev(1), after(5*time.Second, current)}})
		res, err := c.Apply(t.Context(), change(), Check{
			Fleet: changing(list("a@1"), list("a@2")), Prober: s,
			Policy: Policy{RefreshEvery: time.Second, AttemptTimeout: 10 * time.Second, FirstAttemptTimeout: 10 * time.Second},
		})
		if err != nil || res.Attempts != 2 {
			t.Errorf("%s", res.Summary())
		}
	})
}
