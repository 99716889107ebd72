package redistest

import (
	"testing"
	"time"
)

const (
	pollInterval = 20 * time.Millisecond

	// settleTimeout limits every wait for servers to reach a state. It is much longer than any wait
	// needs, because the machine may be busy with other tests.
	settleTimeout = 30 * time.Second
)

// waitFor polls check until it returns nil. If that takes too long, it fails the test with the
// description of the wait and the last error.
func waitFor(t testing.TB, what string, check func() error) {
	t.Helper()
	deadline := time.Now().Add(settleTimeout)
	for {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("redistest: waited %v for %s: %v", settleTimeout, what, err)
		}
		time.Sleep(pollInterval)
	}
}
