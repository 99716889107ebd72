package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/cutover-go/cutover/executor/bluegreen"
	"github.com/cutover-go/cutover/executor/bluegreen/bluegreentest"
)

// services are a tenant service and a gateway on this machine, and the way there.
type services struct {
	ids             []string
	world           *bluegreentest.World
	gateway, tenant *httptest.Server
	transport       *http.Transport
}

// startServices serves n tenants, all green. The gateway leaves every switch of
// the tenant mute without an answer.
func startServices(n int, mute string) *services {
	s := &services{transport: &http.Transport{MaxIdleConnsPerHost: 16}}
	tenants := make([]bluegreentest.Tenant, n)
	for i := range tenants {
		id := fmt.Sprintf("tenant-%02d", i+1)
		s.ids = append(s.ids, id)
		tenants[i] = bluegreentest.Tenant{ID: id, Name: "Tenant " + id[len(id)-2:], Status: "GREEN", Colour: "green"}
	}
	s.world = bluegreentest.NewWorld(tenants...)
	s.world.Inject(mute, bluegreentest.Switch, bluegreentest.TimeOut, 100)
	s.gateway = httptest.NewServer(s.world.Gateway())
	s.tenant = httptest.NewServer(s.world.Tenants())
	return s
}

func (s *services) stop() {
	s.transport.CloseIdleConnections()
	s.gateway.Close()
	s.tenant.Close()
}

// mover is what a host writes: the executor over its services.
func (s *services) mover() (*bluegreen.Executor, error) {
	calls := bluegreen.HTTPConfig{Timeout: time.Second, Transport: s.transport}
	gateway, err := bluegreen.NewHTTPGateway(s.gateway.URL, calls)
	if err != nil {
		return nil, err
	}
	tenants, err := bluegreen.NewHTTPTenants(s.tenant.URL, calls)
	if err != nil {
		return nil, err
	}
	return bluegreen.New(tenants, gateway, bluegreen.Config{Target: "blue"})
}

// blue counts the tenants that the gateway routes to blue.
func (s *services) blue() (n int) {
	for _, id := range s.ids {
		if s.world.Tenant(id).Colour == "blue" {
			n++
		}
	}
	return n
}
