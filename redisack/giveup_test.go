package redisack

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestWriteNamesTheLastError checks that the error of a write that was retried until its timeout
// names the timeout and the last error, each once.
func TestWriteNamesTheLastError(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		down := errors.New("connection refused")
		mem := new(memory)
		c := newClient(memoryBackend{mem}, Config{WriteTimeout: 2 * time.Second})
		tries := 0
		mem.refuse = func(string) error {
			if tries++; tries > 3 {
				time.Sleep(time.Hour) // the last attempt hangs until the end
			}
			return down
		}
		_, err := c.Apply(t.Context(), change(), Check{Fleet: fleetOf("a"), Prober: newSim(nil)})
		if !errors.Is(err, ErrWriteFailed) || !errors.Is(err, errWriteTime) || !errors.Is(err, down) {
			t.Errorf("error %v", err)
		}
		for _, part := range []string{"WriteTimeout", "connection refused"} {
			if strings.Count(err.Error(), part) != 1 {
				t.Errorf("%q does not name %q once", err, part)
			}
		}
		if strings.Contains(err.Error(), "\n") {
			t.Errorf("%q has several lines", err)
		}
		time.Sleep(2 * time.Hour)
	})
}
