package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/cutover-go/cutover/executor"
)

// script is an executor of three steps, prepare, switch and verify. A test can hold each step of
// each tenant, or make it fail. The rollback is a step named undo.
type script struct {
	mu       sync.Mutex
	gates    map[place]chan struct{}
	failures map[place]string
	stubborn map[string]bool
	effects  []string // the steps that took effect, in order

	commanding chan struct{} // holds an element while a command is under way
}

// place is a step of a tenant's task.
type place struct {
	tenant, step string
}

func newScript() *script {
	return &script{
		gates: make(map[place]chan struct{}), failures: make(map[place]string), stubborn: make(map[string]bool),
		commanding: make(chan struct{}, 1),
	}
}

// change carries out the commands hold, release, fail, heal and stubborn of a transcript.
func (s *script) change(t *testing.T, d *datadriven.TestData) {
	t.Helper()
	var at place
	d.ScanArgs(t, "tenant", &at.tenant)
	d.MaybeScanArgs(t, "step", &at.step)
	code := "GATEWAY_TIMEOUT"
	d.MaybeScanArgs(t, "code", &code)
	s.set(d.Cmd, at, code)
}

func (s *script) set(what string, at place, code string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch what {
	case "hold":
		s.gates[at] = make(chan struct{})
	case "release":
		close(s.gates[at])
		delete(s.gates, at)
	case "fail":
		s.failures[at] = code
	case "heal":
		delete(s.failures, at)
	case "stubborn":
		s.stubborn[at.tenant] = true
	}
}

func (s *script) releaseAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for at, gate := range s.gates {
		close(gate)
		delete(s.gates, at)
	}
}

// Execute implements executor.TaskExecutor. The checkpoint's data is the list of
// the steps that are done.
func (s *script) Execute(ctx context.Context, run *executor.Run) error {
	var done []string
	if _, _, err := run.Restore(&done); err != nil {
		return err
	}
	steps := []string{"prepare", "switch", "verify"}
	for _, step := range steps[len(done):] {
		if err := run.SaveUndo(ctx, step, fmt.Sprintf("attempt %d", run.Attempt())); err != nil {
			return err
		}
		if err := s.do(ctx, place{run.Tenant().ID, step}); err != nil {
			return err
		}
		done = append(done, step)
		if err := run.Save(ctx, step, done); err != nil {
			return fmt.Errorf("after %s: %w", step, err)
		}
	}
	return nil
}

// Rollback implements executor.Rollbacker.
func (s *script) Rollback(ctx context.Context, run *executor.Run) error {
	if err := s.do(ctx, place{run.Tenant().ID, "undo"}); err != nil {
		return err
	}
	return run.Save(ctx, "undo", nil)
}

// duringCommand makes all steps wait until command has returned. A command returns the task as it
// is by then, so the transcript would otherwise depend on how fast the task goes on.
func (s *script) duringCommand(command func()) {
	s.commanding <- struct{}{}
	command()
	<-s.commanding
}

// do is the effect of a step. It waits while the step is held, and fails if the test said so.
func (s *script) do(ctx context.Context, at place) error {
	s.duringCommand(func() {}) // waits for the end of a command
	s.mu.Lock()
	gate, stubborn := s.gates[at], s.stubborn[at.tenant]
	s.mu.Unlock()
	if gate != nil {
		interrupted := ctx.Done()
		if stubborn {
			interrupted = nil
		}
		select {
		case <-gate:
		case <-interrupted:
			return context.Cause(ctx)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if code, ok := s.failures[at]; ok {
		s.effects = append(s.effects, at.step+"!")
		return &executor.Error{Code: code, Step: at.step, Retryable: true, Err: errors.New(at.step + " failed")}
	}
	s.effects = append(s.effects, at.step)
	return nil
}
