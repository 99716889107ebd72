package haproxy_test

import (
	"context"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/cutover-go/cutover/executor/bluegreen"
	"github.com/cutover-go/cutover/gateway"
	"github.com/cutover-go/cutover/gateway/gatewaytest"
	"github.com/cutover-go/cutover/gateway/haproxy"
	"github.com/cutover-go/cutover/gateway/internal/fleettest"
	"github.com/cutover-go/cutover/internal/proxytest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fleet is a fleet of HAProxy instances and one table. It implements [gatewaytest.Fleet].
type fleet struct {
	*fleettest.Fleet[*proxytest.HAProxy, haproxy.Instance]
	mapName string
	ownFile bool // the gateway writes the map files by itself
	relays  []*proxytest.Relay
}

func startFleet(t *testing.T, instances int) *fleet {
	t.Helper()
	name := func(i haproxy.Instance) string { return i.Name }
	f := &fleet{Fleet: fleettest.New[*proxytest.HAProxy](t, "haproxy", name), mapName: "routes.map"}
	for range instances {
		f.Join(t)
	}
	return f
}

func (f *fleet) Join(t *testing.T) int {
	t.Helper()
	h := proxytest.StartHAProxy(t, gatewaytest.Green, gatewaytest.Blue)
	relay := proxytest.NewRelay(t, h.Socket)
	f.relays = append(f.relays, relay)
	i := len(f.Proxies)
	f.Add(h, haproxy.Instance{Name: f.Name(i), Socket: relay.Socket(), URL: h.URL(), MapFile: h.MapFile})
	return i
}

// edit replaces a part of an instance's configuration and restarts the instance.
func (f *fleet) edit(t *testing.T, i int, old, to string) {
	t.Helper()
	f.Proxies[i].Kill()
	f.Proxies[i].Edit(old, to)
	f.Proxies[i].Start()
}

// LoseAnswer loses the answer to the next change of the map.
func (f *fleet) LoseAnswer(t *testing.T, i int) func() bool {
	t.Helper()
	before := f.relays[i].Lost()
	f.relays[i].Lose("set map", "add map", "commit map")
	return func() bool { return f.relays[i].Lost() > before }
}

func (f *fleet) Gateway(t *testing.T, timeout time.Duration) bluegreen.Gateway {
	t.Helper()
	return fleettest.Run(t, f.gateway(t, haproxy.Config{Timeout: timeout}))
}

// gateway returns a gateway that is not running.
func (f *fleet) gateway(t *testing.T, c haproxy.Config) *haproxy.Gateway {
	t.Helper()
	c.Table, c.Prober, c.Fleet = f.NewTable(), f.NewProber(t), f.List
	c.Push = func(_ context.Context, i haproxy.Instance, content []byte) error {
		f.Called("push")
		return gateway.ReplaceFile(i.MapFile, content)
	}
	if f.ownFile {
		c.Push = nil
	}
	c.Map, c.Default = f.mapName, gatewaytest.Green
	g, err := haproxy.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// local returns a gateway that writes the map file itself, has its own prober, and is not running.
func (f *fleet) local(t *testing.T) *haproxy.Gateway {
	t.Helper()
	g, err := haproxy.New(haproxy.Config{
		Table: f.NewTable(), Fleet: f.List, Map: f.mapName, Default: gatewaytest.Green,
	})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestConformance(t *testing.T) {
	t.Parallel()
	gatewaytest.Run(t, gatewaytest.Suite{
		Start:   func(t *testing.T, instances int) gatewaytest.Fleet { t.Helper(); return startFleet(t, instances) },
		Unknown: gatewaytest.Green,
		Many:    proxytest.Many(),
	})
}
