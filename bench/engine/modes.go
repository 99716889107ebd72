package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// growth runs cutover at growing sizes: tasks/s should not fall.
func growth(concurrency int, serverArgs []string) error {
	var all []result
	for _, n := range []int{10_000, 100_000, 999_999} {
		fmt.Fprintf(os.Stderr, "%d tasks\n", n)
		r, err := measure(engine{}, n, concurrency, serverArgs)
		if err != nil {
			return err
		}
		r.subject = fmt.Sprint(n)
		all = append(all, r)
	}
	return table(all, "10000")
}

// commitsPerTask is what one task of the workload costs in a plan in sequence: two
// saves, and its end with the claim of the next one.
const commitsPerTask = 3

// sequence runs a plan one task at a time, and compares with as many round trips of
// a script that does nothing.
func sequence(serverArgs []string) error {
	const n = 3000
	ctx := context.Background()
	server, err := startServer(ctx, serverArgs)
	if err != nil {
		return err
	}
	defer server.stop()
	trip, err := roundTrip(ctx, server.addr, n)
	if err != nil {
		return err
	}
	h, err := newHost(ctx, server.addr, 1)
	if err != nil {
		return err
	}
	defer h.close()
	p, err := h.create(ctx, "sequence", n, 1)
	if err != nil {
		return err
	}
	began := time.Now()
	if err := h.finish(ctx, p); err != nil {
		return err
	}
	each := time.Since(began) / n
	fmt.Printf("%v per task, %v for %d bare round trips: %.2fx\n",
		each, commitsPerTask*trip, commitsPerTask, float64(each)/float64(commitsPerTask*trip))
	return nil
}

// roundTrip returns the median time of a script that does nothing.
func roundTrip(ctx context.Context, addr string, n int) (time.Duration, error) {
	rdb := redis.NewClient(&redis.Options{Addr: addr})
	defer rdb.Close()
	script := redis.NewScript("return 1")
	times := make([]time.Duration, n)
	for i := range times {
		began := time.Now()
		if err := script.Run(ctx, rdb, nil).Err(); err != nil {
			return 0, err
		}
		times[i] = time.Since(began)
	}
	slices.Sort(times)
	return times[n/2], nil
}

// fair runs 100 plans of 10 tasks alone, and then beside a plan of 100,000.
func fair(concurrency int, serverArgs []string) error {
	alone, err := smallPlans(concurrency, 0, serverArgs)
	if err != nil {
		return err
	}
	beside, err := smallPlans(concurrency, 100_000, serverArgs)
	if err != nil {
		return err
	}
	fmt.Printf("p99 of 100 small plans: %v alone, %v beside a large one: %.2fx\n", alone, beside, float64(beside)/float64(alone))
	return nil
}

// smallPlans returns how long the slowest but one of 100 plans of 10 tasks takes
// from its start, beside a plan of that size if it is not 0.
func smallPlans(concurrency, large int, serverArgs []string) (time.Duration, error) {
	const plans, size = 100, 10
	ctx := context.Background()
	server, err := startServer(ctx, serverArgs)
	if err != nil {
		return 0, err
	}
	defer server.stop()
	h, err := newHost(ctx, server.addr, concurrency)
	if err != nil {
		return 0, err
	}
	defer h.close()
	if large > 0 {
		p, err := h.create(ctx, "large", large, concurrency)
		if err != nil {
			return 0, err
		}
		if _, err := h.engine.Start(ctx, p.ID); err != nil {
			return 0, err
		}
	}
	took := make([]time.Duration, plans)
	errs := make([]error, plans)
	var all sync.WaitGroup
	for i := range plans {
		p, err := h.create(ctx, fmt.Sprintf("small-%d", i), size, size)
		if err != nil {
			return 0, err
		}
		all.Go(func() {
			began := time.Now()
			errs[i] = h.finish(ctx, p)
			took[i] = time.Since(began)
		})
	}
	all.Wait()
	for _, err := range errs {
		if err != nil {
			return 0, err
		}
	}
	slices.Sort(took)
	return took[plans*99/100-1], nil
}
