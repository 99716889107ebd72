// Command tracing shows one trace that survives a kill -9. A client asks the operators' API for a
// plan over three tenants, with a traceparent. A worker process does the first; while its request
// for the second is under way, it is killed. Another process takes the task over. At the end the
// program prints the one trace that all of them have made: from the client's request through the
// plan to the requests that the gateway got from both workers.
//
//	go run ./examples/tracing
//
// It is also how to set OpenTelemetry up around cutover: see observing.go.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"time"

	"github.com/alicebob/miniredis/v2"
)

func main() {
	if os.Getenv(workerName) != "" {
		if err := work(context.Background(), os.Getenv(workerName), os.Stdin, os.Stdout); err != nil {
			log.Fatal(err)
		}
		return
	}
	if err := run(context.Background(), os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, out io.Writer) error {
	redis, err := miniredis.Run() // a Redis inside this process
	if err != nil {
		return err
	}
	defer redis.Close()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	go age(ctx, redis)
	traces := &collector{}
	tel, err := observeAs("server", traces.add)
	if err != nil {
		return err
	}
	s, err := serve(ctx, redis.Addr(), tel)
	if err != nil {
		return err
	}
	defer s.close()

	first, err := startWorker(ctx, "worker-1", redis.Addr(), s.url, traces)
	if err != nil {
		return err
	}
	id, err := s.createAndStart(ctx, tel)
	if err != nil {
		return err
	}
	<-s.asked // the gateway has the request for the second tenant, and does not answer
	if err := traces.await(ctx, func(s span) bool { return s.Name == "execute MOVE" && s.Tenant == "ada" }); err != nil {
		return err
	}
	fmt.Fprintln(out, "-- kill -9", first.name)
	if err := first.kill(); err != nil {
		return err
	}
	close(s.answer)
	second, err := startWorker(ctx, "worker-2", redis.Addr(), s.url, traces)
	if err != nil {
		return err
	}
	p, err := s.engine.Wait(ctx, id)
	if err != nil {
		return err
	}
	if err := second.end(); err != nil {
		return err
	}
	if err := tel.shutdown(ctx); err != nil {
		return err
	}
	fmt.Fprintf(out, "-- plan %s is %s\n\n", p.ID, p.State)
	traces.print(out)
	return nil
}

// age lets time pass for the keys of the Redis, which it does not do by itself: the lease of a
// worker that was killed has to end.
func age(ctx context.Context, redis *miniredis.Miniredis) {
	const step = 50 * time.Millisecond
	for tick := time.NewTicker(step); ; {
		select {
		case <-tick.C:
			redis.FastForward(step)
		case <-ctx.Done():
			tick.Stop()
			return
		}
	}
}
