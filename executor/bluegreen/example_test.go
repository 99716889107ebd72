package bluegreen_test

import (
	"fmt"
	"net/http/httptest"

	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/executor/bluegreen"
	"github.com/cutover-go/cutover/executor/bluegreen/bluegreentest"
)

// A host builds the executor over its services and registers it.
func Example() {
	world := bluegreentest.NewWorld() // stands in for the services
	gatewayServer, tenantServer := httptest.NewServer(world.Gateway()), httptest.NewServer(world.Tenants())
	defer gatewayServer.Close()
	defer tenantServer.Close()

	gateway, err := bluegreen.NewHTTPGateway(gatewayServer.URL, bluegreen.HTTPConfig{})
	if err != nil {
		fmt.Println(err)
		return
	}
	tenants, err := bluegreen.NewHTTPTenants(tenantServer.URL, bluegreen.HTTPConfig{})
	if err != nil {
		fmt.Println(err)
		return
	}
	move, err := bluegreen.New(tenants, gateway, bluegreen.Config{Retry: executor.Retry{Attempts: 3}})
	if err != nil {
		fmt.Println(err)
		return
	}
	registry := executor.Registry{bluegreen.Type: move}
	fmt.Println(len(registry), "executor:", bluegreen.Type)
	// Output: 1 executor: BLUE_GREEN_SWITCH
}
