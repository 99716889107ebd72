package httpprobe

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/cutover-go/cutover/redisack/probe"
)

// TestInvalidConfig checks that New names every fault of a configuration.
func TestInvalidConfig(t *testing.T) {
	t.Parallel()
	p, err := New(Config{Boot: Text(), AllowPrefixes: make([]netip.Prefix, 2)})
	var invalid *InvalidError
	if p != nil || !errors.Is(err, ErrInvalid) || !errors.As(err, &invalid) || len(invalid.Faults) != 3 {
		t.Fatalf("%v, %v", p, err)
	}
	for i, field := range []string{"Version", "AllowPrefixes[0]", "AllowPrefixes[1]"} {
		if invalid.Faults[i].Field != field || !strings.Contains(err.Error(), field) {
			t.Errorf("%v; want %s", err, field)
		}
	}
}

func TestCheckEndpoint(t *testing.T) {
	t.Parallel()
	p := made(t, Config{})
	for _, url := range []string{"", "http://u:p@h/", "ftp://h/", "http:///x", "::", "http://h/\n", "http://h/ ", "http://h/" + strings.Repeat("x", 5000)} {
		if p.CheckEndpoint(probe.Endpoint{URL: url}) == nil {
			t.Errorf("%.20q is accepted", url)
		}
	}
	for _, url := range []string{"http://h", "https://h:8443/status?x=1", "http://[::1]:80/"} {
		if err := p.CheckEndpoint(probe.Endpoint{URL: url}); err != nil {
			t.Errorf("%q: %v", url, err)
		}
	}
}

// TestPanickingFunctions checks that the probe returns an error if a function of the configuration
// panics, even if the transport calls the function in another goroutine.
func TestPanickingFunctions(t *testing.T) {
	t.Parallel()
	server := httptest.NewTLSServer(serve(200, nil, "v1"))
	defer server.Close()
	boom := func(Answer) (string, error) { panic("boom") }
	for name, cfg := range map[string]Config{
		"extractor":   {Version: boom, ServerName: func(string) string { return "example.com" }},
		"headers":     {Version: Text(), Headers: func(probe.Endpoint) http.Header { panic("boom") }},
		"server name": {Version: Text(), ServerName: func(string) string { panic("boom") }},
	} {
		cfg.AllowLoopback, cfg.TLS = true, server.Client().Transport.(*http.Transport).TLSClientConfig
		_, err := made(t, cfg).Probe(t.Context(), probe.Endpoint{URL: server.URL})
		var pe *probe.Error
		if !errors.As(err, &pe) || pe.Kind != probe.KindPanic || !strings.Contains(err.Error(), "boom") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
