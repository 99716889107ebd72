package redistest

import (
	"net"
	"sync"
	"time"
)

// maxChunk is the maximum size of one read, and so of what counts as one request.
const maxChunk = 64 << 10

// link is one client's connection through a Proxy.
type link struct {
	proxy          *Proxy
	client, server net.Conn

	// closed is closed by the first cut, so that a pump that waits returns.
	closed  chan struct{}
	cutOnce sync.Once

	mu       sync.Mutex
	dropNext bool // the next answer must not reach the client
}

// cut closes the connections to both sides. It may be called more than once.
func (l *link) cut() {
	l.cutOnce.Do(func() {
		close(l.closed)
		reset(l.client)
		reset(l.server)
	})
}

// pump calls pass with the data that arrives from one side, until pass returns false or that side
// has ended. Then it cuts the link.
func (l *link) pump(from net.Conn, pass func([]byte) bool) {
	defer l.cut()
	buffer := make([]byte, maxChunk)
	for {
		n, err := from.Read(buffer)
		if n > 0 && !pass(buffer[:n]) {
			return
		}
		if err != nil {
			return
		}
	}
}

// forward sends a request to the server, unless a fault says that the request is lost.
func (l *link) forward(request []byte) bool {
	if !l.awaitPassage() {
		return false
	}
	switch l.proxy.faultFor(request) {
	case loseRequest:
		return false
	case loseAnswer:
		l.mu.Lock()
		l.dropNext = true
		l.mu.Unlock()
	case none:
	}
	_, err := l.server.Write(request)
	return err == nil
}

// answer sends an answer to the client, unless a fault says that the answer is lost.
func (l *link) answer(reply []byte) bool {
	l.mu.Lock()
	lost := l.dropNext
	l.mu.Unlock()
	if lost {
		return false
	}
	if !l.awaitDelay() || !l.awaitPassage() {
		return false
	}
	_, err := l.client.Write(reply)
	return err == nil
}

// awaitPassage waits while the proxy is a black hole. It returns false if the link was cut during
// the wait.
func (l *link) awaitPassage() bool {
	l.proxy.mu.Lock()
	open := l.proxy.open
	l.proxy.mu.Unlock()
	select {
	case <-open:
		return true
	case <-l.closed:
		return false
	}
}

// awaitDelay waits for the proxy's delay. It returns false if the link was cut during the wait.
func (l *link) awaitDelay() bool {
	l.proxy.mu.Lock()
	delay := l.proxy.delay
	l.proxy.mu.Unlock()
	if delay <= 0 {
		return true
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-l.closed:
		return false
	}
}

// reset closes a connection so that the peer immediately sees an error instead of an orderly end.
func reset(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}
