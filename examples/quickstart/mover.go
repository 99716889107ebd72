package main

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/cutover-go/cutover/executor"
)

// journey is the state that each step passes to the next. It is saved with each checkpoint.
type journey struct {
	From string `json:"from"`
	To   string `json:"to"`
}

// mover moves a tenant in two steps. For one tenant the gateway does not answer until repair is
// called.
type mover struct {
	*executor.Steps[journey]
	broken atomic.Pointer[string]
}

func newMover(unlucky string) (*mover, error) {
	m := &mover{}
	m.broken.Store(&unlucky)
	steps, err := executor.NewSteps(
		executor.Step[journey]{Name: "LOOK_UP", Do: m.lookUp},
		executor.Step[journey]{Name: "SWITCH", Do: m.switchOver, Undo: m.switchBack},
	)
	m.Steps = steps
	return m, err
}

func (m *mover) repair() { m.broken.Store(nil) }

// lookUp would ask where the tenant is. What it writes into j is there for the next steps, and
// for the undo, after a crash as well.
func (m *mover) lookUp(_ context.Context, _ *executor.Run, j *journey) error {
	j.From, j.To = "green", "blue"
	return nil
}

// switchOver would route the tenant to j.To. It may be called again after a crash, and has to
// tolerate that.
func (m *mover) switchOver(ctx context.Context, run *executor.Run, _ *journey) error {
	select { // the work takes its time
	case <-time.After(30 * time.Millisecond):
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if unlucky := m.broken.Load(); unlucky != nil && run.Tenant().ID == *unlucky {
		return executor.Retryable("GATEWAY_TIMEOUT", errors.New("the gateway did not answer"))
	}
	return nil
}

// switchBack would route the tenant to j.From again: a rollback calls it.
func (m *mover) switchBack(context.Context, *executor.Run, *journey) error { return nil }
