package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// show prints the state of the plan.
func show(p plan.Plan) {
	fmt.Printf("plan %s is %s: %d completed, %d failed, %d pending, %d rolled back\n",
		p.ID, p.State, p.Counters.Of(task.Completed), p.Counters.Of(task.Failed), p.Counters.Of(task.Pending),
		p.Counters.Of(task.RolledBack))
}

// showFailures prints the failed tasks with their checkpoints.
func showFailures(ctx context.Context, engine *cutover.Engine, id plan.ID) error {
	tasks, _, err := engine.Tasks(ctx, id, store.TaskQuery{States: []task.State{task.Failed}, Limit: 10})
	if err != nil {
		return err
	}
	for _, t := range tasks {
		if t, err = engine.Task(ctx, t.ID); err != nil {
			return err
		}
		text, err := json.MarshalIndent(failed(t), "", "  ")
		if err != nil {
			return err
		}
		fmt.Printf("%s failed:\n%s\n", t.Tenant.ID, text)
	}
	return nil
}

// failedTask is the JSON form in which this example prints a failed task.
type failedTask struct {
	TaskID      task.ID `json:"taskId"`
	State       string  `json:"state"`
	FailureInfo struct {
		Reason    string    `json:"reason"`
		ErrorCode string    `json:"errorCode"`
		Timestamp time.Time `json:"timestamp"`
	} `json:"failureInfo"`
	Checkpoint struct {
		Step string          `json:"step"`
		Data json.RawMessage `json:"data"`
	} `json:"checkpoint"`
}

func failed(t task.Task) failedTask {
	shown := failedTask{TaskID: t.ID, State: t.State.String()}
	if f := t.Failure; f != nil {
		shown.FailureInfo.Reason, shown.FailureInfo.ErrorCode = f.Reason, f.ErrorCode
		shown.FailureInfo.Timestamp = f.Timestamp.UTC().Truncate(time.Second)
	}
	if c := t.Checkpoint; c != nil {
		shown.Checkpoint.Step, shown.Checkpoint.Data = c.Step, c.Data
	}
	return shown
}
