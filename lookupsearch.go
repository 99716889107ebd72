package cutover

import (
	"cmp"
	"context"
	"errors"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// searchedPlans is how many plans one step of a search looks at.
const searchedPlans = 100

// pageSearch looks at a page of a plan: at tasks after an ordinal. It returns those that are
// sought, and how many it has looked at. over reports that the plan has no further ones.
type pageSearch func(ctx context.Context, p *plan.Plan, after int) (found []task.Task, n int, over bool, err error)

// search is one step of a search through plans, the newest first.
type search struct {
	Lookup
	// left is about how many tasks the step may still look at, room how many it may find.
	left, room int
	// leavesOut reports whether a plan need not be searched.
	leavesOut func(p *plan.Plan) bool
	page      pageSearch

	tasks []TenantTask
	// down is the last plan that was searched to its end, next where the search goes on.
	down plan.ID
	next *TenantPosition
}

// run searches plans from a position on.
func (s *search) run(ctx context.Context, from TenantPosition) error {
	q := store.PlanQuery{Limit: searchedPlans}
	if from.Plan > 0 {
		q.Before = from.Plan + 1
	}
	plans, partly := s.e.Plans(ctx, q)
	if partly != nil && len(plans) == 0 {
		s.next = &from
		return partly
	}
	for i := range plans {
		at := TenantPosition{Plan: plans[i].ID}
		if at.Plan == from.Plan {
			at.After = from.After
		}
		stopped, err := s.searchPlan(ctx, &plans[i], &at)
		if stopped {
			s.next = &at
			return cmp.Or(err, partly)
		}
		s.down, partly = at.Plan, cmp.Or(partly, err)
	}
	if len(plans) == searchedPlans && s.down > 1 {
		s.next = &TenantPosition{Plan: s.down - 1}
	}
	return partly
}

// searchPlan searches a plan from a position on, and moves the position. It stops if the step may
// look at or find no more tasks, or if the store cannot answer now.
func (s *search) searchPlan(ctx context.Context, p *plan.Plan, at *TenantPosition) (stopped bool, partly error) {
	for at.After < p.TaskCount && !s.leavesOut(p) {
		if s.left <= 0 || s.room <= 0 {
			return true, partly
		}
		found, n, over, err := s.page(ctx, p, at.After)
		for _, t := range found {
			s.tasks = append(s.tasks, TenantTask{Plan: *p, Task: t})
		}
		s.left, s.room = s.left-n, s.room-len(found)
		switch {
		case errors.Is(err, store.ErrNotFound): // the plan was removed meanwhile
			return false, partly
		case err != nil && (store.Temporary(err) || ctx.Err() != nil):
			return true, err
		case n == 0 || over:
			return false, cmp.Or(partly, err)
		}
		partly = cmp.Or(partly, err)
		at.After += n
	}
	return false, partly
}
