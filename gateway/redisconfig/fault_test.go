package redisconfig_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/redisack"
	"github.com/cutover-go/cutover/task"
)

// disturbed returns a lab whose gateway reaches Redis through a proxy, with short timeouts.
func disturbed(t *testing.T) (*lab, *redistest.Server, *redistest.Proxy) {
	t.Helper()
	server := redistest.Start(t)
	l := newLab(t, server.Client())
	proxy := redistest.NewProxy(t, server.Addr())
	opt := server.Options()
	opt.Addr, opt.DialerRetries, opt.MaxRetries = proxy.Addr(), 1, -1
	opt.ReadTimeout = 200 * time.Millisecond
	rdb := redis.NewClient(opt)
	t.Cleanup(func() { _ = rdb.Close() })
	l.config.Redisack.WriteTimeout = 300 * time.Millisecond
	l.restart(t, rdb, patient)
	l.wantCurrent(t, "green") // the connection is up
	return l, server, proxy
}

func TestALostReplyIsReplayed(t *testing.T) {
	t.Parallel()
	l, _, proxy := disturbed(t)
	proxy.DropReplyTo("evalsha")
	if err := l.Switch(t.Context(), toBlue(5)); err != nil {
		t.Fatal(err)
	}
	l.wantRuns(t, "blue")
	if proxy.Dropped() != 1 || l.rev(t) != 2 {
		t.Errorf("%d replies lost, %d writes", proxy.Dropped(), l.rev(t))
	}
}

// around is a hook of a Redis client that calls its own functions, before each script and after it.
type around struct {
	before func()
	after  func() error
}

func (around) DialHook(next redis.DialHook) redis.DialHook { return next }

func (around) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func (a around) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if cmd.Name() != "evalsha" {
			return next(ctx, cmd)
		}
		a.before()
		return errors.Join(next(ctx, cmd), a.after())
	}
}

// hook replaces the gateway with one whose Redis client has the hook a.
func (l *lab) hook(t *testing.T, a around) {
	t.Helper()
	single, ok := l.rdb.(*redis.Client)
	if !ok {
		t.Fatalf("%T", l.rdb)
	}
	rdb := redis.NewClient(single.Options())
	t.Cleanup(func() { _ = rdb.Close() })
	rdb.AddHook(a)
	l.hooked = rdb
	l.restart(t, rdb, patient)
}

func TestAWriterBetweenReadingAndWriting(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		colours   []string // written before the first attempts, one before each
		code      string
		retryable bool
		match     error
		current   string
		writes    int
	}{
		"elsewhere":     {[]string{"red"}, task.CodeTenantMovedOn, false, nil, "red", 2},
		"there already": {[]string{"blue"}, "", false, nil, "blue", 2},
		"not moved":     {[]string{"green"}, "", false, nil, "blue", 3},
		"again and again": {
			[]string{"green", "green!", "green", "green!"}, "GATEWAY_UNAVAILABLE", true, redisack.ErrConflict, "green", 4,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onBoth(t, func(t *testing.T, rdb redis.UniversalClient) {
				t.Helper()
				l := newLab(t, rdb)
				left := c.colours
				l.hook(t, around{after: func() error { return nil }, before: func() {
					if len(left) > 0 {
						l.writeVersion(t, strings.TrimSuffix(left[0], "!"), left[0], "")
						left = left[1:]
					}
				}})
				err := l.Switch(t.Context(), toBlue(5))
				wantFailure(t, err, c.code, c.retryable)
				if c.match != nil && !errors.Is(err, c.match) {
					t.Errorf("%v does not match %v", err, c.match)
				}
				l.wantCurrent(t, c.current)
				if n := l.rev(t); n != c.writes {
					t.Errorf("%d writes, want %d", n, c.writes)
				}
			})
		})
	}
}

func TestAWriteOfUnknownOutcomeIsNoSecondWrite(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, rdb redis.UniversalClient) {
		t.Helper()
		l := newLab(t, rdb)
		l.config.Redisack.WriteTimeout = time.Second // enough for the first attempt on a busy machine
		l.hook(t, around{before: func() {}, after: func() error { return io.ErrUnexpectedEOF }})
		err := l.Switch(t.Context(), toBlue(5))
		wantFailure(t, err, "GATEWAY_UNAVAILABLE", true)
		if !errors.Is(err, redisack.ErrWriteUnknown) {
			t.Errorf("%v", err)
		}
		l.config.Redisack.WriteTimeout = 0
		l.restart(t, rdb, patient)
		if err := l.Switch(t.Context(), toBlue(6)); err != nil {
			t.Fatal(err)
		}
		l.wantRuns(t, "blue")
		if n := l.rev(t); n != 2 {
			t.Errorf("%d writes", n)
		}
	})
}

func TestRedisAway(t *testing.T) {
	t.Parallel()
	l, server, proxy := disturbed(t)
	both := func(code string) {
		t.Helper()
		_, err := l.Current(t.Context(), tenantID)
		wantFailure(t, err, code, code != "TENANT_NOT_FOUND")
		wantFailure(t, l.Switch(t.Context(), toBlue(5)), code, code != "TENANT_NOT_FOUND")
	}
	proxy.Blackhole(true)
	both("GATEWAY_TIMEOUT")
	proxy.Blackhole(false)
	l.wantRuns(t, "green")
	server.Kill()
	both("GATEWAY_UNAVAILABLE")
	server.Restart() // the server has lost its data
	both("TENANT_NOT_FOUND")
}

func TestRedisDoesNotPermitIt(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"evalsha", "hgetall"} {
		t.Run(command, func(t *testing.T) {
			t.Parallel()
			server := redistest.Start(t)
			l := newLab(t, server.Client())
			if err := l.rdb.Do(t.Context(), "ACL", "SETUSER", "limited", "on", "nopass", "~*", "&*", "+@all", "-"+command).Err(); err != nil {
				t.Fatal(err)
			}
			opt := server.Options()
			opt.Username, opt.Password = "limited", "any"
			rdb := redis.NewClient(opt)
			t.Cleanup(func() { _ = rdb.Close() })
			l.restart(t, rdb, patient)
			wantFailure(t, l.Switch(t.Context(), toBlue(5)), "GATEWAY_REFUSED", false)
			if n := l.rev(t); n != 1 {
				t.Errorf("%d writes", n)
			}
		})
	}
}

func TestARouteThatCannotBeTrusted(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil func(*testing.T, *lab) error
		code  string
	}{
		"payload changed": {func(t *testing.T, l *lab) error {
			t.Helper()
			return l.rdb.Set(t.Context(), key, `{"colour":"red"}`, 0).Err()
		}, "GATEWAY_BAD_ANSWER"},
		"no record": {func(t *testing.T, l *lab) error {
			t.Helper()
			return l.rdb.Del(t.Context(), key+":head").Err()
		}, "GATEWAY_BAD_ANSWER"},
		"no payload": {func(t *testing.T, l *lab) error {
			t.Helper()
			return l.rdb.Del(t.Context(), key).Err()
		}, "TENANT_NOT_FOUND"},
		"no colour": {func(t *testing.T, l *lab) error { t.Helper(); return l.payload(t, `{}`) }, "GATEWAY_BAD_ANSWER"},
		"no JSON":   {func(t *testing.T, l *lab) error { t.Helper(); return l.payload(t, `blue`) }, "GATEWAY_BAD_ANSWER"},
		"wrong type": {func(t *testing.T, l *lab) error {
			t.Helper()
			return errors.Join(l.rdb.Del(t.Context(), key).Err(), l.rdb.HSet(t.Context(), key, "a", "b").Err())
		}, "GATEWAY_REFUSED"},
		"wrong type beside": {func(t *testing.T, l *lab) error {
			t.Helper()
			return l.rdb.HSet(t.Context(), key+":acks", "a", "b").Err()
		}, "GATEWAY_REFUSED"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onBoth(t, func(t *testing.T, rdb redis.UniversalClient) {
				t.Helper()
				l := newLab(t, rdb)
				if err := c.spoil(t, l); err != nil {
					t.Fatal(err)
				}
				wantFailure(t, l.Switch(t.Context(), toBlue(5)), c.code, false)
			})
		})
	}
}

// payload writes a payload in the way redisack does.
func (l *lab) payload(t *testing.T, text string) error {
	t.Helper()
	_, err := connect(t, l.rdb, redisack.Config{}).Write(t.Context(), redisack.Change{Key: key, Version: "v", Payload: []byte(text)})
	return err
}

// Current asks the clients if the mark of the live write is missing, and only then.
func TestAColourIsReportedOnlyWhenTheClientsRunIt(t *testing.T) {
	t.Parallel()
	l := newLab(t, onMini(t))
	l.clients[0].mute.Store(true)
	l.wantCurrent(t, "green")
	if err := l.rdb.Del(t.Context(), key+":live").Err(); err != nil {
		t.Fatal(err)
	}
	l.restart(t, l.rdb, short)
	_, err := l.Current(t.Context(), tenantID)
	wantFailure(t, err, "GATEWAY_TIMEOUT", true)
	l.clients[0].mute.Store(false)
	l.restart(t, l.rdb, patient)
	l.wantCurrent(t, "green")
	l.clients[0].mute.Store(true)
	l.wantCurrent(t, "green")
}

func TestAnEmptyFleetWritesNothing(t *testing.T) {
	t.Parallel()
	l := newLab(t, onMini(t))
	l.config.Fleet = func(string) redisack.Fleet { return redisack.URLs() }
	l.restart(t, l.rdb, patient)
	err := l.Switch(t.Context(), toBlue(5))
	wantFailure(t, err, "GATEWAY_UNAVAILABLE", true)
	if !errors.Is(err, redisack.ErrNoEndpoints) || l.rev(t) != 1 {
		t.Errorf("%v, %d writes", err, l.rev(t))
	}
}
