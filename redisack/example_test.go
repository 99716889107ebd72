package redisack_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/redisack"
	"github.com/cutover-go/cutover/redisack/httpprobe"
)

// The simplest case: one key, and a few clients that serve the version they run as JSON. All of
// them must confirm.
func Example() {
	rdb, urls, end := gateways("v42", "v42")
	defer end()
	ctx, routes := context.Background(), []byte(`{"tenant-1":"blue"}`)

	prober, err := httpprobe.New(httpprobe.Config{Version: httpprobe.JSONField("version"), AllowLoopback: true})
	if err != nil {
		panic(err)
	}
	client, err := redisack.New(rdb, redisack.Config{})
	if err != nil {
		panic(err)
	}
	res, err := client.Apply(ctx,
		redisack.Change{Key: "gateway:routes", Version: "v42", Payload: routes},
		redisack.Check{
			Fleet:  redisack.URLs(urls...),
			Prober: prober,
		})

	fmt.Println(res.OK, res.Reason, res.Tally.Confirmed, err)
	// Output: true Confirmed 2 <nil>
}

// gateways starts clients that run the given versions.
func gateways(versions ...string) (rdb *redis.Client, urls []string, end func()) {
	server := miniredis.NewMiniRedis()
	if err := server.Start(); err != nil {
		panic(err)
	}
	rdb = redis.NewClient(&redis.Options{Addr: server.Addr()})
	closers := []func(){server.Close, func() { _ = rdb.Close() }}
	for _, version := range versions {
		client := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprintf(w, `{"version":%q}`, version)
		}))
		urls = append(urls, client.URL+"/status")
		closers = append(closers, client.Close)
	}
	return rdb, urls, func() {
		for _, c := range closers {
			c()
		}
	}
}
