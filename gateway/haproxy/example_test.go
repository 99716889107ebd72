package haproxy_test

import (
	"context"
	"fmt"

	"github.com/cutover-go/cutover/executor/bluegreen"
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
