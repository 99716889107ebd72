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
	"github.com/cutover-go/cutover/store/redisstore"
)

// engine is cutover with all its features on.
type engine struct{}

func (engine) name() string { return "cutover" }

func (engine) run(ctx context.Context, addr string, n, concurrency int, m *meter) error {
	rdb := redis.NewClient(&redis.Options{Addr: addr, PoolSize: 16})
	defer rdb.Close()
	s, err := redisstore.Open(ctx, rdb, redisstore.Config{})
	if err != nil {
		return err
	}
	var data any = json.RawMessage(payload())
	work := executor.Func(func(ctx context.Context, run *executor.Run) error {
		for _, step := range [...]string{"one", "two"} {
			if err := run.Save(ctx, step, data); err != nil {
				return err
			}
		}
		return nil
	})
	e, err := cutover.New(s, cutover.Config{Capacity: concurrency, Executors: executor.Registry{"X": work}})
	if err != nil {
		return err
	}
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("tenant-%07d", i)
	}
	p, err := e.Create(ctx, plan.Spec{
		Name: "bench", ExecutorType: "X", Tenants: plan.Tenants(ids...),
		Strategy: strategy.Strategy{MaxConcurrency: strategy.Count(concurrency)},
	})
	if err != nil {
		return err
	}
	m.tasksCreated()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	stopped := make(chan error, 1)
	go func() { stopped <- e.Run(ctx) }()
	if _, err := e.Start(ctx, p.ID); err != nil {
		return err
	}
	if p, err = e.Wait(ctx, p.ID); err != nil || p.State != plan.Completed {
		return fmt.Errorf("the plan is %s: %w", p.State, err)
	}
	m.tasksDone()
	stop()
	return <-stopped
}
