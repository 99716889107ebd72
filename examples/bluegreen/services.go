package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/cutover-go/cutover/executor/bluegreen"
	"github.com/cutover-go/cutover/executor/bluegreen/bluegreentest"
	"github.com/cutover-go/cutover/task"
)

// services are a tenant service and a gateway in this process, and their clients.
type services struct {
	world     *bluegreentest.World
	servers   []*httptest.Server
	transport *http.Transport
	gateway   *bluegreen.HTTPGateway
	tenants   *bluegreen.HTTPTenants
}

// startServices starts the services with the tenants, all green. The gateway does not answer when
// the tenant in the middle of the list is to be switched.
func startServices(tenants []task.Tenant) (*services, error) {
	known := make([]bluegreentest.Tenant, len(tenants))
	for i, t := range tenants {
		known[i] = bluegreentest.Tenant{ID: t.ID, Status: "GREEN", Colour: "green"}
	}
	s := &services{
		world:     bluegreentest.NewWorld(known...),
		transport: &http.Transport{MaxIdleConnsPerHost: 16},
	}
	if len(tenants) > 0 {
		s.world.Inject(tenants[len(tenants)/2].ID, bluegreentest.Switch, bluegreentest.TimeOut, 100)
	}
	return s, s.connect()
}

func (s *services) connect() (err error) {
	gateway, tenants := httptest.NewServer(s.world.Gateway()), httptest.NewServer(s.world.Tenants())
	s.servers = []*httptest.Server{gateway, tenants}
	calls := bluegreen.HTTPConfig{Timeout: 2 * time.Second, Transport: s.transport}
	if s.gateway, err = bluegreen.NewHTTPGateway(gateway.URL, calls); err != nil {
		return err
	}
	s.tenants, err = bluegreen.NewHTTPTenants(tenants.URL, calls)
	return err
}

func (s *services) stop() {
	s.transport.CloseIdleConnections()
	for _, server := range s.servers {
		server.Close()
	}
}

// mover returns an executor that uses the host's services. A host writes such a function itself.
func (s *services) mover() (*bluegreen.Executor, error) {
	return bluegreen.New(s.tenants, s.gateway, bluegreen.Config{})
}

// prove asks the gateway where it routes every tenant, and returns an error unless all are routed
// to colour.
func (s *services) prove(ctx context.Context, tenants []task.Tenant, colour string) error {
	for _, t := range tenants {
		found, err := s.gateway.Current(ctx, t.ID)
		if err != nil {
			return fmt.Errorf("asking for %s: %w", t.ID, err)
		}
		if found != colour {
			return fmt.Errorf("%s is routed to %s, not to %s", t.ID, found, colour)
		}
	}
	fmt.Printf("the gateway routes all %d tenants to %s\n", len(tenants), colour)
	return nil
}
