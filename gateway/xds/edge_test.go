package xds_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cutover-go/cutover/internal/proctest"
)

// edge is a proxy of our own: it reads the bootstrap of docs/gateways.md, gets its configuration
// over a stream of the discovery service, and routes HTTP requests by it. Like Envoy it
// acknowledges what is valid before it uses it, refuses what is not, and goes on with what it has
// when it is without a control plane.
type edge struct {
	Address string // of the data path
	node    string
	t       testing.TB
	boot    bootstrap

	upstream *http.Transport

	mu     sync.Mutex
	worker *worker // nil while the proxy is dead
	server *http.Server
	lag    time.Duration // between acknowledging and using
	refuse func(typeURL, version string) string
	cut    bool          // the stream ends before the next routes are acknowledged
	frozen chan struct{} // closed when the proxy goes on; nil if it is not frozen
}

// startEdge starts a proxy that connects to a control plane.
func startEdge(t testing.TB, node, control string) *edge {
	t.Helper()
	e := &edge{Address: proctest.Address(proctest.FreePort(t)), node: node, t: t, boot: documented(t), upstream: &http.Transport{}, lag: 10 * time.Millisecond}
	e.boot.control = control
	e.Start()
	t.Cleanup(func() {
		e.Thaw()
		e.Kill()
		e.upstream.CloseIdleConnections()
	})
	return e
}

func (e *edge) URL() string { return "http://" + e.Address + "/" }

// Start starts the proxy without anything that it had.
func (e *edge) Start() {
	e.t.Helper()
	e.mu.Lock()
	e.worker = newWorker(e)
	e.mu.Unlock()
	var listener net.Listener
	var err error
	for range 100 { // the port of a killed proxy may still be in use for a moment
		if listener, err = (&net.ListenConfig{}).Listen(context.Background(), "tcp", e.Address); err == nil {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if err != nil {
		e.t.Fatal(err)
	}
	server := &http.Server{Handler: e, ReadHeaderTimeout: time.Minute}
	e.server = server
	go func() { _ = server.Serve(listener) }()
}

// Kill ends the proxy as a crash does.
func (e *edge) Kill() {
	e.mu.Lock()
	running := e.worker
	e.worker = nil
	e.mu.Unlock()
	_ = e.server.Close()
	if running != nil {
		running.stop()
	}
}

// Reload starts a second worker, as a hot restart does, which takes over when it has routes.
func (e *edge) Reload() {
	next := newWorker(e)
	next.awaitRoutes()
	e.mu.Lock()
	old := e.worker
	e.worker = next
	e.mu.Unlock()
	old.stop()
}

// awaitRoutes waits until the proxy has routes, unless it is dead.
func (e *edge) awaitRoutes() {
	e.t.Helper()
	e.mu.Lock()
	running := e.worker
	e.mu.Unlock()
	if running != nil {
		running.awaitRoutes()
	}
}

// loseAnswer makes the stream end before the next routes are acknowledged, which are used.
func (e *edge) loseAnswer() (happened func() bool) {
	e.set(func() { e.cut = true })
	return func() (happened bool) {
		e.set(func() { happened = !e.cut })
		return happened
	}
}

// Freeze makes the proxy answer nothing and nobody, with all connections open, until Thaw.
func (e *edge) Freeze() { e.set(func() { e.frozen = make(chan struct{}) }) }

// Thaw ends Freeze.
func (e *edge) Thaw() {
	e.set(func() {
		if e.frozen != nil {
			close(e.frozen)
			e.frozen = nil
		}
	})
}

func (e *edge) set(f func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	f()
}

// wait returns when the proxy is not frozen, or ctx has ended.
func (e *edge) wait(ctx context.Context) {
	e.mu.Lock()
	frozen := e.frozen
	e.mu.Unlock()
	if frozen != nil {
		select {
		case <-frozen:
		case <-ctx.Done():
		}
	}
}

// ServeHTTP is the data path.
func (e *edge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e.wait(r.Context())
	e.mu.Lock()
	running := e.worker
	e.mu.Unlock()
	if running == nil {
		panic(http.ErrAbortHandler)
	}
	running.route(w, r)
}

// Ask sends a request of a tenant over a new connection and returns the colour that answered, which
// is the backend's own word.
func (e *edge) Ask(ctx context.Context, tenant string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	return ask(ctx, e.URL(), tenant)
}

func ask(ctx context.Context, url, host string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return "", err
	}
	req.Host = host
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusOK {
		err = errors.Join(err, errors.New(resp.Status))
	}
	return strings.TrimSpace(string(body)), err
}
