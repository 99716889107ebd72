package redisack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/cutover-go/cutover/redisack/internal/wire"
	"github.com/cutover-go/cutover/redisack/probe"
)

// TestReasons checks that every reason has a name, a class and, if a run can fail with it, its own
// sentinel.
func TestReasons(t *testing.T) {
	t.Parallel()
	names, sentinels := map[string]bool{}, map[error]bool{}
	for r := ReasonConfirmed; r <= ReasonCanceled; r++ {
		info := r.info()
		if info.name == "None" || names[info.name] || info.class == 0 || info.class.String() == "None" {
			t.Errorf("reason %d: %+v", r, info)
		}
		names[info.name] = true
		ofEndpoint := r == ReasonConfirmed || r == ReasonGone || r == ReasonPending
		if (info.sentinel == nil) != ofEndpoint || (info.sentinel != nil && sentinels[info.sentinel]) {
			t.Errorf("%v: sentinel %v", r, info.sentinel)
		}
		sentinels[info.sentinel] = true
		err := error(&AckError{Result: &AckResult{Reason: r}})
		for other := range sentinels {
			if other != nil && errors.Is(err, other) != errors.Is(info.sentinel, other) {
				t.Errorf("%v matches %v", r, other)
			}
		}
	}
	for k := probe.KindOther; k <= probe.KindBroken; k++ {
		if k.String() == "none" {
			t.Errorf("kind %d has no name", k)
		}
	}
}

// TestEveryReason makes runs end with each reason that ends a run, except ReasonCanceled, which
// TestCancel checks.
func TestEveryReason(t *testing.T) {
	t.Parallel()
	sim := func(answers ...answer) Prober { return newSim(map[string][]answer{"a": answers}) }
	short := Policy{Timeout: time.Second}
	overwrite := func(after time.Duration, edit func(*memory)) func(*memory) {
		return func(b *memory) { time.AfterFunc(after, func() { b.change(edit) }) }
	}
	newer := func(b *memory) {
		ch := Change{Key: "app:config", Version: "v3"}.complete()
		b.apply(writeRequest{Change: ch, sum: ch.sum()})
	}
	failover := func(b *memory) { b.head.Rev, b.head.WriteID, b.head.Recent = 1, "w1", b.head.Recent[:1] }
	failoverAndWrites := func(b *memory) {
		failover(b)
		newer(b)
	}
	cases := []struct {
		name    string
		change  Change
		check   Check
		prepare func(*memory)
		reason  Reason
		last    Reason
	}{
		{name: "confirmed", check: Check{Prober: sim(current)}, reason: ReasonConfirmed},
		{name: "timeout", check: Check{Prober: sim(blackHole), Policy: short}, reason: ReasonTimeout, last: ReasonEndpointError},
		{name: "mismatch", check: Check{Prober: sim(runs("v1")), Policy: Policy{MaxAttempts: 1}}, reason: ReasonMismatch, last: ReasonMismatch},
		{name: "endpoint", check: Check{Prober: sim(failsPermanently)}, reason: ReasonEndpointError, last: ReasonEndpointError},
		{name: "rejected", check: Check{Prober: sim(refuses("1"))}, reason: ReasonRejected, last: ReasonRejected},
		{
			name: "too few", reason: ReasonQuorumImpossible, last: ReasonGone,
			check: Check{
				Prober: sim(says(Observation{Rev: 2, Instance: "x"})), Policy: Policy{IgnoreJoiners: true},
			},
		},
		{
			name: "superseded, reported by a client", check: Check{Prober: sim(after(time.Second, atRev(1))), Policy: Policy{FirstAttemptTimeout: 2 * time.Second}},
			prepare: overwrite(500*time.Millisecond, newer), reason: ReasonSuperseded, last: ReasonSuperseded,
		},
		{
			name: "newer, reported by a client, with AcceptNewer", check: Check{Prober: sim(after(time.Second, atRev(1))), Policy: Policy{FirstAttemptTimeout: 2 * time.Second, AcceptNewer: true, MaxAttempts: 1}},
			prepare: overwrite(500*time.Millisecond, newer), reason: ReasonConfirmed,
		},
		{
			name: "ahead, by the caller's comparer", reason: ReasonSuperseded, last: ReasonSuperseded,
			check: Check{Prober: sim(runs("v9")), Policy: Policy{Compare: func(Target, Observation) Verdict { return VerdictAhead }}},
		},
		{
			name: "a newer revision that cannot be checked does not count", reason: ReasonMismatch, last: ReasonMismatch,
			check: Check{Prober: sim(atRev(1)), Policy: Policy{MaxAttempts: 1}},
			prepare: func(b *memory) {
				b.refuse = func(op string) error {
					if op == "head" {
						return errors.New("away")
					}
					return nil
				}
			},
		},
		{
			name: "superseded in the middle", check: Check{Prober: sim(runs("v1")), Policy: short},
			prepare: overwrite(500*time.Millisecond, newer), reason: ReasonSuperseded, last: ReasonTimeout,
		},
		{
			name: "superseded after all had confirmed", check: Check{Prober: sim(after(time.Second, current)), Policy: Policy{FirstAttemptTimeout: 2 * time.Second}},
			prepare: overwrite(500*time.Millisecond, newer), reason: ReasonSuperseded,
		},
		{
			name: "superseded, with AcceptNewer", check: Check{Prober: sim(after(time.Second, current)), Policy: Policy{FirstAttemptTimeout: 2 * time.Second, AcceptNewer: true}},
			prepare: overwrite(500*time.Millisecond, newer), reason: ReasonConfirmed,
		},
		{name: "conflict", change: Change{Key: "app:config", Version: "v2", IfRev: Exact(7)}, check: Check{Prober: sim(current)}, reason: ReasonConflict},
		{
			name: "fenced", change: Change{Key: "app:config", Version: "v2", Fence: "1"}, check: Check{Prober: sim(current)},
			prepare: func(b *memory) { b.head.Fence = "2" }, reason: ReasonFenced,
		},
		{name: "reused", change: Change{Key: "app:config", Version: "v1", Payload: []byte("x")}, check: Check{Prober: sim(current)}, reason: ReasonVersionReused},
		{
			name: "write failed", check: Check{Prober: sim(current)}, reason: ReasonWriteFailed,
			prepare: func(b *memory) { b.refuse = func(string) error { return errors.New("away") } },
		},
		{
			name: "write unknown", check: Check{Prober: sim(current)}, reason: ReasonWriteUnknown,
			prepare: func(b *memory) {
				b.refuse = func(op string) error {
					if op == "reply" {
						return errors.New("connection reset")
					}
					return nil
				}
			},
		},
		{
			name: "write lost", check: Check{Prober: sim(after(time.Second, current)), Policy: Policy{FirstAttemptTimeout: 2 * time.Second}},
			prepare: overwrite(500*time.Millisecond, failover), reason: ReasonWriteLost,
		},
		{
			name: "write lost, and another got its revision", check: Check{Prober: sim(after(time.Second, current)), Policy: Policy{FirstAttemptTimeout: 2 * time.Second, AcceptNewer: true}},
			prepare: overwrite(500*time.Millisecond, failoverAndWrites), reason: ReasonWriteLost,
		},
		{
			name: "write lost, and followed by others", check: Check{Prober: sim(after(time.Second, current)), Policy: Policy{FirstAttemptTimeout: 2 * time.Second}},
			prepare: overwrite(500*time.Millisecond, func(b *memory) {
				failoverAndWrites(b)
				ch := Change{Key: "app:config", Version: "v4"}.complete()
				b.apply(writeRequest{Change: ch, sum: ch.sum()})
			}), reason: ReasonWriteLost,
		},
		{
			name: "write lost, key flushed", check: Check{Prober: sim(after(time.Second, current)), Policy: Policy{FirstAttemptTimeout: 2 * time.Second}},
			prepare: overwrite(500*time.Millisecond, func(b *memory) { b.head, b.exists = wire.Head{}, false }), reason: ReasonWriteLost,
		},
		{
			name: "notify failed", check: Check{Prober: sim(current), Policy: Policy{RequireNotify: true}},
			prepare: func(b *memory) { b.denied = "NOPERM" }, reason: ReasonNotifyFailed,
		},
		{name: "no endpoints", check: Check{Fleet: Static(), Prober: sim(current)}, reason: ReasonNoEndpoints},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c, mem := testClient(t, Config{})
				if tc.prepare != nil {
					tc.prepare(mem)
				}
				if tc.change.Key == "" {
					tc.change = change()
				}
				if tc.check.Fleet == nil {
					tc.check.Fleet = fleetOf("a")
				}
				if tc.check.Policy.StartDelay == 0 {
					tc.check.Policy.StartDelay = 1
				}
				res, err := c.Apply(t.Context(), tc.change, tc.check)
				if res.Reason != tc.reason || res.Last != tc.last || res.OK != (tc.reason == ReasonConfirmed) {
					t.Fatalf("%v, last %v, want %v, %v\n%s", err, res.Last, tc.reason, tc.last, res.Summary())
				}
				if s := tc.reason.info().sentinel; s != nil && !errors.Is(err, s) {
					t.Errorf("%v does not match %v", err, s)
				}
				var we *WriteError
				if isWrite := res.Target.Outcome == 0 && tc.reason.Class() == ClassWrite; isWrite != errors.As(err, &we) {
					t.Errorf("%v: WriteError is %+v", err, we)
				}
			})
		})
	}
}

// TestLastReadOfTheHeadFails checks that if the head cannot be read at the end, there is a warning,
// the result does not change, and the run waits at most a second.
func TestLastReadOfTheHeadFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, mem := testClient(t, Config{})
		mem.refuse = func(op string) error {
			if op == "head" {
				time.Sleep(time.Hour)
			}
			return nil
		}
		s := newSim(map[string][]answer{"a": {current}})
		res, err := c.Apply(t.Context(), change(), Check{Fleet: fleetOf("a"), Prober: s, Policy: Policy{StartDelay: 1}})
		if err != nil || len(res.Warnings) != 1 || res.Elapsed > 1100*time.Millisecond {
			t.Errorf("%v, %v, warnings %q", err, res.Elapsed, res.Warnings)
		}
		time.Sleep(2 * time.Hour)
	})
}

func TestTargetAsJSON(t *testing.T) {
	t.Parallel()
	c, _ := testClient(t, Config{})
	target, err := c.Write(t.Context(), change())
	if err != nil {
		t.Fatal(err)
	}
	target.Rev = 9007199254740993
	text, err := json.Marshal(target)
	if err != nil {
		t.Fatal(err)
	}
	var back Target
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	if !back.WrittenAt.Equal(target.WrittenAt) {
		t.Errorf("%v became %v", target.WrittenAt, back.WrittenAt)
	}
	back.WrittenAt = target.WrittenAt
	if back != target {
		t.Errorf("%+v became %+v", target, back)
	}
}

// TestResultAsJSON checks that a result survives encoding and decoding.
func TestResultAsJSON(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSim(map[string][]answer{"a": {current}, "b": {fails(probe.KindDial)}, "c": {refuses("1")}})
		res := apply(t, s, Policy{Quorum: AtLeast(2), MaxAttempts: 2}, "a", "b", "c")
		text, err := json.Marshal(res)
		if err != nil {
			t.Fatal(err)
		}
		var back AckResult
		if err := json.Unmarshal(text, &back); err != nil {
			t.Fatal(err)
		}
		if again, err := json.Marshal(back); err != nil || string(again) != string(text) {
			t.Errorf("%v\n%s\n%s", err, text, again)
		}
		for _, part := range []string{`"reason":"Rejected"`, `"attempts":4`, `"elapsed":`, `"kind":"dial"`, `"outcome":"Written"`} {
			if !strings.Contains(string(text), part) {
				t.Errorf("%s is not in %s", part, text)
			}
		}
	})
}

// TestSummary checks that the summary of ten thousand failures has at most ten lines.
func TestSummary(t *testing.T) {
	t.Parallel()
	res := &AckResult{Reason: ReasonTimeout, Target: change().target(), Tally: Tally{Members: 10000}}
	for i := range 10000 {
		row := EndpointReport{ID: fmt.Sprint("c", i), Reason: ReasonEndpointError, Err: "dial: refused"}
		if i%3 == 0 {
			row.Err = fmt.Sprint("odd ", i)
		}
		res.Endpoints = append(res.Endpoints, row)
	}
	res.Endpoints = append(res.Endpoints, EndpointReport{ID: "ok", Reason: ReasonConfirmed}, EndpointReport{ID: "left", Reason: ReasonGone})
	text := res.Summary()
	if lines := strings.Count(text, "\n"); lines > 10 {
		t.Errorf("%d lines:\n%s", lines, text)
	}
	if !strings.Contains(text, "6666 EndpointError: dial: refused (c1, c2, c4, ...)") {
		t.Errorf("summary:\n%s", text)
	}
	if failed := slices.Collect(res.Failed()); len(failed) != 10000 {
		t.Errorf("%d failed", len(failed))
	}
	for range res.Failed() {
		break
	}
}

func (ch Change) target() Target { return Target{Key: ch.Key, Version: ch.Version} }

// TestHostileTexts checks that the strings of clients and probers are cleaned before they are
// reported.
func TestHostileTexts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		evil := "\x1b[31m\n" + strings.Repeat("x", 5000) + "\xff"
		s := newSim(map[string][]answer{
			"a": {says(Observation{Version: evil})},
			"b": {says(Observation{Version: "v1", Attempt: &Attempt{Version: "v2", Rejected: true, Error: evil}})},
			"c": {func(context.Context, Target) (Observation, error) { return Observation{}, errors.New(evil) }},
		})
		res := apply(t, s, Policy{Timeout: time.Second, Quorum: AtLeast(2)}, "a", "b", "c")
		for _, row := range res.Endpoints {
			if text := row.Version + row.Err; len(text) > 512 || strings.ContainsAny(text, "\x1b\n") || !utf8.ValidString(text) {
				t.Errorf("%s: %q", row.ID, text)
			}
		}
	})
}

// TestHooks checks that the hooks report each attempt, each endpoint with its final status, some
// progress, the write and the end.
func TestHooks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log []string
		var progress []Tally
		c, _ := testClient(t, Config{Hooks: Hooks{
			OnWrite:    func(t Target, err error) { log = append(log, fmt.Sprint("write ", t.Rev, err)) },
			OnAttempt:  func(a Attempted) { log = append(log, fmt.Sprint("attempt ", a.ID, a.Attempt, a.Verdict)) },
			OnEndpoint: func(_ Target, r EndpointReport) { log = append(log, fmt.Sprint("endpoint ", r.ID, r.Reason)) },
			OnProgress: func(_ Target, tally Tally) { progress = append(progress, tally) },
			OnDone:     func(r *AckResult) { log = append(log, fmt.Sprint("done ", r.Reason)) },
		}})
		s := newSim(map[string][]answer{"a": {runs("v1"), runs("v2")}})
		res, err := c.Apply(t.Context(), change(), Check{Fleet: fleetOf("a"), Prober: s})
		want := []string{
			"write 1 <nil>", "write 2 <nil>", "attempt a1 Different", "attempt a2 Match", "endpoint aConfirmed", "done Confirmed",
		}
		if err != nil || !slices.Equal(log, want) {
			t.Errorf("%v\n%q\n%q", err, log, want)
		}
		if n := len(progress); n == 0 || n > int(res.Elapsed/progressEvery)+2 || progress[n-1].Confirmed != 1 {
			t.Errorf("progress %+v", progress)
		}
	})
}

// TestSlowHook checks that a slow hook misses calls and does not delay the run.
func TestSlowHook(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const n = 3000
		c, _ := testClient(t, Config{Hooks: Hooks{OnAttempt: func(Attempted) { time.Sleep(time.Second) }}})
		clients := make(map[string][]answer)
		for _, id := range ids(n) {
			clients[id] = []answer{current}
		}
		res, err := c.Apply(t.Context(), change(), Check{Fleet: fleetOf(ids(n)...), Prober: newSim(clients)})
		if err != nil || res.Elapsed > time.Second || len(res.Warnings) != 1 || !strings.Contains(res.Warnings[0], "hooks") {
			t.Errorf("%v after %v, warnings %q", err, res.Elapsed, res.Warnings)
		}
		time.Sleep(2 * time.Hour)
	})
}
