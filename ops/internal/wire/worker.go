package wire

import (
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// Worker is a process that works on tasks.
type Worker struct {
	// Worker is its name, as in the tasks that it holds.
	Worker    string   `json:"worker"`
	Capacity  int      `json:"capacity"`
	Executors []string `json:"executors"`
	// Held is how many tasks it held when it last reported.
	Held       int  `json:"held"`
	JoinedAt   Time `json:"joinedAt"`
	LeaseUntil Time `json:"leaseUntil"`
	// Tasks are the tasks that it holds; only in the answer about one worker.
	Tasks []WorkerTask `json:"tasks,omitzero"`
}

// WorkerTask is a task that a worker holds.
type WorkerTask struct {
	Plan     plan.ID    `json:"plan"`
	PlanName string     `json:"planName"`
	Task     task.ID    `json:"task"`
	Tenant   string     `json:"tenant"`
	State    task.State `json:"state"`
}

// WorkerOf returns the document of a worker.
func WorkerOf(w store.Worker) Worker {
	executors := w.Executors
	if executors == nil {
		executors = []string{}
	}
	return Worker{
		Worker: w.Name, Capacity: w.Capacity, Executors: executors, Held: w.Held,
		JoinedAt: Time{w.JoinedAt}, LeaseUntil: Time{w.LeaseUntil},
	}
}

// WorkerTaskOf returns a task of a plan that a worker holds.
func WorkerTaskOf(p *plan.Plan, t *task.Task) WorkerTask {
	return WorkerTask{Plan: p.ID, PlanName: p.Name, Task: t.ID, Tenant: t.Tenant.ID, State: t.State}
}
