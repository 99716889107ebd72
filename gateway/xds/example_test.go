package xds_test

import (
	"context"
	"fmt"
	"net"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"

	"github.com/cutover-go/cutover/executor/bluegreen"
	"github.com/cutover-go/cutover/gateway"
	"github.com/cutover-go/cutover/gateway/xds"
)

// A control plane for one Envoy, in the process of the engine.
func Example() {
	serve := func(ctx context.Context, listener net.Listener, green, blue *clusterv3.Cluster) error {
		gw, err := xds.New(xds.Config{
			Table:    gateway.NewFileTable("/var/lib/acme/routes"),
			Fleet:    xds.Fixed(xds.Instance{Name: "edge-1", URL: "http://10.0.0.7:8080/healthz"}),
			Clusters: []*clusterv3.Cluster{green, blue},
			Suffix:   ".acme.example",
			Default:  "green",
		})
		if err != nil {
			return err
		}
		server := grpc.NewServer(grpc.KeepaliveParams(keepalive.ServerParameters{Time: 10 * time.Second}))
		gw.Register(server)
		go func() { _ = server.Serve(listener) }()
		go func() { _ = gw.Run(ctx) }() // brings changes of the table by other processes
		// The executor of package bluegreen makes this call in its step SWITCH_GATEWAY.
		return gw.Switch(ctx, bluegreen.Change{TenantID: "acme", From: "green", To: "blue", Token: 1, Key: "7/SWITCH_GATEWAY"})
	}
	_ = serve

	_, err := xds.New(xds.Config{Clusters: []*clusterv3.Cluster{{Name: "green"}}, Default: "green"})
	fmt.Println(err)
	// Output:
	// gateway: invalid configuration: Table is missing; Fleet is missing; Clusters: none is named "blue"
}
