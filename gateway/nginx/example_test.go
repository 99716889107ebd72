package nginx_test

import (
	"context"
	"fmt"

	"github.com/cutover-go/cutover/executor/bluegreen"
	"github.com/cutover-go/cutover/gateway"
	"github.com/cutover-go/cutover/gateway/nginx"
)

// One nginx on this machine, started by the system.
func Example() {
	switchOver := func(ctx context.Context) error {
		gw, err := nginx.New(nginx.Config{
			Table: gateway.NewFileTable("/var/lib/acme/routes"),
			Fleet: nginx.Fixed(nginx.Instance{
				Name: "web-1", URL: "http://127.0.0.1/healthz", MapFile: "/etc/nginx/routes.map",
			}),
			Default: "green",
		})
		if err != nil {
			return err
		}
		go func() { _ = gw.Run(ctx) }() // keeps the map file equal to the table until ctx ends
		// The executor of package bluegreen makes this call in its step SWITCH_GATEWAY.
		return gw.Switch(ctx, bluegreen.Change{TenantID: "acme", From: "green", To: "blue", Token: 1, Key: "7/SWITCH_GATEWAY"})
	}
	_ = switchOver

	_, err := nginx.New(nginx.Config{Answers: -1})
	fmt.Println(err)
	// Output:
	// gateway: invalid configuration: Table is missing; Fleet is missing; Answers and ReloadInterval must not be negative
}
