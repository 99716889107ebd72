package ops_test

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/cutover-go/cutover/ops"
	"github.com/cutover-go/cutover/plan"
)

// listenTo starts a real server for a handler, until the end of the test.
func listenTo(t *testing.T, h http.Handler, configure func(*http.Server)) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(h)
	if configure != nil {
		configure(server.Config)
	}
	server.Start()
	t.Cleanup(server.Close)
	return server
}

// tune opens a stream over a connection of its own, and returns its lines.
func tune(t *testing.T, url string) (lines <-chan string, leave func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(r) //nolint:bodyclose // closed below, with the stream
	if err != nil {
		t.Fatal(err)
	}
	if answer.StatusCode != http.StatusOK || answer.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%d %v", answer.StatusCode, answer.Header)
	}
	out := make(chan string, 10_000)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer close(out)
		s := bufio.NewScanner(answer.Body)
		for s.Buffer(nil, 1<<20); s.Scan(); {
			out <- s.Text()
		}
		_ = answer.Body.Close()
	}()
	leave = func() {
		cancel()
		<-ended
	}
	t.Cleanup(leave)
	return out, leave
}

// await returns when a line of a stream contains a text.
func await(t *testing.T, lines <-chan string, text string) {
	t.Helper()
	timeout := time.NewTimer(30 * time.Second)
	defer timeout.Stop()
	for {
		select {
		case line, ok := <-lines:
			if !ok {
				t.Fatalf("the stream ends without %q", text)
			}
			if strings.Contains(line, text) {
				return
			}
		case <-timeout.C:
			t.Fatalf("no line with %q", text)
		}
	}
}

// eventually waits until a condition holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not %s", what)
		}
	}
}

// none reports that no stream is open and no plan is followed.
func none(h *ops.Handler) func() bool {
	return func() bool {
		open, followed := h.Streams()
		return open == 0 && followed == 0
	}
}

// The time limits of a server for its requests do not end a stream, which sets its own.
func TestStreamOutlastsTheServersLimits(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil, ops.Config{})
	h := streaming(t, s, ops.Config{})
	s.create(plan.Spec{}, "a")
	const limit = 200 * time.Millisecond
	server := listenTo(t, s.handler, func(c *http.Server) { c.ReadTimeout, c.WriteTimeout = limit, limit })
	lines, leave := tune(t, server.URL+"/api/stream?plan=1")
	await(t, lines, "event: plan")
	eventually(t, "later", func() func() bool {
		began := time.Now()
		return func() bool { return time.Since(began) > 3*limit }
	}())
	s.start(1)
	await(t, lines, "event: events")
	leave()
	eventually(t, "ended", none(h))
}

// The stream of a client that goes away ends, though nothing happens in its plan.
func TestStreamOfAClientThatGoesAway(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil, ops.Config{})
	h := streaming(t, s, ops.Config{})
	s.create(plan.Spec{}, "a")
	server := listenTo(t, s.handler, nil)
	for _, close := range []func(*net.TCPConn) error{
		(*net.TCPConn).Close,
		func(c *net.TCPConn) error { _ = c.SetLinger(0); return c.Close() }, // with a reset
	} {
		connection, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := connection.Write([]byte("GET /api/stream?plan=1&list=1 HTTP/1.1\r\nHost: x\r\n\r\n")); err != nil {
			t.Fatal(err)
		}
		if _, err := connection.Read(make([]byte, 1000)); err != nil {
			t.Fatal(err)
		}
		if open, followed := h.Streams(); open != 1 || followed != 1 {
			t.Errorf("%d streams, %d plans", open, followed)
		}
		if err := close(connection.(*net.TCPConn)); err != nil {
			t.Error(err)
		}
		eventually(t, "ended", none(h))
	}
}

// A server that shuts down ends its streams by Close.
func TestShutdownEndsStreams(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil, ops.Config{})
	h := streaming(t, s, ops.Config{})
	s.create(plan.Spec{}, "a")
	server := listenTo(t, s.handler, func(c *http.Server) { c.RegisterOnShutdown(h.Close) })
	lines, _ := tune(t, server.URL+"/api/stream?plan=1&list=1")
	await(t, lines, "event: plan")
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := server.Config.Shutdown(ctx); err != nil {
		t.Errorf("shutdown: %v", err)
	}
	eventually(t, "ended", none(h))
}

// HTTP/2 has streams, too, with deadlines of their own.
func TestStreamOverHTTP2(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil, ops.Config{})
	h := streaming(t, s, ops.Config{})
	s.create(plan.Spec{}, "a")
	server := httptest.NewUnstartedServer(s.handler)
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/api/stream?plan=1", nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(answer.Body)
	for lines.Scan() && lines.Text() != "event: plan" {
	}
	s.start(1)
	for lines.Scan() && lines.Text() != "event: events" {
	}
	if answer.ProtoMajor != 2 || lines.Text() != "event: events" {
		t.Errorf("%s, %q, %v", answer.Proto, lines.Text(), lines.Err())
	}
	_ = answer.Body.Close()
	eventually(t, "ended", none(h))
}

// A HEAD request gets the headers of a stream, and no stream.
func TestHeadOfAStream(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil, ops.Config{})
	h := streaming(t, s, ops.Config{})
	s.create(plan.Spec{}, "a")
	server := listenTo(t, s.handler, nil)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodHead, server.URL+"/api/stream?plan=1", nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusOK || answer.Header.Get("Content-Type") != "text/event-stream" {
		t.Errorf("%d %v", answer.StatusCode, answer.Header)
	}
	eventually(t, "ended", none(h))
}
