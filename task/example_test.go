package task_test

import (
	"errors"
	"fmt"

	"github.com/cutover-go/cutover/task"
)

// The id of the plan follows from a task id.
func ExampleParseID() {
	id, err := task.ParseID("42000007")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("plan", id.Plan(), "ordinal", id.Ordinal())

	_, err = task.ParseID("42")
	fmt.Println(err)
	// Output:
	// plan 42 ordinal 7
	// "42" is no task id (the plan's id times 1000000 plus the ordinal)
}

func ExampleState_Next() {
	next, ok := task.Failed.Next(task.ByRetry)
	fmt.Println(next, ok)
	_, ok = task.Skipped.Next(task.ByRetry)
	fmt.Println(ok)
	// Output:
	// RUNNING true
	// false
}

// A retry keeps the checkpoint or drops it; the undo log stays either way.
func ExampleTask_Retry() {
	failed := task.Task{
		ID:      task.NewID(42, 7),
		Control: task.Control{State: task.Failed, Attempt: 1},
	}
	edit, err := failed.Retry(task.FromScratch, noon())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(edit.State, "attempt", edit.Attempt, "from scratch:", edit.DropCheckpoint)

	failed.State = task.Skipped
	_, err = failed.Retry(task.FromScratch, noon())
	fmt.Println(errors.Is(err, task.ErrIllegal))
	// Output:
	// RUNNING attempt 2 from scratch: true
	// true
}

func ExampleMerge() {
	plan := map[string]string{"colour": "green", "timeout": "30s"}
	tenant := map[string]string{"timeout": "5m"}
	merged := task.Merge(plan, tenant)
	fmt.Println(merged["colour"], merged["timeout"])
	// Output: green 5m
}

func ExampleFailureInfo_Clip() {
	info := task.FailureInfo{Reason: "bad byte \xff", ErrorCode: "GATEWAY_TIMEOUT"}.Clip()
	fmt.Println(info.Reason)
	// Output: bad byte �
}
