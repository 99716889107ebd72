package xds_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/cutover-go/cutover/gateway"
	"github.com/cutover-go/cutover/gateway/gatewaytest"
	"github.com/cutover-go/cutover/gateway/internal/fleettest"
	"github.com/cutover-go/cutover/gateway/xds"
)

// TestInvalidConfig checks that New names every fault.
func TestInvalidConfig(t *testing.T) {
	t.Parallel()
	_, err := xds.New(xds.Config{
		Clusters: []*clusterv3.Cluster{{Name: "blue"}, {Name: "blue"}, {}, {Name: "x", ConnectTimeout: nil, MaxRequestsPerConnection: nil, DnsLookupFamily: 99}},
		Suffix:   ".Example.", Header: "X Route", Settle: time.Minute, Default: "violet", Interval: -1,
	})
	var invalid *gateway.InvalidError
	if !errors.Is(err, gateway.ErrInvalid) || !errors.As(err, &invalid) {
		t.Fatal(err)
	}
	for _, part := range []string{
		"Table is missing", "Fleet is missing", `none is named "green"`, `the name "blue" occurs twice`, "Clusters[2] has no name", "Clusters[3]: ",
		"DnsLookupFamily", "Suffix: ", `Header: "X Route" contains 'X'`, "Settle must be", `"violet" is none of Colours`, "must not be negative",
	} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%v does not say %q", err, part)
		}
	}
}

// TestSwitchByAnotherProcess switches by a process to which no node is connected.
func TestSwitchByAnotherProcess(t *testing.T) {
	t.Parallel()
	f := startFleet(t, 2)
	serving, _ := f.serve(t, xds.Config{})
	f.awaitRoutes()
	fleettest.Run(t, serving)
	g, _ := f.serve(t, xds.Config{})
	if err := g.Switch(t.Context(), fleettest.ToBlue("acme")); err != nil {
		t.Fatal(err)
	}
	f.wantAll(t, "acme", gatewaytest.Blue)
	states, err := g.Nodes(t.Context())
	if err != nil || states[0].Connected || states[0].Confirmed != 1 {
		t.Errorf("%+v, %v", states, err)
	}
	if states, err = serving.Nodes(t.Context()); err != nil || !states[0].Connected || states[0].Acked != 1 || states[0].Confirmed != 0 {
		t.Errorf("%+v, %v", states, err)
	}
}

// TestInstanceThatNobodyCanAsk has neither a URL nor a connection.
func TestInstanceThatNobodyCanAsk(t *testing.T) {
	t.Parallel()
	f := startFleet(t, 0)
	f.Listed = append(f.Listed, xds.Instance{Name: "client"})
	g, _ := f.serve(t, xds.Config{Timeout: 200 * time.Millisecond})
	err := g.Switch(t.Context(), fleettest.ToBlue("acme"))
	fleettest.WantFailure(t, err, "GATEWAY_UNAVAILABLE", "client: the node is not connected to this process")
}

// TestNodeOfAnotherProcessIsSentNothingOlder has a node that comes from a process which is ahead.
func TestNodeOfAnotherProcessIsSentNothingOlder(t *testing.T) {
	t.Parallel()
	f := startFleet(t, 1)
	behind, _ := f.serve(t, xds.Config{}) // does not run, so it has the table as it was when the node came
	f.awaitRoutes()
	f.awaitConnected(t, behind, "edge-0")
	f.Kill(t, 0)
	ahead, stop := f.serve(t, xds.Config{})
	f.front.pin(1)
	f.Start(t, 0)
	f.awaitRoutes()
	if err := ahead.Switch(t.Context(), fleettest.ToBlue("acme")); err != nil {
		t.Fatal(err)
	}
	f.front.pin(0)
	stop()
	f.awaitConnected(t, behind, "edge-0")
	if colour, err := behind.Current(t.Context(), "acme"); colour != gatewaytest.Blue || err != nil {
		t.Errorf("%q, %v", colour, err)
	}
	for _, v := range f.edges[0].worker.received()[1:] {
		if v != "cutover/1" {
			t.Errorf("the node was sent %v", f.edges[0].worker.received())
		}
	}
}

// TestWaitingSwitchesAreOneSnapshot counts the revisions that a node is sent.
func TestWaitingSwitchesAreOneSnapshot(t *testing.T) {
	t.Parallel()
	f := startFleet(t, 1)
	g, _ := f.serve(t, xds.Config{})
	f.awaitRoutes()
	hold := make(chan struct{})
	var once sync.Once
	f.OnCall(func(call string) {
		if call == "save" {
			once.Do(func() { <-hold })
		}
	})
	var all sync.WaitGroup
	const tenants = 200
	started := make(chan struct{}, tenants)
	for i := range tenants {
		all.Go(func() {
			started <- struct{}{}
			if err := g.Switch(t.Context(), fleettest.ToBlue(fmt.Sprint("tenant-", i))); err != nil {
				t.Error(err)
			}
		})
	}
	for range tenants {
		<-started
	}
	close(hold)
	all.Wait()
	if seen := f.edges[0].worker.received(); len(seen) > 20 {
		t.Errorf("%d switches at once were sent as %v", tenants, seen)
	}
	f.wantAll(t, "tenant-199", gatewaytest.Blue)
}

// dial returns a client of a gateway's service.
func (f *fleet) dial(t *testing.T) discoveryv3.AggregatedDiscoveryServiceClient {
	t.Helper()
	conn, err := grpc.NewClient(f.front.address(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return discoveryv3.NewAggregatedDiscoveryServiceClient(conn)
}

// TestStreamsThatAreRefused checks what a node that is set up in another way is told.
func TestStreamsThatAreRefused(t *testing.T) {
	t.Parallel()
	f := startFleet(t, 0)
	f.serve(t, xds.Config{})
	client := f.dial(t)
	delta, err := client.DeltaAggregatedResources(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err = delta.Recv(); status.Code(err) != codes.Unimplemented || !strings.Contains(err.Error(), "api_type") {
		t.Errorf("an incremental stream: %v", err)
	}
	stream, err := client.StreamAggregatedResources(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Send(&discoveryv3.DiscoveryRequest{TypeUrl: resource.ClusterType}); err != nil {
		t.Fatal(err)
	}
	if _, err = stream.Recv(); status.Code(err) != codes.InvalidArgument || !strings.Contains(err.Error(), "node id") {
		t.Errorf("a node without an id: %v", err)
	}
}

// broken is a table that cannot be loaded until it is mended.
type broken struct {
	gateway.Table
	mu     sync.Mutex
	mended bool
}

func (b *broken) Load(ctx context.Context) (gateway.Rows, uint64, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.mended {
		return nil, 0, errors.New("no route to the table")
	}
	return b.Table.Load(ctx)
}

// TestNothingIsSentBeforeTheTableIsLoaded has nodes that connect before. Run sends it then.
func TestNothingIsSentBeforeTheTableIsLoaded(t *testing.T) {
	t.Parallel()
	f := startFleet(t, 1)
	table := &broken{Table: f.NewTable()}
	if _, err := table.Save(t.Context(), gateway.Rows{"acme": {Colour: gatewaytest.Blue, Rev: 1, Token: 1}}, 0); err != nil {
		t.Fatal(err)
	}
	core, logs := observer.New(zap.InfoLevel)
	g, err := xds.New(xds.Config{Table: table, Fleet: f.List, Clusters: f.clusters, Default: gatewaytest.Green, Logger: zap.New(core), Prober: newProber(t)})
	if err != nil {
		t.Fatal(err)
	}
	f.attach(t, g)
	fleettest.Run(t, g)
	f.awaitConnected(t, g, "edge-0")
	if _, err := g.Current(t.Context(), "acme"); err == nil || !strings.Contains(err.Error(), "no route to the table") {
		t.Errorf("%v", err)
	}
	if seen := f.edges[0].worker.received(); len(seen) > 0 {
		t.Errorf("the node was sent %v", seen)
	}
	table.mu.Lock()
	table.mended = true
	table.mu.Unlock()
	f.awaitRoutes()
	f.wantAll(t, "acme", gatewaytest.Blue)
	for _, text := range []string{"a node has connected and the table is not known", "the table cannot be sent", "the table can be sent again"} {
		if logs.FilterMessage("xds: "+text).Len() != 1 {
			t.Errorf("the log has %d times %q: %v", logs.FilterMessage("xds: "+text).Len(), text, logs.All())
		}
	}
}
