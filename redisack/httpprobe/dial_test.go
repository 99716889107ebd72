package httpprobe

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cutover-go/cutover/redisack/probe"
)

func TestHTTPDial(t *testing.T) {
	t.Parallel()
	ask := func(cfg Config, url string) *probe.Error {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := made(t, cfg).Probe(ctx, probe.Endpoint{URL: url})
		var pe *probe.Error
		if !errors.As(err, &pe) {
			t.Fatalf("%s: %v", url, err)
		}
		return pe
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // ends at once
	if err != nil {
		t.Fatal(err)
	}
	unused := "http://" + listener.Addr().String()
	_ = listener.Close()
	if pe := ask(Config{AllowLoopback: true}, unused); pe.Kind != probe.KindDial || pe.Permanent {
		t.Errorf("refused: %+v", pe)
	}
	if pe := ask(Config{}, unused); pe.Kind != probe.KindBlocked || !pe.Permanent {
		t.Errorf("loopback: %+v", pe)
	}
	if pe := ask(Config{AllowLoopback: true}, "http://169.254.169.254/latest"); pe.Kind != probe.KindBlocked || !pe.Permanent {
		t.Errorf("metadata: %+v", pe)
	}
	if pe := ask(Config{AllowLoopback: true}, "http://no-such-host.invalid/"); pe.Kind != probe.KindDial && pe.Kind != probe.KindTimeout {
		t.Errorf("no such host: %+v", pe)
	}
}

// TestHTTPDialEndsWithItsAttempt checks that a dial ends when the attempt that needs the connection
// ends, although the transport detaches the context of the dial from that of the attempt.
func TestHTTPDialEndsWithItsAttempt(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // closed at the end of the test
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = silent.Close() }() // accepts no connection, so no handshake completes
	p := newDialer(Config{AllowLoopback: true})
	for name, dial := range map[string]func(context.Context, string, string) (net.Conn, error){"TLS": p.dialTLS, "plain": p.dial} {
		attempt, cancel := context.WithCancel(t.Context())
		detached := context.WithoutCancel(context.WithValue(attempt, probeKey{}, attempt))
		if name == "plain" {
			cancel()
		} else {
			time.AfterFunc(50*time.Millisecond, cancel)
		}
		if _, err := dial(detached, "tcp", silent.Addr().String()); err == nil {
			t.Errorf("%s: connected", name)
		}
		cancel()
	}
}

func TestHTTPTLS(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(serve(200, nil, `{"version":"v1"}`))
	server.Config.ErrorLog = nil
	server.StartTLS()
	defer server.Close()
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	trusting := &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	cases := map[string]struct {
		prober Config
		kind   probe.Kind
	}{
		"not trusted":          {Config{}, probe.KindTLS},
		"trusted":              {Config{TLS: trusting}, 0},
		"named":                {Config{TLS: trusting, ServerName: func(string) string { return "example.com" }}, 0},
		"wrong name":           {Config{TLS: trusting, ServerName: func(string) string { return "wrong.test" }}, probe.KindTLS},
		"named, default roots": {Config{ServerName: func(string) string { return "example.com" }}, probe.KindTLS},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			tc.prober.Version, tc.prober.AllowLoopback = JSONField("version"), true
			_, err := made(t, tc.prober).Probe(t.Context(), probe.Endpoint{URL: server.URL})
			var pe *probe.Error
			if tc.kind == 0 {
				if err != nil {
					t.Fatal(err)
				}
			} else if !errors.As(err, &pe) || pe.Kind != tc.kind || !pe.Permanent {
				t.Fatalf("%+v, want a permanent %v", err, tc.kind)
			}
		})
	}
}

func TestGuard(t *testing.T) {
	t.Parallel()
	office := []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("169.254.0.0/16")}
	cases := []struct {
		address          string
		plain, loop, set bool // allowed: zero guard, AllowLoopback, AllowPrefixes
	}{
		{"10.1.2.3:80", true, true, true},
		{"10.2.2.3:80", true, true, false},
		{"8.8.8.8:80", true, true, false},
		{"127.0.0.1:80", false, true, false},
		{"[::1]:80", false, true, false},
		{"[::ffff:127.0.0.1]:80", false, true, false},
		{"[::ffff:10.1.2.3]:80", true, true, true},
		{"[64:ff9b::a9fe:a9fe]:80", false, false, false},
		{"[64:ff9b::a01:203]:80", true, true, true},
		{"169.254.169.254:80", false, false, false},
		{"[fe80::1%eth0]:80", false, false, false},
		{"[fd00:ec2::254]:80", false, false, false},
		{"[fd00::1]:80", true, true, false},
		{"100.100.100.200:80", false, false, false},
		{"0.0.0.0:80", false, false, false},
		{"0.1.2.3:80", false, false, false},
		{"[::]:80", false, false, false},
		{"224.0.0.1:80", false, false, false},
		{"[ff02::1]:80", false, false, false},
		{"255.255.255.255:80", false, false, false},
		{"nonsense", false, false, false},
	}
	for _, tc := range cases {
		for i, want := range []bool{tc.plain, tc.loop, tc.set} {
			g := []guard{{}, {loopback: true}, {allowed: office}}[i]
			if err := g.control("tcp", tc.address, nil); (err == nil) != want {
				t.Errorf("%s, guard %d: %v, want allowed %v", tc.address, i, err, want)
			}
		}
	}
}

// TestFreshConnections checks that each probe outside a session uses a new connection and sends the
// headers and the host that Headers returns.
func TestFreshConnections(t *testing.T) {
	t.Parallel()
	var conns atomic.Int32
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Host+" "+r.Header.Get("X-Tenant"))
	}))
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			conns.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	p := made(t, Config{Version: Text(), AllowLoopback: true, Headers: func(ep probe.Endpoint) http.Header {
		return http.Header{"host": {"shop.test"}, "x-tenant": {ep.ID}}
	}})
	for range 3 {
		obs, err := p.Probe(t.Context(), probe.Endpoint{ID: "t7", URL: server.URL})
		if err != nil || obs.Version != "shop.test t7" {
			t.Fatalf("%+v, %v", obs, err)
		}
	}
	if n := conns.Load(); n != 3 {
		t.Errorf("%d connections for 3 probes", n)
	}
}
