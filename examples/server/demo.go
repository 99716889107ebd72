package main

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/executor/bluegreen"
	"github.com/cutover-go/cutover/executor/canary"
)

// demo are made-up services for tenants. At first every tenant is green, with a weight of 0.
type demo struct{ world }

// call takes the time that a request takes, and fails where the tenant's name says so. Only changes
// of what is routed fail.
func (d demo) call(ctx context.Context, tenant string, routes bool) error {
	takes := 20 * time.Millisecond
	if strings.HasPrefix(tenant, "slow-") {
		takes = 3 * time.Second
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

// The kinds of what a world knows of a tenant.
const (
	colour = "colour"
	status = "status" // in the tenant service
	weight = "weight" // of the canary, in percent
)

type demoTenants struct{ demo }

func (d demoTenants) TenantInfo(ctx context.Context, id string) (bluegreen.TenantInfo, error) {
	if err := d.call(ctx, id, false); err != nil {
		return bluegreen.TenantInfo{}, err
	}
	s, err := d.get(ctx, status, id, "GREEN")
	return bluegreen.TenantInfo{ID: id, Name: "Tenant " + id, Status: s}, err
}

func (d demoTenants) UpdateStatus(ctx context.Context, c bluegreen.Change) error {
	if err := d.call(ctx, c.TenantID, false); err != nil {
		return err
	}
	return d.set(ctx, status, c.TenantID, c.To)
}

type demoGateway struct{ demo }

func (d demoGateway) Current(ctx context.Context, id string) (string, error) {
	if err := d.call(ctx, id, false); err != nil {
		return "", err
	}
	return d.get(ctx, colour, id, "green")
}

func (d demoGateway) Switch(ctx context.Context, c bluegreen.Change) error {
	if err := d.call(ctx, c.TenantID, true); err != nil {
		return err
	}
	return d.set(ctx, colour, c.TenantID, c.To)
}

type demoWeights struct{ demo }

func (d demoWeights) Weight(ctx context.Context, id string) (int, error) {
	if err := d.call(ctx, id, false); err != nil {
		return 0, err
	}
	text, err := d.get(ctx, weight, id, "0")
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(text)
}

func (d demoWeights) SetWeight(ctx context.Context, c canary.Change) error {
	if err := d.call(ctx, c.TenantID, true); err != nil {
		return err
	}
	return d.set(ctx, weight, c.TenantID, strconv.Itoa(c.To))
}

type demoHealth struct{ demo }

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
