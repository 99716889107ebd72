// Command redisack writes a configuration and waits until five clients run it. One client is slow,
// one runs the old version for a while, and one refuses. When the client that refused is fixed, the
// write is confirmed.
//
//	go run ./examples/redisack                     with a Redis inside this process
//	go run ./examples/redisack -redis HOST:PORT    with a real Redis; its key is example:routes
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

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/redisack"
	"github.com/cutover-go/cutover/redisack/httpprobe"
)

const key = "example:routes"

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
		server, err := miniredis.Run()
		if err != nil {
			return err
		}
		defer server.Close()
		addr = server.Addr()
	}
	rdb := redis.NewClient(&redis.Options{Addr: addr})
	defer func() { _ = rdb.Close() }()
	if err := rdb.Del(ctx, key, "{"+key+"}:head", "{"+key+"}:prev", "{"+key+"}:acks").Err(); err != nil {
		return err
	}
	gateways, err := startGateways(ctx, rdb)
	if err != nil {
		return err
	}
	defer gateways.stop()

	client, err := redisack.New(rdb, redisack.Config{Hooks: redisack.Hooks{OnProgress: printProgress}})
	if err != nil {
		return err
	}
	prober, err := httpprobe.New(httpprobe.Config{AllowLoopback: true})
	if err != nil {
		return err
	}
	check := redisack.Check{
		Fleet:  redisack.Static(gateways.endpoints()...),
		Prober: prober,
		Policy: redisack.Policy{Timeout: 20 * time.Second},
	}
	if _, err := step(ctx, client, check, "everybody runs the first version",
		redisack.Change{Key: key, Version: "v1", Payload: []byte(`{"tenant-1":"blue"}`)}); err != nil {
		return err
	}
	gateways.misbehave()
	change := redisack.Change{Key: key, Version: "v2", Payload: []byte(`{"tenant-1":"green"}`)}
	check.Policy.Quorum = redisack.AtLeast(4) // four of the five are enough for now
	if _, err := step(ctx, client, check, "one is slow, one is old for a while, one refuses; four are enough", change); err != nil {
		return err
	}
	check.Policy.Quorum = redisack.All()
	if _, err := step(ctx, client, check, "all of them: the refusal decides", change); !errors.Is(err, redisack.ErrRejected) {
		return fmt.Errorf("expected a refusal, got %w", err)
	}
	gateways.fix()
	change.Rewrite = true // a new revision, so that the client that refused tries again
	_, err = step(ctx, client, check, "the client is fixed, and the same content is written again", change)
	return err
}

// step applies a change and prints the result.
func step(
	ctx context.Context, client *redisack.Client, check redisack.Check, title string, change redisack.Change,
) (*redisack.AckResult, error) {
	fmt.Printf("\n== %s\n", title)
	res, err := client.Apply(ctx, change, check)
	if res == nil {
		return nil, err
	}
	fmt.Print(res.Summary())
	for _, e := range res.Endpoints {
		fmt.Printf("    %-5s %-10s %2s revision %d after %v, %d attempts %s\n",
			e.ID, e.Reason, e.Version, e.Rev, e.LastSeen.Round(time.Millisecond), e.Attempts, e.Err)
	}
	return res, err
}

func printProgress(_ redisack.Target, t redisack.Tally) {
	fmt.Printf("  %d of %d confirmed, %d behind, %d rejected, %d errors\n",
		t.Confirmed, t.Members, t.Behind+t.Different, t.Rejected, t.Errored)
}
