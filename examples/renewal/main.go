// Command renewal keeps two keys alive while a job runs: a lock, so that no other deployment
// starts, and a configuration that is valid only while the job runs. It prints the outcome of every
// tick. When the job is done, it releases the lock and leaves the configuration to expire.
//
//	go run ./examples/renewal                     with a Redis inside this process
//	go run ./examples/renewal -redis HOST:PORT    with a real Redis; keys begin with example:
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/renewal"
)

const (
	lockKey   = "example:renewal:lock"
	configKey = "example:renewal:config"
	ttl       = 900 * time.Millisecond // short, for the example; seconds to minutes in production
	jobTime   = 3 * time.Second
)

func main() {
	addr := flag.String("redis", "", "address of a Redis server; none starts one inside this process")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *addr); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, addr string) error {
	if addr == "" {
		server, err := startServer()
		if err != nil {
			return err
		}
		defer server.stop()
		addr = server.addr()
	}
	rdb := redis.NewClient(&redis.Options{Addr: addr})
	defer func() { _ = rdb.Close() }()

	service, err := renewal.New(rdb, renewal.Config{})
	if err != nil {
		return err
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan error, 1)
	go func() { done <- service.Run(running) }()
	<-service.Started()
	err = deploy(ctx, rdb, service)
	stop()
	return errors.Join(err, <-done)
}

// deploy runs the job under the lock.
func deploy(ctx context.Context, rdb *redis.Client, service *renewal.Service) error {
	lock, err := service.AcquireWith(ctx, lockKey, &renewal.Policy{TTL: renewal.FixedTTL(ttl), Callbacks: show()})
	if err != nil {
		return err
	}
	fmt.Printf("lock taken by holder %d\n", lock.Fence())
	if _, err := service.Acquire(ctx, lockKey, ttl); !errors.Is(err, renewal.ErrHeld) {
		return fmt.Errorf("a second deployment was let in: %w", err)
	}
	fmt.Println("a second deployment is refused")

	job, finish := context.WithTimeout(lock.Context(), jobTime) // also ends when the lock does
	defer finish()
	config, err := keepConfig(job, rdb, service)
	if err != nil {
		return err
	}
	<-job.Done()    // the job's work
	<-config.Done() // the stop rule of config takes effect at the next tick
	if cause := context.Cause(lock.Context()); cause != nil {
		return fmt.Errorf("the lock was lost during the job: %w", cause)
	}
	if err := lock.Release(ctx); err != nil {
		return err
	}
	left, err := rdb.Exists(ctx, lockKey).Result()
	if err != nil || left != 0 {
		return fmt.Errorf("the lock is still there: %w", err)
	}
	fmt.Println("job done, lock released")
	return nil
}

// keepConfig writes the configuration and keeps it alive until the job is done.
func keepConfig(job context.Context, rdb *redis.Client, service *renewal.Service) (*renewal.Handle, error) {
	if err := rdb.Set(job, configKey, "blue", ttl).Err(); err != nil {
		return nil, err
	}
	return service.Register(renewal.Task{
		ID: "config", Keys: []string{configKey}, Owner: "blue",
		Policy: &renewal.Policy{
			TTL:       renewal.FixedTTL(ttl),
			Stop:      []renewal.StopRule{renewal.WhenDone(job.Done())},
			Callbacks: show(),
		},
	})
}

// show returns callbacks that print what happens to a key.
func show() renewal.Callbacks {
	began := time.Now()
	event := func(_ context.Context, e renewal.Event) {
		line := fmt.Sprintf("%5.2fs  %-22s %s", e.At.Sub(began).Seconds(), e.Key, e.Outcome)
		if e.Err != nil {
			line += ": " + e.Err.Error()
		}
		fmt.Println(line)
	}
	return renewal.Callbacks{
		OnRenewed: event, OnFailed: event, OnLost: event,
		OnFinished: func(_ context.Context, r renewal.Result) {
			fmt.Printf("%5.2fs  task %-17s finished (%s) after %d renewals\n", time.Since(began).Seconds(), r.ID, r.Reason, r.Renewals)
		},
	}
}
