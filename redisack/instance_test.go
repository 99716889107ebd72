package redisack

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// instances answer with one id after the other, always behind.
func instances(names ...string) []answer {
	answers := make([]answer, len(names))
	for i, name := range names {
		answers[i] = func(_ context.Context, t Target) (Observation, error) {
			return Observation{Rev: t.Rev - 1, Instance: name}, nil
		}
	}
	return answers
}

// Two instances that answer by turns at the address of an endpoint which leaves the fleet and comes
// back.
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

// An endpoint's id that nobody answers to is reported, since it may be a slip of the pen as well as
// a replaced process.
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

// What an instance calls itself is made harmless in every row, whoever it stands for and however
// often it is asked.
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

// A claim to be ahead that was made at an old address says nothing about who answers at the new
// one.
func TestClaimAtAnOldAddress(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, mem := testClient(t, Config{})
		looks := 0
		mem.refuse = func(op string) error {
			if op != "head" {
				return nil
			}
			if looks++; looks == 1 { // the look at the claim lasts beyond the move, and finds what the claim says
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
