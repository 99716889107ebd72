package httpprobe

import (
	"context"
	"errors"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/cutover-go/cutover/redisack"
	"github.com/cutover-go/cutover/redisack/probe"
)

func made(t *testing.T, cfg Config) *Prober {
	t.Helper()
	p, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func serve(status int, header map[string]string, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for name, value := range header {
			w.Header().Set(name, value)
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

// breaks closes the connection in the middle of the body.
func breaks(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "100")
	_, _ = w.Write([]byte(`{"version"`))
	panic(http.ErrAbortHandler)
}

func waits(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// TestHTTPKinds checks the version that an answer yields, or the kind of its error.
func TestHTTPKinds(t *testing.T) {
	t.Parallel()
	field := Config{Version: JSONField("version")}
	cases := map[string]struct {
		prober    Config
		handler   http.HandlerFunc
		kind      probe.Kind // 0 for an answer
		version   string
		status    int
		permanent bool
		again     time.Duration
	}{
		"version":            {prober: field, handler: serve(200, nil, `{"version":"v1"}`), version: "v1"},
		"number beyond 2^53": {prober: field, handler: serve(200, nil, `{"version":9007199254740993}`), version: "9007199254740993"},
		"201":                {prober: field, handler: serve(201, nil, `{"version":"v1"}`), version: "v1"},
		"header of a 204":    {prober: Config{Version: Header("X-Version")}, handler: serve(204, map[string]string{"X-Version": "v7"}, ""), version: "v7"},
		"expression":         {prober: Config{Version: Regexp(regexp.MustCompile(`version=(\S+)`))}, handler: serve(200, nil, "a\nversion=v3 b"), version: "v3"},
		"text":               {prober: Config{Version: Text()}, handler: serve(200, nil, " v4\n"), version: "v4"},

		"object":                        {prober: field, handler: serve(200, nil, `{"version":{"id":"v1"}}`), kind: probe.KindDecode},
		"list":                          {prober: field, handler: serve(200, nil, `{"version":["v1"]}`), kind: probe.KindDecode},
		"boolean":                       {prober: field, handler: serve(200, nil, `{"version":true}`), kind: probe.KindDecode},
		"null":                          {prober: field, handler: serve(200, nil, `{"version":null}`), kind: probe.KindDecode},
		"two values":                    {prober: field, handler: serve(200, nil, `{"version":"v1"}{"version":"v2"}`), kind: probe.KindDecode},
		"not JSON":                      {prober: field, handler: serve(200, nil, `version: v1`), kind: probe.KindDecode},
		"missing":                       {prober: field, handler: serve(200, nil, `{"ver":"v1"}`), kind: probe.KindNoVersion},
		"empty version":                 {prober: field, handler: serve(200, nil, `{"version":""}`), kind: probe.KindNoVersion},
		"empty body":                    {prober: field, handler: serve(200, nil, ``), kind: probe.KindNoVersion},
		"204":                           {prober: field, handler: serve(204, nil, ``), kind: probe.KindNoVersion},
		"HTML":                          {prober: Config{Version: Text()}, handler: serve(200, map[string]string{"Content-Type": "text/html; charset=utf-8"}, `v1`), kind: probe.KindDecode},
		"HTML as text/plain":            {prober: Config{Version: Text()}, handler: serve(200, map[string]string{"Content-Type": "text/plain"}, `<html>`), kind: probe.KindDecode},
		"revision that is not a number": {prober: Config{Rev: JSONField("r")}, handler: serve(200, nil, `{"r":"x"}`), kind: probe.KindDecode},
		"redirect":                      {prober: field, handler: serve(302, map[string]string{"Location": "/other"}, ``), kind: probe.KindRedirect, status: 302},
		"304":                           {prober: field, handler: serve(304, nil, ``), kind: probe.KindRedirect, status: 304},
		"401":                           {prober: field, handler: serve(401, nil, ``), kind: probe.KindStatus, status: 401, permanent: true},
		"403":                           {prober: field, handler: serve(403, nil, ``), kind: probe.KindStatus, status: 403, permanent: true},
		"404":                           {prober: field, handler: serve(404, nil, ``), kind: probe.KindStatus, status: 404},
		"429 with time":                 {prober: field, handler: serve(429, map[string]string{"Retry-After": "7"}, ``), kind: probe.KindStatus, status: 429, again: 7 * time.Second},
		"500":                           {prober: field, handler: serve(500, nil, `{"version":"v1"}`), kind: probe.KindStatus, status: 500},
		"oversize, claimed":             {prober: field, handler: serve(200, map[string]string{"Content-Length": "70000"}, strings.Repeat(" ", 70000)), kind: probe.KindOversize},
		"oversize, chunked":             {prober: Config{Version: Text(), MaxBody: 10}, handler: chunked(11), kind: probe.KindOversize},
		"at the limit":                  {prober: Config{Version: Text(), MaxBody: 10}, handler: chunked(10), version: "xxxxxxxxxx"},
		"broken off":                    {prober: field, handler: breaks, kind: probe.KindBroken},
		"timeout":                       {prober: field, handler: waits, kind: probe.KindTimeout},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(tc.handler)
			defer server.Close()
			ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
			defer cancel()
			tc.prober.AllowLoopback = true
			obs, err := made(t, tc.prober).Probe(ctx, probe.Endpoint{URL: server.URL + "/status?token=secret"})
			if tc.kind == 0 {
				if err != nil || obs.Version != tc.version {
					t.Fatalf("%+v, %v; want %q", obs, err, tc.version)
				}
				return
			}
			var pe *probe.Error
			if !errors.As(err, &pe) || !errors.Is(err, probe.ErrEndpoint) {
				t.Fatalf("%+v, %v; want kind %v", obs, err, tc.kind)
			}
			if pe.Kind != tc.kind || pe.Permanent != tc.permanent || pe.RetryAfter != tc.again || (tc.status != 0 && pe.Status != tc.status) {
				t.Errorf("%+v; want %+v", pe, tc)
			}
			if obs.Version != "" {
				t.Errorf("version %q besides the error", obs.Version)
			}
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("the error contains a secret: %v", err)
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

// TestHTTPStatusBody checks the verdict on status bodies of the agent, and the kind of error for
// malformed bodies.
func TestHTTPStatusBody(t *testing.T) {
	t.Parallel()
	target := redisack.Target{Version: "v2", Rev: 2, WriteID: "w2"}
	cases := map[string]struct {
		body string
		want redisack.Verdict
		kind probe.Kind
	}{
		"applied":             {`{"instance":"a","boot":"1","applied":{"rev":"2","version":"v2","wid":"w2"}}`, redisack.VerdictMatch, 0},
		"as a number":         {`{"instance":"a","applied":{"rev":2,"version":"v2"}}`, redisack.VerdictMatch, 0},
		"behind":              {`{"instance":"a","applied":{"rev":"1","version":"v1","wid":"w1"}}`, redisack.VerdictBehind, 0},
		"nothing yet":         {`{"instance":"a"}`, redisack.VerdictBehind, 0},
		"rejected":            {`{"instance":"a","applied":{"rev":"1","version":"v1"},"attempted":{"rev":"2","version":"v2","wid":"w2","state":"rejected","error":"no"}}`, redisack.VerdictRejected, 0},
		"applying":            {`{"instance":"a","applied":{"rev":"1","version":"v1"},"attempted":{"rev":"2","version":"v2","state":"applying"}}`, redisack.VerdictBehind, 0},
		"rejected another":    {`{"instance":"a","applied":{"rev":"1","version":"v1"},"attempted":{"rev":"1","version":"v1","state":"rejected"}}`, redisack.VerdictBehind, 0},
		"rejected that write": {`{"instance":"a","attempted":{"rev":"2","version":"v2","wid":"w0","state":"rejected"}}`, redisack.VerdictBehind, 0},
		"revision text":       {`{"instance":"a","applied":{"rev":"two"}}`, 0, probe.KindDecode},
		"revision negative":   {`{"instance":"a","applied":{"rev":-1}}`, 0, probe.KindDecode},
		"revision fraction":   {`{"instance":"a","applied":{"rev":2.0}}`, 0, probe.KindDecode},
		"applied is a list":   {`{"instance":"a","applied":[]}`, 0, probe.KindDecode},
		"something else":      {`{"status":"up"}`, 0, probe.KindDecode},
		"nothing":             {``, 0, probe.KindNoVersion},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			obs, err := Config{}.observe(Answer{Status: 200, Body: []byte(tc.body)})
			if tc.kind != 0 {
				var pe *probe.Error
				if !errors.As(err, &pe) || pe.Kind != tc.kind {
					t.Fatalf("%+v, %v", obs, err)
				}
				return
			}
			if got := redisack.Compare(target, obs); err != nil || got != tc.want {
				t.Fatalf("%v of %+v, %v; want %v", got, obs, err, tc.want)
			}
		})
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

// TestSwitchingProtocols checks that a probe returns an error after the answer 101 Switching
// Protocols. The body of that answer is the connection itself, and no context interrupts a read
// from it.
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
	p := made(t, Config{Version: JSONField("version"), AllowLoopback: true}).Session(1, 1)
	defer p.Close()
	_, err := p.Probe(t.Context(), probe.Endpoint{ID: "a", URL: server.URL})
	var refusal *probe.Error
	if !errors.As(err, &refusal) || refusal.Kind != probe.KindStatus || refusal.Status != http.StatusSwitchingProtocols {
		t.Errorf("the probe answers %v", err)
	}
}

// TestEndlessBody checks that bodies are read without a limit if MaxBody is negative or the
// maximum, and that a huge Content-Length with a short body is an error and does not make the probe
// allocate memory of that size.
func TestEndlessBody(t *testing.T) {
	t.Parallel()
	for _, limit := range []int64{-1, math.MaxInt64} {
		p := made(t, Config{Version: Text(), AllowLoopback: true, MaxBody: limit})
		for length, want := range map[string]probe.Kind{"": 0, "4611686018427387904": probe.KindBroken} {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if length != "" {
					w.Header().Set("Content-Length", length)
				}
				_, _ = w.Write([]byte("v2"))
			}))
			obs, err := p.Probe(t.Context(), probe.Endpoint{URL: server.URL})
			var pe *probe.Error
			if errors.As(err, &pe); (err == nil) != (want == 0) || (pe != nil && pe.Kind != want) || (err == nil && obs.Version != "v2") {
				t.Errorf("limit %d, length %q: %+v, %v", limit, length, obs, err)
			}
			server.Close()
		}
	}
}
