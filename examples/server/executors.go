package main

import (
	"time"

	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/executor/bluegreen"
	"github.com/cutover-go/cutover/executor/canary"
)

// executors returns what this process can do with a tenant.
func (o options) executors(w world) (executor.Registry, error) {
	if o.demo {
		return demoExecutors(demo{w})
	}
	calls := bluegreen.HTTPConfig{Timeout: 10 * time.Second}
	tenants, err := bluegreen.NewHTTPTenants(o.tenants, calls)
	if err != nil {
		return nil, err
	}
	gateway, err := bluegreen.NewHTTPGateway(o.gateway, calls)
	if err != nil {
		return nil, err
	}
	mover, err := bluegreen.New(tenants, gateway, bluegreen.Config{})
	if err != nil {
		return nil, err
	}
	return executor.Registry{bluegreen.Type: mover}, nil
}

// demoExecutors returns executors over services that are made up.
func demoExecutors(d demo) (executor.Registry, error) {
	mover, err := bluegreen.New(demoTenants{d}, demoGateway{d}, bluegreen.Config{})
	if err != nil {
		return nil, err
	}
	release, err := canary.New(demoWeights{d}, demoHealth{d}, canary.Config{
		Steps: canary.Steps(2*time.Second, 5, 25, 50, 100), Interval: time.Second,
	})
	if err != nil {
		return nil, err
	}
	return executor.Registry{bluegreen.Type: attempts{mover}, canary.Type: attempts{release}}, nil
}
