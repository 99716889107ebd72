package xds_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
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

// node is a proxy that gets its configuration from a control plane.
type node interface {
	fleettest.Proxy
	URL() string
	awaitRoutes() // unless it is dead
	loseAnswer() (happened func() bool)
}

// fleet is a fleet of proxies, one table, and any number of control planes behind one address. It
// implements [gatewaytest.Fleet].
type fleet struct {
	*fleettest.Fleet[node, xds.Instance]
	start    func(name string) node
	edges    []*edge // the proxies, if they are our own
	front    *front
	clusters []*clusterv3.Cluster
}

func startFleet(t *testing.T, instances int) *fleet {
	t.Helper()
	f := newFleet(t)
	f.start = func(name string) node {
		e := startEdge(t, name, f.front.address())
		f.edges = append(f.edges, e)
		return e
	}
	for range instances {
		f.Join(t)
	}
	return f
}

// newFleet returns a fleet without proxies.
func newFleet(t *testing.T) *fleet {
	t.Helper()
	f := &fleet{Fleet: fleettest.New[node](t, "edge", func(i xds.Instance) string { return i.Name }), front: startFront(t)}
	for _, colour := range []string{gatewaytest.Green, gatewaytest.Blue} {
		f.clusters = append(f.clusters, startBackend(t, colour))
	}
	return f
}

func (f *fleet) Join(t *testing.T) int {
	t.Helper()
	i := len(f.Proxies)
	started := f.start(f.Name(i))
	f.Add(started, xds.Instance{Name: f.Name(i), URL: started.URL()})
	return i
}

func (f *fleet) LoseAnswer(t *testing.T, i int) func() bool {
	t.Helper()
	return f.Proxies[i].loseAnswer()
}

func (f *fleet) Gateway(t *testing.T, timeout time.Duration) bluegreen.Gateway {
	t.Helper()
	g, _ := f.serve(t, xds.Config{Timeout: timeout})
	f.awaitRoutes()
	return fleettest.Run(t, g)
}

// awaitRoutes waits until all proxies that are not dead have routes.
func (f *fleet) awaitRoutes() {
	for _, n := range f.Proxies {
		n.awaitRoutes()
	}
}

// awaitConnected waits until a node has asked a gateway for something.
func (f *fleet) awaitConnected(t *testing.T, g *xds.Gateway, node string) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		states, err := g.Nodes(t.Context())
		if err == nil && slices.ContainsFunc(states, func(s xds.NodeState) bool { return s.Node == node && s.Connected }) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s does not connect: %+v, %v", node, states, err)
		}
	}
}

// wantAll checks what all proxies answer a tenant.
func (f *fleet) wantAll(t *testing.T, tenant, want string) {
	t.Helper()
	for i := range f.Proxies {
		if colour, err := f.Ask(t.Context(), i, tenant); colour != want || err != nil {
			t.Errorf("%s answers %s by %q, %v; want %s", f.Name(i), tenant, colour, err, want)
		}
	}
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
	return g, f.attach(t, g)
}

// attach makes new streams of the fleet go to a gateway, too, until stop or the end of the test.
func (f *fleet) attach(t *testing.T, g *xds.Gateway) (stop func()) {
	t.Helper()
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
	return stop
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
	pinned   string // empty if connections go to all in turn
	cut      bool   // what a client says next is dropped, with its connection
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

// pin makes new connections go to one of the control planes, in the order in which they joined.
func (f *front) pin(i int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pinned = f.backends[i]
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
	target := f.pinned
	if target == "" && len(f.backends) > 0 {
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
	_, _ = io.Copy(writer(func(data []byte) (int, error) {
		if f.cuts() {
			return 0, errCut
		}
		return server.Write(data)
	}), client)
	_ = server.Close()
	back.Wait()
}

type writer func([]byte) (int, error)

func (w writer) Write(data []byte) (int, error) { return w(data) }

func (f *front) cuts() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	cut := f.cut
	f.cut = false
	return cut
}

func TestConformance(t *testing.T) {
	t.Parallel()
	gatewaytest.Run(t, gatewaytest.Suite{
		Start:   func(t *testing.T, instances int) gatewaytest.Fleet { t.Helper(); return startFleet(t, instances) },
		Unknown: gatewaytest.Green,
		Many:    many,
	})
}
