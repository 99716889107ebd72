package redisack

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

// TestHooksOfARollback checks that the hooks of a run and of its rollback are called one at a time,
// in the order of the events.
func TestHooksOfARollback(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var order []string
		busy := false
		slow := func(what string) {
			if busy {
				t.Errorf("%s while another hook is called", what)
			}
			busy = true
			time.Sleep(20 * time.Millisecond)
			busy = false
			order = append(order, what)
		}
		c, mem := testClient(t, Config{})
		c.cfg.Hooks = Hooks{
			OnWrite:    func(t Target, _ error) { slow("write " + t.Version) },
			OnAttempt:  func(a Attempted) { slow("attempt " + a.Target.Version) },
			OnEndpoint: func(t Target, r EndpointReport) { slow("endpoint " + t.Version + " " + r.Reason.String()) },
			OnDone:     func(r *AckResult) { slow("done " + r.Reason.String()) },
		}
		res, _ := c.Apply(t.Context(), change(), Check{
			Fleet: fleetOf("a"), Prober: follower(mem, true), Policy: Policy{Rollback: RollbackOnReject, StartDelay: 1},
		})
		want := []string{
			"write v2", "attempt v2", "endpoint v2 Rejected", "write v1", "attempt v1", "endpoint v1 Confirmed", "done Rejected",
		}
		if !res.Rollback.OK || len(order) != len(want) {
			t.Fatalf("%+v, %q", res.Rollback, order)
		}
		for i, what := range want {
			if order[i] != what {
				t.Errorf("%q, want %q", order, want)
				break
			}
		}
	})
}

// TestHookPanics checks that a panic in any hook is logged with the hook's name and its stack, and
// that the run goes on.
func TestHookPanics(t *testing.T) {
	t.Parallel()
	core, logs := observer.New(zapcore.ErrorLevel)
	c, _ := testClient(t, Config{Logger: zap.New(core)})
	c.cfg.Hooks = Hooks{
		OnCallStart: func(context.Context, Call) context.Context { panic("call") },
		OnCallEnd:   func(context.Context, Call, CallResult) { panic("call") },

		OnWrite:    func(Target, error) { panic("write") },
		OnAttempt:  func(Attempted) { panic("attempt") },
		OnEndpoint: func(Target, EndpointReport) { panic("endpoint") },
		OnProgress: func(Target, Tally) { panic("progress") },
		OnDone:     func(*AckResult) { panic("done") },
	}
	s := newSim(map[string][]answer{"a": {current}})
	res, err := c.Apply(t.Context(), change(), Check{Fleet: fleetOf("a"), Prober: s, Policy: Policy{StartDelay: -1}})
	if err != nil {
		t.Fatalf("%v\n%s", err, res.Summary())
	}
	seen := make(map[any]bool)
	for _, entry := range logs.All() {
		fields := entry.ContextMap()
		if fields["stack"] == "" {
			t.Errorf("%v has no stack", fields)
		}
		seen[fields["hook"]] = true
	}
	for _, name := range []string{"OnWrite", "OnAttempt", "OnEndpoint", "OnProgress", "OnDone"} {
		if !seen[name] {
			t.Errorf("%s is not logged: %v", name, seen)
		}
	}
}

// TestHookQueue checks that hookQueue calls wait for a slow hook, that further calls are dropped
// and counted in a warning, and that the calls that wait are made later.
func TestHookQueue(t *testing.T) {
	t.Parallel()
	for _, dropped := range []int{0, 1, 6} {
		t.Run(fmt.Sprint(dropped, " dropped"), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				release := make(chan struct{})
				called := 0
				c, _ := testClient(t, Config{Hooks: Hooks{
					OnWrite:    func(Target, error) { <-release },
					OnEndpoint: func(Target, EndpointReport) { called++ },
				}})
				clients := make(map[string][]answer)
				members := ids(hookQueue + dropped)
				for _, id := range members {
					clients[id] = []answer{current}
				}
				res, err := c.Apply(t.Context(), change(), Check{
					Fleet: fleetOf(members...), Prober: newSim(clients), Policy: Policy{StartDelay: time.Second},
				})
				if err != nil || res.Tally.Confirmed != hookQueue+dropped {
					t.Fatalf("%v\n%s", err, res.Summary())
				}
				var want []string
				if dropped > 0 {
					want = []string{fmt.Sprint(dropped, " calls of hooks were dropped")}
				}
				if !slices.Equal(res.Warnings, want) || called != 0 {
					t.Errorf("warnings %q, want %q; %d calls before the slow hook has returned", res.Warnings, want, called)
				}
				close(release)
				synctest.Wait()
				if called != hookQueue {
					t.Errorf("%d calls, want %d", called, hookQueue)
				}
			})
		})
	}
}

// TestCallsAreObserved checks that the hooks of a call are called around it, in its goroutine, with
// its context and with what it returns, also if it is refused.
func TestCallsAreObserved(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		type key struct{}
		var calls []string
		c, mem := testClient(t, Config{})
		c.cfg.Hooks = Hooks{
			OnCallStart: func(ctx context.Context, c Call) context.Context {
				calls = append(calls, c.Name+" "+c.Key+" "+c.Version)
				return context.WithValue(ctx, key{}, c.Name)
			},
			OnCallEnd: func(ctx context.Context, c Call, r CallResult) {
				calls = append(calls, fmt.Sprintf("%v %s %t %t %v", ctx.Value(key{}), r.Target.Version, r.Result != nil && r.Result.OK,
					errors.Is(r.Err, ErrInvalid), r.Elapsed))
			},
		}
		var in any // the context of the prober
		prober := ProberFunc(func(ctx context.Context, _ Endpoint, _ Target) (Observation, error) {
			in = ctx.Value(key{})
			head, _ := mem.snapshot()
			return Observation{Rev: head.Rev, WriteID: head.WriteID, Version: head.Version}, nil
		})
		target, err := c.Write(t.Context(), change())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Confirm(t.Context(), target, Check{Fleet: fleetOf("a"), Prober: prober}); err != nil {
			t.Fatal(err)
		}
		if in != "Confirm" {
			t.Errorf("the endpoint is asked in the context of %v", in)
		}
		if res, err := c.Apply(t.Context(), Change{Key: "k"}, Check{}); res != nil || !errors.Is(err, ErrInvalid) {
			t.Fatal(res, err)
		}
		k := change().Key
		want := []string{"Write " + k + " v2", "Write v2 false false 0s", "Confirm " + k + " v2", "Confirm v2 true false 0s", "Apply k ", "Apply  false true 0s"}
		if !slices.Equal(calls, want) {
			t.Errorf("called %q\nwant   %q", calls, want)
		}
	})
}
