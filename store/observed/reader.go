package observed

import (
	"context"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

type reader struct {
	inner store.Reader
	o     Observer
}

func (s reader) Plan(ctx context.Context, id plan.ID) (plan.Plan, error) {
	ctx, mark := s.o.Begin(ctx, OpPlan)
	answer, err := s.inner.Plan(ctx, id)
	s.o.End(ctx, OpPlan, mark, err)
	return answer, err
}

func (s reader) Plans(ctx context.Context, q store.PlanQuery) ([]plan.Plan, error) {
	ctx, mark := s.o.Begin(ctx, OpPlans)
	answer, err := s.inner.Plans(ctx, q)
	s.o.End(ctx, OpPlans, mark, err)
	return answer, err
}

func (s reader) Task(ctx context.Context, id task.ID) (task.Task, error) {
	ctx, mark := s.o.Begin(ctx, OpTask)
	answer, err := s.inner.Task(ctx, id)
	s.o.End(ctx, OpTask, mark, err)
	return answer, err
}

func (s reader) TasksAt(ctx context.Context, id plan.ID, ordinals []int) ([]task.Task, error) {
	ctx, mark := s.o.Begin(ctx, OpTasksAt)
	answer, err := s.inner.TasksAt(ctx, id, ordinals)
	s.o.End(ctx, OpTasksAt, mark, err)
	return answer, err
}

func (s reader) Tasks(ctx context.Context, id plan.ID, q store.TaskQuery) ([]task.Task, int, error) {
	ctx, mark := s.o.Begin(ctx, OpTasks)
	answer, next, err := s.inner.Tasks(ctx, id, q)
	s.o.End(ctx, OpTasks, mark, err)
	return answer, next, err
}

func (s reader) States(ctx context.Context, id plan.ID, after, limit int) ([]task.State, error) {
	ctx, mark := s.o.Begin(ctx, OpStates)
	answer, err := s.inner.States(ctx, id, after, limit)
	s.o.End(ctx, OpStates, mark, err)
	return answer, err
}

func (s reader) Tenants(ctx context.Context, id plan.ID, after, limit int) ([]string, error) {
	ctx, mark := s.o.Begin(ctx, OpTenants)
	answer, err := s.inner.Tenants(ctx, id, after, limit)
	s.o.End(ctx, OpTenants, mark, err)
	return answer, err
}

func (s reader) Appended(ctx context.Context, id plan.ID, after, limit int) ([]string, error) {
	ctx, mark := s.o.Begin(ctx, OpAppended)
	answer, err := s.inner.Appended(ctx, id, after, limit)
	s.o.End(ctx, OpAppended, mark, err)
	return answer, err
}

func (s reader) Events(ctx context.Context, id plan.ID, after int64, limit int) ([]plan.Event, error) {
	ctx, mark := s.o.Begin(ctx, OpEvents)
	answer, err := s.inner.Events(ctx, id, after, limit)
	s.o.End(ctx, OpEvents, mark, err)
	return answer, err
}

func (s reader) PlanEvents(ctx context.Context, id plan.ID, after int64, limit int) ([]plan.Event, error) {
	ctx, mark := s.o.Begin(ctx, OpPlanEvents)
	answer, err := s.inner.PlanEvents(ctx, id, after, limit)
	s.o.End(ctx, OpPlanEvents, mark, err)
	return answer, err
}
