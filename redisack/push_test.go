package redisack

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/redisack/internal/wire"
)

// acking sends acknowledgements after d.
func acking(mem *memory, d time.Duration, acks ...func(wire.Head) wire.Ack) {
	time.AfterFunc(d, func() {
		head, _ := mem.snapshot()
		for _, ack := range acks {
			mem.ack(ack(head))
		}
	})
}

func ackOf(instance string) func(wire.Head) wire.Ack {
	return func(h wire.Head) wire.Ack {
		return wire.Ack{Instance: instance, Boot: "1", Rev: h.Rev, Version: h.Version, WriteID: h.WriteID, State: wire.StateApplied}
	}
}

func with(f func(wire.Head) wire.Ack, edit func(*wire.Ack)) func(wire.Head) wire.Ack {
	return func(h wire.Head) wire.Ack {
		ack := f(h)
		edit(&ack)
		return ack
	}
}

func rejectedAck(boot string) func(*wire.Ack) {
	return func(a *wire.Ack) { a.State, a.Boot, a.Error = wire.StateRejected, boot, "bad" }
}

func TestPush(t *testing.T) {
	t.Parallel()
	older := func(a *wire.Ack) { a.Rev-- }
	newer := func(a *wire.Ack) { a.Rev++ }
	forged := func(a *wire.Ack) { a.WriteID = "other" }
	cases := map[string]struct {
		acks    []func(wire.Head) wire.Ack
		second  []func(wire.Head) wire.Ack // sent a second later
		policy  Policy
		reason  Reason
		tally   Tally
		within  time.Duration
		prepare func(*memory)
		warned  bool
	}{
		"all members push": {
			acks: []func(wire.Head) wire.Ack{ackOf("a"), ackOf("b")}, reason: ReasonConfirmed,
			tally: Tally{Members: 2, Confirmed: 2}, within: time.Second + 2*memoryAckWait,
		},
		"two acknowledgements of one member count once": {
			acks: []func(wire.Head) wire.Ack{ackOf("a"), ackOf("a")}, reason: ReasonTimeout, tally: Tally{Members: 2, Confirmed: 1, Pending: 1},
		},
		"strangers are counted separately": {
			acks: []func(wire.Head) wire.Ack{ackOf("x"), ackOf("y")}, reason: ReasonTimeout,
			tally: Tally{Members: 2, Pending: 2, Strangers: 2},
		},
		"old revisions and other writes are ignored": {
			acks:   []func(wire.Head) wire.Ack{with(ackOf("a"), older), with(ackOf("b"), forged)},
			reason: ReasonTimeout, tally: Tally{Members: 2, Pending: 2},
		},
		"a newer one supersedes": {
			acks: []func(wire.Head) wire.Ack{with(ackOf("a"), newer)}, reason: ReasonSuperseded, tally: Tally{Members: 2, Ahead: 1, Pending: 1},
			prepare: func(b *memory) {
				time.AfterFunc(1500*time.Millisecond, func() {
					b.change(func(b *memory) {
						ch := Change{Key: "app:config", Version: "v3", WriteID: "other"}.complete()
						b.apply(writeRequest{Change: ch, sum: ch.sum()})
					})
				})
				time.AfterFunc(1600*time.Millisecond, func() {
					b.ack(wire.Ack{Instance: "a", Rev: 3, WriteID: "other", State: wire.StateApplied})
				})
			},
		},
		"a rejection ends the run": {
			acks: []func(wire.Head) wire.Ack{with(ackOf("a"), rejectedAck("1"))}, reason: ReasonRejected,
			tally: Tally{Members: 2, Rejected: 1, Pending: 1},
		},
		"a rejection of another revision does not end the run": {
			acks:   []func(wire.Head) wire.Ack{with(with(ackOf("a"), rejectedAck("1")), older), ackOf("a"), ackOf("b")},
			reason: ReasonConfirmed, tally: Tally{Members: 2, Confirmed: 2},
		},
		"a restarted process may accept": {
			acks:   []func(wire.Head) wire.Ack{with(ackOf("a"), rejectedAck("1"))},
			second: []func(wire.Head) wire.Ack{with(ackOf("a"), func(a *wire.Ack) { a.Boot = "2" })},
			policy: Policy{Quorum: AtLeast(1)}, reason: ReasonConfirmed, tally: Tally{Members: 2, Confirmed: 1, Pending: 1},
		},
		"a process that restarts and then refuses no longer counts": {
			acks:   []func(wire.Head) wire.Ack{ackOf("a")},
			second: []func(wire.Head) wire.Ack{with(ackOf("a"), rejectedAck("2")), ackOf("b")},
			reason: ReasonRejected, tally: Tally{Members: 2, Confirmed: 1, Rejected: 1},
		},
		"a process that restarts in the grace and then refuses does not count": {
			acks:   []func(wire.Head) wire.Ack{ackOf("a")},
			second: []func(wire.Head) wire.Ack{with(ackOf("a"), rejectedAck("2"))},
			policy: Policy{Quorum: AtLeast(1), Grace: 5 * time.Second}, reason: ReasonTimeout,
			tally: Tally{Members: 2, Rejected: 1, Pending: 1},
		},
		"the first final report of a process counts": {
			acks:   []func(wire.Head) wire.Ack{ackOf("a"), with(ackOf("a"), rejectedAck("1"))},
			second: []func(wire.Head) wire.Ack{ackOf("b")},
			reason: ReasonConfirmed, tally: Tally{Members: 2, Confirmed: 2},
		},
		"the process that refused may not accept later": {
			acks:   []func(wire.Head) wire.Ack{with(ackOf("a"), rejectedAck("1"))},
			second: []func(wire.Head) wire.Ack{ackOf("a")},
			policy: Policy{Quorum: AtLeast(1)}, reason: ReasonTimeout, tally: Tally{Members: 2, Rejected: 1, Pending: 1},
		},
		"a trimmed stream is reported": {
			acks: []func(wire.Head) wire.Ack{ackOf("a"), ackOf("b")}, reason: ReasonConfirmed, tally: Tally{Members: 2, Confirmed: 2},
			prepare: func(b *memory) { b.gap = true }, warned: true,
		},
		"a stream that cannot be read for a while is reported": {
			acks: []func(wire.Head) wire.Ack{ackOf("a"), ackOf("b")}, reason: ReasonConfirmed, tally: Tally{Members: 2, Confirmed: 2},
			prepare: func(b *memory) {
				began := time.Now()
				b.refuse = func(op string) error {
					if op == "acks" && time.Since(began) < 2*time.Second {
						return errors.New("away")
					}
					return nil
				}
			},
			warned: true,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c, mem := testClient(t, Config{})
				if tc.prepare != nil {
					mem.change(tc.prepare)
				}
				acking(mem, time.Second, tc.acks...)
				acking(mem, 2*time.Second, tc.second...)
				tc.policy.Timeout = 10 * time.Second
				res, err := c.Apply(t.Context(), change(), Check{Fleet: fleetOf("a", "b"), Push: true, Policy: tc.policy})
				res.Tally.ByVersion = nil
				if got := res.Tally; res.Reason != tc.reason || got.Members != tc.tally.Members || got.Confirmed != tc.tally.Confirmed ||
					got.Rejected != tc.tally.Rejected || got.Ahead != tc.tally.Ahead || got.Pending != tc.tally.Pending || got.Strangers != tc.tally.Strangers {
					t.Errorf("%v: %+v, want %v: %+v", err, got, tc.reason, tc.tally)
				}
				if res.Attempts != 0 {
					t.Errorf("%d attempts without a prober", res.Attempts)
				}
				if tc.within > 0 && res.Elapsed > tc.within {
					t.Errorf("took %v", res.Elapsed)
				}
				if tc.warned != (len(res.Warnings) > 0) {
					t.Errorf("warnings %q", res.Warnings)
				}
			})
		})
	}
}

// TestPushAndPoll checks that clients that have acknowledged are not polled, that the others are,
// and that one tally counts both.
func TestPushAndPoll(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, mem := testClient(t, Config{})
		s := newSim(map[string][]answer{"a": {current}, "b": {runs("v1"), runs("v1"), current}})
		acking(mem, 100*time.Millisecond, ackOf("a"))
		res, err := c.Apply(t.Context(), change(), Check{
			Fleet: fleetOf("a", "b"), Push: true, Prober: s, Policy: Policy{StartDelay: 500 * time.Millisecond},
		})
		if err != nil || s.count("a") != 0 || s.count("b") != 3 {
			t.Errorf("%v, a asked %d times, b %d", err, s.count("a"), s.count("b"))
		}
		if a, b := row(t, res, "a"), row(t, res, "b"); !a.Pushed || b.Pushed {
			t.Errorf("%+v\n%+v", a, b)
		}
	})
}

// TestPushDuringAttempt checks that an acknowledgement counts while the endpoint is being polled,
// and that the later answer to the poll has no effect.
func TestPushDuringAttempt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, mem := testClient(t, Config{})
		s := newSim(map[string][]answer{"a": {after(time.Second, runs("v1"))}, "b": {after(3*time.Second, runs("v1")), current}})
		acking(mem, 500*time.Millisecond, ackOf("a"))
		res, err := c.Apply(t.Context(), change(), Check{
			Fleet: fleetOf("a", "b"), Push: true, Prober: s,
			Policy: Policy{StartDelay: 1, AttemptTimeout: 5 * time.Second, FirstAttemptTimeout: 5 * time.Second},
		})
		if err != nil || row(t, res, "a").Attempts != 1 || row(t, res, "a").ConfirmedAfter > 600*time.Millisecond {
			t.Errorf("%v\n%+v", err, res.Endpoints)
		}
	})
}

// TestPushOnRedis checks that not even the fastest acknowledgement is missed, because the write
// itself reads the position in the stream, and that a trimmed stream causes a warning.
func TestPushOnRedis(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, rdb *redis.Client) {
		t.Helper()
		ctx := t.Context()
		c := connect(t, rdb, Config{})
		ack := func(target Target, instance string) {
			a := wire.Ack{Instance: instance, Rev: target.Rev, Version: target.Version, WriteID: target.WriteID, State: wire.StateApplied}
			if err := rdb.XAdd(ctx, &redis.XAddArgs{Stream: "{k}:acks", Values: a.Fields()}).Err(); err != nil {
				t.Fatal(err)
			}
		}
		for i, version := range []string{"v1", "v2"} {
			target, err := c.Write(ctx, Change{Key: "k", Version: version})
			if err != nil {
				t.Fatal(err)
			}
			ack(target, "a")
			if err := rdb.XAdd(ctx, &redis.XAddArgs{Stream: "{k}:acks", Values: []string{"foreign", "entry"}}).Err(); err != nil {
				t.Fatal(err)
			}
			ack(target, "b")
			check := Check{Fleet: fleetOf("a", "b"), Push: true, Policy: Policy{Timeout: 5 * time.Second}}
			res, err := c.Confirm(ctx, target, check)
			if err != nil || len(res.Warnings) > 0 || (i == 1 && target.AckPos == "0-0") {
				t.Fatalf("%s: %v, %v, from %s", version, err, res, target.AckPos)
			}
		}
		target, err := c.Write(ctx, Change{Key: "k", Version: "v3"})
		if err != nil {
			t.Fatal(err)
		}
		if err := rdb.XTrimMaxLen(ctx, "{k}:acks", 0).Err(); err != nil {
			t.Fatal(err)
		}
		ack(target, "a")
		res, err := c.Confirm(ctx, target, Check{Fleet: fleetOf("a"), Push: true, Policy: Policy{Timeout: 5 * time.Second}})
		if err != nil || len(res.Warnings) != 1 {
			t.Errorf("trimmed: %v, warnings %q", err, res.Warnings)
		}
	})
}

func TestPushOutlivesRestart(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, "--appendonly", "yes", "--appendfsync", "always")
	ctx := t.Context()
	c := connect(t, server.Client(), Config{})
	target, err := c.Write(ctx, Change{Key: "k", Version: "v1"})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := c.Confirm(ctx, target, Check{Fleet: fleetOf("a"), Push: true, Policy: Policy{Timeout: 20 * time.Second}})
		done <- err
	}()
	server.Restart()
	a := wire.Ack{Instance: "a", Rev: target.Rev, WriteID: target.WriteID, State: wire.StateApplied}
	if err := server.Client().XAdd(ctx, &redis.XAddArgs{Stream: "{k}:acks", Values: a.Fields()}).Err(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func FuzzAck(f *testing.F) {
	f.Add("a", "1", "2", "w", "applied", "")
	f.Add("", "", "-1", "", "rejected", "x\x00")
	f.Add("a", "1", "0", "w", "applied", "") // no revision: the write ID alone is not enough
	f.Fuzz(func(t *testing.T, instance, boot, rev, wid, state, text string) {
		values := map[string]any{"instance": instance, "boot": boot, "rev": rev, "wid": wid, "state": state, "error": text, "x": 1}
		ack, ok := wire.ParseAck(values)
		if !ok {
			return
		}
		again := make(map[string]any)
		fields := ack.Fields()
		for i := 0; i < len(fields); i += 2 {
			again[fields[i]] = fields[i+1]
		}
		if back, ok := wire.ParseAck(again); !ok || back != ack {
			t.Fatalf("%+v became %+v", ack, back)
		}
		if v := Compare(Target{Version: "v", Rev: 7, WriteID: "w"}, ackObservation(ack)); v == VerdictMatch && (ack.Rev != 7 || ack.State != wire.StateApplied) {
			t.Fatalf("%+v matches", ack)
		}
	})
}
