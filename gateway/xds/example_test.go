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
	"github.com/cutover-go/cutover/executor/canary"
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

// A canary release of a tenant over Envoy: 5, 25 and 50 percent of its users, and then all. The
// proxies in front, or the application, send a number from 0 to 99 that stands for the user.
func ExampleGateway_Weights() {
	release := func(c xds.Config, health canary.Health) (*xds.Gateway, *canary.Executor, error) {
		c.Bucket = "x-user-bucket"
		gw, err := xds.New(c)
		if err != nil {
			return nil, nil, err
		}
		weights, err := gw.Weights("green", "blue")
		if err != nil {
			return nil, nil, err
		}
		executor, err := canary.New(weights, health, canary.Config{Steps: canary.Steps(10*time.Minute, 5, 25, 50, 100)})
		return gw, executor, err
	}
	_ = release
	_, err := xds.New(xds.Config{Bucket: "X-Bucket", Colours: []string{"green"}, Clusters: []*clusterv3.Cluster{{Name: "green"}}})
	fmt.Println(err)
	// Output:
	// gateway: invalid configuration: Table is missing; Fleet is missing; Bucket: "X-Bucket" contains 'X'; allowed are a-z, 0-9 and -
}
