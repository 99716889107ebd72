package cutover

import (
	"context"
	"errors"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// LabelsResult is what [Lookup.Labels] finds.
type LabelsResult struct {
	// Tasks are the tasks that were found, those of the newest plan first, and of each plan by
	// rising ordinal.
	Tasks []TenantTask
	// SearchedDownTo is the last plan, and so the one with the smallest id, that this call has
	// searched to its end; 0 if it has come to the end of none.
	SearchedDownTo plan.ID
	// Next is where the search goes on, nil if it has come to its end.
	Next *TenantPosition
}

// searchedLabels is about how many tasks one step of a search by labels looks at. They are read as
// a whole, because a store has no index of labels.
const searchedLabels = 20 * store.MaxPage

// Labels finds the tasks of tenants with all of these labels, in the plans that are not over. It is
// a search, the newest plans first, in steps of at most 100 plans and about 20,000 tasks; a step
// ends when it has found a thousand. from is the Next of the step before.
//
// Returns store.ErrInvalid if there are no labels, or more than a task.Filter may have, or if no
// search has the position. If something cannot be read, Labels returns what it has found, together
// with an error that matches store.ErrCorrupt or is store.Temporary. It leaves out what is damaged,
// and plans that the store does not list for now; where the store does not answer at all it stops,
// and Next is the position.
func (l Lookup) Labels(ctx context.Context, labels map[string]string, from TenantPosition) (LabelsResult, error) {
	f := task.Filter{Labels: labels}
	if err := checkLabels(f, from); err != nil {
		return LabelsResult{}, err
	}
	s := search{
		Lookup: l, left: searchedLabels, room: store.MaxPage,
		leavesOut: func(p *plan.Plan) bool { return p.Over() },
		page:      l.pageByFilter(&f),
	}
	err := s.run(ctx, from)
	return LabelsResult{Tasks: s.tasks, SearchedDownTo: s.down, Next: s.next}, err
}

// pageByFilter returns a search of a page for tasks that a filter selects. Where a page cannot be
// read because a task is damaged, it looks at fewer of them, one by one.
func (l Lookup) pageByFilter(f *task.Filter) pageSearch {
	return func(ctx context.Context, p *plan.Plan, after int) (found []task.Task, n int, over bool, err error) {
		tasks, next, err := l.tasks(ctx, p.ID, after)
		if errors.Is(err, store.ErrCorrupt) {
			var ordinals []int
			for next = after; next < min(p.TaskCount, after+store.MaxBatch); {
				next++
				ordinals = append(ordinals, next)
			}
			tasks, err = l.e.client.TasksAt(ctx, p.ID, ordinals)
		}
		for i := range tasks {
			if f.Matches(&tasks[i]) {
				found = append(found, tasks[i])
			}
		}
		if over = next == 0; over {
			next = p.TaskCount
		}
		return found, max(0, next-after), over, err
	}
}

// tasks returns a page of a plan's tasks.
func (l Lookup) tasks(ctx context.Context, id plan.ID, after int) (tasks []task.Task, next int, err error) {
	err = l.e.client.Do(ctx, "tasks", func() error {
		tasks, next, err = l.e.client.Store.Tasks(ctx, id, store.TaskQuery{After: after})
		return err
	})
	return tasks, next, err
}

func checkLabels(f task.Filter, from TenantPosition) error {
	faults := from.faults()
	if len(f.Labels) == 0 {
		faults = append(faults, plan.Fault{Field: "Labels", Problem: "are none"})
	}
	var invalid *plan.InvalidError
	if errors.As(new(plan.Control).CheckFilter(f), &invalid) {
		faults = append(faults, invalid.Faults...)
	}
	if len(faults) > 0 {
		return &store.InvalidError{Faults: faults}
	}
	return nil
}
