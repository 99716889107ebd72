package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"

	"github.com/cutover-go/cutover/executor/canary"
	"github.com/cutover-go/cutover/executor/canary/canarytest"
)

// services are a balancer and a health service in this process, and their clients. They are
// [canary.Weights] that print every change.
type services struct {
	*canary.HTTPWeights
	health *canary.HTTPHealth

	servers   []*httptest.Server
	transport *http.Transport

	mu  sync.Mutex // guards out
	out io.Writer
}

// startServices starts the services with the tenants, none of which has traffic in the new
// environment yet. The second tenant will do badly there with half of its traffic.
func startServices(out io.Writer, tenants []string) (*services, error) {
	world := canarytest.NewWorld()
	for _, id := range tenants {
		world.Put(canarytest.Tenant{ID: id})
	}
	good := canary.Report{Verdict: canary.Passed, Figures: map[string]float64{"errorRate": 0.001}}
	world.Report(tenants[1], good, good, canary.Report{
		Verdict: canary.Failed, Figures: map[string]float64{"errorRate": 0.12, "p99Millis": 820}, Reason: "too many errors",
	})
	weights, health := httptest.NewServer(world.Weights()), httptest.NewServer(world.Health())
	s := &services{servers: []*httptest.Server{weights, health}, transport: &http.Transport{}, out: out}
	var err error
	if s.HTTPWeights, err = canary.NewHTTPWeights(weights.URL, canary.HTTPConfig{Transport: s.transport}); err != nil {
		return nil, err
	}
	s.health, err = canary.NewHTTPHealth(health.URL, canary.HTTPConfig{Transport: s.transport})
	return s, err
}

// SetWeight changes the weight and prints the change.
func (s *services) SetWeight(ctx context.Context, c canary.Change) error {
	if err := s.HTTPWeights.SetWeight(ctx, c); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintf(s.out, "%s  %3d %% -> %3d %%\n", c.TenantID, c.From, c.To)
	return nil
}

// prove asks for the weight of every tenant, and returns an error unless all are at 100 percent.
func (s *services) prove(ctx context.Context, tenants []string) error {
	for _, id := range tenants {
		weight, err := s.Weight(ctx, id)
		if err != nil {
			return err
		}
		if weight != 100 {
			return fmt.Errorf("%s is at %d percent", id, weight)
		}
	}
	fmt.Fprintf(s.out, "all of the traffic of %d tenants is in the new environment\n", len(tenants))
	return nil
}

func (s *services) stop() {
	s.transport.CloseIdleConnections()
	for _, server := range s.servers {
		server.Close()
	}
}
