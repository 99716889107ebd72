package redisstore_test

import (
	"context"
	"fmt"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/store/redisstore"
)

// A host opens the store over the Redis client that it has, once per process. Here
// an imitation stands in for the server.
func ExampleOpen() {
	server, err := miniredis.Run()
	if err != nil {
		panic(err)
	}
	defer server.Close()
	ctx := context.Background()
	rdb := redis.NewClient(&redis.Options{Addr: server.Addr()})
	defer rdb.Close() //nolint:errcheck // nothing to report at the end

	store, err := redisstore.Open(ctx, rdb, redisstore.Config{})
	if err != nil {
		panic(err)
	}
	_, err = cutover.New(store, cutover.Config{})
	fmt.Println(err)
	// Output: <nil>
}
