package main

import (
	"context"
	"fmt"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/task"
)

// firstPlan is the id of the first plan that is created on a server.
const firstPlan plan.ID = 1

// engine is cutover with all its features on, and a plan in waves of the given sizes.
type engine struct {
	waves []strategy.Amount
}

func (e engine) name() string {
	if len(e.waves) > 0 {
		return "waves"
	}
	return "cutover"
}

func (e engine) run(ctx context.Context, addr string, n, concurrency int, m *meter) error {
	h, err := newHost(ctx, addr, concurrency)
	if err != nil {
		return err
	}
	defer h.close()
	id, err := h.create(ctx, "bench", n, concurrency, e.waves...)
	if err != nil {
		return err
	}
	m.tasksCreated()
	if err := h.finish(ctx, id); err != nil {
		return err
	}
	m.tasksDone()
	return nil
}

func (engine) states(ctx context.Context, addr string, n int) (done int, err error) {
	h, err := newHost(ctx, addr, 1)
	if err != nil {
		return 0, err
	}
	defer h.close()
	for read := 0; read < n; {
		page, err := h.engine.States(ctx, firstPlan, read, 0)
		if err != nil {
			return done, err
		}
		if len(page) == 0 {
			return done, fmt.Errorf("the plan has %d tasks", read)
		}
		for _, s := range page {
			if s == task.Completed {
				done++
			}
		}
		read += len(page)
	}
	return done, nil
}
