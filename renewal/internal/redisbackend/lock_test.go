package redisbackend

import (
	"errors"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/internal/redisserver"
	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/renewal/internal/backend"
)

func TestAcquireAndRelease(t *testing.T) {
	t.Parallel()
	rdb := redistest.Start(t).Client()
	b := New(rdb, Options{CallTimeout: time.Second})
	ctx := t.Context()
	if g, err := b.Acquire(ctx, "lock", "a", time.Minute); err != nil || g != (backend.Grant{Fence: 1}) {
		t.Fatalf("%+v, %v", g, err)
	}
	if g, err := b.Acquire(ctx, "lock", "a", time.Minute); err != nil || g != (backend.Grant{Fence: 1}) {
		t.Errorf("the same request again: %+v, %v", g, err)
	}
	if g, err := b.Acquire(ctx, "lock", "b", time.Minute); err != nil || !g.Held || g.Left <= 59*time.Second {
		t.Errorf("another owner: %+v, %v", g, err)
	}
	if a, err := b.Release(ctx, "lock", "b"); err != nil || a != backend.Foreign {
		t.Errorf("release by another owner: %v, %v", a, err)
	}
	if a, err := b.Release(ctx, "lock", "a"); err != nil || a != backend.Renewed {
		t.Errorf("release: %v, %v", a, err)
	}
	if a, err := b.Release(ctx, "lock", "a"); err != nil || a != backend.Missing {
		t.Errorf("release again: %v, %v", a, err)
	}
	if g, err := b.Acquire(ctx, "lock", "b", time.Minute); err != nil || g != (backend.Grant{Fence: 2}) {
		t.Errorf("the next owner: %+v, %v", g, err)
	}
	if _, err := b.Acquire(ctx, "a}{b", "a", time.Minute); err == nil {
		t.Error("a lock whose counter cannot be in its slot was acquired")
	}
	set(t, rdb, "forever", "x", 0)
	if g, err := b.Acquire(ctx, "forever", "a", time.Minute); err != nil || !g.Held || g.Left >= 0 {
		t.Errorf("held without limit: %+v, %v", g, err)
	}
}

func TestNoLockOnAServerThatEvicts(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	rdb := server.Client()
	ctx := t.Context()
	if err := errors.Join(rdb.ConfigSet(ctx, "maxmemory-policy", "volatile-lru").Err(),
		rdb.ConfigSet(ctx, "maxmemory", "100mb").Err()); err != nil {
		t.Fatal(err)
	}
	var looks []*redisserver.Eviction
	b := New(rdb, Options{CallTimeout: time.Second, OnLook: func(_ string, e *redisserver.Eviction) { looks = append(looks, e) }})
	var found *redisserver.Eviction
	if _, err := b.Acquire(ctx, "lock", "a", time.Minute); !errors.As(err, &found) || found.Addr != server.Addr() {
		t.Errorf("%v", err)
	}
	if len(looks) == 0 || looks[0] == nil {
		t.Errorf("reported %v", looks)
	}
}

// TestClassify checks which answer a key gets for each error of Redis.
func TestClassify(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]backend.Answer{
		"MOVED 3999 127.0.0.1:6381":                    backend.Redirected,
		"ASK 3999 127.0.0.1:6381":                      backend.Redirected,
		"READONLY You can't write":                     backend.Moved,
		"CLUSTERDOWN The cluster is down":              backend.Moved,
		"MASTERDOWN Link with MASTER is down":          backend.Moved,
		"LOADING Redis is loading the dataset":         backend.Failed,
		"OOM command not allowed":                      backend.Failed,
		"BUSY Redis is busy running a script":          backend.Failed,
		"NOPERM this user has no permissions to run x": backend.Failed,
	} {
		answer, err := classify(replyError(text), "k")
		if answer != want || err == nil {
			t.Errorf("%s: answer %d, %v; want %d", text, answer, err, want)
		}
		var to *backend.Redirect
		if want == backend.Redirected && (!errors.As(err, &to) || to.To != "127.0.0.1:6381" || to.Moved != (text[0] == 'M')) {
			t.Errorf("%s: %+v", text, to)
		}
	}
	for _, err := range []error{errUnsent, errors.New("connection refused"), redis.ErrClosed} {
		if answer, got := classify(err, "k"); answer != backend.Silent || !errors.Is(got, err) {
			t.Errorf("%v: answer %d, %v; want silence", err, answer, got)
		}
	}
}

// replyError is an error reply of the server.
type replyError string

func (e replyError) Error() string { return string(e) }

func (replyError) RedisError() {}
