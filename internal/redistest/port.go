package redistest

import (
	"context"
	"math/rand/v2"
	"net"
	"strconv"
	"testing"
)

const (
	loopback = "127.0.0.1"

	// Ports are taken below the range from which the kernel takes the ports of outgoing connections
	// (32768 and up on Linux), so that a server that was killed finds its port still free when it
	// is restarted.
	firstPort = 20000
	lastPort  = 32000

	portTries = 200
)

// freePort returns a loopback port on which currently nothing listens. Another process may take the
// port before the caller does, so the caller must handle that.
func freePort(t testing.TB) int {
	t.Helper()
	var config net.ListenConfig
	for range portTries {
		port := firstPort + rand.IntN(lastPort-firstPort)
		listener, err := config.Listen(context.WithoutCancel(t.Context()), "tcp", address(port))
		if err != nil {
			continue
		}
		if err := listener.Close(); err != nil {
			t.Fatalf("redistest: closing the probe of port %d: %v", port, err)
		}
		return port
	}
	t.Fatalf("redistest: no free port between %d and %d in %d tries", firstPort, lastPort, portTries)
	return 0
}

func address(port int) string {
	return net.JoinHostPort(loopback, strconv.Itoa(port))
}
