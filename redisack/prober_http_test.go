package redisack

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
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/cutover-go/cutover/internal/redistest"
)

func serve(status int, header map[string]string, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for name, value := range header {
			w.Header().Set(name, value)
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

// breaks ends the connection in the middle of the body.
func breaks(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "100")
	_, _ = w.Write([]byte(`{"version"`))
	panic(http.ErrAbortHandler)
}

func waits(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// Every kind of endpoint error, and what is none.
func TestHTTPKinds(t *testing.T) {
	t.Parallel()
	field := HTTP{Version: JSONField("version")}
	cases := map[string]struct {
		prober    HTTP
		handler   http.HandlerFunc
		kind      Kind // 0 for an answer
		version   string
		status    int
		permanent bool
		again     time.Duration
	}{
		"version":            {prober: field, handler: serve(200, nil, `{"version":"v1"}`), version: "v1"},
		"number beyond 2^53": {prober: field, handler: serve(200, nil, `{"version":9007199254740993}`), version: "9007199254740993"},
		"201":                {prober: field, handler: serve(201, nil, `{"version":"v1"}`), version: "v1"},
		"header of a 204":    {prober: HTTP{Version: Header("X-Version")}, handler: serve(204, map[string]string{"X-Version": "v7"}, ""), version: "v7"},
		"expression":         {prober: HTTP{Version: Regexp(regexp.MustCompile(`version=(\S+)`))}, handler: serve(200, nil, "a\nversion=v3 b"), version: "v3"},
		"text":               {prober: HTTP{Version: Text()}, handler: serve(200, nil, " v4\n"), version: "v4"},

		"object":             {prober: field, handler: serve(200, nil, `{"version":{"id":"v1"}}`), kind: KindDecode},
		"list":               {prober: field, handler: serve(200, nil, `{"version":["v1"]}`), kind: KindDecode},
		"boolean":            {prober: field, handler: serve(200, nil, `{"version":true}`), kind: KindDecode},
		"null":               {prober: field, handler: serve(200, nil, `{"version":null}`), kind: KindDecode},
		"two values":         {prober: field, handler: serve(200, nil, `{"version":"v1"}{"version":"v2"}`), kind: KindDecode},
		"no JSON":            {prober: field, handler: serve(200, nil, `version: v1`), kind: KindDecode},
		"missing":            {prober: field, handler: serve(200, nil, `{"ver":"v1"}`), kind: KindNoVersion},
		"empty version":      {prober: field, handler: serve(200, nil, `{"version":""}`), kind: KindNoVersion},
		"empty body":         {prober: field, handler: serve(200, nil, ``), kind: KindNoVersion},
		"204":                {prober: field, handler: serve(204, nil, ``), kind: KindNoVersion},
		"HTML":               {prober: HTTP{Version: Text()}, handler: serve(200, map[string]string{"Content-Type": "text/html; charset=utf-8"}, `v1`), kind: KindDecode},
		"HTML by its look":   {prober: HTTP{Version: Text()}, handler: serve(200, map[string]string{"Content-Type": "text/plain"}, `<html>`), kind: KindDecode},
		"revision no number": {prober: HTTP{Rev: JSONField("r")}, handler: serve(200, nil, `{"r":"x"}`), kind: KindDecode},
		"redirect":           {prober: field, handler: serve(302, map[string]string{"Location": "/other"}, ``), kind: KindRedirect, status: 302},
		"304":                {prober: field, handler: serve(304, nil, ``), kind: KindRedirect, status: 304},
		"401":                {prober: field, handler: serve(401, nil, ``), kind: KindStatus, status: 401, permanent: true},
		"403":                {prober: field, handler: serve(403, nil, ``), kind: KindStatus, status: 403, permanent: true},
		"404":                {prober: field, handler: serve(404, nil, ``), kind: KindStatus, status: 404},
		"429 with time":      {prober: field, handler: serve(429, map[string]string{"Retry-After": "7"}, ``), kind: KindStatus, status: 429, again: 7 * time.Second},
		"500":                {prober: field, handler: serve(500, nil, `{"version":"v1"}`), kind: KindStatus, status: 500},
		"oversize, told":     {prober: field, handler: serve(200, map[string]string{"Content-Length": "70000"}, strings.Repeat(" ", 70000)), kind: KindOversize},
		"oversize, untold":   {prober: HTTP{Version: Text(), MaxBody: 10}, handler: chunked(11), kind: KindOversize},
		"at the limit":       {prober: HTTP{Version: Text(), MaxBody: 10}, handler: chunked(10), version: "xxxxxxxxxx"},
		"broken off":         {prober: field, handler: breaks, kind: KindBroken},
		"timeout":            {prober: field, handler: waits, kind: KindTimeout},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(tc.handler)
			defer server.Close()
			ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
			defer cancel()
			tc.prober.AllowLoopback = true
			obs, err := tc.prober.Probe(ctx, Endpoint{URL: server.URL + "/status?token=secret"}, Target{})
			if tc.kind == 0 {
				if err != nil || obs.Version != tc.version {
					t.Fatalf("%+v, %v; want %q", obs, err, tc.version)
				}
				return
			}
			var pe *ProbeError
			if !errors.As(err, &pe) || !errors.Is(err, ErrEndpoint) {
				t.Fatalf("%+v, %v; want kind %v", obs, err, tc.kind)
			}
			if pe.Kind != tc.kind || pe.Permanent != tc.permanent || pe.RetryAfter != tc.again || (tc.status != 0 && pe.Status != tc.status) {
				t.Errorf("%+v; want %+v", pe, tc)
			}
			if obs.Version != "" {
				t.Errorf("an error with version %q", obs.Version)
			}
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("the error tells a secret: %v", err)
			}
		})
	}
}

func chunked(n int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for range n {
			_, _ = w.Write([]byte("x"))
			_ = http.NewResponseController(w).Flush()
		}
	}
}

func TestHTTPDial(t *testing.T) {
	t.Parallel()
	probe := func(h HTTP, url string) *ProbeError {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := h.Probe(ctx, Endpoint{URL: url}, Target{})
		var pe *ProbeError
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
	if pe := probe(HTTP{AllowLoopback: true}, unused); pe.Kind != KindDial || pe.Permanent {
		t.Errorf("refused: %+v", pe)
	}
	if pe := probe(HTTP{}, unused); pe.Kind != KindBlocked || !pe.Permanent {
		t.Errorf("loopback: %+v", pe)
	}
	if pe := probe(HTTP{AllowLoopback: true}, "http://169.254.169.254/latest"); pe.Kind != KindBlocked || !pe.Permanent {
		t.Errorf("metadata: %+v", pe)
	}
	if pe := probe(HTTP{AllowLoopback: true}, "http://no-such-host.invalid/"); pe.Kind != KindDial && pe.Kind != KindTimeout {
		t.Errorf("no such host: %+v", pe)
	}
}

// A connection that is being made ends with the attempt that wants it, although the transport detaches it.
func TestHTTPDialEndsWithItsAttempt(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // ends with the test
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = silent.Close() }() // accepts nobody, so that no handshake ends
	p, _ := HTTP{AllowLoopback: true}.bind(1, 1).(*httpProber)
	for name, dial := range map[string]func(context.Context, string, string) (net.Conn, error){"TLS": p.dialTLS, "plain": p.dial} {
		attempt, cancel := context.WithCancel(t.Context())
		detached := context.WithoutCancel(context.WithValue(attempt, attemptKey{}, attempt))
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
		prober HTTP
		kind   Kind
	}{
		"not trusted":          {HTTP{}, KindTLS},
		"trusted":              {HTTP{TLS: trusting}, 0},
		"named":                {HTTP{TLS: trusting, ServerName: func(string) string { return "example.com" }}, 0},
		"wrong name":           {HTTP{TLS: trusting, ServerName: func(string) string { return "wrong.test" }}, KindTLS},
		"named, default roots": {HTTP{ServerName: func(string) string { return "example.com" }}, KindTLS},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			tc.prober.Version, tc.prober.AllowLoopback = JSONField("version"), true
			_, err := tc.prober.Probe(t.Context(), Endpoint{URL: server.URL}, Target{})
			var pe *ProbeError
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

// The run shares connections, sends the caller's headers, and leaves nothing open.
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
	c := New(redistest.Mini(t), Config{})
	res, err := c.Apply(t.Context(), change(), Check{
		Fleet: URLs(server.URL),
		Prober: HTTP{
			Version: JSONField("version"), AllowLoopback: true,
			Header: func(Endpoint) http.Header { return http.Header{"authorization": {"Bearer x"}} },
		},
		Policy: Policy{StartDelay: 1, Interval: Interval{Base: time.Millisecond}},
	})
	if err != nil || res.Attempts != 4 {
		t.Fatalf("%+v, %v", res, err)
	}
	if len(conns) != 1 {
		t.Errorf("%d connections", len(conns))
	}
}

// The status body of the agent gives rev, write, instance and both slots.
func TestHTTPStatusBody(t *testing.T) {
	t.Parallel()
	target := Target{Version: "v2", Rev: 2, WriteID: "w2"}
	cases := map[string]struct {
		body string
		want Verdict
		kind Kind
	}{
		"applied":             {`{"instance":"a","boot":"1","applied":{"rev":"2","version":"v2","wid":"w2"}}`, VerdictMatch, 0},
		"as a number":         {`{"instance":"a","applied":{"rev":2,"version":"v2"}}`, VerdictMatch, 0},
		"behind":              {`{"instance":"a","applied":{"rev":"1","version":"v1","wid":"w1"}}`, VerdictBehind, 0},
		"nothing yet":         {`{"instance":"a"}`, VerdictBehind, 0},
		"rejected":            {`{"instance":"a","applied":{"rev":"1","version":"v1"},"attempted":{"rev":"2","version":"v2","wid":"w2","state":"rejected","error":"no"}}`, VerdictRejected, 0},
		"applying":            {`{"instance":"a","applied":{"rev":"1","version":"v1"},"attempted":{"rev":"2","version":"v2","state":"applying"}}`, VerdictBehind, 0},
		"rejected another":    {`{"instance":"a","applied":{"rev":"1","version":"v1"},"attempted":{"rev":"1","version":"v1","state":"rejected"}}`, VerdictBehind, 0},
		"rejected that write": {`{"instance":"a","attempted":{"rev":"2","version":"v2","wid":"w0","state":"rejected"}}`, VerdictBehind, 0},
		"revision text":       {`{"instance":"a","applied":{"rev":"two"}}`, 0, KindDecode},
		"revision negative":   {`{"instance":"a","applied":{"rev":-1}}`, 0, KindDecode},
		"revision fraction":   {`{"instance":"a","applied":{"rev":2.0}}`, 0, KindDecode},
		"applied is a list":   {`{"instance":"a","applied":[]}`, 0, KindDecode},
		"something else":      {`{"status":"up"}`, 0, KindDecode},
		"nothing":             {``, 0, KindNoVersion},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			obs, err := HTTP{}.observe(Answer{Status: 200, Body: []byte(tc.body)})
			if tc.kind != 0 {
				var pe *ProbeError
				if !errors.As(err, &pe) || pe.Kind != tc.kind {
					t.Fatalf("%+v, %v", obs, err)
				}
				return
			}
			if got := Compare(target, obs); err != nil || got != tc.want {
				t.Fatalf("%v of %+v, %v; want %v", got, obs, err, tc.want)
			}
		})
	}
}

func TestGuard(t *testing.T) {
	t.Parallel()
	office := []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("169.254.0.0/16")}
	cases := []struct {
		address          string
		plain, loop, set bool // allowed by the zero guard, with loopback, with prefixes
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

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	cases := map[string]time.Duration{
		"":                              0,
		"0":                             0,
		"5":                             5 * time.Second,
		" 5 ":                           5 * time.Second,
		"-5":                            0,
		"1.5":                           0,
		"soon":                          0,
		"99999999999999999999":          0,
		"18446744073709551615":          maxRetryAfter,
		"Fri, 02 Jan 2026 03:04:15 GMT": 10 * time.Second,
		"Fri, 02 Jan 2026 03:04:00 GMT": 0,
		"Fri, 02 Jan 2099 03:04:00 GMT": maxRetryAfter,
	}
	for text, want := range cases {
		if got := retryAfter(text, now); got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}

// TestSwitchingProtocols: what stands in place of the body is the connection, and no context ends a read from it.
func TestSwitchingProtocols(t *testing.T) {
	t.Parallel()
	left := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = conn.Close() }()
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n")
		<-left
	}))
	defer server.Close()
	defer close(left)
	p := HTTP{Version: JSONField("version"), AllowLoopback: true}.bind(1, 1)
	defer p.close()
	_, err := p.Probe(t.Context(), Endpoint{ID: "a", URL: server.URL}, Target{})
	var refusal *ProbeError
	if !errors.As(err, &refusal) || refusal.Kind != KindStatus || refusal.Status != http.StatusSwitchingProtocols {
		t.Errorf("the probe answers %v", err)
	}
}
