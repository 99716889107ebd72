package agent_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"sync"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/redisack"
	"github.com/cutover-go/cutover/redisack/agent"
	"github.com/cutover-go/cutover/redisack/httpprobe"
)

// A client that applies each configuration and serves its status, and a writer that waits for it.
func Example() {
	server := miniredis.NewMiniRedis()
	if err := server.Start(); err != nil {
		panic(err)
	}
	defer server.Close()
	rdb := redis.NewClient(&redis.Options{Addr: server.Addr()})
	defer func() { _ = rdb.Close() }()
	ctx, cancel := context.WithCancel(context.Background())

	a, err := agent.New(rdb, "gateway:routes", func(_ context.Context, u agent.Update) error {
		fmt.Printf("applying %s: %s\n", u.Version, u.Payload)
		return nil
	}, agent.Config{Instance: "gw-1"})
	if err != nil {
		panic(err)
	}
	status := httptest.NewServer(a)
	defer status.Close()
	var running sync.WaitGroup
	running.Go(func() { _ = a.Run(ctx) })
	defer running.Wait()
	defer cancel()

	prober, err := httpprobe.New(httpprobe.Config{AllowLoopback: true})
	if err != nil {
		panic(err)
	}
	client, err := redisack.New(rdb, redisack.Config{})
	if err != nil {
		panic(err)
	}
	res, err := client.Apply(ctx,
		redisack.Change{Key: "gateway:routes", Version: "v42", Payload: []byte("blue")},
		redisack.Check{
			Fleet:  redisack.Static(redisack.Endpoint{ID: "gw-1", URL: status.URL}),
			Prober: prober,
		})
	fmt.Println(res.Reason, err)
	// Output:
	// applying v42: blue
	// Confirmed <nil>
}
