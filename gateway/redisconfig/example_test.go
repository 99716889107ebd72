package redisconfig_test

import (
	"context"
	"fmt"
	"net/http/httptest"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/executor/bluegreen"
	"github.com/cutover-go/cutover/gateway/redisconfig"
	"github.com/cutover-go/cutover/redisack"
	"github.com/cutover-go/cutover/redisack/agent"
	"github.com/cutover-go/cutover/redisack/httpprobe"
)

// A client follows the route of a tenant and serves its status; the gateway switches the tenant and
// returns when the client runs the new colour.
func Example() {
	server := miniredis.NewMiniRedis() // stands in for Redis
	if err := server.Start(); err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()
	rdb := redis.NewClient(&redis.Options{Addr: server.Addr()})
	defer func() { _ = rdb.Close() }()
	statusURL, end := routeAcme(rdb)
	defer end()

	prober, err := httpprobe.New(httpprobe.Config{AllowLoopback: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	gateway, err := redisconfig.New(rdb, redisconfig.Config{Check: redisack.Check{
		Fleet:  redisack.URLs(statusURL),
		Prober: prober,
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	if err := gateway.Place(ctx, "acme", "green"); err != nil {
		fmt.Println(err)
		return
	}
	// The executor of package bluegreen makes this call in its step SWITCH_GATEWAY.
	err = gateway.Switch(ctx, bluegreen.Change{TenantID: "acme", From: "green", To: "blue", Token: 1, Key: "7/SWITCH_GATEWAY"})
	fmt.Println("switched:", err)
	colour, err := gateway.Current(ctx, "acme")
	fmt.Println(colour, err)
	// Output:
	// the client routes acme by {"colour":"green","version":"green@PLACE"}
	// the client routes acme by {"colour":"blue","version":"blue@7/SWITCH_GATEWAY"}
	// switched: <nil>
	// blue <nil>
}

// routeAcme runs a client of tenant acme.
func routeAcme(rdb *redis.Client) (statusURL string, end func()) {
	apply := func(_ context.Context, u agent.Update) error {
		fmt.Printf("the client routes acme by %s\n", u.Payload)
		return nil
	}
	client, err := agent.New(rdb, "route:{acme}", apply, agent.Config{Instance: "gw-1"})
	if err != nil {
		panic(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = client.Run(ctx) // nil when ctx has ended
	}()
	status := httptest.NewServer(client)
	return status.URL, func() {
		status.Close()
		cancel()
		<-done
	}
}
