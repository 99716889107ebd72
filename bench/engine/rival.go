package main

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
)

// rival is hibiken/asynq, which a user would choose instead. It has no event log and no fencing
// token; its result writer serves for checkpoints.
type rival struct{}

func (rival) name() string { return "asynq" }

func (rival) run(ctx context.Context, addr string, n, concurrency int, m *meter) error {
	opt := asynq.RedisClientOpt{Addr: addr, PoolSize: concurrency + 8}
	if err := enqueue(ctx, asynq.NewClient(opt), n, concurrency); err != nil {
		return err
	}
	m.tasksCreated()
	var left atomic.Int64
	left.Store(int64(n))
	done := make(chan struct{})
	handler := func(_ context.Context, t *asynq.Task) error {
		for range 2 {
			if _, err := t.ResultWriter().Write([]byte(payload())); err != nil {
				return err
			}
		}
		if left.Add(-1) == 0 {
			close(done)
		}
		return nil
	}
	server := asynq.NewServer(opt, asynq.Config{Concurrency: concurrency, LogLevel: asynq.ErrorLevel})
	if err := server.Start(asynq.HandlerFunc(handler)); err != nil {
		return err
	}
	<-done
	rdb := redis.NewClient(&redis.Options{Addr: addr})
	defer rdb.Close()
	for rdb.ZCard(ctx, "asynq:{default}:completed").Val() < int64(n) {
		time.Sleep(time.Millisecond) // the last completions are being recorded
	}
	m.tasksDone()
	server.Shutdown()
	return nil
}

// states reads the completed tasks page by page, the only way that asynq offers to read many.
func (rival) states(_ context.Context, addr string, _ int) (done int, err error) {
	inspector := asynq.NewInspector(asynq.RedisClientOpt{Addr: addr})
	defer inspector.Close()
	const size = 1000
	for page := 1; ; page++ {
		tasks, err := inspector.ListCompletedTasks("default", asynq.PageSize(size), asynq.Page(page))
		if err != nil {
			return done, err
		}
		done += len(tasks)
		if len(tasks) < size {
			return done, nil
		}
	}
}

func enqueue(ctx context.Context, c *asynq.Client, n, concurrency int) error {
	defer c.Close()
	var next atomic.Int64
	var failed atomic.Pointer[error]
	var pool sync.WaitGroup
	for range concurrency {
		pool.Go(func() {
			for i := next.Add(1); i <= int64(n) && failed.Load() == nil; i = next.Add(1) {
				id := fmt.Sprintf("tenant-%07d", i)
				_, err := c.EnqueueContext(ctx, asynq.NewTask("deploy", nil), asynq.TaskID(id), asynq.Retention(24*time.Hour))
				if err != nil {
					failed.Store(&err)
				}
			}
		})
	}
	pool.Wait()
	if err := failed.Load(); err != nil {
		return *err
	}
	return nil
}
