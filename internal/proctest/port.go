package proctest

import (
	"context"
	"math/rand/v2"
	"net"
	"strconv"
	"testing"
)

const (
	// Loopback is the host on which servers of tests listen.
	Loopback = "127.0.0.1"

	// Ports are taken below the range from which the kernel takes the ports of outgoing connections
	// (32768 and up on Linux), so that a server that was killed finds its port still free when it
	// is restarted.
	firstPort = 20000
	lastPort  = 32000

	portTries = 200
)

// FreePort returns a loopback port on which currently nothing listens. Another process may take the
// port before the caller does, so the caller must handle that.
func FreePort(t testing.TB) int {
	t.Helper()
	var config net.ListenConfig
	for range portTries {
		port := firstPort + rand.IntN(lastPort-firstPort)
		listener, err := config.Listen(context.WithoutCancel(t.Context()), "tcp", Address(port))
		if err != nil {
			continue
		}
		if err := listener.Close(); err != nil {
			t.Fatalf("proctest: closing the probe of port %d: %v", port, err)
		}
		return port
	}
	t.Fatalf("proctest: no free port between %d and %d in %d tries", firstPort, lastPort, portTries)
	return 0
}

// Address returns the loopback address of a port, as host:port.
func Address(port int) string {
	return net.JoinHostPort(Loopback, strconv.Itoa(port))
}
