package bluegreen_test

import (
	"context"
	"errors"
	"testing"

	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/executor/bluegreen"
	"github.com/cutover-go/cutover/executor/bluegreen/bluegreentest"
	"github.com/cutover-go/cutover/executor/executortest"
	"github.com/cutover-go/cutover/internal/guard"
)

func TestWhereverItIsInterruptedItGetsThereAndBack(t *testing.T) {
	t.Parallel()
	for name, interruption := range executortest.Interruptions() {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, bluegreen.Config{})
			run, err := executortest.NewRun(t, interruption).Finish(l)
			if err != nil {
				t.Fatal(err)
			}
			l.wantTenant(t, "blue", "BLUE")
			if err := run.FromScratch().Rollback(l); err != nil {
				t.Fatal(err)
			}
			l.wantTenant(t, "green", "GREEN")
		})
	}
}

func TestWhereverTheRollbackIsInterruptedItGetsBack(t *testing.T) {
	t.Parallel()
	for name, interruption := range executortest.Interruptions() {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, bluegreen.Config{})
			run := executortest.NewRun(t)
			if err := run.Execute(l); err != nil {
				t.Fatal(err)
			}
			if _, err := run.FromScratch(interruption).FinishRollback(l); err != nil {
				t.Fatal(err)
			}
			l.wantTenant(t, "green", "GREEN")
		})
	}
}

// TestFaultsOfEveryRequest makes each kind of request fail in six ways. After each failure a retry,
// from the checkpoint or from scratch, moves the tenant, and a rollback moves it back.
func TestFaultsOfEveryRequest(t *testing.T) {
	t.Parallel()
	faults := map[string]bluegreentest.Fault{
		"timeout after effect": bluegreentest.TimeOutAfter, "drop": bluegreentest.Drop, "login page": bluegreentest.Login,
		"drop after effect": bluegreentest.DropAfter, "unavailable": bluegreentest.Unavailable, "refuse": bluegreentest.Refuse,
	}
	for _, op := range []bluegreentest.Op{bluegreentest.Info, bluegreentest.Current, bluegreentest.Switch, bluegreentest.Status} {
		for name, fault := range faults {
			for _, scratch := range []bool{false, true} {
				t.Run(string(op)+" "+name, func(t *testing.T) {
					t.Parallel()
					l := newLabWithin(t, hasty, bluegreen.Config{})
					l.Inject(tenantID, op, fault, 2)
					run := executortest.NewRun(t)
					if err := run.Execute(l); err == nil {
						t.Fatal("no failure")
					}
					l.heal(t, bluegreen.Config{})
					next := run.Again
					if scratch {
						next = run.FromScratch
					}
					again := next(executortest.Attempt(2))
					if err := again.Execute(l); err != nil {
						t.Fatal(err)
					}
					l.wantTenant(t, "blue", "BLUE")
					if err := again.FromScratch().Rollback(l); err != nil {
						t.Fatal(err)
					}
					l.wantTenant(t, "green", "GREEN")
				})
			}
		}
	}
}

// hooked is a gateway that calls its function before at the beginning of each switch.
type hooked struct {
	bluegreen.Gateway
	before func()
}

func (h hooked) Switch(ctx context.Context, c bluegreen.Change) error {
	h.before()
	return h.Gateway.Switch(ctx, c)
}

func TestAShutdownDuringTheSwitchIsNoFailureOfIt(t *testing.T) {
	t.Parallel()
	l := newLab(t, bluegreen.Config{})
	ctx, cancel := context.WithCancelCause(t.Context())
	e, err := bluegreen.New(l.tenants, hooked{l.gateway, func() { cancel(executor.ErrShutdown) }}, bluegreen.Config{})
	if err != nil {
		t.Fatal(err)
	}
	run := executortest.NewRun(t)
	err = guard.Run(ctx, run.Run, e.Execute)
	if c := run.Task().Checkpoint; !errors.Is(err, executor.ErrShutdown) || c == nil || c.Step != "GET_TENANT_INFO" {
		t.Errorf("Execute: %v, checkpoint %v", err, c)
	}
	if err := run.Again().Execute(l); err != nil {
		t.Fatal(err)
	}
	l.wantTenant(t, "blue", "BLUE")
}
