package redisack

import (
	"bytes"
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/internal/sample"
	"github.com/cutover-go/cutover/redisack/internal/wire"
)

// onBoth runs a test on an imitation of Redis and on a real server.
func onBoth(t *testing.T, test func(t *testing.T, rdb *redis.Client)) {
	t.Helper()
	t.Run("miniredis", func(t *testing.T) {
		t.Parallel()
		test(t, redistest.Mini(t))
	})
	t.Run("redis", func(t *testing.T) {
		t.Parallel()
		test(t, redistest.Start(t).Client())
	})
}

// step is one write and its expected outcome.
type step struct {
	name    string
	change  Change
	prepare func(ctx context.Context, rdb redis.UniversalClient) error
	outcome Outcome
	err     error
	rev     uint64
	payload string // at the key after the write; "-" for none
}

func TestWriteOutcomes(t *testing.T) {
	t.Parallel()
	cases := map[string][]step{
		"written, each with the next revision": {
			{name: "first", change: Change{Version: "v1", Payload: []byte("a")}, outcome: OutcomeWritten, rev: 1, payload: "a"},
			{name: "second", change: Change{Version: "v2", Payload: []byte("b")}, outcome: OutcomeWritten, rev: 2, payload: "b"},
			{name: "empty", change: Change{Version: "v3"}, outcome: OutcomeWritten, rev: 3, payload: ""},
		},
		"replayed, and superseded if late": {
			{name: "first", change: Change{Version: "v1", WriteID: "w1"}, outcome: OutcomeWritten, rev: 1},
			{name: "again", change: Change{Version: "v1", WriteID: "w1"}, outcome: OutcomeReplayed, rev: 1},
			{name: "other", change: Change{Version: "v2", Payload: []byte("b")}, outcome: OutcomeWritten, rev: 2, payload: "b"},
			{name: "late", change: Change{Version: "v1", WriteID: "w1"}, err: ErrSuperseded, rev: 1, payload: "b"},
		},
		"unchanged": {
			{name: "first", change: Change{Version: "v1", Payload: []byte("a")}, outcome: OutcomeWritten, rev: 1, payload: "a"},
			{name: "same", change: Change{Version: "v1", Payload: []byte("a")}, outcome: OutcomeUnchanged, rev: 1, payload: "a"},
			{name: "rewrite", change: Change{Version: "v1", Payload: []byte("a"), Rewrite: true}, outcome: OutcomeWritten, rev: 2, payload: "a"},
			{
				name: "payload gone", change: Change{Version: "v1", Payload: []byte("a")}, outcome: OutcomeWritten, rev: 3, payload: "a",
				prepare: func(ctx context.Context, rdb redis.UniversalClient) error { return rdb.Del(ctx, "k").Err() },
			},
		},
		"version reused": {
			{name: "first", change: Change{Version: "v1", Payload: []byte("a")}, outcome: OutcomeWritten, rev: 1, payload: "a"},
			{name: "other content", change: Change{Version: "v1", Payload: []byte("b")}, err: ErrVersionReused, payload: "a"},
			{name: "rewritten", change: Change{Version: "v1", Payload: []byte("b"), Rewrite: true}, err: ErrVersionReused, payload: "a"},
		},
		"conflict": {
			{name: "exact, without a head", change: Change{Version: "v1", IfRev: Exact(1)}, err: ErrConflict, payload: "-"},
			{name: "absent", change: Change{Version: "v1", IfRev: Absent()}, outcome: OutcomeWritten, rev: 1},
			{name: "absent again", change: Change{Version: "v2", IfRev: Absent()}, err: ErrConflict},
			{name: "exact", change: Change{Version: "v2", IfRev: Exact(1)}, outcome: OutcomeWritten, rev: 2},
			{name: "exact too old", change: Change{Version: "v3", IfRev: Exact(1)}, err: ErrConflict},
		},
		"absent, for a key written by other means": {
			{
				name: "found", change: Change{Version: "v1", IfRev: Absent()}, err: ErrConflict, payload: "by hand",
				prepare: func(ctx context.Context, rdb redis.UniversalClient) error {
					return rdb.Set(ctx, "k", "by hand", 0).Err()
				},
			},
		},
		"fenced": {
			{name: "9", change: Change{Version: "v1", Fence: "9"}, outcome: OutcomeWritten, rev: 1},
			{name: "10 is greater than 9", change: Change{Version: "v2", Fence: "10"}, outcome: OutcomeWritten, rev: 2},
			{name: "9 after 10, although the revision fits", change: Change{Version: "v3", Fence: "9", IfRev: Exact(2)}, err: ErrFenced},
			{name: "none after 10", change: Change{Version: "v3"}, err: ErrFenced},
			{name: "010 is 10", change: Change{Version: "v3", Fence: "010"}, outcome: OutcomeWritten, rev: 3},
		},
		"fences beyond 2^53": {
			{name: "2^53+1", change: Change{Version: "v1", Fence: "9007199254740993"}, outcome: OutcomeWritten, rev: 1},
			{name: "2^53", change: Change{Version: "v2", Fence: "9007199254740992"}, err: ErrFenced},
		},
		"revisions beyond 2^53": {
			{
				name: "2^53+1", change: Change{Version: "v1"}, outcome: OutcomeWritten, rev: 9007199254740993,
				prepare: func(ctx context.Context, rdb redis.UniversalClient) error {
					return rdb.HSet(ctx, "{k}:head", "rev", "9007199254740992").Err()
				},
			},
			{name: "exact 2^53", change: Change{Version: "v2", IfRev: Exact(9007199254740992)}, err: ErrConflict},
			{name: "exact 2^53+1", change: Change{Version: "v2", IfRev: Exact(9007199254740993)}, outcome: OutcomeWritten, rev: 9007199254740994},
		},
		"a field of a hash": {
			{name: "first", change: Change{Field: "f", Version: "v1", Payload: []byte("a")}, outcome: OutcomeWritten, rev: 1, payload: "a"},
			{name: "second", change: Change{Field: "f", Version: "v2", Payload: []byte("b")}, outcome: OutcomeWritten, rev: 2, payload: "b"},
			{name: "other field", change: Change{Field: "g", Version: "v1", Payload: []byte("c")}, outcome: OutcomeWritten, rev: 1, payload: "c"},
		},
		"keys of another type": {
			{
				name: "a list", change: Change{Version: "v1"}, err: ErrWrongType, payload: "-",
				prepare: func(ctx context.Context, rdb redis.UniversalClient) error { return rdb.RPush(ctx, "k", "x").Err() },
			},
			{
				name: "a head that is a string", change: Change{Version: "v1"}, err: ErrWrongType, payload: "-",
				prepare: func(ctx context.Context, rdb redis.UniversalClient) error {
					return errors.Join(rdb.Del(ctx, "k").Err(), rdb.Set(ctx, "{k}:head", "x", 0).Err())
				},
			},
		},
	}
	for name, steps := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onBoth(t, func(t *testing.T, rdb *redis.Client) {
				t.Helper()
				c := connect(t, rdb, Config{})
				for _, s := range steps {
					s.run(t, c, rdb)
				}
			})
		})
	}
}

func (s step) run(t *testing.T, c *Client, rdb *redis.Client) {
	t.Helper()
	ctx := t.Context()
	if s.prepare != nil {
		if err := s.prepare(ctx, rdb); err != nil {
			t.Fatal(err)
		}
	}
	s.change.Key = "k"
	got, err := c.Write(ctx, s.change)
	if !errors.Is(err, s.err) || got.Outcome != s.outcome || got.Rev != s.rev {
		t.Fatalf("%s: %v, revision %d, error %v; want %v, %d, %v", s.name, got.Outcome, got.Rev, err, s.outcome, s.rev, s.err)
	}
	if s.payload != "" {
		if text := payloadAt(ctx, rdb, s.change.Field); text != s.payload {
			t.Fatalf("%s: payload %q, want %q", s.name, text, s.payload)
		}
	}
	if s.err == nil {
		head, ok, err := c.backend.head(ctx, got.names())
		if err != nil || !ok || head.Rev != got.Rev || head.Version != got.Version || head.WriteID != got.WriteID || head.Sum != got.Sum {
			t.Fatalf("%s: head %+v, %v, target %+v", s.name, head, err, got)
		}
	}
}

func payloadAt(ctx context.Context, rdb *redis.Client, field string) string {
	cmd := rdb.Get(ctx, "k")
	if field != "" {
		cmd = rdb.HGet(ctx, "k", field)
	}
	text, err := cmd.Result()
	if err != nil {
		return "-"
	}
	return text
}

func TestConflictNamesTheCurrentWrite(t *testing.T) {
	t.Parallel()
	c := connect(t, redistest.Mini(t), Config{})
	first, err := c.Write(t.Context(), Change{Key: "k", Version: "v1"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Write(t.Context(), Change{Key: "k", Version: "v2", IfRev: Exact(7), WriteID: "mine"})
	var we *WriteError
	if !errors.As(err, &we) || we.Reason != ReasonConflict || we.WriteID != "mine" ||
		we.Found != (Found{Rev: 1, Version: "v1", WriteID: first.WriteID, Sum: first.Sum}) {
		t.Fatalf("error %+v", we)
	}
}

func TestLargePayload(t *testing.T) {
	t.Parallel()
	size := 8 << 20
	if !sample.Full(t, 10) {
		size = 2 * stageAbove
	}
	onBoth(t, func(t *testing.T, rdb *redis.Client) {
		t.Helper()
		c := connect(t, rdb, Config{})
		for i, field := range []string{"", "f"} {
			key := "big" + strconv.Itoa(i)
			large := bytes.Repeat([]byte("0123456789abcdef"), size/16)
			for version, payload := range [][]byte{[]byte("small"), large, large[:stageAbove], large[:stageAbove+1]} {
				ch := Change{Key: key, Field: field, Version: strconv.Itoa(version), Payload: payload}
				target, err := c.Write(t.Context(), ch)
				if err != nil || target.Rev != uint64(version+1) {
					t.Fatalf("version %d: %+v, %v", version, target, err)
				}
				cmd := rdb.Get(t.Context(), key)
				if field != "" {
					cmd = rdb.HGet(t.Context(), key, field)
				}
				if got, err := cmd.Bytes(); err != nil || !bytes.Equal(got, payload) {
					t.Fatalf("version %d: %d bytes, %v", version, len(got), err)
				}
			}
			if left, err := rdb.Keys(t.Context(), "*:next*").Result(); err != nil || len(left) > 0 {
				t.Fatalf("staged payloads left behind: %v, %v", left, err)
			}
		}
	})
}

// TestMissingStagedPayload checks that the script writes nothing if the staged payload did not
// arrive, for instance because of a redirection, and that the next attempt succeeds.
func TestMissingStagedPayload(t *testing.T) {
	t.Parallel()
	rdb := redistest.Mini(t)
	b := newRedisBackend(rdb)
	ch := Change{Key: "k", Version: "v1", Payload: make([]byte, stageAbove+1)}.complete()
	req := writeRequest{Change: ch, names: ch.names(), sum: ch.sum(), sending: new(sending)}
	cmd := redis.NewCmd(t.Context(), req.arguments("eval", writeSource, true)...)
	if err := rdb.Process(t.Context(), cmd); err != nil {
		t.Fatal(err)
	}
	values, err := cmd.StringSlice()
	if err != nil || values[0] != "unstaged" || rdb.Exists(t.Context(), "k", "{k}:head").Val() != 0 {
		t.Fatalf("%v, %v", values, err)
	}
	if reply, err := b.write(t.Context(), req); err != nil || reply.outcome != "written" {
		t.Fatalf("%+v, %v", reply, err)
	}
}

func TestTTL(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, rdb *redis.Client) {
		t.Helper()
		c := connect(t, rdb, Config{})
		life := func(ttl time.Duration, version string) time.Duration {
			if _, err := c.Write(t.Context(), Change{Key: "k", Version: version, TTL: ttl}); err != nil {
				t.Fatal(err)
			}
			return rdb.PTTL(t.Context(), "k").Val()
		}
		if got := life(time.Minute, "v1"); got <= 50*time.Second || got > time.Minute {
			t.Errorf("TTL %v, want a minute", got)
		}
		if got := life(time.Hour, "v1"); got <= time.Minute {
			t.Errorf("TTL %v after the same write with a longer one, want an hour", got)
		}
		if got := life(0, "v2"); got >= 0 {
			t.Errorf("TTL %v, want none", got)
		}
		if got := rdb.PTTL(t.Context(), "{k}:head").Val(); got >= 0 {
			t.Errorf("the head has the TTL %v: after it the revisions would start again", got)
		}
	})
}

func TestNotice(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, rdb *redis.Client) {
		t.Helper()
		for _, channel := range []string{"", "my:channel"} {
			want := channel
			if want == "" {
				want = "{k}:changed"
			}
			sub := rdb.Subscribe(t.Context(), want)
			if _, err := sub.Receive(t.Context()); err != nil {
				t.Fatal(err)
			}
			c := connect(t, rdb, Config{})
			target, err := c.Write(t.Context(), Change{
				Key: "k", Version: `v"` + channel, Payload: []byte("secret"), Channel: channel,
			})
			if err != nil || target.Receivers != 1 {
				t.Fatalf("%+v, %v", target, err)
			}
			msg, err := sub.ReceiveMessage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			got, err := wire.ParseNotice(msg.Payload)
			if err != nil || got != (wire.Notice{Key: "k", Version: target.Version, WriteID: target.WriteID, Rev: wire.Rev(target.Rev)}) {
				t.Errorf("notice %s, %v", msg.Payload, err)
			}
			if strings.Contains(msg.Payload, "secret") {
				t.Error("the notice contains the payload")
			}
			for _, id := range []string{"", target.WriteID} { // unchanged, replayed: not announced
				ch := Change{Key: "k", Version: target.Version, Payload: []byte("secret"), Channel: channel, WriteID: id}
				if again, err := c.Write(t.Context(), ch); err != nil || again.Outcome == OutcomeWritten {
					t.Fatalf("%+v, %v", again, err)
				}
			}
			if err := rdb.Publish(t.Context(), want, "marker").Err(); err != nil {
				t.Fatal(err)
			}
			if msg, err := sub.ReceiveMessage(t.Context()); err != nil || msg.Payload != "marker" {
				t.Errorf("announced again: %v, %v", msg, err)
			}
			if err := sub.Close(); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// TestRefusedNotice checks that a refused announcement is a warning or, with RequireNotify, the
// error ErrNotifyFailed, but never a failed write: Redis does not undo a script.
func TestRefusedNotice(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	ctx := t.Context()
	if err := server.Client().Do(ctx, "ACL", "SETUSER", "writer", "on", ">pw", "~*", "+@all", "resetchannels").Err(); err != nil {
		t.Fatal(err)
	}
	opt := server.Options()
	opt.Username, opt.Password = "writer", "pw"
	rdb := redis.NewClient(opt)
	defer func() { _ = rdb.Close() }()
	c := connect(t, rdb, Config{})

	target, err := c.Write(ctx, Change{Key: "k", Version: "v1", Payload: []byte("a")})
	if err != nil || target.Outcome != OutcomeWritten || target.NotifyError == "" {
		t.Fatalf("%+v, %v", target, err)
	}
	check := Check{Fleet: fleetOf("a"), Prober: newSim(map[string][]answer{"a": {current}})}
	res, err := c.Apply(ctx, Change{Key: "k", Version: "v2"}, check)
	if err != nil || len(res.Warnings) != 1 {
		t.Fatalf("without RequireNotify: %v, warnings %v", err, res.Warnings)
	}
	check.Policy.RequireNotify = true
	res, err = c.Apply(ctx, Change{Key: "k", Version: "v3"}, check)
	if !errors.Is(err, ErrNotifyFailed) || res.Attempts != 0 || rdb.HGet(ctx, "{k}:head", "version").Val() != "v3" {
		t.Fatalf("with RequireNotify: %v, %d attempts", err, res.Attempts)
	}
}

// TestOneRoundTrip checks that, when the server knows the script, write and announcement take one
// round trip, whatever the size of the payload.
func TestOneRoundTrip(t *testing.T) {
	t.Parallel()
	rdb := redistest.Mini(t)
	trips := &tripCounter{}
	rdb.AddHook(trips)
	c := connect(t, rdb, Config{})
	for i, size := range []int{1, stageAbove + 1, 1, stageAbove + 1} {
		trips.n = 0
		ch := Change{Key: "k", Version: "v" + strconv.Itoa(i), Payload: make([]byte, size)}
		if _, err := c.Write(t.Context(), ch); err != nil {
			t.Fatal(err)
		}
		if connected := i >= 2; connected && trips.n != 1 {
			t.Errorf("%d bytes: %d round trips", size, trips.n)
		}
	}
}

// tripCounter counts the round trips of go-redis.
type tripCounter struct{ n int }

func (c *tripCounter) DialHook(next redis.DialHook) redis.DialHook { return next }

func (c *tripCounter) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		c.n++
		return next(ctx, cmd)
	}
}

func (c *tripCounter) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		c.n++
		return next(ctx, cmds)
	}
}
