package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/redisstore"
	"github.com/cutover-go/cutover/task"
)

// host is a process with an engine.
type host struct {
	rdb     *redis.Client
	engine  *cutover.Engine
	stop    context.CancelFunc
	stopped chan error
}

func newHost(ctx context.Context, addr string, capacity int) (*host, error) {
	rdb := newClient(addr)
	s, err := redisstore.Open(ctx, rdb, redisstore.Config{})
	if err != nil {
		return nil, err
	}
	return startHost(ctx, rdb, s, capacity)
}

func newClient(addr string) *redis.Client {
	return redis.NewClient(&redis.Options{Addr: addr, PoolSize: 16})
}

// startHost runs an engine on s, which uses rdb.
func startHost(ctx context.Context, rdb *redis.Client, s store.Store, capacity int) (*host, error) {
	e, err := cutover.New(s, cutover.Config{Capacity: capacity, Executors: executor.Registry{"X": noop()}})
	if err != nil {
		return nil, err
	}
	h := &host{rdb: rdb, engine: e, stopped: make(chan error, 1)}
	ctx, h.stop = context.WithCancel(ctx)
	go func() { h.stopped <- h.engine.Run(ctx) }()
	return h, nil
}

func (h *host) close() {
	h.stop()
	if err := <-h.stopped; err != nil {
		log.Print("the engine: ", err)
	}
	_ = h.rdb.Close()
}

// noop is an executor that only saves twice.
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

// create creates a plan of n tenants whose ids begin with name, in waves of the given sizes.
func (h *host) create(ctx context.Context, name string, n, concurrency int, waves ...strategy.Amount) (plan.ID, error) {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("%s-%07d", name, i)
	}
	p, err := h.engine.Create(ctx, plan.Spec{
		Name: name, ExecutorType: "X", Tenants: plan.Tenants(ids...),
		Strategy: strategy.Strategy{MaxConcurrency: strategy.Count(concurrency), WaveSizes: waves},
	})
	return p.ID, err
}

// createFrom creates the same plan from a sequence.
func (h *host) createFrom(ctx context.Context, name string, n, concurrency int) error {
	_, err := h.engine.Create(ctx, plan.Spec{
		Name: name, ExecutorType: "X", Strategy: strategy.Strategy{MaxConcurrency: strategy.Count(concurrency)},
		TenantSeq: func(yield func(task.Tenant) bool) {
			for i := range n {
				if !yield(task.Tenant{ID: fmt.Sprintf("%s-%07d", name, i)}) {
					return
				}
			}
		},
	})
	return err
}

// finish starts a plan and waits until it is completed.
func (h *host) finish(ctx context.Context, id plan.ID) error {
	if _, err := h.engine.Start(ctx, id); err != nil {
		return err
	}
	p, err := h.engine.Wait(ctx, id)
	if err == nil && p.State != plan.Completed {
		err = fmt.Errorf("the plan is %s", p.State)
	}
	return err
}

// underway starts a plan and waits until some of its tasks are done.
func (h *host) underway(ctx context.Context, id plan.ID) error {
	if _, err := h.engine.Start(ctx, id); err != nil {
		return err
	}
	for {
		p, err := h.engine.Plan(ctx, id)
		if err != nil || p.Counters.States[task.Completed] > 0 {
			return err
		}
		time.Sleep(time.Millisecond)
	}
}
