package httpprobe

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/cutover-go/cutover/redisack/internal/wire"
	"github.com/cutover-go/cutover/redisack/probe"
)

// dialer makes connections. The context of the probe that needs a connection bounds the dial.
type dialer struct {
	net        net.Dialer
	tls        *tls.Config
	serverName func(host string) string
}

func newDialer(cfg Config) *dialer {
	d := &dialer{tls: cfg.TLS, serverName: cfg.ServerName}
	d.net.Control = guard{loopback: cfg.AllowLoopback, allowed: cfg.AllowPrefixes}.control
	return d
}

// transport returns an HTTP transport. If members is above zero, the transport keeps up to one idle
// connection per member.
func (d *dialer) transport(members, inFlight int) *http.Transport {
	return &http.Transport{
		DialContext:            d.dial,
		DialTLSContext:         d.dialTLS,
		DisableKeepAlives:      members == 0,
		DisableCompression:     true,
		MaxIdleConns:           max(members, 1),
		MaxIdleConnsPerHost:    max(inFlight, 1),
		MaxResponseHeaderBytes: 32 << 10,
		IdleConnTimeout:        90 * time.Second,
	}
}

// probeKey is the key under which the context of a request holds the context of its probe. The
// transport detaches dialing from the context of the request, so a dial that gets no answer would
// otherwise outlive its probe by minutes.
type probeKey struct{}

func within(ctx context.Context) context.Context {
	if own, ok := ctx.Value(probeKey{}).(context.Context); ok {
		return own
	}
	return ctx
}

func (d *dialer) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	return d.net.DialContext(within(ctx), network, addr)
}

// dialTLS connects, including the handshake. It recovers a panic in the host's ServerName, which
// would otherwise end the process, because the transport calls dialTLS in another goroutine.
func (d *dialer) dialTLS(ctx context.Context, network, addr string) (conn net.Conn, err error) {
	defer func() {
		if value := recover(); value != nil {
			err = panicError(value)
		}
	}()
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	config := d.tls.Clone()
	if config == nil {
		config = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	if d.serverName != nil {
		config.ServerName = d.serverName(host)
	}
	return (&tls.Dialer{NetDialer: &d.net, Config: config}).DialContext(within(ctx), network, addr)
}

// panicError returns the error of a probe in which a host function has panicked.
func panicError(value any) *probe.Error {
	return &probe.Error{Kind: probe.KindPanic, Err: errors.New(wire.PanicText(value))}
}
