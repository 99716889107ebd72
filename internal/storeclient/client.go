package storeclient

import (
	"context"
	"fmt"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// Options are what a [Client] reports to. All are required; none may block.
type Options struct {
	// Fault is called for every failed call whose error no caller gets.
	Fault func(op string, err error)
	// Applied is called after a decision was committed, with the plan as it then is.
	Applied func(p plan.Plan, events []plan.Event)
	// Changed is called after Applied: the plan may have changed.
	Changed func(plan.ID)
}

// Client is the engine's access to a store. It is immutable and safe for concurrent use.
type Client struct {
	// Store is the store itself, for calls that are not to be repeated or are repeated by
	// their caller.
	Store store.Store
	opts  Options
}

// New returns a client over s.
func New(s store.Store, o Options) *Client { return &Client{Store: s, opts: o} }

// Plan returns a plan. store.ErrNotFound names it.
func (c *Client) Plan(ctx context.Context, id plan.ID) (p plan.Plan, err error) {
	err = c.Do(ctx, "plan", func() error {
		p, err = c.Store.Plan(ctx, id)
		return err
	})
	return p, notFound(err, "plan", id)
}

// Task returns a task. store.ErrNotFound names it.
func (c *Client) Task(ctx context.Context, id task.ID) (t task.Task, err error) {
	if !id.Valid() {
		return task.Task{}, fmt.Errorf("%w: %s is no task's id: plan and ordinal make one", store.ErrNotFound, id)
	}
	err = c.Do(ctx, "task", func() error {
		t, err = c.Store.Task(ctx, id)
		return err
	})
	return t, notFound(err, "task", id)
}

// TasksAt returns the tasks of a plan with those ordinals, as the store does.
func (c *Client) TasksAt(ctx context.Context, id plan.ID, ordinals []int) (tasks []task.Task, err error) {
	err = c.Do(ctx, "tasks", func() error {
		tasks, err = c.Store.TasksAt(ctx, id, ordinals)
		return err
	})
	return tasks, err
}

// States returns the states of the limit tasks that follow the ordinal after.
func (c *Client) States(ctx context.Context, id plan.ID, after, limit int) (states []task.State, err error) {
	err = c.Do(ctx, "states", func() error {
		states, err = c.Store.States(ctx, id, after, limit)
		return err
	})
	return states, err
}

// Tenants returns the ids of the tenants of those tasks.
func (c *Client) Tenants(ctx context.Context, id plan.ID, after, limit int) (tenants []string, err error) {
	err = c.Do(ctx, "tenants", func() error {
		tenants, err = c.Store.Tenants(ctx, id, after, limit)
		return err
	})
	return tenants, err
}
