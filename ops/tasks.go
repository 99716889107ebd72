package ops

import (
	"github.com/cutover-go/cutover/ops/internal/wire"
	"github.com/cutover-go/cutover/task"
)

// getTask answers with a task.
func getTask(c *call) (answer, error) {
	id, p, err := c.task(View)
	if err != nil {
		return answer{}, err
	}
	t, err := c.engine.Task(c.r.Context(), id)
	if err != nil {
		return answer{}, err
	}
	t.Failure = c.viewer().failure(t.Failure)
	return answer{body: wire.TaskOf(&p, &t, c.taskActions(&p, &t), c.data(&p))}, nil
}

// tasksPage is a page of tasks.
type tasksPage struct {
	Tasks []wire.TaskSummary `json:"tasks"`
	// Next is the cursor of the next page, empty if there is none.
	Next string `json:"next,omitempty"`
}

// listTasks answers with a page of a plan's tasks by rising ordinal.
func listTasks(c *call) (answer, error) {
	p, err := c.plan(View)
	if err != nil {
		return answer{}, err
	}
	q := c.query("state", "code", "step", "wave", "label", "tenant", "limit", "cursor")
	limit := q.limit()
	f := q.filter()
	after := q.cursor(cursorOfTasks, task.MaxPerPlan)
	if err := q.err(); err != nil {
		return answer{}, err
	}
	tasks, next, err := c.engine.Select(p.ID, f).Tasks(c.r.Context(), int(after), limit)
	if err != nil {
		return answer{}, named(err, filterFaults)
	}
	c.viewer().tasks(tasks)
	page := tasksPage{Tasks: make([]wire.TaskSummary, len(tasks))}
	for i := range tasks {
		page.Tasks[i] = wire.TaskSummaryOf(&p, &tasks[i], c.taskActions(&p, &tasks[i]))
	}
	if next != 0 {
		page.Next = cursorOfTasks.text(int64(next))
	}
	return answer{body: page}, nil
}
