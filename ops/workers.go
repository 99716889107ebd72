package ops

import (
	"cmp"

	"github.com/cutover-go/cutover/ops/internal/wire"
	"github.com/cutover-go/cutover/plan"
)

// workersPage is a page of workers.
type workersPage struct {
	Workers []wire.Worker `json:"workers"`
	// Next is the cursor of the next page, empty if there is none.
	Next string `json:"next,omitempty"`
	// Partly is the problem of what cannot be read now, and is missing.
	Partly *problem `json:"partly,omitempty"`
}

// listWorkers answers with a page of the processes that work on tasks or, if the request names one,
// with that one and the tasks that it holds. Which processes there are is hidden from nobody; tasks
// are those of plans that the caller may view.
func listWorkers(c *call) (answer, error) {
	q := c.query("worker", "limit", "cursor")
	if q.values.Has("worker") {
		return c.oneWorker(q)
	}
	limit := q.limit()
	after := q.nameCursor(cursorOfWorkers)
	if err := q.err(); err != nil {
		return answer{}, err
	}
	workers, err := c.engine.Lookup().Workers(c.r.Context(), after, limit)
	if err != nil && len(workers) == 0 {
		return answer{}, err
	}
	page := workersPage{Workers: make([]wire.Worker, len(workers))}
	for i, w := range workers {
		page.Workers[i] = wire.WorkerOf(w)
	}
	if len(workers) == limit {
		page.Next = cursorOfWorkers.name(workers[limit-1].Name)
	}
	if err != nil {
		page.Partly = c.problem(err)
	}
	return answer{body: page}, nil
}

// oneWorker answers with one worker.
func (c *call) oneWorker(q *query) (answer, error) {
	for _, other := range []string{"limit", "cursor"} {
		if q.values.Has(other) {
			q.faults.add(other, "is given together with worker")
		}
	}
	if err := q.err(); err != nil {
		return answer{}, err
	}
	plans := c.viewer()
	var unread error
	w, tasks, partly := c.engine.Lookup().Worker(c.r.Context(), q.values.Get("worker"), func(id plan.ID) bool {
		p, err := plans.plan(id)
		unread = cmp.Or(unread, err)
		return p != nil
	})
	if partly != nil && w.Name == "" {
		return answer{}, partly
	}
	row := wire.WorkerOf(w)
	row.Tasks = []wire.WorkerTask{}
	for i := range tasks {
		if p, _ := plans.plan(tasks[i].ID.Plan()); p != nil { // it was accepted
			row.Tasks = append(row.Tasks, wire.WorkerTaskOf(p, &tasks[i]))
		}
	}
	page := workersPage{Workers: []wire.Worker{row}}
	if partly = cmp.Or(partly, unread); partly != nil {
		page.Partly = c.problem(partly)
	}
	return answer{body: page}, c.r.Context().Err()
}
