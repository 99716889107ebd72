package redisack

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/redisack/httpprobe"
)

// untouched returns a client that fails the test if it uses Redis.
func untouched(t *testing.T) *Client {
	t.Helper()
	mem := &memory{refuse: func(op string) error {
		t.Errorf("%s although the input is invalid", op)
		return errors.New("no")
	}}
	return newClient(memoryBackend{mem}, Config{})
}

// TestValidation checks that every fault is named, before anything is written.
func TestValidation(t *testing.T) {
	t.Parallel()
	good := Change{Key: "k", Version: "v1"}
	check := func(f Fleet) Check { return Check{Fleet: f, Prober: newSim(nil)} }
	http := func(urls ...string) Check {
		return Check{Fleet: URLs(urls...), Prober: overHTTP(t, httpprobe.Config{})}
	}
	policy := func(p Policy) Check { return Check{Fleet: fleetOf("a", "b"), Prober: newSim(nil), Policy: p} }
	cases := map[string]struct {
		change Change
		check  Check
		faults []string
	}{
		"zero values": {Change{}, Check{}, []string{"Key", "Version", "Check.Fleet", "Check.Prober"}},
		"a tag only":  {Change{Key: "{k}", Version: "v1"}, check(fleetOf("a")), []string{"Key"}},
		"change": {
			Change{Key: "a}b", Field: "{", Version: " v\n", WriteID: "a b", Fence: "x", TTL: -1, IfRev: Exact(0)},
			check(fleetOf("a")),
			[]string{"Key", "Field", "Version", "Version", "Change.WriteID", "Change.Fence", "Change.TTL", "Change.TTL", "Change.IfRev"},
		},
		"too long": {
			Change{Key: "k", Version: strings.Repeat("v", 257), WriteID: strings.Repeat("w", 65), Fence: strings.Repeat("1", 65), TTL: 1},
			check(fleetOf("a")),
			[]string{"Version", "Change.WriteID", "Change.Fence", "Change.TTL"},
		},
		"duplicate and nameless": {good, check(Static(Endpoint{ID: "a"}, Endpoint{ID: "a"}, Endpoint{})), []string{"Fleet[1]", "Fleet[2]"}},
		"duplicate URL":          {good, http("http://h/s", "http://h/s"), []string{"Fleet[1]"}},
		"bad URLs": {
			good, http("http://u:p@h/", "ftp://h/", "http:///x", "::", "http://h/\n", "http://h/"+strings.Repeat("x", 5000), "http://ok/"),
			[]string{"Fleet[0]", "Fleet[1]", "Fleet[2]", "Fleet[3]", "Fleet[4]", "Fleet[5]"},
		},
		"quorum larger than the fleet": {good, policy(Policy{Quorum: AtLeast(3)}), []string{"Policy.Quorum"}},
		"quorum of nothing":            {good, policy(Policy{Quorum: AtLeast(0)}), []string{"Policy.Quorum"}},
		"percent":                      {good, policy(Policy{Quorum: Every(Percent(0), Percent(101))}), []string{"Policy.Quorum", "Policy.Quorum"}},
		"every without quorums":        {good, policy(Policy{Quorum: Every()}), []string{"Policy.Quorum"}},
		"nil in every":                 {good, policy(Policy{Quorum: Every(nil, PerGroup(nil))}), []string{"Policy.Quorum", "Policy.Quorum"}},
		"group in group":               {good, policy(Policy{Quorum: PerGroup(PerGroup(All()))}), []string{"Policy.Quorum"}},
		"group in every in group":      {good, policy(Policy{Quorum: PerGroup(Every(AtLeast(1), Every(PerGroup(All()))))}), []string{"Policy.Quorum"}},
		"push without ID and prober": {
			good, Check{Fleet: Static(Endpoint{ID: "a"}, Endpoint{URL: "http://h"}), Push: true}, []string{"Fleet[1]"},
		},
		"more than a group has":       {good, policy(Policy{Quorum: PerGroup(AtLeast(3))}), []string{"Policy.Quorum"}},
		"more members than there are": {good, policy(Policy{MinMembers: 3}), []string{"Policy.MinMembers"}},
		"negative": {
			good,
			policy(Policy{
				AttemptTimeout: -1, FirstAttemptTimeout: -1, Interval: Interval{Base: -1, Max: -2, Growth: -1, Jitter: 1},
				Stable: Stability{Count: -1, For: -1}, Rollback: 9,
			}),
			[]string{
				"Policy.AttemptTimeout", "Policy.FirstAttemptTimeout", "Policy.Interval.Base", "Policy.Interval.Max",
				"Policy.Stable.For", "Policy.Stable.Count", "Policy.Interval.Growth", "Policy.Interval.Jitter", "Policy.Rollback",
			},
		},
		"nil prober": {good, Check{Fleet: fleetOf("a"), Prober: (*httpprobe.Prober)(nil)}, []string{"Check.Prober"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			res, err := untouched(t).Apply(t.Context(), tc.change, tc.check)
			var ve *InvalidError
			if res != nil || !errors.Is(err, ErrInvalid) || !errors.As(err, &ve) {
				t.Fatalf("%v, %v", res, err)
			}
			var got []string
			for _, fault := range ve.Faults {
				got = append(got, fault.Field)
			}
			if !slices.Equal(got, tc.faults) {
				t.Errorf("faults %v\nwant %v\n%v", got, tc.faults, err)
			}
		})
	}
}

func TestBadClient(t *testing.T) {
	t.Parallel()
	ring := redis.NewRing(&redis.RingOptions{Addrs: map[string]string{"a": "127.0.0.1:1"}})
	defer func() { _ = ring.Close() }()
	for name, tc := range map[string]struct {
		rdb    redis.UniversalClient
		cfg    Config
		faults int
	}{
		"nil": {nil, Config{}, 1}, "nil pointer": {(*redis.Client)(nil), Config{}, 1}, "ring": {ring, Config{}, 1},
		"everything": {nil, Config{MaxInFlight: -1, WriteTimeout: -time.Second}, 3},
		"in flight":  {ring, Config{MaxInFlight: math.MaxInt}, 2},
	} {
		c, err := New(tc.rdb, tc.cfg)
		var invalid *InvalidError
		if c != nil || !errors.Is(err, ErrInvalid) || !errors.As(err, &invalid) || len(invalid.Faults) != tc.faults {
			t.Errorf("%s: %v, %v", name, c, err)
		}
	}
}

// TestEmptyFleet checks that an empty fleet, or a failed look-up, is an error before the write, and
// that AllowEmpty allows an empty fleet.
func TestEmptyFleet(t *testing.T) {
	t.Parallel()
	prober := newSim(nil)
	lost := errors.New("registry is down")
	for name, f := range map[string]Fleet{
		"no members": Static(),
		"no list":    FleetFunc(func(context.Context) ([]Endpoint, error) { return nil, lost }),
		"panic":      FleetFunc(func(context.Context) ([]Endpoint, error) { panic("boom") }),
	} {
		res, err := untouched(t).Apply(t.Context(), change(), Check{Fleet: f, Prober: prober})
		if !errors.Is(err, ErrNoEndpoints) || res == nil || res.Reason != ReasonNoEndpoints {
			t.Errorf("%s: %v", name, err)
		}
		if name == "no list" && !errors.Is(err, lost) {
			t.Errorf("the cause is lost: %v", err)
		}
		if name == "panic" && (!strings.Contains(err.Error(), "panic: boom") || errors.Is(err, ErrEndpoint)) {
			t.Errorf("the error of a fleet that panics: %v", err)
		}
	}
	c, _ := testClient(t, Config{})
	res, err := c.Apply(t.Context(), change(), Check{Fleet: Static(), Prober: prober, Policy: Policy{AllowEmpty: true}})
	if err != nil || !res.OK || res.Tally.Members != 0 {
		t.Errorf("allowed: %+v, %v", res, err)
	}
}

func TestShardedChannel(t *testing.T) {
	t.Parallel()
	c := newClient(memoryBackend{new(memory)}, Config{Sharded: true})
	for channel, ok := range map[string]bool{"": true, "{k}:mine": true, "k": true, "mine": false, "{j}:mine": false} {
		_, err := c.Write(t.Context(), Change{Key: "k", Version: "v" + channel, Channel: channel})
		if errors.Is(err, ErrInvalid) == ok {
			t.Errorf("channel %q: %v", channel, err)
		}
	}
}
