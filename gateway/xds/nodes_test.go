package xds

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/envoyproxy/go-control-plane/pkg/resource/v3"
)

// TestLaterRevisionsDelayNoSettling has a node that acknowledges a new revision every 100 ms, as
// while a plan is executed: an older one has settled all the same.
func TestLaterRevisionsDelayNoSettling(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := newNodes("tenants")
		s := &stream{node: "edge", types: map[string]*subscription{}}
		n.streams[1] = s
		var acking sync.WaitGroup
		acking.Go(func() {
			for rev := uint64(1); rev < 100; rev++ { // revision 1 at once
				n.change(func() {
					n.published = rev
					s.request(&discoveryv3.DiscoveryRequest{
						TypeUrl: resource.RouteType, VersionInfo: version(rev), ResourceNames: []string{n.routeConfig},
					})
				})
				time.Sleep(100 * time.Millisecond)
			}
		})
		defer acking.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		begin := time.Now()
		for _, rev := range []uint64{1, 3, 6} {
			if err := n.await(ctx, s.node, rev, time.Second); err != nil {
				t.Fatalf("revision %d: %v", rev, err)
			}
			if want := time.Duration(rev-1)*100*time.Millisecond + time.Second; time.Since(begin) != want {
				t.Errorf("revision %d has settled after %v, want %v", rev, time.Since(begin), want)
			}
		}
		acking.Wait()
		if kept := len(s.types[resource.RouteType].acks); kept > 50 {
			t.Errorf("%d acknowledgements are kept", kept)
		}
	})
}
