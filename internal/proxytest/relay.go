package proxytest

import (
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Relay stands between a client and a unix socket, for a protocol with one request and one answer
// per connection, and can lose answers. Its methods may be called from any goroutine.
type Relay struct {
	target   string
	listener net.Listener
	running  sync.WaitGroup

	mu     sync.Mutex
	losing []string // parts of the request whose answer is lost next; nil for none
	lost   int
}

// NewRelay starts a relay in front of a socket, until the end of the test.
func NewRelay(t testing.TB, target string) *Relay {
	t.Helper()
	dir, err := os.MkdirTemp(filepath.Dir(target), "r") //nolint:usetesting // a short path, removed with that of the target
	if err != nil {
		t.Fatal(err)
	}
	var config net.ListenConfig
	listener, err := config.Listen(context.WithoutCancel(t.Context()), "unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	r := &Relay{target: target, listener: listener}
	r.running.Go(r.accept)
	t.Cleanup(func() {
		_ = listener.Close()
		r.running.Wait()
	})
	return r
}

// Socket returns the path at which clients reach the target through the relay.
func (r *Relay) Socket() string { return r.listener.Addr().String() }

// Lose loses the answer to the next request that contains one of texts: it is carried out, and then
// the connection is closed without an answer.
func (r *Relay) Lose(texts ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.losing = texts
}

// Lost returns the number of answers that were lost.
func (r *Relay) Lost() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.lost
}

func (r *Relay) accept() {
	for {
		client, err := r.listener.Accept()
		if err != nil {
			return // closed at the end of the test
		}
		r.running.Go(func() {
			defer func() { _ = client.Close() }()
			r.pass(client)
		})
	}
}

// pass carries out one request. A request of several writes is forwarded as it arrives, and the
// answer is sent when the target has closed the connection.
func (r *Relay) pass(client net.Conn) {
	var dialer net.Dialer
	server, err := dialer.DialContext(context.Background(), "unix", r.target)
	if err != nil {
		return
	}
	defer func() { _ = server.Close() }()
	requests := make(chan string, 1)
	go func() {
		var request strings.Builder
		_, _ = io.Copy(io.MultiWriter(server, &request), client) // ends when the client's side is closed
		requests <- request.String()
	}()
	answer, _ := io.ReadAll(server)
	_ = client.(*net.UnixConn).CloseRead()
	if r.loses(<-requests) {
		return
	}
	_, _ = client.Write(answer)
}

func (r *Relay) loses(request string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !slices.ContainsFunc(r.losing, func(text string) bool { return strings.Contains(request, text) }) {
		return false
	}
	r.losing = nil
	r.lost++
	return true
}
