package renewal_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/renewal"
)

// server is an imitation of Redis in this process, for the examples.
func server() (rdb *redis.Client, stop func()) {
	mini := miniredis.NewMiniRedis()
	if err := mini.Start(); err != nil {
		panic(err)
	}
	rdb = redis.NewClient(&redis.Options{Addr: mini.Addr()})
	return rdb, func() { _ = rdb.Close(); mini.Close() }
}

// serve runs a service until stop is called.
func serve(rdb *redis.Client) (s *renewal.Service, stop func()) {
	s, err := renewal.New(rdb, renewal.Config{})
	if err != nil {
		panic(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	<-s.Started()
	return s, func() {
		cancel()
		if err := <-done; err != nil {
			panic(err)
		}
	}
}

// Keys that the host has set itself are kept alive by a task.
func Example() {
	rdb, closeServer := server()
	defer closeServer()
	service, stop := serve(rdb)
	defer stop()
	ctx := context.Background()

	policy := &renewal.Policy{TTL: renewal.FixedTTL(30 * time.Second), Interval: renewal.Every(10 * time.Second)}
	rdb.Set(ctx, "config:deploy-42", "blue", 30*time.Second)
	handle, err := service.Register(renewal.Task{Keys: []string{"config:deploy-42"}, Policy: policy})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("renewed:", handle.RenewNow(ctx) == nil)

	err = handle.CancelAndWait(ctx) // from here on nothing touches the key
	fmt.Println("canceled:", err == nil, handle.Result().Reason)
	// Output:
	// renewed: true
	// canceled: true canceled
}

// A lock is taken, held under its own context, and released.
func ExampleService_Acquire() {
	rdb, closeServer := server()
	defer closeServer()
	service, stop := serve(rdb)
	defer stop()
	ctx := context.Background()

	lease, err := service.Acquire(ctx, "lock:deploy", 30*time.Second)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = service.Acquire(ctx, "lock:deploy", 30*time.Second)
	fmt.Println("held by another:", errors.Is(err, renewal.ErrHeld))

	work := func(ctx context.Context, fence int64) {
		fmt.Println("working as holder", fence, "lock lost:", ctx.Err() != nil)
	}
	work(lease.Context(), lease.Fence())
	fmt.Println("released:", lease.Release(ctx) == nil)
	// Output:
	// held by another: true
	// working as holder 1 lock lost: false
	// released: true
}

// A task can end by itself; the first rule that holds ends it.
func ExamplePolicy() {
	rdb, closeServer := server()
	defer closeServer()
	service, stop := serve(rdb)
	defer stop()

	business, done := context.WithCancel(context.Background())
	defer done()
	policy := &renewal.Policy{
		TTL:      renewal.FixedTTL(time.Minute),
		Interval: renewal.Every(time.Second), // the rules are asked as often
		Stop:     []renewal.StopRule{renewal.WhenDone(business.Done()), renewal.After(time.Hour)},
	}
	rdb.Set(business, "job:7", "running", time.Minute)
	handle, err := service.Register(renewal.Task{ID: "job-7", Keys: []string{"job:7"}, Policy: policy})
	if err != nil {
		fmt.Println(err)
		return
	}
	done()
	<-handle.Done()
	fmt.Println(handle.Result().Reason)
	// Output: done
}
