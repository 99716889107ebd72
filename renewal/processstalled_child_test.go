package renewal

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	stallAddr = "RENEWAL_STALL_ADDR" // makes the test binary run stalled
	stallTTL  = 1500 * time.Millisecond
)

// stalled is the main function of the process that the test stops: it acquires a lease, holds it
// until it is lost, and prints both events.
func stalled(addr string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	rdb := redis.NewClient(&redis.Options{Addr: addr})
	defer func() { _ = rdb.Close() }()
	s, err := New(rdb, Config{})
	if err != nil {
		return err
	}
	done := make(chan error, 1)
	running, stop := context.WithCancel(ctx)
	go func() { done <- s.Run(running) }()
	<-s.Started()
	l, err := s.Acquire(ctx, "lock", stallTTL)
	if err != nil {
		stop()
		return err
	}
	fmt.Println("held")
	<-l.Context().Done()
	fmt.Printf("lost after %d renewals: %v\n", l.Handle().Result().Renewals, context.Cause(l.Context()))
	stop()
	return <-done
}
