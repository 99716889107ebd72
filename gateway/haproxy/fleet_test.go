package haproxy_test

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/cutover-go/cutover/executor/bluegreen"
	"github.com/cutover-go/cutover/gateway"
	"github.com/cutover-go/cutover/gateway/gatewaytest"
	"github.com/cutover-go/cutover/gateway/haproxy"
	"github.com/cutover-go/cutover/internal/proxytest"
	"github.com/cutover-go/cutover/redisack/httpprobe"
	"github.com/cutover-go/cutover/redisack/probe"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fleet is a fleet of HAProxy instances and one table. It implements [gatewaytest.Fleet].
type fleet struct {
	table   string
	mapName string
	proxies []*proxytest.HAProxy
	relays  []*proxytest.Relay
	onCall  atomic.Pointer[func(string)]

	mu     sync.Mutex
	listed []haproxy.Instance
}

func startFleet(t *testing.T, instances int) *fleet {
	t.Helper()
	f := &fleet{table: filepath.Join(t.TempDir(), "table"), mapName: "routes.map"}
	for range instances {
		f.Join(t)
	}
	return f
}

func (f *fleet) Join(t *testing.T) int {
	t.Helper()
	h := proxytest.StartHAProxy(t, gatewaytest.Green, gatewaytest.Blue)
	relay := proxytest.NewRelay(t, h.Socket)
	f.proxies, f.relays = append(f.proxies, h), append(f.relays, relay)
	i := len(f.proxies) - 1
	f.mu.Lock()
	defer f.mu.Unlock()
	f.listed = append(f.listed, haproxy.Instance{Name: f.Name(i), Socket: relay.Socket(), URL: h.URL(), MapFile: h.MapFile})
	return i
}

func (f *fleet) Leave(t *testing.T, i int) {
	t.Helper()
	f.mu.Lock()
	f.listed = slices.DeleteFunc(slices.Clone(f.listed), func(in haproxy.Instance) bool { return in.Name == f.Name(i) })
	f.mu.Unlock()
	f.Kill(t, i)
}

func (f *fleet) Name(i int) string { return fmt.Sprintf("haproxy-%d", i) }

func (f *fleet) Place(*testing.T, ...string) {} // tenants without a row are at Green

func (f *fleet) Ask(ctx context.Context, i int, tenant string) (string, error) {
	return f.proxies[i].Ask(ctx, tenant)
}

func (f *fleet) Kill(t *testing.T, i int) { t.Helper(); f.proxies[i].Kill() }

func (f *fleet) Start(t *testing.T, i int) { t.Helper(); f.proxies[i].Start() }

func (f *fleet) Reload(t *testing.T, i int) { t.Helper(); f.proxies[i].Reload() }

// edit replaces a part of an instance's configuration and restarts the instance.
func (f *fleet) edit(t *testing.T, i int, old, to string) {
	t.Helper()
	f.proxies[i].Kill()
	f.proxies[i].Edit(old, to)
	f.proxies[i].Start()
}

// LoseAnswer loses the answer to the next change of the map.
func (f *fleet) LoseAnswer(t *testing.T, i int) func() bool {
	t.Helper()
	before := f.relays[i].Lost()
	f.relays[i].Lose("set map", "add map", "commit map")
	return func() bool { return f.relays[i].Lost() > before }
}

func (f *fleet) OnCall(call func(string)) { f.onCall.Store(&call) }

func (f *fleet) called(call string) {
	if on := f.onCall.Load(); on != nil && *on != nil {
		(*on)(call)
	}
}

func (f *fleet) Gateway(t *testing.T, timeout time.Duration) bluegreen.Gateway {
	t.Helper()
	g := f.gateway(t, haproxy.Config{Timeout: timeout})
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var running sync.WaitGroup
	running.Go(func() { _ = g.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		running.Wait()
	})
	return g
}

// gateway returns a gateway that is not running.
func (f *fleet) gateway(t *testing.T, c haproxy.Config) *haproxy.Gateway {
	t.Helper()
	prober, err := httpprobe.New(httpprobe.Config{
		Version:       httpprobe.Header("X-Route"),
		Headers:       func(ep probe.Endpoint) http.Header { return http.Header{"X-Tenant": {ep.ID}} },
		AllowLoopback: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	c.Table = observedTable{gateway.NewFileTable(f.table), f}
	c.Prober = observedProber{prober, f}
	c.Fleet = func(context.Context) ([]haproxy.Instance, error) {
		f.called("list")
		f.mu.Lock()
		defer f.mu.Unlock()
		return slices.Clone(f.listed), nil
	}
	c.Push = func(_ context.Context, i haproxy.Instance, content []byte) error {
		f.called("push")
		return gateway.ReplaceFile(i.MapFile, content)
	}
	c.Map, c.Default = f.mapName, gatewaytest.Green
	g, err := haproxy.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// observedTable is a table that reports calls to the fleet.
type observedTable struct {
	*gateway.FileTable
	fleet *fleet
}

func (o observedTable) Load(ctx context.Context) (gateway.Rows, uint64, error) {
	o.fleet.called("load")
	return o.FileTable.Load(ctx)
}

func (o observedTable) Save(ctx context.Context, rows gateway.Rows, ifRev uint64) (uint64, error) {
	o.fleet.called("save")
	return o.FileTable.Save(ctx, rows, ifRev)
}

type observedProber struct {
	probe.Prober
	fleet *fleet
}

func (o observedProber) Probe(ctx context.Context, ep probe.Endpoint) (probe.Observation, error) {
	o.fleet.called("probe")
	return o.Prober.Probe(ctx, ep)
}

func TestConformance(t *testing.T) {
	t.Parallel()
	gatewaytest.Run(t, gatewaytest.Suite{
		Start:   func(t *testing.T, instances int) gatewaytest.Fleet { t.Helper(); return startFleet(t, instances) },
		Unknown: gatewaytest.Green,
		Many:    proxytest.Many(),
	})
}
