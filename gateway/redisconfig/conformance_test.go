package redisconfig_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/executor/bluegreen"
	"github.com/cutover-go/cutover/gateway/gatewaytest"
	"github.com/cutover-go/cutover/gateway/redisconfig"
	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/redisack"
	"github.com/cutover-go/cutover/redisack/httpprobe"
	"github.com/cutover-go/cutover/redisack/probe"
)

var errNoColour = errors.New("no such colour")

func routeKey(tenant string) string { return "route:{" + tenant + "}" }

// TestConformance runs the suite for gateways on a real Redis. There are fewer tenants at once than
// elsewhere, because each has an agent with a connection. It runs before the other tests of the
// package, some of which have to time out after an answer.
func TestConformance(t *testing.T) {
	gatewaytest.Run(t, gatewaytest.Suite{
		Start: func(t *testing.T, routers int) gatewaytest.Fleet { t.Helper(); return startFleet(t, routers) },
		Many:  50,
	})
}

// fleet is a fleet of routers. It implements [gatewaytest.Fleet].
type fleet struct {
	server  *redistest.Server
	rdb     redis.UniversalClient // of the routers
	routers []*router
	tenants []string
	onCall  atomic.Pointer[func(string)]

	mu     sync.Mutex
	listed []*router
}

func startFleet(t *testing.T, routers int) *fleet {
	t.Helper()
	server := redistest.Start(t)
	f := &fleet{server: server, rdb: server.Client()}
	for range routers {
		f.Join(t)
	}
	return f
}

func (f *fleet) Join(t *testing.T) int {
	t.Helper()
	i := len(f.routers)
	r := &router{id: f.Name(i), rdb: f.rdb}
	r.start(t, f.tenants)
	t.Cleanup(r.kill)
	f.routers = append(f.routers, r)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.listed = append(f.listed, r)
	return i
}

func (f *fleet) Leave(t *testing.T, i int) {
	t.Helper()
	f.mu.Lock()
	f.listed = slices.DeleteFunc(slices.Clone(f.listed), func(r *router) bool { return r == f.routers[i] })
	f.mu.Unlock()
	f.Kill(t, i)
}

func (f *fleet) Name(i int) string { return fmt.Sprintf("router-%d", i) }

func (f *fleet) Place(t *testing.T, tenants ...string) {
	t.Helper()
	f.tenants = append(f.tenants, tenants...)
	g := f.gateway(t, f.rdb, patient)
	for _, tenant := range tenants {
		for _, r := range f.routers {
			r.follow(t, tenant)
		}
		if err := g.Place(t.Context(), tenant, gatewaytest.Green); err != nil {
			t.Fatal(err)
		}
	}
}

// Ask asks a router over a new connection.
func (f *fleet) Ask(ctx context.Context, i int, tenant string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, f.routers[i].address()+"/"+tenant, http.NoBody)
	if err != nil {
		return "", err
	}
	transport := &http.Transport{DisableKeepAlives: true}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	return string(body), err
}

func (f *fleet) Kill(t *testing.T, i int) { t.Helper(); f.routers[i].kill() }

func (f *fleet) Start(t *testing.T, i int) { t.Helper(); f.routers[i].start(t, f.tenants) }

func (f *fleet) Reload(t *testing.T, i int) { t.Helper(); f.Kill(t, i); f.Start(t, i) }

func (f *fleet) LoseAnswer(t *testing.T, i int) func() bool {
	t.Helper()
	f.routers[i].lose()
	return f.routers[i].lost
}

func (f *fleet) OnCall(call func(string)) { f.onCall.Store(&call) }

func (f *fleet) called(call string) {
	if on := f.onCall.Load(); on != nil && *on != nil {
		(*on)(call)
	}
}

func (f *fleet) Gateway(t *testing.T, timeout time.Duration) bluegreen.Gateway {
	t.Helper()
	rdb := redis.NewClient(f.server.Options())
	t.Cleanup(func() { _ = rdb.Close() })
	rdb.AddHook(observer{f})
	return f.gateway(t, rdb, timeout)
}

func (f *fleet) gateway(t *testing.T, rdb redis.UniversalClient, timeout time.Duration) *redisconfig.Gateway {
	t.Helper()
	prober, err := httpprobe.New(httpprobe.Config{AllowLoopback: true})
	if err != nil {
		t.Fatal(err)
	}
	g, err := redisconfig.New(rdb, redisconfig.Config{
		Check: redisack.Check{
			Prober: observedProber{prober, f},
			Policy: redisack.Policy{Timeout: timeout, StartDelay: time.Nanosecond, Interval: redisack.Interval{Base: 5 * time.Millisecond}},
		},
		Fleet: func(tenant string) redisack.Fleet {
			return redisack.FleetFunc(func(context.Context) ([]redisack.Endpoint, error) { return f.members(tenant), nil })
		},
		Key: routeKey,
	})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// members lists the routers of the fleet as the endpoints of one tenant.
func (f *fleet) members(tenant string) (all []redisack.Endpoint) {
	f.called("list")
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range f.listed {
		all = append(all, redisack.Endpoint{ID: r.id, URL: r.address() + "/status/" + tenant})
	}
	return all
}

// observer reports the calls that a gateway makes to Redis.
type observer struct{ fleet *fleet }

func (observer) DialHook(next redis.DialHook) redis.DialHook { return next }

func (o observer) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		o.fleet.called(cmd.Name())
		return next(ctx, cmd)
	}
}

func (o observer) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		o.fleet.called("pipeline")
		return next(ctx, cmds)
	}
}

type observedProber struct {
	probe.Prober
	fleet *fleet
}

func (o observedProber) Probe(ctx context.Context, ep probe.Endpoint) (probe.Observation, error) {
	o.fleet.called("probe")
	return o.Prober.Probe(ctx, ep)
}
