package redisbackend

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/renewal/internal/backend"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, redistest.IgnoreDialers()) }

func set(t *testing.T, rdb redis.UniversalClient, key, value string, ttl time.Duration) {
	t.Helper()
	if err := rdb.Set(t.Context(), key, value, ttl).Err(); err != nil {
		t.Fatal(err)
	}
}

func pttl(t *testing.T, rdb redis.UniversalClient, key string) time.Duration {
	t.Helper()
	d, err := rdb.PTTL(t.Context(), key).Result()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// slack is the maximum time that a busy machine may take between two steps of a test. The TTLs in
// these tests differ by more.
const slack = time.Minute

// TestRefreshOnRedis refreshes keys in every state, with and without a token, with each value of
// Keep. Each combination is one batch.
func TestRefreshOnRedis(t *testing.T) {
	t.Parallel()
	rdb := redistest.Start(t).Client()
	const ttl = 30 * time.Minute
	for name, fresh := range map[string]bool{"reused": false, "fresh": true} {
		b := New(rdb, Options{FreshCommands: fresh, CallTimeout: slack})
		for round := range 3 { // later rounds reuse the command objects
			for _, owned := range []bool{false, true} {
				for _, keep := range []backend.Keep{backend.KeepNone, backend.KeepPersistent, backend.KeepLonger} {
					t.Run(fmt.Sprintf("%s/%d/owned=%v/%s", name, round, owned, keep.Option()), func(t *testing.T) {
						checkRefresh(t, rdb, b.Sole(), ttl, owned, keep)
					})
				}
			}
		}
	}
}

// found is the state of a key before a refresh and the expected state after it.
type found struct {
	key, value string
	ttl        time.Duration // 0: persistent; negative: missing
	want       backend.Answer
	err        error
	after      time.Duration // maximum PTTL; the minimum is slack less
}

func checkRefresh(t *testing.T, rdb redis.UniversalClient, n backend.Node, ttl time.Duration, owned bool, keep backend.Keep) {
	t.Helper()
	longer, persistent, foreign, list := ttl, ttl, backend.Renewed, found{"list", "", 5 * time.Minute, backend.Renewed, nil, ttl}
	if keep == backend.KeepLonger {
		longer = 2 * time.Hour
	}
	if keep != backend.KeepNone {
		persistent = -1
	}
	foreignAfter := ttl
	if owned {
		foreign, foreignAfter = backend.Foreign, 5*time.Minute
		list.want, list.err, list.after = backend.Failed, backend.ErrWrongType, 5*time.Minute
	}
	cases := []found{
		{"short", "me", 5 * time.Minute, backend.Renewed, nil, ttl},
		list,
		{"missing", "", -1, backend.Missing, nil, -2},
		{"longer", "me", 2 * time.Hour, backend.Renewed, nil, longer},
		{"foreign", "you", 5 * time.Minute, foreign, nil, foreignAfter},
		{"persistent", "me", 0, backend.Renewed, nil, persistent},
		{"last", "me", 5 * time.Minute, backend.Renewed, nil, ttl},
	}
	owner, reqs := "me", make([]backend.Request, len(cases))
	for i, c := range cases {
		prepareKey(t, rdb, c)
		reqs[i] = backend.Request{Key: &cases[i].key, TTL: ttl.Milliseconds(), Keep: keep}
		if owned {
			reqs[i].Owner = &owner
		}
	}
	n.Refresh(t.Context(), slack, reqs)
	for i, c := range cases {
		if reqs[i].Answer != c.want || !errors.Is(reqs[i].Err, c.err) {
			t.Errorf("%s: answer %d, %v; want %d, %v", c.key, reqs[i].Answer, reqs[i].Err, c.want, c.err)
		}
		if after := pttl(t, rdb, c.key); after > c.after || after < c.after-slack && after != c.after {
			t.Errorf("%s: %v left, want %v", c.key, after, c.after)
		}
	}
}

func prepareKey(t *testing.T, rdb redis.UniversalClient, c found) {
	t.Helper()
	ctx := t.Context()
	rdb.Del(ctx, c.key)
	switch {
	case c.key == "list":
		rdb.RPush(ctx, c.key, "x")
		rdb.PExpire(ctx, c.key, c.ttl)
	case c.ttl >= 0:
		set(t, rdb, c.key, c.value, c.ttl)
	}
}

// TestManyOwnedKeysInOneBatch refreshes more keys than fit into one script call, with one token for
// all keys, one per key, and one per 70 keys. One key in every hundred has the wrong type.
func TestManyOwnedKeysInOneBatch(t *testing.T) {
	t.Parallel()
	rdb := redistest.Start(t).Client()
	b := New(rdb, Options{CallTimeout: slack})
	const n = 1050
	for name, token := range map[string]func(int) string{
		"one token":  func(int) string { return "me" },
		"one each":   func(i int) string { return fmt.Sprint("me", i) },
		"a few each": func(i int) string { return fmt.Sprint("me", i/70) },
	} {
		t.Run(name, func(t *testing.T) {
			keys, tokens, reqs := make([]string, n), make([]string, n), make([]backend.Request, n)
			pipe := rdb.Pipeline()
			for i := range n {
				keys[i], tokens[i] = fmt.Sprint("k", i), token(i)
				pipe.Del(t.Context(), keys[i])
				if i%100 == 50 {
					pipe.SAdd(t.Context(), keys[i], tokens[i])
				} else {
					pipe.Set(t.Context(), keys[i], tokens[i], 5*time.Minute)
				}
				reqs[i] = backend.Request{Key: &keys[i], Owner: &tokens[i], TTL: int64(1_800_000 + i)}
			}
			if _, err := pipe.Exec(t.Context()); err != nil {
				t.Fatal(err)
			}
			b.Sole().Refresh(t.Context(), slack, reqs)
			for i := range n {
				if i%100 == 50 {
					if reqs[i].Answer != backend.Failed || !errors.Is(reqs[i].Err, backend.ErrWrongType) {
						t.Fatalf("wrong type at %d: %+v", i, reqs[i])
					}
					continue
				}
				want := time.Duration(1_800_000+i) * time.Millisecond
				if left := pttl(t, rdb, keys[i]); reqs[i].Answer != backend.Renewed || left > want || left < want-slack {
					t.Fatalf("key %d: %+v, %v left, want %v", i, reqs[i], left, want)
				}
			}
		})
	}
}

// TestCommandsCanBeUsedAgain checks the properties of the Redis client that allow commands to be
// reused. If the test fails after an upgrade of the client, set Config.FreshCommands.
func TestCommandsCanBeUsedAgain(t *testing.T) {
	t.Parallel()
	rdb := redistest.Start(t).Client()
	ctx := t.Context()
	set(t, rdb, "a", "x", time.Minute)
	key, ms := "a", int64(5000)
	cmd := redis.NewIntCmd(ctx, "pexpire", &key, &ms)
	for _, tc := range []struct {
		key  string
		ms   int64
		want int64
	}{{"a", 70_000, 1}, {"b", 70_000, 0}, {"a", 80_000, 1}} {
		next, nextMS := tc.key, tc.ms
		cmd.Args()[1], cmd.Args()[2] = &next, &nextMS
		cmd.SetErr(errUnsent)
		pipe := rdb.Pipeline()
		_ = pipe.Process(ctx, cmd)
		if _, err := pipe.Exec(ctx); err != nil || cmd.Err() != nil || cmd.Val() != tc.want {
			t.Fatalf("%s: %d, %v, %v; want %d", tc.key, cmd.Val(), err, cmd.Err(), tc.want)
		}
	}
	if left := pttl(t, rdb, "a"); left < 75*time.Second {
		t.Errorf("%v left: the new arguments were not sent", left)
	}
	closed := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", MaxRetries: -1})
	_ = closed.Close()
	cmd.SetErr(errUnsent)
	pipe := closed.Pipeline()
	_ = pipe.Process(ctx, cmd)
	if _, err := pipe.Exec(ctx); err == nil || cmd.Err() == nil {
		t.Error("a command that was never sent shows the success of its last use")
	}
}
