package redisack

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

// All runs of a process together keep no more connections open between attempts than the process's share.
func TestIdleConnectionsOfAllRuns(t *testing.T) { // not parallel: it looks at the share of the process
	var mu sync.Mutex
	idleNow, most := make(map[net.Conn]bool), 0
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("v1")) }))
	server.Config.ConnState = func(conn net.Conn, state http.ConnState) {
		mu.Lock()
		defer mu.Unlock()
		delete(idleNow, conn)
		if state == http.StateIdle {
			idleNow[conn] = true
		}
		most = max(most, len(idleNow))
	}
	server.Start()
	defer server.Close()
	const members, runsAtOnce = 200, 8
	var urls []string
	for _, id := range ids(members) {
		urls = append(urls, server.URL+"/"+id)
	}
	c, _ := testClient(t, Config{MaxInFlight: members})
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	var all sync.WaitGroup
	for range runsAtOnce {
		all.Go(func() {
			_, _ = c.Confirm(ctx, Target{Key: "app:config", Version: "v2"}, Check{
				Fleet: URLs(urls...), Prober: HTTP{Version: Text(), AllowLoopback: true},
			})
		})
	}
	all.Wait()
	mu.Lock()
	defer mu.Unlock()
	const underWay = members // a connection is idle for a moment before it is closed
	if most == 0 || most > sharedIdle+underWay {
		t.Errorf("%d idle connections at once", most)
	}
	if processIdle.free != sharedIdle {
		t.Errorf("%d of the share are free after all runs", processIdle.free)
	}
}

func TestIdleShare(t *testing.T) {
	t.Parallel()
	share := idle{free: 10}
	if !share.take(6) || share.take(5) || !share.take(4) || share.take(1) {
		t.Error("more than there is, or less, was given")
	}
	share.give(6)
	if !share.take(6) {
		t.Error("what was given back is not there")
	}
	none := HTTP{KeepAlive: -1}.bind(1, 1).(*httpProber)
	own := HTTP{KeepAlive: 5}.bind(5, 1).(*httpProber)
	if !none.transport.DisableKeepAlives || own.transport.DisableKeepAlives || own.borrowed != 0 {
		t.Error("KeepAlive is not obeyed")
	}
}
