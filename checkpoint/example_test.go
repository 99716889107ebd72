package checkpoint_test

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/cutover-go/cutover/checkpoint"
)

func ExampleCheckpoint() {
	saved := checkpoint.Checkpoint{
		Step: "SWITCHED",
		Data: json.RawMessage(`{"completedSteps":["GET_TENANT_INFO"]}`),
	}
	stored := saved.Append(nil)
	fmt.Println(string(stored))

	restored, err := checkpoint.Parse(stored)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(restored.Step, string(restored.Data))
	// Output:
	// 1:8:SWITCHED{"completedSteps":["GET_TENANT_INFO"]}
	// SWITCHED {"completedSteps":["GET_TENANT_INFO"]}
}

// The first entry of a step is kept: a second run of the step would only record what the first run
// changed.
func ExampleUndoLog() {
	var log checkpoint.UndoLog
	for _, colour := range []string{`{"colour":"blue"}`, `{"colour":"green"}`} {
		grown, added, err := log.Record(checkpoint.Undo{Step: "SWITCH_GATEWAY", Data: json.RawMessage(colour)})
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(colour, "added:", added)
		log = grown
	}
	fmt.Println(string(log.Append(nil)))
	// Output:
	// {"colour":"blue"} added: true
	// {"colour":"green"} added: false
	// 1:14:SWITCH_GATEWAY17:{"colour":"blue"}
}

func ExampleLimits() {
	limits := checkpoint.Limits{Data: 16}
	err := limits.Check(checkpoint.Checkpoint{Step: "COPY", Data: json.RawMessage(`"much too long for it"`)})

	var large *checkpoint.TooLargeError
	if errors.As(err, &large) {
		fmt.Println(large.What, large.Size, large.Limit)
	}
	// Output: checkpoint 22 16
}
