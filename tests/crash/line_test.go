//go:build crash

package crash

import (
	"context"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/cutover-go/cutover/internal/redistest"
)

// lines returns the rows about broken connections, and about what a server forgets: its scripts and
// its clients.
func lines() []row {
	const none = "nothing is lost, nothing is done twice but what was not saved"
	return []row{
		{name: "cut in the middle of answers", extent: short, do: cutAnswers, expect: none},
		{name: "answers and requests lost", extent: short, do: lostAnswers, expect: none},
		{name: "SCRIPT FLUSH", extent: short, do: every("SCRIPT", "FLUSH"), expect: none},
		{name: "CLIENT KILL", extent: short, do: every("CLIENT", "KILL", "TYPE", "normal"), expect: none},
		{name: "CLIENT KILL of subscribers", extent: short, do: every("CLIENT", "KILL", "TYPE", "pubsub"), expect: none},
	}
}

// every sends a command to the server 25 times while the workers run a plan.
func every(command ...any) func(*testing.T) *site {
	return func(t *testing.T) *site {
		t.Helper()
		s, server := alone(t)
		s.busy(100)
		for range 25 {
			// A command that kills its own connection gets no answer.
			_ = server.Client().Do(t.Context(), command...).Err()
			time.Sleep(40 * time.Millisecond)
		}
		return s.complete()
	}
}

// lostAnswers drops whole answers and whole requests, alternately.
func lostAnswers(t *testing.T) *site {
	t.Helper()
	s, server := alone(t)
	proxy := redistest.NewProxy(t, server.Addr())
	s.defs.Target.Addrs = []string{proxy.Addr()}
	s.busy(150)
	for i := range 40 {
		if i%2 == 0 {
			proxy.DropReplies(1)
		} else {
			proxy.DropRequests(1)
		}
		time.Sleep(25 * time.Millisecond)
	}
	s.complete()
	if proxy.Dropped() < 10 {
		t.Errorf("only %d answers and requests were lost", proxy.Dropped())
	}
	return s
}

// cutAnswers cuts every connection at a random byte, mostly in the middle of an answer.
func cutAnswers(t *testing.T) *site {
	t.Helper()
	s, server := alone(t)
	cutter := newCutter(t, server.Addr())
	s.defs.Target.Addrs = []string{cutter.addr}
	s.busy(150)
	s.complete()
	if n := cutter.count(); n < 10 {
		t.Errorf("only %d connections were cut", n)
	}
	return s
}

// cutter is a proxy that cuts each connection after a random number of bytes from the server.
type cutter struct {
	addr, server string
	rand         *rand.Rand

	mu      sync.Mutex
	cuts    int
	open    map[net.Conn]struct{}
	closed  bool
	running sync.WaitGroup
}

func newCutter(t *testing.T, server string) *cutter {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	t.Logf("cuts with seed %d", seed)
	var config net.ListenConfig
	listener, err := config.Listen(context.WithoutCancel(t.Context()), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cutter{
		addr: listener.Addr().String(), server: server,
		rand: rand.New(rand.NewPCG(seed, 1)), open: make(map[net.Conn]struct{}),
	}
	c.running.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			c.running.Go(func() { c.serve(client) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		c.close()
	})
	return c
}

// serve forwards one connection until the server has sent as many bytes as begin returned.
func (c *cutter) serve(client net.Conn) {
	var dialer net.Dialer
	server, err := dialer.DialContext(context.Background(), "tcp", c.server)
	if err != nil {
		_ = client.Close()
		return
	}
	limit := c.begin(client, server)
	var up sync.WaitGroup
	up.Go(func() { _, _ = io.Copy(server, client) })
	_, err = io.CopyN(client, server, limit)
	c.end(err == nil, client, server)
	up.Wait()
}

// begin registers the connections and returns the number of bytes after which to cut them.
func (c *cutter) begin(conns ...net.Conn) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return 0
	}
	for _, conn := range conns {
		c.open[conn] = struct{}{}
	}
	return 500 + c.rand.Int64N(6000)
}

func (c *cutter) end(cut bool, conns ...net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if cut {
		c.cuts++
	}
	for _, conn := range conns {
		_ = conn.Close()
		delete(c.open, conn)
	}
}

func (c *cutter) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cuts
}

// close ends all connections and waits for their goroutines.
func (c *cutter) close() {
	c.mu.Lock()
	c.closed = true
	for conn := range c.open {
		_ = conn.Close()
	}
	c.mu.Unlock()
	c.running.Wait()
}
