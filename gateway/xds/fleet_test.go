package xds_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	"go.uber.org/goleak"
	"google.golang.org/grpc"

	"github.com/cutover-go/cutover/executor/bluegreen"
	"github.com/cutover-go/cutover/gateway/gatewaytest"
	"github.com/cutover-go/cutover/gateway/internal/fleettest"
	"github.com/cutover-go/cutover/gateway/xds"
	"github.com/cutover-go/cutover/redisack/httpprobe"
	"github.com/cutover-go/cutover/redisack/probe"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fleet is a fleet of proxies, one table, and any number of control planes behind one address. It
// implements [gatewaytest.Fleet].
type fleet struct {
	*fleettest.Fleet[*edge, xds.Instance]
	front    *front
	clusters []*clusterv3.Cluster
}

func startFleet(t *testing.T, instances int) *fleet {
	t.Helper()
	f := &fleet{Fleet: fleettest.New[*edge](t, "edge", func(i xds.Instance) string { return i.Name }), front: startFront(t)}
	for _, colour := range []string{gatewaytest.Green, gatewaytest.Blue} {
		f.clusters = append(f.clusters, startBackend(t, colour))
	}
	for range instances {
		f.Join(t)
	}
	return f
}

func (f *fleet) Join(t *testing.T) int {
	t.Helper()
	i := len(f.Proxies)
	e := startEdge(t, f.Name(i), f.front.address())
	f.Add(e, xds.Instance{Name: f.Name(i), URL: e.URL()})
	return i
}

// LoseAnswer makes the stream end before the next routes are acknowledged, which are used.
func (f *fleet) LoseAnswer(t *testing.T, i int) func() bool {
	t.Helper()
	e := f.Proxies[i]
	e.set(func() { e.cut = true })
	return func() (happened bool) {
		e.set(func() { happened = !e.cut })
		return happened
	}
}

func (f *fleet) Gateway(t *testing.T, timeout time.Duration) bluegreen.Gateway {
	t.Helper()
	g, _ := f.serve(t, xds.Config{Timeout: timeout})
	for _, e := range f.Proxies {
		e.awaitRoutes()
	}
	return fleettest.Run(t, g)
}

// serve returns a gateway to which new streams of the fleet may go, until stop or the end of the
// test.
func (f *fleet) serve(t *testing.T, c xds.Config) (g *xds.Gateway, stop func()) {
	t.Helper()
	c.Table, c.Fleet, c.Default = f.NewTable(), f.List, gatewaytest.Green
	if c.Clusters == nil {
		c.Clusters = f.clusters
	}
	if c.Prober == nil {
		c.Prober = f.Observed(newProber(t))
	}
	g, err := xds.New(c)
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	g.Register(server)
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(listener) })
	leave := f.front.join(listener.Addr().String())
	stop = sync.OnceFunc(func() {
		leave()
		server.Stop()
		serving.Wait()
	})
	t.Cleanup(stop)
	return g, stop
}

// newProber returns a prober that asks as the gateway's own does.
func newProber(t *testing.T) probe.Prober {
	t.Helper()
	prober, err := httpprobe.New(httpprobe.Config{
		Version:       httpprobe.Header("x-route"),
		Headers:       func(ep probe.Endpoint) http.Header { return http.Header{"Host": {ep.ID}} },
		AllowLoopback: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	return prober
}

// startBackend starts a server that answers with its colour, and returns the cluster of it.
func startBackend(t *testing.T, colour string) *clusterv3.Cluster {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, colour) }))
	t.Cleanup(server.Close)
	return cluster(t, colour, server.Listener.Addr().String())
}

// cluster returns a cluster with one server.
func cluster(t *testing.T, name, address string) *clusterv3.Cluster {
	t.Helper()
	return &clusterv3.Cluster{
		Name: name, ClusterDiscoveryType: &clusterv3.Cluster_Type{Type: clusterv3.Cluster_STATIC}, LoadAssignment: endpoints(t, name, address),
	}
}

func endpoints(t *testing.T, name, address string) *endpointv3.ClusterLoadAssignment {
	t.Helper()
	ip, text, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		t.Fatal(err)
	}
	endpoint := &endpointv3.Endpoint{Address: &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{
		Address: ip, PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: uint32(port)},
	}}}}
	return &endpointv3.ClusterLoadAssignment{ClusterName: name, Endpoints: []*endpointv3.LocalityLbEndpoints{{
		LbEndpoints: []*endpointv3.LbEndpoint{{HostIdentifier: &endpointv3.LbEndpoint_Endpoint{Endpoint: endpoint}}},
	}}}
}

// front passes connections on to control planes in turn, as a load balancer before several engines
// does. It ends those that come while there is none.
type front struct {
	listener net.Listener
	mu       sync.Mutex
	backends []string
	next     int
	running  sync.WaitGroup
}

func startFront(t *testing.T) *front {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &front{listener: listener}
	f.running.Go(f.accept)
	t.Cleanup(func() {
		_ = listener.Close()
		f.running.Wait()
	})
	return f
}

func (f *front) address() string { return f.listener.Addr().String() }

// join adds a control plane until leave.
func (f *front) join(address string) (leave func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.backends = append(f.backends, address)
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		for i, other := range f.backends {
			if other == address {
				f.backends = append(f.backends[:i:i], f.backends[i+1:]...)
				return
			}
		}
	}
}

func (f *front) accept() {
	for {
		client, err := f.listener.Accept()
		if err != nil {
			return
		}
		f.running.Go(func() { f.pass(client) })
	}
}

func (f *front) pass(client net.Conn) {
	defer func() { _ = client.Close() }()
	f.mu.Lock()
	target := ""
	if len(f.backends) > 0 {
		target = f.backends[f.next%len(f.backends)]
		f.next++
	}
	f.mu.Unlock()
	if target == "" {
		return
	}
	server, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", target)
	if err != nil {
		return
	}
	defer func() { _ = server.Close() }()
	var back sync.WaitGroup
	back.Go(func() {
		_, _ = io.Copy(client, server)
		_ = client.Close()
	})
	_, _ = io.Copy(server, client)
	_ = server.Close()
	back.Wait()
}

func TestConformance(t *testing.T) {
	t.Parallel()
	gatewaytest.Run(t, gatewaytest.Suite{
		Start:   func(t *testing.T, instances int) gatewaytest.Fleet { t.Helper(); return startFleet(t, instances) },
		Unknown: gatewaytest.Green,
		Many:    many,
	})
}
