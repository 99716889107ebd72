package redisack

import (
	"math"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// "No bound" for bodies is no bound, and a length that is only said costs no memory.
func TestEndlessBody(t *testing.T) {
	t.Parallel()
	for length, want := range map[string]Kind{"": 0, "4611686018427387904": KindBroken} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if length != "" {
				w.Header().Set("Content-Length", length)
			}
			_, _ = w.Write([]byte("v2"))
		}))
		c, _ := testClient(t, Config{})
		res, _ := c.Apply(t.Context(), change(), Check{
			Fleet:  URLs(server.URL),
			Prober: HTTP{AllowLoopback: true, Version: Text(), MaxBody: math.MaxInt64},
			Policy: Policy{StartDelay: 1, MaxAttempts: 1, FirstAttemptTimeout: 10 * time.Second, AttemptTimeout: 10 * time.Second},
		})
		if res.Endpoints[0].Kind != want || res.OK != (want == 0) {
			t.Errorf("length %q: %s", length, res.Summary())
		}
		server.Close()
	}
}
