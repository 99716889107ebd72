package redisack

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/redisack/httpprobe"
	"github.com/cutover-go/cutover/redisack/probe"
)

// TestHTTPSharesConnections checks that the attempts of a run share one connection and send the
// caller's headers.
func TestHTTPSharesConnections(t *testing.T) {
	t.Parallel()
	conns := make(chan struct{}, 100)
	asked := 0
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer x" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		if asked++; asked < 4 {
			_, _ = w.Write([]byte(`{"version":"v1"}`))
			return
		}
		_, _ = w.Write([]byte(`{"version":"v2"}`))
	}))
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			conns <- struct{}{}
		}
	}
	server.Start()
	defer server.Close()
	c := connect(t, redistest.Mini(t), Config{})
	res, err := c.Apply(t.Context(), change(), Check{
		Fleet: URLs(server.URL),
		Prober: overHTTP(t, httpprobe.Config{
			Version: httpprobe.JSONField("version"), AllowLoopback: true,
			Headers: func(Endpoint) http.Header { return http.Header{"authorization": {"Bearer x"}} },
		}),
		Policy: Policy{ // an attempt that times out on a busy machine costs its connection
			StartDelay: 1, Interval: Interval{Base: time.Millisecond},
			Timeout: time.Minute, AttemptTimeout: time.Minute, FirstAttemptTimeout: time.Minute,
		},
	})
	if err != nil || res.Attempts != 4 {
		t.Fatalf("%+v, %v", res, err)
	}
	if len(conns) != 1 {
		t.Errorf("%d connections", len(conns))
	}
}

// hostile is a prober whose session panics when it is opened or closed.
type hostile struct {
	Prober
	open, end func()
}

func (h hostile) Session(int, int) probe.Session {
	h.open()
	return h
}

func (h hostile) Close() { h.end() }

// TestSessionPanics checks that a prober that panics when its session is opened or closed does not
// affect the run.
func TestSessionPanics(t *testing.T) {
	t.Parallel()
	quiet, loud := func() {}, func() { panic("boom") }
	good := newSim(map[string][]answer{"a": {runs("v2")}})
	for name, p := range map[string]Prober{"open": hostile{good, loud, quiet}, "close": hostile{good, quiet, loud}} {
		c, _ := testClient(t, Config{})
		res, err := c.Apply(t.Context(), change(), Check{Fleet: fleetOf("a"), Prober: p, Policy: Policy{StartDelay: 1}})
		if err != nil {
			t.Errorf("%s: %v\n%s", name, err, res.Summary())
		}
	}
}

// TestProberFunc checks that a ProberFunc gets the target in a run, and a zero target from Probe.
func TestProberFunc(t *testing.T) {
	t.Parallel()
	f := ProberFunc(func(_ context.Context, _ Endpoint, t Target) (Observation, error) {
		return Observation{Version: t.Version}, nil
	})
	if obs, err := f.Probe(t.Context(), Endpoint{ID: "a"}); err != nil || obs.Version != "" {
		t.Errorf("outside a run: %+v, %v", obs, err)
	}
	c, _ := testClient(t, Config{})
	if _, err := c.Apply(t.Context(), change(), Check{Fleet: fleetOf("a"), Prober: f, Policy: Policy{StartDelay: 1}}); err != nil {
		t.Error(err)
	}
}
