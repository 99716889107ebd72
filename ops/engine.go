package ops

import (
	"context"
	"iter"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// Engine is what a [Handler] needs of an engine. A *cutover.Engine has all of it; whether it runs
// or only gives commands makes no difference.
type Engine interface {
	Reader
	PlanCommander
	TaskCommander
}

// Reader answers questions about plans and tasks.
type Reader interface {
	Plan(ctx context.Context, id plan.ID) (plan.Plan, error)
	Plans(ctx context.Context, q store.PlanQuery) ([]plan.Plan, error)
	Task(ctx context.Context, id task.ID) (task.Task, error)
	Explain(ctx context.Context, id task.ID) (plan.Reason, error)
	Tasks(ctx context.Context, id plan.ID, q store.TaskQuery) (tasks []task.Task, next int, err error)
	Tenants(ctx context.Context, id plan.ID, after, limit int) ([]string, error)
	States(ctx context.Context, id plan.ID, after, limit int) ([]task.State, error)
	Events(ctx context.Context, id plan.ID, after int64, limit int) ([]plan.Event, error)
	PlanEvents(ctx context.Context, id plan.ID, after int64, limit int) ([]plan.Event, error)
	Watch(ctx context.Context, id plan.ID, after int64) iter.Seq2[plan.Event, error]
	Ready(ctx context.Context) error
	CanUndo(executorType string) bool
	Subscriptions() *cutover.Subscriptions
	Lookup() cutover.Lookup
}

// PlanCommander creates plans and gives commands on them.
type PlanCommander interface {
	Create(ctx context.Context, spec plan.Spec, opts ...cutover.CreateOption) (plan.Plan, error)
	Start(ctx context.Context, id plan.ID, opts ...cutover.CommandOption) (cutover.PlanResult, error)
	Pause(ctx context.Context, id plan.ID, opts ...cutover.CommandOption) (cutover.PlanResult, error)
	Resume(ctx context.Context, id plan.ID, opts ...cutover.CommandOption) (cutover.PlanResult, error)
	Cancel(ctx context.Context, id plan.ID, opts ...cutover.CommandOption) (cutover.PlanResult, error)
	Rollback(ctx context.Context, id plan.ID, opts ...cutover.CommandOption) (cutover.PlanResult, error)
	RetryFailed(ctx context.Context, id plan.ID, from cutover.RetryFrom, opts ...cutover.CommandOption) (cutover.PlanResult, error)
	Remove(ctx context.Context, id plan.ID, opts ...cutover.CommandOption) error
	Note(ctx context.Context, id plan.ID, opts ...cutover.CommandOption) (cutover.PlanResult, error)
	Tune(ctx context.Context, id plan.ID, t strategy.Tuning, opts ...cutover.CommandOption) (cutover.PlanResult, error)
	AddTenants(ctx context.Context, id plan.ID, tenants []task.Tenant, opts ...cutover.CommandOption) (cutover.PlanResult, error)
	Approve(ctx context.Context, id plan.ID, wave int, opts ...cutover.CommandOption) (cutover.PlanResult, error)
	Reject(ctx context.Context, id plan.ID, wave int, opts ...cutover.CommandOption) (cutover.PlanResult, error)
	RollbackWave(ctx context.Context, id plan.ID, wave int, opts ...cutover.CommandOption) (cutover.PlanResult, error)
}

// TaskCommander gives commands on single tasks, and selects those for commands on many.
type TaskCommander interface {
	RetryTask(ctx context.Context, id task.ID, from cutover.RetryFrom, opts ...cutover.RetryOption) (cutover.TaskResult, error)
	PauseTask(ctx context.Context, id task.ID, opts ...cutover.CommandOption) (cutover.TaskResult, error)
	ResumeTask(ctx context.Context, id task.ID, opts ...cutover.CommandOption) (cutover.TaskResult, error)
	CancelTask(ctx context.Context, id task.ID, opts ...cutover.CommandOption) (cutover.TaskResult, error)
	SkipTask(ctx context.Context, id task.ID, opts ...cutover.CommandOption) (cutover.TaskResult, error)
	RollbackTask(ctx context.Context, id task.ID, opts ...cutover.CommandOption) (cutover.TaskResult, error)
	Select(id plan.ID, f task.Filter) cutover.Selection
}

var _ Engine = (*cutover.Engine)(nil)
