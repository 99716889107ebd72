package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/redisstore"
	"github.com/cutover-go/cutover/task"
)

// engine is cutover with all its features on.
type engine struct{}

func (engine) name() string { return "cutover" }

func (engine) run(ctx context.Context, addr string, n, concurrency int, m *meter) error {
	h, err := newHost(ctx, addr, concurrency)
	if err != nil {
		return err
	}
	defer h.close()
	p, err := h.create(ctx, "bench", n, concurrency)
	if err != nil {
		return err
	}
	m.tasksCreated()
	if err := h.finish(ctx, p); err != nil {
		return err
	}
	m.tasksDone()
	return nil
}

func (engine) states(ctx context.Context, addr string, _ int) (done int, err error) {
	h, err := newHost(ctx, addr, 1)
	if err != nil {
		return 0, err
	}
	defer h.close()
	for q := (store.TaskQuery{}); ; {
		tasks, next, err := h.engine.Tasks(ctx, 1, q)
		if err != nil {
			return done, err
		}
		for i := range tasks {
			if tasks[i].State == task.Completed {
				done++
			}
		}
		if next == 0 {
			return done, nil
		}
		q.After = next
	}
}

// host is a process with an engine.
type host struct {
	rdb     *redis.Client
	engine  *cutover.Engine
	stop    context.CancelFunc
	stopped chan error
}

func newHost(ctx context.Context, addr string, capacity int) (*host, error) {
	h := &host{rdb: redis.NewClient(&redis.Options{Addr: addr, PoolSize: 16}), stopped: make(chan error, 1)}
	s, err := redisstore.Open(ctx, h.rdb, redisstore.Config{})
	if err != nil {
		return nil, err
	}
	h.engine, err = cutover.New(s, cutover.Config{Capacity: capacity, Executors: executor.Registry{"X": noop()}})
	if err != nil {
		return nil, err
	}
	ctx, h.stop = context.WithCancel(ctx)
	go func() { h.stopped <- h.engine.Run(ctx) }()
	return h, nil
}

func (h *host) close() {
	h.stop()
	<-h.stopped
	_ = h.rdb.Close()
}

// noop is an executor that does nothing but save twice.
func noop() executor.Func {
	var data any = json.RawMessage(payload())
	return func(ctx context.Context, run *executor.Run) error {
		for _, step := range [...]string{"one", "two"} {
			if err := run.Save(ctx, step, data); err != nil {
				return err
			}
		}
		return nil
	}
}

// create makes a plan of n tenants whose ids begin with name.
func (h *host) create(ctx context.Context, name string, n, concurrency int) (plan.Plan, error) {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("%s-%07d", name, i)
	}
	return h.engine.Create(ctx, plan.Spec{
		Name: name, ExecutorType: "X", Tenants: plan.Tenants(ids...),
		Strategy: strategy.Strategy{MaxConcurrency: strategy.Count(concurrency)},
	})
}

// finish starts a plan and waits until it is completed.
func (h *host) finish(ctx context.Context, p plan.Plan) error {
	if _, err := h.engine.Start(ctx, p.ID); err != nil {
		return err
	}
	p, err := h.engine.Wait(ctx, p.ID)
	if err == nil && p.State != plan.Completed {
		err = fmt.Errorf("the plan is %s", p.State)
	}
	return err
}
