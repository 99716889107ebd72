package wire

import (
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/task"
)

// Why is the reason for which a task does not move, or says that it does: a code with its
// parameters for programs, a sentence for people.
type Why struct {
	TaskID    task.ID         `json:"taskId"`
	TaskState task.State      `json:"taskState"`
	PlanState plan.State      `json:"planState"`
	Code      plan.ReasonCode `json:"code"`
	Params    map[string]any  `json:"params,omitempty"`
	Text      string          `json:"text"`
}

// WhyOf returns a reason.
func WhyOf(r plan.Reason) Why {
	w := Why{TaskID: r.Task, TaskState: r.TaskState, PlanState: r.PlanState, Code: r.Code, Params: r.Params(), Text: r.String()}
	for name, v := range w.Params {
		if at, is := v.(time.Time); is {
			w.Params[name] = Time{at}
		}
	}
	return w
}
