package main

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/executor/bluegreen"
	"github.com/cutover-go/cutover/executor/canary"
)

// demo is a made-up world of tenants, of which this process knows those that it has worked on. All
// others are green, with a weight of 0.
type demo struct {
	mu      sync.Mutex
	colours map[string]string
	states  map[string]string // the statuses of the tenant service
	weights map[string]int
}

func newDemo() *demo {
	return &demo{colours: map[string]string{}, states: map[string]string{}, weights: map[string]int{}}
}

// call takes the time that a request takes, and fails where the tenant's name says so. Only changes
// of what is routed fail.
func (d *demo) call(ctx context.Context, tenant string, routes bool) error {
	takes := 20 * time.Millisecond
	if strings.HasPrefix(tenant, "slow-") {
		takes = 5 * time.Second
	}
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(takes):
	}
	first := attemptOf(ctx) <= 1
	if routes && (strings.HasPrefix(tenant, "broken-") || strings.HasPrefix(tenant, "flaky-") && first) {
		return executor.Retryable("GATEWAY_TIMEOUT", errors.New("Gateway API timeout")) //nolint:staticcheck // the words of the scenarios
	}
	return nil
}

// get returns what is known of a tenant, or what a tenant is at first.
func get[V any](d *demo, known map[string]V, tenant string, first V) V {
	d.mu.Lock()
	defer d.mu.Unlock()
	if v, ok := known[tenant]; ok {
		return v
	}
	return first
}

func set[V any](d *demo, known map[string]V, tenant string, v V) {
	d.mu.Lock()
	defer d.mu.Unlock()
	known[tenant] = v
}

type demoTenants struct{ *demo }

func (d demoTenants) TenantInfo(ctx context.Context, id string) (bluegreen.TenantInfo, error) {
	err := d.call(ctx, id, false)
	return bluegreen.TenantInfo{ID: id, Name: "Tenant " + id, Status: get(d.demo, d.states, id, "GREEN")}, err
}

func (d demoTenants) UpdateStatus(ctx context.Context, c bluegreen.Change) error {
	err := d.call(ctx, c.TenantID, false)
	if err == nil {
		set(d.demo, d.states, c.TenantID, c.To)
	}
	return err
}

type demoGateway struct{ *demo }

func (d demoGateway) Current(ctx context.Context, id string) (string, error) {
	return get(d.demo, d.colours, id, "green"), d.call(ctx, id, false)
}

func (d demoGateway) Switch(ctx context.Context, c bluegreen.Change) error {
	err := d.call(ctx, c.TenantID, true)
	if err == nil {
		set(d.demo, d.colours, c.TenantID, c.To)
	}
	return err
}

type demoWeights struct{ *demo }

func (d demoWeights) Weight(ctx context.Context, id string) (int, error) {
	return get(d.demo, d.weights, id, 0), d.call(ctx, id, false)
}

func (d demoWeights) SetWeight(ctx context.Context, c canary.Change) error {
	err := d.call(ctx, c.TenantID, true)
	if err == nil {
		set(d.demo, d.weights, c.TenantID, c.To)
	}
	return err
}

type demoHealth struct{ *demo }

func (d demoHealth) Check(ctx context.Context, p canary.Probe) (canary.Report, error) {
	return canary.Report{Verdict: canary.Passed, Figures: map[string]float64{"error rate": 0.001}}, d.call(ctx, p.TenantID, false)
}

// attempts lets the made-up services know which attempt of the task calls them.
type attempts struct {
	inner interface {
		executor.TaskExecutor
		executor.Rollbacker
	}
}

type attemptKey struct{}

func attemptOf(ctx context.Context) int {
	n, _ := ctx.Value(attemptKey{}).(int)
	return n
}

func (a attempts) Execute(ctx context.Context, run *executor.Run) error {
	return a.inner.Execute(context.WithValue(ctx, attemptKey{}, run.Attempt()), run)
}

// Rollback counts as a later attempt: the gateway takes a flaky tenant back.
func (a attempts) Rollback(ctx context.Context, run *executor.Run) error {
	return a.inner.Rollback(context.WithValue(ctx, attemptKey{}, run.Attempt()+1), run)
}
