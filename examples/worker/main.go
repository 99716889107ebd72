// Command worker is one of several processes that work on one plan over Redis. Start it in three
// terminals: the first process creates the plan, and the others join the plan by its idempotency
// key. If you kill a process (kill -9), the others take over its tasks, each from its last
// checkpoint. If you stop a process with Ctrl-C, it yields its tasks at their next boundary.
//
// Build it first: kill -9 on "go run" would not end the worker.
//
//	go build -o bin/worker ./examples/worker        as in the README, from the root
//	bin/worker -redis localhost:6379                in each terminal
//	bin/worker -redis localhost:6379 -key two       another plan
//	bin/worker                                      alone, with a Redis inside this process
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/redisstore"
)

// options holds the values of the flags.
type options struct {
	redis   string
	key     string
	tenants int
	lease   time.Duration
	pace    time.Duration
}

func main() {
	var o options
	flag.StringVar(&o.redis, "redis", "", "address of a Redis server, 7.0 or newer; none starts one inside this process")
	flag.StringVar(&o.key, "key", "one", "idempotency key of the plan: the same key in all processes")
	flag.IntVar(&o.tenants, "tenants", 120, "tenants of the plan")
	flag.DurationVar(&o.lease, "lease", 5*time.Second, "how long the others wait for a process that is gone")
	flag.DurationVar(&o.pace, "pace", 500*time.Millisecond, "how long one step takes")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		log.Fatal(err)
	}
}

// prefix is the prefix of all keys.
const prefix = "example-worker:"

func run(ctx context.Context, o options) error {
	if o.redis == "" {
		server, err := miniredis.Run()
		if err != nil {
			return err
		}
		defer server.Close()
		fmt.Println("-- no -redis: this process works alone, on a Redis of its own. Several processes need a server")
		fmt.Println("-- that they share: start one (redis-server), then this command with -redis localhost:6379 in")
		fmt.Println("-- three terminals, and kill one.")
		o.redis, o.pace = server.Addr(), 20*time.Millisecond
	}
	rdb := redis.NewClient(&redis.Options{Addr: o.redis})
	defer func() { _ = rdb.Close() }()
	s, err := redisstore.Open(ctx, rdb, redisstore.Config{
		Prefix:     prefix,
		OnWentBack: func(e *redisstore.WentBackError) { fmt.Println("--", e) },
	})
	if err != nil {
		return err
	}
	fmt.Printf("-- process %d works on %s, keys %s*; kill -9 %d to see what the others do\n", os.Getpid(), o.redis, prefix, os.Getpid())
	return serve(ctx, s, o)
}

// serve works on the plan until the plan is at rest or ctx ends.
func serve(ctx context.Context, s store.Store, o options) error {
	m := &mover{pace: o.pace}
	engine, err := cutover.New(s, cutover.Config{
		Name: fmt.Sprintf("process-%d", os.Getpid()), Executors: executor.Registry{moveType: m}, Capacity: 4, LeaseTTL: o.lease, Hooks: m.hooks(),
	})
	if err != nil {
		return err
	}
	engineCtx, stop := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() {
		if err := engine.Run(engineCtx); err != nil {
			fmt.Println("--", err)
		}
	})
	defer m.summarise()
	defer running.Wait()
	defer stop()

	p, err := join(ctx, engine, o)
	if err != nil {
		return err
	}
	p, err = engine.Wait(ctx, p.ID)
	if errors.Is(err, context.Canceled) {
		fmt.Println("-- stopped: the tasks in hand come to their boundary and are handed back; the plan goes on elsewhere")
		return nil
	}
	if err != nil {
		return err
	}
	show(p)
	return nil
}
