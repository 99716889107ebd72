package control_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/executor/bluegreen"
	"github.com/cutover-go/cutover/gateway"
	"github.com/cutover-go/cutover/gateway/internal/control"
	"github.com/cutover-go/cutover/redisack/probe"
)

// TestProxyThatHangsIsNamed has one proxy of two that takes no change, or answers no question, and
// says nothing: the report names it alone, and the tenant is put back on the other.
func TestProxyThatHangsIsNamed(t *testing.T) {
	t.Parallel()
	for _, timeout := range []time.Duration{2 * time.Second, 20 * time.Second} {
		for _, hangs := range []string{"sync", "answer"} {
			synctest.Test(t, func(t *testing.T) {
				w := &seriesWorld{world: &world{}}
				good := control.NewMember("good", "good", w.sync)
				bad := control.NewMember("bad", "bad", func(ctx context.Context, load control.Load, how control.Mode) (uint64, error) {
					if hangs == "sync" {
						<-ctx.Done()
						return 0, ctx.Err()
					}
					return w.sync(ctx, load, how)
				})
				w.before = func(ctx context.Context, eps []probe.Endpoint) {
					if hangs == "answer" && eps[0].URL == "bad" {
						<-ctx.Done()
					}
				}
				c := w.controller()
				c.Prober, c.Timeout = w, timeout
				c.Members = func(context.Context) ([]*control.Member, error) { return []*control.Member{good, bad}, nil }
				err := c.Switch(t.Context(), toBlue("acme"))
				var unconfirmed *gateway.NotConfirmedError
				if !errors.As(err, &unconfirmed) || len(unconfirmed.Instances) != 2 {
					t.Fatalf("%s, %v: %v", hangs, timeout, err)
				}
				if r := unconfirmed.Instances; !r[0].Confirmed || r[1].Confirmed || r[1].Err == nil {
					t.Errorf("%s, %v: %v", hangs, timeout, err)
				}
				if !strings.HasSuffix(err.Error(), "it was put back") {
					t.Errorf("%s, %v: %v", hangs, timeout, err)
				}
				wantRow(t, w.world, "acme", "green")
			})
		}
	}
}

// TestPanicsOfTheHostStopNothing has a prober that panics in several calls: each reaches its
// caller, however many proxies are asked at the same time, and later switches are made.
func TestPanicsOfTheHostStopNothing(t *testing.T) {
	t.Parallel()
	for proxies := 1; proxies <= 2; proxies++ {
		synctest.Test(t, func(t *testing.T) {
			w := &seriesWorld{world: &world{}}
			c := w.controller()
			c.Prober = w
			var members []*control.Member
			for range proxies {
				members = append(members, control.NewMember("proxy", "", w.sync))
			}
			c.Members = func(context.Context) ([]*control.Member, error) { return members, nil }
			w.before = func(context.Context, []probe.Endpoint) { panic("the host's") }
			for range 5 {
				func() {
					defer func() {
						if value := recover(); value == nil {
							t.Error("no panic")
						}
					}()
					_ = c.Switch(t.Context(), toBlue("acme"))
				}()
			}
			w.before = nil
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if err := c.Switch(ctx, toBlue("beta")); err != nil {
				t.Errorf("%d proxies: %v", proxies, err)
			}
		})
	}
}

// lateContext is done a while after its deadline.
type lateContext struct {
	context.Context //nolint:containedctx // it is a context
	deadline        time.Time
}

func (c lateContext) Deadline() (time.Time, bool) { return c.deadline, true }

// TestDeadlineHidesNoAnswer is TestEndOfTheWaitHidesNoAnswer with a connection that notices the end
// before the context: one to the proxy, or one to what lists the fleet.
func TestDeadlineHidesNoAnswer(t *testing.T) {
	t.Parallel()
	for _, listing := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			deadline := time.Now().Add(time.Second)
			ctx, cancel := context.WithTimeout(t.Context(), time.Second+time.Millisecond)
			defer cancel()
			w := &world{frozen: true}
			answers := 0
			c := w.controller()
			members := c.Members
			c.Members = func(ctx context.Context) ([]*control.Member, error) {
				if !listing || answers == 0 {
					return members(ctx)
				}
				time.Sleep(time.Until(deadline))
				return nil, os.ErrDeadlineExceeded
			}
			c.Prober = proberFunc(func(ctx context.Context, ep probe.Endpoint) (probe.Observation, error) {
				if answers++; answers == 1 {
					return w.Probe(ctx, ep)
				}
				time.Sleep(time.Until(deadline))
				return probe.Observation{}, &probe.Error{Kind: probe.KindTimeout, Err: os.ErrDeadlineExceeded}
			})
			err := c.Switch(lateContext{ctx, deadline}, toBlue("acme"))
			var failure *executor.Error
			if !errors.As(err, &failure) || failure.Code != bluegreen.CodeSwitchNotConfirmed || !strings.Contains(err.Error(), `proxy serves "green|0|0"`) {
				t.Errorf("listing %t: %v", listing, err)
			}
		})
	}
}
