package storeclient

import (
	"context"
	"fmt"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// Options are the functions to which a [Client] reports. All are required; none may block.
type Options struct {
	// Fault is called for every failed call whose error is not returned to a caller.
	Fault func(op string, err error)
	// Applied is called after a decision was committed, with the resulting plan.
	Applied func(p plan.Plan, events []plan.Event)
	// Changed is called after Applied, so that goroutines of this process learn of the change
	// without waiting for a hint of the store.
	Changed func(plan.ID)
}

// Client is the engine's access to a store. It is immutable and safe for concurrent use.
type Client struct {
	// Store is the store itself, for calls that must not be repeated, or that the caller repeats.
	Store store.Store
	opts  Options
}

// New returns a client over s.
func New(s store.Store, o Options) *Client { return &Client{Store: s, opts: o} }

// Plan returns a plan. If there is none, the error matches store.ErrNotFound and names the id.
func (c *Client) Plan(ctx context.Context, id plan.ID) (p plan.Plan, err error) {
	err = c.Do(ctx, "plan", func() error {
		p, err = c.Store.Plan(ctx, id)
		return err
	})
	return p, notFound(err, "plan", id)
}

// Task returns a task. If there is none, the error matches store.ErrNotFound and names the id.
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

// TasksAt returns the tasks of a plan with the given ordinals: see store.Reader.
func (c *Client) TasksAt(ctx context.Context, id plan.ID, ordinals []int) (tasks []task.Task, err error) {
	err = c.Do(ctx, "tasks", func() error {
		tasks, err = c.Store.TasksAt(ctx, id, ordinals)
		return err
	})
	return tasks, err
}

// States returns the states of the tasks after the ordinal after, at most limit of them.
func (c *Client) States(ctx context.Context, id plan.ID, after, limit int) (states []task.State, err error) {
	err = c.Do(ctx, "states", func() error {
		states, err = c.Store.States(ctx, id, after, limit)
		return err
	})
	return states, err
}

// Tenants returns the ids of the tenants of the same tasks as [Client.States].
func (c *Client) Tenants(ctx context.Context, id plan.ID, after, limit int) (tenants []string, err error) {
	err = c.Do(ctx, "tenants", func() error {
		tenants, err = c.Store.Tenants(ctx, id, after, limit)
		return err
	})
	return tenants, err
}

// Appended returns the tenants that are stored for an addition under way: see store.Reader.
func (c *Client) Appended(ctx context.Context, id plan.ID, after, limit int) (tenants []string, err error) {
	err = c.Do(ctx, "appended", func() error {
		tenants, err = c.Store.Appended(ctx, id, after, limit)
		return err
	})
	return tenants, err
}
