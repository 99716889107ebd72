package httpprobe

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cutover-go/cutover/redisack/probe"
)

// seriesServer answers with the tenant that the request names, and counts connections.
func seriesServer(t *testing.T, answer http.HandlerFunc) (server *httptest.Server, connections *atomic.Int64) {
	t.Helper()
	connections = &atomic.Int64{}
	server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Route", "of "+r.Header.Get("X-Tenant"))
		if answer != nil {
			answer(w, r)
		}
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	return server, connections
}

func seriesConfig() Config {
	return Config{
		Version: Header("X-Route"), AllowLoopback: true,
		Headers: func(ep probe.Endpoint) http.Header { return http.Header{"X-Tenant": {ep.ID}} },
	}
}

func endpoints(url string, n int) []probe.Endpoint {
	eps := make([]probe.Endpoint, n)
	for i := range eps {
		eps[i] = probe.Endpoint{ID: fmt.Sprint("tenant-", i), URL: url}
	}
	return eps
}

// wantAll checks that each result belongs to its endpoint.
func wantAll(t *testing.T, eps []probe.Endpoint, results []probe.Result) {
	t.Helper()
	for i, ep := range eps {
		if r := results[i]; r.Err != nil || r.Observation.Version != "of "+ep.ID || r.Observation.Status != 200 {
			t.Errorf("%s: %+v, %v", ep.ID, r.Observation, r.Err)
		}
	}
}

func wantKind(t *testing.T, err error, kind probe.Kind) {
	t.Helper()
	var pe *probe.Error
	if !errors.As(err, &pe) || pe.Kind != kind {
		t.Errorf("%v, want %v", err, kind)
	}
}

func TestSeriesIsOneNewConnection(t *testing.T) {
	t.Parallel()
	server, connections := seriesServer(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprint(w, strings.Repeat("body ", len(r.Header.Get("X-Tenant"))%3))
	})
	p := made(t, seriesConfig())
	for call := range 3 {
		eps := endpoints(server.URL, 700)
		wantAll(t, eps, p.ProbeSeries(t.Context(), eps))
		if n := connections.Load(); n != int64(call+1) {
			t.Errorf("%d connections after %d calls", n, call+1)
		}
	}
	if results := p.ProbeSeries(t.Context(), nil); len(results) != 0 {
		t.Errorf("%v", results)
	}
}

func TestSeriesOverServersThatEndConnections(t *testing.T) {
	t.Parallel()
	var count atomic.Int64
	server, connections := seriesServer(t, func(w http.ResponseWriter, _ *http.Request) {
		if count.Add(1)%10 == 0 {
			w.Header().Set("Connection", "close")
		}
	})
	eps := endpoints(server.URL, 95)
	wantAll(t, eps, made(t, seriesConfig()).ProbeSeries(t.Context(), eps))
	if n := connections.Load(); n != 10 {
		t.Errorf("%d connections", n)
	}
}

// TestSeriesHasAFaultForEachEndpoint checks that a bad answer spoils no other one.
func TestSeriesHasAFaultForEachEndpoint(t *testing.T) {
	t.Parallel()
	server, _ := seriesServer(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.Header.Get("X-Tenant") {
		case "tenant-1":
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = fmt.Fprint(w, strings.Repeat("x", 2*maxDrain))
		case "tenant-2":
			_, _ = fmt.Fprint(w, strings.Repeat("x", defaultMaxBody+1))
		case "tenant-3":
			w.Header().Del("X-Route")
		case "tenant-4":
			panic(http.ErrAbortHandler)
		case "tenant-5":
			w.WriteHeader(http.StatusFound)
		}
	})
	c := seriesConfig()
	c.Headers = func(ep probe.Endpoint) http.Header {
		if ep.ID == "tenant-7" {
			panic("no header")
		}
		return http.Header{"X-Tenant": {ep.ID}}
	}
	c.Version = func(a Answer) (string, error) {
		if strings.HasSuffix(a.Header.Get("X-Route"), "-8") {
			panic("no version")
		}
		return Header("X-Route")(a)
	}
	eps := endpoints(server.URL, 12)
	eps[9].URL = "http://127.0.0.1:1/"
	eps[10].URL = "http://%zz"
	results := made(t, c).ProbeSeries(t.Context(), eps)
	for i, kind := range map[int]probe.Kind{
		1: probe.KindStatus, 2: probe.KindOversize, 3: probe.KindNoVersion, 5: probe.KindRedirect, 7: probe.KindPanic, 8: probe.KindPanic,
		9: probe.KindOther, 10: probe.KindOther,
	} {
		wantKind(t, results[i].Err, kind)
	}
	wantKind(t, results[4].Err, probe.KindBroken)
	for _, i := range []int{0, 6, 11} {
		wantAll(t, eps[i:i+1], results[i:i+1])
	}
}

// TestSeriesOfAServerThatAnswersNothing checks that not every endpoint is tried over a connection
// of its own.
func TestSeriesOfAServerThatAnswersNothing(t *testing.T) {
	t.Parallel()
	server, connections := seriesServer(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	for _, r := range made(t, seriesConfig()).ProbeSeries(t.Context(), endpoints(server.URL, 200)) {
		wantKind(t, r.Err, probe.KindBroken)
	}
	if n := connections.Load(); n != maxUnanswered {
		t.Errorf("%d connections", n)
	}
}

func TestSeriesThatCannotBeAsked(t *testing.T) {
	t.Parallel()
	p := made(t, seriesConfig())
	for url, kind := range map[string]probe.Kind{
		"http://127.0.0.1:1/": probe.KindDial, "http://169.254.169.254/": probe.KindBlocked, "ftp://127.0.0.1/": probe.KindOther,
	} {
		for _, r := range p.ProbeSeries(t.Context(), endpoints(url, 3)) {
			wantKind(t, r.Err, kind)
		}
	}
}

// TestSeriesEndsWithItsContext has a server that does not answer the third request.
func TestSeriesEndsWithItsContext(t *testing.T) {
	t.Parallel()
	var count atomic.Int64
	ctx, cancel := context.WithCancel(t.Context())
	over := make(chan struct{}) // the server notices no end of a connection that has more requests
	server, _ := seriesServer(t, func(http.ResponseWriter, *http.Request) {
		if count.Add(1) == 3 {
			cancel()
			<-over
		}
	})
	defer close(over)
	eps := endpoints(server.URL, 500)
	began := time.Now()
	results := made(t, seriesConfig()).ProbeSeries(ctx, eps)
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
	for _, r := range results[2:] {
		wantKind(t, r.Err, probe.KindTimeout)
	}
}

// TestSeriesWithInterimAnswers has a server that sends 103 before each answer, and then one that
// sends nothing else.
func TestSeriesWithInterimAnswers(t *testing.T) {
	t.Parallel()
	for _, endless := range []bool{false, true} {
		listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // closed at the end of the test
		if err != nil {
			t.Fatal(err)
		}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			for {
				conn, err := listener.Accept()
				if err != nil {
					return
				}
				reader := bufio.NewReader(conn)
				for {
					req, err := http.ReadRequest(reader)
					if err != nil {
						break
					}
					for range map[bool]int{false: 1, true: 100}[endless] {
						_, _ = fmt.Fprint(conn, "HTTP/1.1 103 Early Hints\r\n\r\n")
					}
					_, _ = fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-Route: of %s\r\n\r\n", req.Header.Get("X-Tenant"))
				}
				_ = conn.Close()
			}
		}()
		eps := endpoints("http://"+listener.Addr().String(), 5)
		results := made(t, seriesConfig()).ProbeSeries(t.Context(), eps)
		if !endless {
			wantAll(t, eps, results)
		} else {
			wantKind(t, results[0].Err, probe.KindBroken)
		}
		_ = listener.Close()
		<-ended
	}
}

func TestSeriesOverTLS(t *testing.T) {
	t.Parallel()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Route", "of "+r.Header.Get("X-Tenant"))
	}))
	defer server.Close()
	eps := endpoints(server.URL, 20)
	c := seriesConfig()
	for _, r := range made(t, c).ProbeSeries(t.Context(), eps) {
		wantKind(t, r.Err, probe.KindTLS)
	}
	c.TLS = server.Client().Transport.(*http.Transport).TLSClientConfig //nolint:forcetypeassert // of the standard library
	wantAll(t, eps, made(t, c).ProbeSeries(t.Context(), eps))
}
