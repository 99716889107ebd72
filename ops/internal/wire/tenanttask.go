package wire

import (
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/task"
)

// TenantTask is the task of a tenant in a plan.
type TenantTask struct {
	Plan      plan.ID    `json:"plan"`
	PlanName  string     `json:"planName"`
	PlanState plan.State `json:"planState"`
	Task      task.ID    `json:"task"`
	// Tenant, State, Attempt and UpdatedAt are left out while the tenant is being added to the
	// plan.
	Tenant    string      `json:"tenant,omitempty"`
	State     *task.State `json:"state,omitempty"`
	Attempt   *int        `json:"attempt,omitempty"`
	Worker    string      `json:"worker,omitempty"`
	UpdatedAt Time        `json:"updatedAt,omitzero"`
}

// TenantTaskOf returns the document of a task of a plan.
func TenantTaskOf(p *plan.Plan, t *task.Task) TenantTask {
	w := TenantTask{
		Plan: p.ID, PlanName: p.Name, PlanState: p.State, Task: t.ID, Tenant: t.Tenant.ID, Worker: t.Worker, UpdatedAt: Time{t.UpdatedAt},
	}
	if t.Tenant.ID != "" {
		w.State, w.Attempt = &t.State, &t.Attempt
	}
	return w
}
