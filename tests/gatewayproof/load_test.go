//go:build gatewayproof

package gatewayproof

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

const (
	keptAlive     = 20 // connections per instance
	keptAlivePace = 20 * time.Millisecond
	newPace       = 10 * time.Millisecond // of new connections, per instance
	askers        = 16                    // connections at once that ask for tenants just switched
	// answerTimeout is much longer than an answer takes, because the machine may be busy.
	answerTimeout = 15 * time.Second
)

// request is one request of the load.
type request struct {
	instance int
	tenant   string
	alone    bool // the only request on its connection

	opened, sent, ended time.Time
	colour              string // empty if the request was lost
	err                 error
}

// load sends requests of all tenants to all instances.
type load struct {
	addresses []string
	tenants   []string
	switched  chan string // tenants whose switch has just returned
	sending   sync.WaitGroup

	mu       sync.Mutex
	requests []request
}

// start starts the load. It ends with ctx; each request that is under way is finished.
func (l *load) start(ctx context.Context) {
	for instance := range l.addresses {
		for i := range keptAlive {
			first := i * len(l.tenants) / keptAlive
			l.sending.Go(func() { l.keepAlive(ctx, instance, first) })
		}
		l.sending.Go(func() {
			for ctx.Err() == nil {
				l.askOnce(instance, l.tenants[rand.IntN(len(l.tenants))])
				time.Sleep(newPace)
			}
		})
	}
	for range askers {
		l.sending.Go(func() {
			for tenant := range l.switched {
				for instance := range l.addresses {
					l.askOnce(instance, tenant)
				}
			}
		})
	}
}

// keepAlive sends one request after the other over a connection, for one tenant after the other. It
// opens a new connection when the instance has ended the old one.
func (l *load) keepAlive(ctx context.Context, instance, tenant int) {
	var c *connection
	for ; ctx.Err() == nil; time.Sleep(keptAlivePace) {
		tenant = (tenant + 1) % len(l.tenants)
		r := request{instance: instance, tenant: l.tenants[tenant], sent: time.Now()}
		if c == nil {
			c, r.err = dial(l.addresses[instance])
		}
		keep := false
		if r.err == nil {
			r.opened, r.sent = c.opened, time.Now()
			r.colour, keep, r.err = c.ask(r.tenant, "keep-alive")
		} else {
			r.opened = r.sent
		}
		l.record(r)
		if !keep {
			c.close()
			c = nil
		}
	}
	c.close()
}

// askOnce sends one request over a new connection.
func (l *load) askOnce(instance int, tenant string) {
	now := time.Now()
	r := request{instance: instance, tenant: tenant, alone: true, opened: now, sent: now}
	c, err := dial(l.addresses[instance])
	if err == nil {
		r.colour, _, err = c.ask(tenant, "close")
	}
	c.close()
	r.err = err
	l.record(r)
}

func (l *load) record(r request) {
	r.ended = time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.requests = append(l.requests, r)
}

// connection is a connection to an instance, without any second try.
type connection struct {
	net.Conn
	answers *bufio.Reader
	opened  time.Time
}

func dial(address string) (*connection, error) {
	opened := time.Now()
	dialer := net.Dialer{Timeout: answerTimeout}
	conn, err := dialer.DialContext(context.Background(), "tcp", address)
	if err != nil {
		return nil, err
	}
	return &connection{conn, bufio.NewReader(conn), opened}, nil
}

// ask sends a request and returns the colour that has answered, and whether the connection can be
// used again.
func (c *connection) ask(tenant, connectionHeader string) (colour string, keep bool, err error) {
	_ = c.SetDeadline(time.Now().Add(answerTimeout))
	_, err = fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: proof\r\nX-Tenant: %s\r\nConnection: %s\r\n\r\n", tenant, connectionHeader)
	if err != nil {
		return "", false, err
	}
	resp, err := http.ReadResponse(c.answers, nil)
	if err != nil {
		return "", false, err
	}
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %s", resp.Status)
	}
	if err != nil {
		return "", false, err
	}
	return strings.TrimSpace(string(body)), !resp.Close, nil
}

func (c *connection) close() {
	if c != nil {
		_ = c.Close()
	}
}
