package redisack

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/internal/redistest"
)

// through returns a Redis client whose connections go through a proxy.
func through(t *testing.T) (*redistest.Server, *redistest.Proxy, *redis.Client) {
	t.Helper()
	server := redistest.Start(t)
	proxy := redistest.NewProxy(t, server.Addr())
	opt := server.Options()
	opt.Addr = proxy.Addr()
	opt.DialerRetries = 1
	rdb := redis.NewClient(opt)
	t.Cleanup(func() { _ = rdb.Close() })
	return server, proxy, rdb
}

func TestReplyLost(t *testing.T) {
	t.Parallel()
	_, proxy, rdb := through(t)
	c := connect(t, rdb, Config{})
	if _, err := c.Write(t.Context(), Change{Key: "k", Version: "v1"}); err != nil { // loads the script
		t.Fatal(err)
	}
	for i, size := range []int{1, stageAbove + 1} {
		lost := proxy.Dropped()
		proxy.DropReplyTo("evalsha")
		version := []string{"v2", "v3"}[i]
		target, err := c.Write(t.Context(), Change{Key: "k", Version: version, Payload: make([]byte, size), IfRev: Exact(uint64(i + 1))})
		if err != nil || target.Outcome != OutcomeReplayed || target.Rev != uint64(i+2) {
			t.Errorf("%s: %+v, %v", version, target, err)
		}
		if proxy.Dropped() != lost+1 {
			t.Error("no reply was lost")
		}
	}
}

func TestRequestLost(t *testing.T) {
	t.Parallel()
	_, proxy, rdb := through(t)
	c := connect(t, rdb, Config{})
	if _, err := c.Write(t.Context(), Change{Key: "k", Version: "v1"}); err != nil {
		t.Fatal(err)
	}
	proxy.DropRequest("evalsha")
	target, err := c.Write(t.Context(), Change{Key: "k", Version: "v2", IfRev: Exact(1)})
	if err != nil || target.Outcome != OutcomeWritten || target.Rev != 2 {
		t.Errorf("%+v, %v", target, err)
	}
}

// TestReplyLostAndSuperseded checks that the retry does not write again if the reply is lost and
// another write follows.
func TestReplyLostAndSuperseded(t *testing.T) {
	t.Parallel()
	server, proxy, rdb := through(t)
	// Only the write whose reply is lost gives up early.
	hasty, c := connect(t, rdb, Config{WriteTimeout: 300 * time.Millisecond}), connect(t, rdb, Config{WriteTimeout: time.Minute})
	ctx := t.Context()
	if _, err := c.Write(ctx, Change{Key: "k", Version: "v1"}); err != nil {
		t.Fatal(err)
	}
	proxy.DropReplyTo("evalsha")
	stopped, stop := context.WithCancel(ctx)
	time.AfterFunc(0, func() {
		for server.Client().HGet(ctx, "{k}:head", "version").Val() != "v2" && ctx.Err() == nil {
			time.Sleep(time.Millisecond)
		}
		proxy.Refuse(true)
		stop()
	})
	_, err := hasty.Write(stopped, Change{Key: "k", Version: "v2", WriteID: "mine"})
	if err != nil && !errors.Is(err, ErrWriteUnknown) {
		t.Fatalf("error %v, want success or ErrWriteUnknown", err)
	}
	proxy.Refuse(false)
	other := connect(t, server.Client(), Config{})
	if _, err := other.Write(ctx, Change{Key: "k", Version: "v3"}); err != nil {
		t.Fatal(err)
	}
	target, err := c.Write(ctx, Change{Key: "k", Version: "v2", WriteID: "mine"})
	var we *WriteError
	if !errors.Is(err, ErrSuperseded) || !errors.As(err, &we) || we.Found.Rev != 3 || target.Rev != 2 {
		t.Fatalf("%+v, %v", target, err)
	}
	if head := server.Client().HGet(ctx, "{k}:head", "version").Val(); head != "v3" {
		t.Fatalf("the late replay has written: %s", head)
	}
}

func TestRedisDownBeforeTheWrite(t *testing.T) {
	t.Parallel()
	server, _, rdb := through(t)
	server.Kill()
	c := connect(t, rdb, Config{WriteTimeout: 300 * time.Millisecond})
	prober := newSim(map[string][]answer{"a": {current}})
	res, err := c.Apply(t.Context(), Change{Key: "k", Version: "v1"}, Check{Fleet: fleetOf("a"), Prober: prober})
	// The proxy accepts data that it cannot pass on, so the command may have been sent when the
	// connection ends.
	if !errors.Is(err, ErrWriteFailed) && !errors.Is(err, ErrWriteUnknown) {
		t.Errorf("error %v", err)
	}
	if res.Attempts != 0 || prober.count("a") != 0 || res.Target.WriteID == "" {
		t.Errorf("%d attempts, write id %q", res.Attempts, res.Target.WriteID)
	}

	opt := server.Options()
	opt.DialerRetries, opt.MaxRetries = 1, -1 // so that the first error comes before the timeout
	direct := redis.NewClient(opt)
	defer func() { _ = direct.Close() }()
	if _, err := connect(t, direct, Config{WriteTimeout: 2 * time.Second}).Write(t.Context(), change()); !errors.Is(err, ErrWriteFailed) ||
		strings.Count(err.Error(), "WriteTimeout") != 1 || !strings.Contains(err.Error(), "refused") {
		t.Errorf("nobody listens: %v, want ErrWriteFailed and the cause", err)
	}
}

func TestRedisAwayForAMoment(t *testing.T) {
	t.Parallel()
	server, proxy, rdb := through(t)
	proxy.Refuse(true)
	time.AfterFunc(200*time.Millisecond, func() { proxy.Refuse(false) })
	target, err := connect(t, rdb, Config{}).Write(t.Context(), Change{Key: "k", Version: "v1"})
	if err != nil || target.Rev != 1 || server.Client().HGet(t.Context(), "{k}:head", "rev").Val() != "1" {
		t.Fatalf("%+v, %v", target, err)
	}
}

// TestFrozenRedis checks that a server that does not answer does not block the caller: the write
// returns when its context ends, with unknown outcome.
func TestFrozenRedis(t *testing.T) {
	t.Parallel()
	server, _, rdb := through(t)
	c := connect(t, rdb, Config{WriteTimeout: time.Minute})
	if _, err := c.Write(t.Context(), Change{Key: "k", Version: "v1"}); err != nil {
		t.Fatal(err)
	}
	server.Freeze()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	began := time.Now()
	_, err := c.Write(ctx, Change{Key: "k", Version: "v2", WriteID: "mine"})
	if took := time.Since(began); !errors.Is(err, ErrWriteUnknown) || took > 30*time.Second {
		t.Errorf("after %v: %v", took, err)
	}
	server.Thaw()
	target, err := c.Write(t.Context(), Change{Key: "k", Version: "v2", WriteID: "mine"})
	if err != nil || target.Rev != 2 {
		t.Errorf("repeated: %+v, %v", target, err)
	}
}

// TestRedisIsFull checks that a full server refuses the write, that nothing has changed, and that
// the error is returned immediately.
func TestRedisIsFull(t *testing.T) {
	t.Parallel()
	rdb := redistest.Start(t, "--maxmemory-policy", "noeviction").Client()
	c := connect(t, rdb, Config{WriteTimeout: time.Minute})
	if _, err := c.Write(t.Context(), Change{Key: "k", Version: "v1", Payload: []byte("one")}); err != nil {
		t.Fatal(err)
	}
	if err := rdb.ConfigSet(t.Context(), "maxmemory", "1").Err(); err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{1, stageAbove + 1} {
		began := time.Now()
		_, err := c.Write(t.Context(), Change{Key: "k", Version: "v2", Payload: make([]byte, size)})
		if !errors.Is(err, ErrWriteFailed) || !strings.Contains(err.Error(), "OOM") || time.Since(began) > 30*time.Second {
			t.Errorf("%d bytes: %v", size, err)
		}
		if rev, text := rdb.HGet(t.Context(), "{k}:head", "rev").Val(), rdb.Get(t.Context(), "k").Val(); rev != "1" || text != "one" {
			t.Errorf("%d bytes: revision %s, payload %q", size, rev, text)
		}
	}
}

// TestScriptFlushed checks that writes succeed after the server has lost its scripts.
func TestScriptFlushed(t *testing.T) {
	t.Parallel()
	rdb := redistest.Start(t).Client()
	c := connect(t, rdb, Config{})
	for i, version := range []string{"v1", "v2", "v3"} {
		if err := rdb.ScriptFlush(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		target, err := c.Write(t.Context(), Change{Key: "k", Version: version, Payload: make([]byte, i*(stageAbove+1))})
		if err != nil || target.Rev != uint64(i+1) || target.Outcome != OutcomeWritten {
			t.Errorf("%+v, %v", target, err)
		}
	}
}

func TestTwoWritersAtOnce(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, rdb *redis.Client) {
		t.Helper()
		c := connect(t, rdb, Config{})
		const writers = 20
		won := make(chan Target, writers)
		lost := make(chan error, writers)
		for i := range writers {
			go func() {
				target, err := c.Write(t.Context(), Change{Key: "k", Version: ids(writers)[i], IfRev: Absent()})
				if err == nil {
					won <- target
				}
				lost <- err
			}()
		}
		conflicts := 0
		for range writers {
			if err := <-lost; errors.Is(err, ErrConflict) {
				conflicts++
			}
		}
		if len(won) != 1 || conflicts != writers-1 {
			t.Errorf("%d winners, %d conflicts", len(won), conflicts)
		}
	})
}

// TestSending checks that a write that was abandoned before it was sent is not sent afterwards.
func TestSending(t *testing.T) {
	t.Parallel()
	var sent sending
	for range 2 { // the second time as EVAL, because the server lacked the script
		if !sent.begin() {
			t.Error("a new sending cannot begin")
		}
	}
	if !sent.abandon() {
		t.Error("abandon does not report that the command may have been sent")
	}
	var never sending
	if never.abandon() || never.begin() || never.abandon() {
		t.Error("an abandoned sending can begin")
	}
	arg := marked{"w", &never}
	if _, err := arg.MarshalBinary(); !errors.Is(err, errAbandoned) {
		t.Errorf("error %v", err)
	}
}

func TestWriteTimes(t *testing.T) {
	t.Parallel()
	refused := errors.New("connection refused")
	down := func(op string) error {
		if op == "write" {
			return refused
		}
		return nil
	}
	noReply := func(op string) error {
		if op == "reply" {
			return refused
		}
		return nil
	}
	cases := map[string]struct {
		refuse func(string) error
		cancel time.Duration
		want   error
		cause  error
		took   time.Duration
	}{
		"never reached":              {refuse: down, want: ErrWriteFailed, cause: refused, took: 5 * time.Second},
		"no reply":                   {refuse: noReply, want: nil, took: time.Second},
		"canceled before it is sent": {refuse: down, cancel: time.Second, want: ErrWriteFailed, cause: context.Canceled, took: time.Second},
		"fatal for a command":        {refuse: func(string) error { return redis.ErrClosed }, want: ErrWriteFailed, cause: redis.ErrClosed},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				mem := new(memory)
				c := newClient(memoryBackend{mem}, Config{})
				mem.refuse = tc.refuse
				if tc.want == nil {
					time.AfterFunc(time.Second/2, func() { mem.change(func(b *memory) { b.refuse = nil }) })
				}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if tc.cancel > 0 {
					time.AfterFunc(tc.cancel, cancel)
				}
				began := time.Now()
				target, err := c.Write(ctx, change())
				if !errors.Is(err, tc.want) || !errors.Is(err, tc.cause) {
					t.Errorf("error %v, want %v and %v", err, tc.want, tc.cause)
				}
				if took := time.Since(began); took > tc.took {
					t.Errorf("took %v, want at most %v", took, tc.took)
				}
				if tc.want == nil && (target.Outcome != OutcomeReplayed || target.Rev != 1) {
					t.Errorf("%+v", target)
				}
			})
		})
	}
}
