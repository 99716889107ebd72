package redisstore

import (
	"math/rand/v2"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/internal/sample"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/storetest"
)

// TestLinearizable: what clients see at once they could have seen one after the other, also when
// requests, answers and connections are lost.
func TestLinearizable(t *testing.T) {
	t.Parallel()
	t.Run("redis", func(t *testing.T) {
		t.Parallel()
		client := redistest.Start(t).Client()
		stores := make([]store.Store, storetest.LinearClients)
		for i := range stores {
			stores[i] = openStore(t, client, Config{})
		}
		storetest.Linearizable(t, some(30), func(i int) store.Store { return stores[i] }, nil)
	})
	t.Run("redis over a bad line", func(t *testing.T) {
		t.Parallel()
		server := redistest.Start(t)
		proxy := redistest.NewProxy(t, server.Addr())
		stores := make([]store.Store, storetest.LinearClients)
		for i := range stores {
			options := server.Options()
			options.Addr = proxy.Addr()
			options.MaxRetries = -1 // the test has to know of each repetition
			client := redis.NewClient(options)
			t.Cleanup(func() { _ = client.Close() })
			stores[i] = openStore(t, client, Config{})
		}
		storetest.Linearizable(t, some(60), func(i int) store.Store { return stores[i] }, func() {
			switch rand.IntN(3) {
			case 0:
				proxy.DropReplies(1)
			case 1:
				proxy.DropRequests(1)
			case 2:
				proxy.Cut()
			}
		})
		if proxy.Dropped() == 0 {
			t.Error("nothing was lost on the line")
		}
	})
}

// some returns a number of histories, or a quarter of it if all is not asked for.
func some(histories int) int {
	if sample.Whole() {
		return histories
	}
	return histories / 4
}
