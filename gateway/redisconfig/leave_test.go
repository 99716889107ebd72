package redisconfig_test

import (
	"context"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/internal/redistest"
)

// frozen returns a lab and its server, which the test can freeze. The gateway has its own
// connection.
func frozen(t *testing.T) (*lab, *redistest.Server) {
	t.Helper()
	server := redistest.Start(t)
	l := newLab(t, server.Client())
	rdb := redis.NewClient(server.Options())
	t.Cleanup(func() { _ = rdb.Close() })
	l.restart(t, rdb, patient)
	l.wantCurrent(t, "green")
	t.Cleanup(server.Thaw) // before the clients end
	return l, server
}

// Every call returns within 50 ms of its context's end while Redis does not answer.
func TestCallsLeaveFrozenServer(t *testing.T) {
	t.Parallel()
	const fair = 50 * time.Millisecond
	l, server := frozen(t)
	server.Freeze()
	for name, call := range map[string]func(context.Context) error{
		"Switch":  func(ctx context.Context) error { return l.Switch(ctx, toBlue(5)) },
		"Current": func(ctx context.Context) error { _, err := l.Current(ctx, tenantID); return err },
		"Place":   func(ctx context.Context) error { return l.Place(ctx, "another", "green") },
	} {
		for _, end := range []string{"cancel", "deadline"} {
			late := redistest.Lateness(fair, func() time.Duration {
				at := time.Now().Add(100 * time.Millisecond)
				ctx, cancel := context.WithDeadline(t.Context(), at)
				if end == "cancel" {
					ctx, cancel = context.WithCancel(t.Context())
					time.AfterFunc(time.Until(at), cancel)
				}
				err := call(ctx)
				late := time.Since(at)
				cancel()
				if err == nil {
					t.Errorf("%s: no error of a silent server", name)
				}
				return late
			})
			if late > fair {
				t.Errorf("%s returns %v after a %s", name, late, end)
			}
		}
	}
}

// A switch returns within 500 ms after the end of its context, even if the server freezes while the
// switch waits for the clients.
func TestSwitchLeavesServerThatFreezes(t *testing.T) {
	t.Parallel()
	l, server := frozen(t)
	l.clients[1].onBlue(notYet)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	returned := make(chan error, 1)
	go func() { returned <- l.Switch(ctx, toBlue(5)) }()
	eventually(t, "the write", func() bool { return l.clients[1].tries.Load() > 0 })
	server.Freeze()
	cancel()
	at := time.Now()
	err := <-returned
	if late := time.Since(at); err == nil || late > 500*time.Millisecond { // the client's timeouts take seconds
		t.Errorf("%v after the cancel: %v", late, err)
	}
}

// A run whose time is over before the write was sent reports a timeout, not an unavailable server,
// and writes nothing.
func TestNoTimeForTheWrite(t *testing.T) {
	t.Parallel()
	l := newLab(t, onMini(t))
	over := make(chan struct{})
	l.hook(t, around{before: func() { <-over }, after: func() error { return nil }})
	l.restart(t, l.hooked, 100*time.Millisecond)
	err := l.Switch(t.Context(), toBlue(5))
	close(over)
	wantFailure(t, err, "GATEWAY_TIMEOUT", true)
	if n := l.rev(t); n != 1 {
		t.Errorf("%d writes", n)
	}
}
