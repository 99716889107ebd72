package haproxy_test

import (
	"os"
	"testing"

	"github.com/cutover-go/cutover/gateway/haproxy"
	"github.com/cutover-go/cutover/internal/proctest"
)

// TestSocketWithoutRights runs as another user if it is started by root, who may connect to every
// socket.
func TestSocketWithoutRights(t *testing.T) {
	t.Parallel()
	if os.Getuid() == 0 {
		proctest.RunAsNobody(t)
		return
	}
	f := startFleet(t, 1)
	if err := os.Chmod(f.Proxies[0].Socket, 0); err != nil {
		t.Fatal(err)
	}
	f.Listed[0].Socket = f.Proxies[0].Socket
	f.WantRefused(t, f.gateway(t, haproxy.Config{}), "permission to connect")
}
