package main

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/hook"
	"github.com/cutover-go/cutover/task"
)

const moveType = "MOVE"

// steps are the names of the steps done for each tenant, one after the other.
func steps() []string { return []string{"LOOK_UP", "SWITCH", "VERIFY"} }

// mover moves a tenant in steps, and counts what this process did.
type mover struct {
	pace time.Duration

	mu                                  sync.Mutex
	begun, takenOver, done, saves, lost int
}

// Execute implements executor.TaskExecutor. It continues after the last step that any process has
// saved.
func (m *mover) Execute(ctx context.Context, run *executor.Run) error {
	var finished int
	step, found, err := run.Restore(&finished)
	if err != nil {
		return err
	}
	tenant := run.Tenant().ID
	m.count(func() { m.begun++ })
	if found {
		m.count(func() { m.takenOver++ })
		fmt.Printf("%s goes on after %s, which was saved before\n", tenant, step)
	}
	for i, name := range steps()[finished:] {
		select { // the work takes its time
		case <-time.After(m.pace):
		case <-ctx.Done():
			fmt.Printf("%s is interrupted in %s: %v\n", tenant, name, context.Cause(ctx))
			return context.Cause(ctx)
		}
		if err := run.Save(ctx, name, finished+i+1); err != nil {
			fmt.Printf("%s stops after %s: %v\n", tenant, name, err)
			return err
		}
		m.count(func() { m.saves++ })
	}
	return nil
}

func (m *mover) count(f func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f()
}

// hooks report the ends of tasks, an unreachable store and a lost lease.
func (m *mover) hooks() hook.Hooks {
	return hook.Hooks{
		OnExecuteEnd: func(_ context.Context, x hook.Execution, out hook.Outcome) {
			switch {
			case out.Lost:
				m.count(func() { m.lost++ })
				fmt.Printf("%s is another process's by now\n", x.Tenant)
			case out.Err == nil:
				m.count(func() { m.done++ })
				fmt.Printf("%s is %s\n", x.Tenant, out.State)
			}
		},
		OnStoreFault: func(op string, err error) { fmt.Printf("-- %s: %v\n", op, err) },
		OnWorkerLost: func(id task.ID, incarnation string) {
			fmt.Printf("-- %s is gone: task %s is anybody's\n", incarnation, id)
		},
		OnLeaseLost: func(string, int) {
			fmt.Println("-- the lease is lost: others take over what this process had in hand")
		},
	}
}

// summarise prints what this process did.
func (m *mover) summarise() {
	m.mu.Lock()
	defer m.mu.Unlock()
	fmt.Printf("-- process %d: %d runs (%d went on from a checkpoint), %d tasks completed, %d checkpoints saved, %d tasks lost\n",
		os.Getpid(), m.begun, m.takenOver, m.done, m.saves, m.lost)
}
