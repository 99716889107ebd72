package httpprobe

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/cutover-go/cutover/redisack/probe"
)

// TestHeadersStayWithTheirEndpoint: what Headers returns for one endpoint is in no request to
// another one, alone and in a series, although most headers of all requests are the same.
func TestHeadersStayWithTheirEndpoint(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(r.Header.Get("Accept") + " " + r.Header.Get("X-Own")))
	}))
	t.Cleanup(server.Close)
	const usual = "application/json, text/plain;q=0.5"
	p := made(t, Config{Version: Text(), AllowLoopback: true, Headers: func(ep probe.Endpoint) http.Header {
		if ep.ID == "special" {
			return http.Header{"x-own": {"mine"}, "accept": {"text/plain"}}
		}
		return nil
	}})
	want := map[string]string{"a": usual, "special": "text/plain mine", "b": usual}
	eps := []probe.Endpoint{{ID: "a", URL: server.URL}, {ID: "special", URL: server.URL}, {ID: "b", URL: server.URL}}
	series := p.ProbeSeries(t.Context(), eps)
	for i, ep := range eps {
		obs, err := p.Probe(t.Context(), ep)
		if err != nil || obs.Version != want[ep.ID] {
			t.Errorf("%s: %q, %v, want %q", ep.ID, obs.Version, err, want[ep.ID])
		}
		if got := series[i]; got.Err != nil || got.Observation.Version != want[ep.ID] {
			t.Errorf("%s in a series: %q, %v, want %q", ep.ID, got.Observation.Version, got.Err, want[ep.ID])
		}
	}
}
