package crashtest

import (
	"context"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"
)

// Cutter is a proxy that cuts each connection after a random number of bytes from the server.
type Cutter struct {
	Addr, server string
	least, most  int64
	rand         *rand.Rand

	mu      sync.Mutex
	cuts    int
	open    map[net.Conn]struct{}
	closed  bool
	running sync.WaitGroup
}

// NewCutter starts a cutter in front of a server, until the end of the test. Connections last for
// least to most bytes of answers.
func NewCutter(t *testing.T, server string, least, most int64) *Cutter {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	t.Logf("cuts with seed %d", seed)
	var config net.ListenConfig
	listener, err := config.Listen(context.WithoutCancel(t.Context()), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &Cutter{
		Addr: listener.Addr().String(), server: server, least: least, most: most,
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
func (c *Cutter) serve(client net.Conn) {
	var dialer net.Dialer
	server, err := dialer.DialContext(context.Background(), "tcp", c.server)
	if err != nil {
		_ = client.Close()
		return
	}
	limit := c.Begin(client, server)
	var up sync.WaitGroup
	up.Go(func() { _, _ = io.Copy(server, client) })
	_, err = io.CopyN(client, server, limit)
	c.end(err == nil, client, server)
	up.Wait()
}

// Begin registers the connections and returns the number of bytes after which to cut them.
func (c *Cutter) Begin(conns ...net.Conn) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return 0
	}
	for _, conn := range conns {
		c.open[conn] = struct{}{}
	}
	return c.least + c.rand.Int64N(c.most-c.least)
}

func (c *Cutter) end(cut bool, conns ...net.Conn) {
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

// Count returns how many connections were cut.
func (c *Cutter) Count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cuts
}

// close ends all connections and waits for their goroutines.
func (c *Cutter) close() {
	c.mu.Lock()
	c.closed = true
	for conn := range c.open {
		_ = conn.Close()
	}
	c.mu.Unlock()
	c.running.Wait()
}
