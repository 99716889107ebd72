package redistest

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/cutover-go/cutover/internal/proctest"
)

// Proxy forwards TCP connections to one address and injects network faults. It is meant for
// protocols with one answer per request: the data that one read from a client returns (64 KiB at
// most) counts as one request, and the data that one read from the server returns counts as one
// answer.
//
// Its methods may be called from any goroutine.
type Proxy struct {
	target   string
	listener net.Listener

	mu       sync.Mutex
	links    map[*link]struct{}
	faults   []*fault
	done     int // faults carried out
	refusing bool
	closed   bool
	delay    time.Duration
	open     chan struct{} // closed while traffic may pass; replaced by Blackhole

	running sync.WaitGroup // the accept loop and two pumps per link
}

// NewProxy starts a proxy in front of addr. No server need listen on addr yet. The proxy is closed
// at the end of the test.
func NewProxy(t testing.TB, addr string) *Proxy {
	t.Helper()
	var config net.ListenConfig
	listener, err := config.Listen(context.WithoutCancel(t.Context()), "tcp", proctest.Address(proctest.FreePort(t)))
	if err != nil {
		t.Fatalf("redistest: starting a proxy: %v", err)
	}
	p := &Proxy{target: addr, listener: listener, links: make(map[*link]struct{}), open: make(chan struct{})}
	close(p.open)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	p.running.Go(func() { p.accept(ctx) })
	t.Cleanup(func() {
		cancel()
		p.close()
	})
	return p
}

// Addr returns the address on which clients reach the target through the proxy.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Cut closes every open connection. New connections are not affected.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for link := range p.links {
		link.cut()
	}
}

// Refuse makes the proxy reset every new connection or, if refuse is false, serve new connections
// again. Open connections stay open: see Cut.
func (p *Proxy) Refuse(refuse bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refusing = refuse
}

// Blackhole holds back all traffic on all connections, old and new, as an unplugged cable does. If
// on is false, the proxy delivers the traffic that it held back, as TCP would, on the connections
// that are still open.
func (p *Proxy) Blackhole(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if isOpen := p.passing(); isOpen != on {
		return // nothing changes
	}
	if on {
		p.open = make(chan struct{})
	} else {
		close(p.open)
	}
}

// Delay delays every answer by d. Zero ends the delay.
func (p *Proxy) Delay(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.delay = d
}

// passing reports whether traffic passes. The caller holds mu.
func (p *Proxy) passing() bool {
	select {
	case <-p.open:
		return true
	default:
		return false
	}
}

// accept serves connections until the listener is closed.
func (p *Proxy) accept(ctx context.Context) {
	for {
		client, err := p.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // the client went away before it was accepted
		}
		if p.isRefusing() {
			reset(client)
			continue
		}
		p.running.Go(func() { p.serve(ctx, client) })
	}
}

func (p *Proxy) isRefusing() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.refusing
}

// serve forwards one client's connection until either side closes it.
func (p *Proxy) serve(ctx context.Context, client net.Conn) {
	var dialer net.Dialer
	server, err := dialer.DialContext(ctx, "tcp", p.target)
	if err != nil {
		reset(client)
		return
	}
	l := &link{proxy: p, client: client, server: server, closed: make(chan struct{})}
	if !p.add(l) {
		l.cut()
		return
	}
	var pumps sync.WaitGroup
	pumps.Go(func() { l.pump(client, l.forward) })
	pumps.Go(func() { l.pump(server, l.answer) })
	pumps.Wait()
	p.remove(l)
}

// add records a link. It returns false if the proxy has been closed.
func (p *Proxy) add(l *link) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	p.links[l] = struct{}{}
	return true
}

func (p *Proxy) remove(l *link) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.links, l)
}

// close closes the listener and all connections, and waits for their goroutines.
func (p *Proxy) close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	_ = p.listener.Close()
	p.Cut()
	p.running.Wait()
}
