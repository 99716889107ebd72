package storeclient

import (
	"context"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// Select reads the next page of the tasks in these states to which a sweep of the plan comes, after
// an ordinal. next is the ordinal after which to continue, 0 if there is nothing left to read.
func (c *Client) Select(ctx context.Context, p *plan.Plan, s *plan.Sweep, states []task.State, after int) (page []task.Task, next int, err error) {
	from, to, more := s.Range(p, after)
	if !more {
		return nil, 0, nil
	}
	q := store.TaskQuery{After: from, Until: to, States: states}
	err = c.Do(ctx, "tasks", func() error {
		page, next, err = c.Store.Tasks(ctx, p.ID, q)
		return err
	})
	if err != nil || next != 0 {
		return page, next, err
	}
	if _, _, more := s.Range(p, to); more {
		next = to
	}
	return page, next, nil
}

// EachTenant calls f with the tenant ids of a plan, page by page, and with the ordinal of the first
// tenant of the page. It reads the next page while f works, and returns after the first error of f.
func (c *Client) EachTenant(ctx context.Context, id plan.ID, f func(first int, tenants []string) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	pages := make(chan []string)
	var reading, failed error // reading is set before pages is closed
	go func() {
		defer close(pages)
		reading = c.readTenants(ctx, id, pages)
	}()
	first := 1
	for page := range pages { // even after f has failed, until readTenants has ended
		if failed == nil {
			failed = f(first, page)
		}
		if failed != nil {
			cancel()
		}
		first += len(page)
	}
	if failed != nil {
		return failed
	}
	return reading
}

// readTenants sends the tenants of a plan to pages.
func (c *Client) readTenants(ctx context.Context, id plan.ID, pages chan<- []string) error {
	for after := 0; ; {
		tenants, err := c.Tenants(ctx, id, after, store.MaxPage)
		if err != nil {
			return err
		}
		select {
		case pages <- tenants:
		case <-ctx.Done():
			return ctx.Err()
		}
		if after += len(tenants); len(tenants) < store.MaxPage {
			return nil
		}
	}
}
