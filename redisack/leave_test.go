package redisack

import (
	"context"
	"testing"
	"time"

	"github.com/cutover-go/cutover/internal/redistest"
)

// TestCallsLeaveFrozenServer checks that on a frozen server every call returns within 50 ms of the
// end of its context, by cancellation or by deadline.
func TestCallsLeaveFrozenServer(t *testing.T) {
	t.Parallel()
	const fair = 50 * time.Millisecond
	server := redistest.Start(t)
	over := make(chan struct{}) // until it is closed, a hook hangs
	defer close(over)
	c := connect(t, server.Client(), Config{WriteTimeout: time.Minute, Hooks: Hooks{OnProgress: func(Target, Tally) { <-over }}})
	target, err := c.Write(t.Context(), Change{Key: "k", Version: "v1"})
	if err != nil {
		t.Fatal(err)
	}
	server.Freeze()
	polled := Check{Fleet: fleetOf("a"), Prober: newSim(map[string][]answer{"a": {runs("other")}})}
	pushed := Check{Fleet: fleetOf("a"), Push: true}
	calls := map[string]func(context.Context) error{
		"Write": func(ctx context.Context) error { _, err := c.Write(ctx, Change{Key: "k", Version: "v2"}); return err },
		"Apply": func(ctx context.Context) error {
			_, err := c.Apply(ctx, Change{Key: "k", Version: "v2"}, polled)
			return err
		},
		"Confirm": func(ctx context.Context) error { _, err := c.Confirm(ctx, target, polled); return err },
		"pushed":  func(ctx context.Context) error { _, err := c.Confirm(ctx, target, pushed); return err },
	}
	for name, call := range calls {
		for _, end := range []string{"cancel", "deadline"} {
			late := redistest.Lateness(fair, func() time.Duration { return lateness(t, end, call) })
			if late > fair {
				t.Errorf("%s returns %v after a %s", name, late, end)
			}
		}
	}
	server.Thaw()
}

// lateness returns the time between the end of the context and the return of a call.
func lateness(t *testing.T, end string, call func(context.Context) error) time.Duration {
	t.Helper()
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
		t.Error("no error of a silent server")
	}
	return late
}
