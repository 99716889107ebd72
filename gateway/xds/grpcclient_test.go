package xds_test

import (
	"context"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routerv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	grpcxds "google.golang.org/grpc/xds"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/cutover-go/cutover/executor/bluegreen"
	"github.com/cutover-go/cutover/executor/canary"
	"github.com/cutover-go/cutover/gateway/gatewaytest"
	"github.com/cutover-go/cutover/gateway/internal/fleettest"
	"github.com/cutover-go/cutover/gateway/xds"
	"github.com/cutover-go/cutover/task"
)

// mesh is a control plane for clients of grpc-go, and a server for each colour.
type mesh struct {
	*fleet
	config  xds.Config
	gateway *xds.Gateway
	stop    func()
}

const clientNode = "grpc-client"

// startMesh starts a control plane for one client. Blue's cluster is edited by edit, if that is not
// nil.
func startMesh(t *testing.T, settle time.Duration, edit func(blue *clusterv3.Cluster)) *mesh {
	t.Helper()
	m := &mesh{fleet: startFleet(t, 0)}
	m.Listed = append(m.Listed, xds.Instance{Name: clientNode})
	c := xds.Config{Listeners: []*listenerv3.Listener{apiListener(t)}, Settle: settle}
	for _, colour := range []string{gatewaytest.Green, gatewaytest.Blue} {
		c.Clusters = append(c.Clusters, edsCluster(colour))
		c.Endpoints = append(c.Endpoints, startGRPC(t, colour))
	}
	if edit != nil {
		edit(c.Clusters[1])
	}
	m.config = c
	m.gateway, m.stop = m.serve(t, c)
	return m
}

// client returns a function that makes a call to a tenant, over a new connection, and returns the
// colour that answered.
func (m *mesh) client(t *testing.T) func(ctx context.Context, tenant string) (string, error) {
	t.Helper()
	bootstrap := fmt.Sprintf(`{
		"xds_servers": [{"server_uri": "passthrough:///%s", "channel_creds": [{"type": "insecure"}], "server_features": ["xds_v3"]}],
		"node": {"id": "%s"}, "client_default_listener_resource_name_template": "api"
	}`, m.front.address(), clientNode)
	resolver, err := grpcxds.NewXDSResolverWithConfigForTesting([]byte(bootstrap))
	if err != nil {
		t.Fatal(err)
	}
	dial := func(tenant string) (*grpc.ClientConn, error) {
		return grpc.NewClient("xds:///"+tenant, grpc.WithResolvers(resolver), grpc.WithTransportCredentials(insecure.NewCredentials()))
	}
	held, err := dial("held") // keeps the subscription
	if err != nil {
		t.Fatal(err)
	}
	held.Connect()
	t.Cleanup(func() { _ = held.Close() })
	return func(ctx context.Context, tenant string) (string, error) {
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		conn, err := dial(tenant)
		if err != nil {
			return "", err
		}
		defer func() { _ = conn.Close() }()
		return call(ctx, conn)
	}
}

func call(ctx context.Context, conn *grpc.ClientConn) (string, error) {
	var header metadata.MD
	_, err := healthpb.NewHealthClient(conn).Check(ctx, &healthpb.HealthCheckRequest{}, grpc.Header(&header))
	if err != nil {
		return "", err
	}
	return header.Get("colour")[0], nil
}

// startGRPC starts a server that answers with its colour, and returns its endpoints.
func startGRPC(t *testing.T, colour string) *endpointv3.ClusterLoadAssignment {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(grpc.UnaryInterceptor(
		func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
			if err := grpc.SetHeader(ctx, metadata.Pairs("colour", colour)); err != nil {
				return nil, err
			}
			return handler(ctx, req)
		}))
	healthpb.RegisterHealthServer(server, health.NewServer())
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(listener) })
	t.Cleanup(func() {
		server.Stop()
		serving.Wait()
	})
	assignment := endpoints(t, colour, listener.Addr().String())
	assignment.Endpoints[0].Locality = &corev3.Locality{Region: "here"}
	assignment.Endpoints[0].LoadBalancingWeight = wrapperspb.UInt32(1)
	return assignment
}

func edsCluster(name string) *clusterv3.Cluster {
	return &clusterv3.Cluster{
		Name: name, ClusterDiscoveryType: &clusterv3.Cluster_Type{Type: clusterv3.Cluster_EDS},
		EdsClusterConfig: &clusterv3.Cluster_EdsClusterConfig{EdsConfig: ads()},
	}
}

func ads() *corev3.ConfigSource {
	return &corev3.ConfigSource{
		ConfigSourceSpecifier: &corev3.ConfigSource_Ads{Ads: &corev3.AggregatedConfigSource{}}, ResourceApiVersion: corev3.ApiVersion_V3,
	}
}

// apiListener returns the listener of all clients of gRPC.
func apiListener(t *testing.T) *listenerv3.Listener {
	t.Helper()
	manager := &hcmv3.HttpConnectionManager{
		RouteSpecifier: &hcmv3.HttpConnectionManager_Rds{Rds: &hcmv3.Rds{RouteConfigName: "tenants", ConfigSource: ads()}},
		HttpFilters: []*hcmv3.HttpFilter{{
			Name: "router", ConfigType: &hcmv3.HttpFilter_TypedConfig{TypedConfig: encoded(t, &routerv3.Router{})},
		}},
		StatPrefix: "api",
	}
	return &listenerv3.Listener{Name: "api", ApiListener: &listenerv3.ApiListener{ApiListener: encoded(t, manager)}}
}

func encoded(t *testing.T, m proto.Message) *anypb.Any {
	t.Helper()
	packed, err := anypb.New(m)
	if err != nil {
		t.Fatal(err)
	}
	return packed
}

// TestGRPCClient switches tenants to and fro, and calls them by the client of grpc-go.
func TestGRPCClient(t *testing.T) {
	t.Parallel()
	m := startMesh(t, 200*time.Millisecond, nil)
	ask := m.client(t)
	want := func(tenant, want string) {
		t.Helper()
		if colour, err := ask(t.Context(), tenant); colour != want || err != nil {
			t.Errorf("%s is answered by %q, %v; want %s", tenant, colour, err, want)
		}
	}
	want("acme", gatewaytest.Green)
	from, to := gatewaytest.Green, gatewaytest.Blue
	for token := task.Token(1); token <= 4; token++ {
		change := bluegreen.Change{TenantID: "acme", From: from, To: to, Token: token, Key: fmt.Sprint(token)}
		if err := m.gateway.Switch(t.Context(), change); err != nil {
			t.Fatal(err)
		}
		want("acme", to)
		want("beta", gatewaytest.Green)
		from, to = to, from
	}
	m.stop()
	restarted, _ := m.serve(t, m.config)
	if err := restarted.Switch(t.Context(), bluegreen.Change{TenantID: "acme", From: from, To: to, Token: 5, Key: "5"}); err != nil {
		t.Fatal(err)
	}
	want("acme", to)
}

// TestGRPCClientThatRefuses has a cluster that Envoy takes, and gRPC does not.
func TestGRPCClientThatRefuses(t *testing.T) {
	t.Parallel()
	m := startMesh(t, 4*time.Second, func(blue *clusterv3.Cluster) {
		blue.ClusterDiscoveryType = &clusterv3.Cluster_Type{Type: clusterv3.Cluster_STATIC} // not for gRPC
	})
	ask := m.client(t)
	if colour, err := ask(t.Context(), "acme"); colour != gatewaytest.Green || err != nil {
		t.Fatalf("%q, %v", colour, err)
	}
	err := m.gateway.Switch(t.Context(), fleettest.ToBlue("held"))
	fleettest.WantFailure(t, err, "GATEWAY_REFUSED", clientNode, "(Cluster)", "blue")
	if colour, err := ask(t.Context(), "held"); colour != gatewaytest.Green || err != nil {
		t.Errorf("%q, %v", colour, err)
	}
}

// TestGRPCClientBetweenColours raises the weight of a tenant. Calls without a bucket are divided by
// chance, and those with one go where it says.
func TestGRPCClientBetweenColours(t *testing.T) {
	t.Parallel()
	m := startMesh(t, 200*time.Millisecond, nil)
	m.stop()
	c := m.config
	c.Bucket = "x-bucket"
	m.gateway, _ = m.serve(t, c)
	ask := m.client(t)
	if colour, err := ask(t.Context(), "acme"); colour != gatewaytest.Green || err != nil {
		t.Fatalf("%q, %v", colour, err)
	}
	weights, err := m.gateway.Weights(gatewaytest.Green, gatewaytest.Blue)
	if err != nil {
		t.Fatal(err)
	}
	for token, step := range [][2]int{{0, 25}, {25, 60}} {
		change := canary.Change{TenantID: "acme", From: step[0], To: step[1], Token: task.Token(token + 1), Key: "k"} //nolint:gosec // small
		if err := weights.SetWeight(t.Context(), change); err != nil {
			t.Fatal(err)
		}
		blue := 0
		for range 100 {
			colour, err := ask(t.Context(), "acme")
			if err != nil {
				t.Fatal(err)
			}
			if colour == gatewaytest.Blue {
				blue++
			}
		}
		if blue < step[1]-30 || blue > step[1]+30 { // six standard deviations
			t.Errorf("%d of 100 calls at %d percent", blue, step[1])
		}
		for bucket, want := range map[int]string{
			0: gatewaytest.Blue, step[1] - 1: gatewaytest.Blue, step[1]: gatewaytest.Green, 99: gatewaytest.Green,
		} {
			for range 3 {
				ctx := metadata.AppendToOutgoingContext(t.Context(), "x-bucket", fmt.Sprint(bucket))
				if colour, err := ask(ctx, "acme"); colour != want || err != nil {
					t.Errorf("bucket %d at %d percent: %q, %v", bucket, step[1], colour, err)
				}
			}
		}
	}
	if colour, err := ask(t.Context(), "beta"); colour != gatewaytest.Green || err != nil {
		t.Errorf("beta: %q, %v", colour, err)
	}
}
