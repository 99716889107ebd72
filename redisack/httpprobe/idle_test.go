package httpprobe

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"

	"github.com/cutover-go/cutover/redisack/probe"
)

// TestIdleConnectionsOfAllSessions checks that all sessions of a process together keep at most
// sharedIdle connections open between probes, and that closed sessions release their reservations.
func TestIdleConnectionsOfAllSessions(t *testing.T) { // not parallel: checks a process-wide limit
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
	const members, sessions, atOnce = 200, 8, 25
	p := made(t, Config{Version: Text(), AllowLoopback: true})
	rounds := 2
	if testing.Short() {
		rounds = 1
	}
	var all sync.WaitGroup
	for range sessions {
		all.Go(func() {
			s := p.Session(members, atOnce)
			defer s.Close()
			askAll(t.Context(), s, server.URL, members, atOnce, rounds)
		})
	}
	all.Wait()
	mu.Lock()
	defer mu.Unlock()
	const underWay = sessions * atOnce // a connection is idle briefly before it is closed
	if most == 0 || most > sharedIdle+underWay {
		t.Errorf("%d idle connections at once", most)
	}
	if processIdle.free != sharedIdle {
		t.Errorf("%d of the share are free after all sessions", processIdle.free)
	}
}

// askAll asks all members several times, atOnce at a time.
func askAll(ctx context.Context, s probe.Session, url string, members, atOnce, rounds int) {
	var workers sync.WaitGroup
	for w := range atOnce {
		workers.Go(func() {
			for i := w; i < rounds*members; i += atOnce {
				_, _ = s.Probe(ctx, probe.Endpoint{URL: url + "/" + strconv.Itoa(i%members)})
			}
		})
	}
	workers.Wait()
}

func TestIdleShare(t *testing.T) {
	t.Parallel()
	share := idle{free: 10}
	if !share.take(6) || share.take(5) || !share.take(4) || share.take(1) {
		t.Error("the number of reserved connections is wrong")
	}
	share.put(6)
	if !share.take(6) {
		t.Error("returned connections cannot be reserved")
	}
	none, _ := made(t, Config{KeepAlive: -1}).Session(1, 1).(*session)
	own, _ := made(t, Config{KeepAlive: 5}).Session(5, 1).(*session)
	if !none.transport.DisableKeepAlives || own.transport.DisableKeepAlives || own.borrowed != 0 {
		t.Error("KeepAlive has no effect")
	}
}
