package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/task"
)

const executorType = "MOVE"

// spec returns the rollout: the strategy is the part to copy.
func spec(o options) plan.Spec {
	tenants := make([]task.Tenant, o.tenants)
	for i := range tenants {
		tenants[i].ID = tenantID(i + 1)
	}
	return plan.Spec{
		Name: "to blue", ExecutorType: executorType, Tenants: tenants,
		Strategy: strategy.Strategy{
			MaxConcurrency: strategy.Percent(10),
			MaxFailures:    strategy.Percent(2),
			Waves: []strategy.Wave{
				{Name: "canary", Size: strategy.Percent(4), Canary: true, BakeTime: o.bake},
				{Name: "early", Size: strategy.Percent(16), BakeTime: o.bake},
				{Name: "half", Size: strategy.Percent(40), BakeTime: o.bake, Approval: true},
				{Name: "rest"},
			},
		},
	}
}

func tenantID(n int) string { return fmt.Sprintf("tenant-%03d", n) }

// failures are the codes with which tenants fail.
type failures map[string]string

// parseFailures reads tenants, each with an optional code: "tenant-034 tenant-047=STATUS_REFUSED".
func parseFailures(text string) failures {
	f := failures{}
	for _, field := range strings.Fields(text) {
		tenant, code, coded := strings.Cut(field, "=")
		if !coded {
			code = "GATEWAY_TIMEOUT"
		}
		f[tenant] = code
	}
	return f
}

// move is what a tenant's steps hand on.
type move struct {
	Colour string `json:"colour,omitempty"`
}

// mover is a simulated executor: its steps only take time, and some tenants fail in the second.
type mover struct {
	*executor.Steps[move]
	step time.Duration

	mu   sync.Mutex // guards fail
	fail failures
}

func newMover(o options) (*mover, error) {
	m := &mover{step: o.step, fail: o.fail}
	var err error
	m.Steps, err = executor.NewSteps(
		executor.Step[move]{Name: "SWITCH_GATEWAY", Do: func(ctx context.Context, run *executor.Run, s *move) error {
			s.Colour = "blue"
			return m.take(ctx, run)
		}},
		executor.Step[move]{Name: "UPDATE_STATUS", Do: func(ctx context.Context, run *executor.Run, _ *move) error {
			if err := m.take(ctx, run); err != nil {
				return err
			}
			return m.failure(run.Tenant().ID)
		}},
	)
	return m, err
}

// take takes the time of a step, up to a tenth longer for some tenants than for others.
func (m *mover) take(ctx context.Context, run *executor.Run) error {
	longer := time.Duration(run.ID().Ordinal()*7919%1000) * m.step / 10_000
	select {
	case <-time.After(m.step + longer):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (m *mover) failure(tenant string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if code, fails := m.fail[tenant]; fails {
		return executor.Fail(code, errors.New("the simulated tenant fails"))
	}
	return nil
}

// repair lets tenants succeed from now on.
func (m *mover) repair(tenants ...string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, tenant := range tenants {
		delete(m.fail, tenant)
	}
}
