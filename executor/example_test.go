package executor_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cutover-go/cutover/checkpoint"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/task"
)

// printer is a Recorder that shows what is saved; the engine has its own.
type printer struct{}

func (printer) Save(_ context.Context, c checkpoint.Checkpoint) error {
	fmt.Printf("checkpoint %s %s\n", c.Step, c.Data)
	return nil
}

func (printer) SaveUndo(_ context.Context, u checkpoint.Undo) error {
	fmt.Printf("undo       %s %s\n", u.Step, u.Data)
	return nil
}

func (printer) Progress(executor.Progress) {}

// A move of a tenant in three steps. The state holds what each step hands to the next.
func ExampleSteps() {
	type state struct {
		From string `json:"from,omitempty"`
		To   string `json:"to,omitempty"`
	}
	route := "green" // what the gateway knows
	steps, err := executor.NewSteps(
		executor.Step[state]{
			Name: "LOOK",
			Do: func(_ context.Context, run *executor.Run, s *state) error {
				s.From = route
				s.To, _ = run.Param("to")
				return nil
			},
		},
		executor.Step[state]{
			Name: "SWITCH_GATEWAY", Action: "SWITCH", Done: "SWITCHED",
			Timeout: 10 * time.Second,
			Retry:   executor.Retry{Attempts: 3},
			Do:      func(_ context.Context, _ *executor.Run, s *state) error { route = s.To; return nil },
			Undo:    func(_ context.Context, _ *executor.Run, s *state) error { route = s.From; return nil },
		},
		executor.Step[state]{
			Name: "TELL",
			Do: func(context.Context, *executor.Run, *state) error {
				return executor.Retryable("MAIL_DOWN", errors.New("the mail server is down"))
			},
		},
	)
	if err != nil {
		fmt.Println(err)
		return
	}

	run := executor.NewRun(task.Task{
		ID:     task.NewID(1, 1),
		Tenant: task.Tenant{ID: "acme", Parameters: map[string]string{"to": "blue"}},
	}, nil, 1, printer{})
	err = steps.Execute(context.Background(), run)
	failure := executor.FailureOf(err, time.Now(), run.Attempt(), "")
	fmt.Println("failed in", failure.Step, "with", failure.ErrorCode, "at route", route)
	fmt.Println("rolled back:", steps.Rollback(context.Background(), run), "at route", route)

	// Output:
	// checkpoint LOOK {"completedSteps":["LOOK"],"from":"green","to":"blue"}
	// undo       SWITCH_GATEWAY {"beforeStep":"SWITCH_GATEWAY","from":"green","to":"blue"}
	// checkpoint SWITCHED {"completedSteps":["LOOK","SWITCH_GATEWAY"],"from":"green","to":"blue"}
	// checkpoint TELL {"completedSteps":["LOOK","SWITCH_GATEWAY"],"failedStep":"TELL","from":"green","to":"blue"}
	// failed in TELL with MAIL_DOWN at route blue
	// rolled back: <nil> at route green
}

// An executor written by hand: restore the position, act, save.
func ExampleFunc() {
	batches := executor.Func(func(ctx context.Context, run *executor.Run) error {
		var moved int
		if _, _, err := run.Restore(&moved); err != nil {
			return err
		}
		for moved < 3 {
			moved++ // the effect: it may be repeated after a crash
			if err := run.Save(ctx, "MOVED", moved); err != nil {
				return err // also when the task is to pause: the checkpoint is stored
			}
		}
		return nil
	})
	goesOn := checkpoint.Checkpoint{Step: "MOVED", Data: []byte("1")}
	run := executor.NewRun(task.Task{ID: task.NewID(1, 1)}, &goesOn, 1, printer{})
	fmt.Println(batches.Execute(context.Background(), run))

	// Output:
	// checkpoint MOVED 2
	// checkpoint MOVED 3
	// <nil>
}

// A host registers its executors by the type that plans name.
func ExampleRegistry() {
	registry := executor.Registry{
		"REINDEX": executor.Func(func(context.Context, *executor.Run) error { return nil }),
	}
	_, ok := registry["REINDEX"].(executor.Rollbacker)
	fmt.Println("can be rolled back:", ok)
	// Output: can be rolled back: false
}

func ExampleFailureOf() {
	err := fmt.Errorf("tenant acme: %w", executor.Retryable("GATEWAY_TIMEOUT", errors.New("Gateway API timeout")))
	failure := executor.FailureOf(err, time.Date(2025, 11, 22, 10, 15, 30, 0, time.UTC), 1, "SWITCH_GATEWAY")
	fmt.Println(failure.ErrorCode, failure.Retryable, failure.Step)
	fmt.Println(failure.Reason)
	// Output:
	// GATEWAY_TIMEOUT true SWITCH_GATEWAY
	// tenant acme: Gateway API timeout
}
