package haproxy_test

import (
	"context"
	"fmt"
	"time"

	"github.com/cutover-go/cutover/executor/bluegreen"
	"github.com/cutover-go/cutover/executor/canary"
	"github.com/cutover-go/cutover/gateway"
	"github.com/cutover-go/cutover/gateway/haproxy"
)

// Two instances on two machines: the table is on this machine, and the host copies map files to the
// others.
func Example() {
	switchOver := func(ctx context.Context, push func(ctx context.Context, host string, content []byte) error) error {
		gw, err := haproxy.New(haproxy.Config{
			Table: gateway.NewFileTable("/var/lib/acme/routes"),
			Fleet: haproxy.Fixed(
				haproxy.Instance{Name: "lb-1", Socket: "10.0.0.1:9999", URL: "http://10.0.0.1/route"},
				haproxy.Instance{Name: "lb-2", Socket: "10.0.0.2:9999", URL: "http://10.0.0.2/route"},
			),
			Map:     "/etc/haproxy/routes.map",
			Default: "green",
			Push: func(ctx context.Context, i haproxy.Instance, content []byte) error {
				return push(ctx, i.Name, content)
			},
		})
		if err != nil {
			return err
		}
		go func() { _ = gw.Run(ctx) }() // keeps the instances equal to the table until ctx ends
		// The executor of package bluegreen makes this call in its step SWITCH_GATEWAY.
		return gw.Switch(ctx, bluegreen.Change{TenantID: "acme", From: "green", To: "blue", Token: 1, Key: "7/SWITCH_GATEWAY"})
	}
	_ = switchOver

	_, err := haproxy.New(haproxy.Config{Map: "routes.map"})
	fmt.Println(err)
	// Output:
	// gateway: invalid configuration: Table is missing; Fleet is missing
}

// A canary release of a tenant over HAProxy: 5, 25 and 50 percent of its users, and then all.
func ExampleGateway_Weights() {
	release := func(gw *haproxy.Gateway, health canary.Health) (*canary.Executor, error) {
		weights, err := gw.Weights("green", "blue")
		if err != nil {
			return nil, err
		}
		return canary.New(weights, health, canary.Config{Steps: canary.Steps(10*time.Minute, 5, 25, 50, 100)})
	}
	_ = release
	fmt.Println(gateway.Row{Colour: "green", Rev: 42, Token: 7, Weight: 25, Other: "blue"})
	// Output:
	// green|42|7|25|blue
}
