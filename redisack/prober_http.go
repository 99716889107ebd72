package redisack

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"
)

// HTTP asks status endpoints by GET. The zero value reads the status body that redisack/agent serves; with Version or
// another extractor set it reads what the extractors find.
//
// Redirects are not followed, no proxy is used, TLS certificates are verified, addresses are checked when they are
// connected to, bodies are bounded. A run shares one transport among all its endpoints and closes it at its end.
type HTTP struct {
	// Version, Rev, WriteID, Sum, Instance and Boot find the fields of the Observation. Those set must be there, and
	// one of the first four must be set unless none is. Default: the status body of redisack/agent.
	Version, Rev, WriteID, Sum, Instance, Boot Extract
	// Header returns headers for the request, such as authorization. They appear in no report. Default none.
	Header func(Endpoint) http.Header
	// ServerName returns the name that the endpoint's certificate must have. Default: the host of the URL.
	// It may be called from several goroutines at once.
	ServerName func(host string) string
	// TLS is the basis of the TLS settings: roots, client certificates. Default: the system's roots.
	TLS *tls.Config
	// MaxBody bounds the body. Default 64 KiB.
	MaxBody int64
	// KeepAlive is how many connections a run may keep open between attempts. They cost some 25 kB and a descriptor each,
	// and make a second attempt twice as fast. A run over more members than that keeps none.
	//
	// Default: a share of 512 that all runs of the process have together: a run over more members than are left of them
	// keeps none. Negative: none.
	KeepAlive int
	// AllowLoopback allows endpoints on this machine. Default: they are refused, so that no list of endpoints can be
	// used to reach what listens only locally.
	AllowLoopback bool
	// AllowPrefixes, when set, allows these addresses and no others. Link-local, metadata, multicast and unspecified
	// addresses are refused all the same.
	AllowPrefixes []netip.Prefix
}

const (
	defaultMaxBody = 64 << 10
	sharedIdle     = 512
	maxDrain       = 4 << 10
	maxURL         = 4 << 10
)

// Probe asks one endpoint over a connection of its own. Runs share connections instead.
func (h HTTP) Probe(ctx context.Context, ep Endpoint, t Target) (Observation, error) {
	return h.bind(0, 1).Probe(ctx, ep, t)
}

// binder is a prober that is made ready for one run.
type binder interface {
	bind(members, inFlight int) boundProber
}

// boundProber is a prober with something to close at the end of its run.
type boundProber interface {
	Prober
	close()
}

// bind makes the transport for one run.
func (h HTTP) bind(members, inFlight int) boundProber {
	setDefault(&h.MaxBody, defaultMaxBody)
	p := &httpProber{HTTP: h}
	keep := members > 0 && members <= h.KeepAlive
	if h.KeepAlive == 0 && members > 0 && processIdle.take(members) {
		keep, p.borrowed = true, members
	}
	p.dialer.Control = guard{loopback: h.AllowLoopback, allowed: h.AllowPrefixes}.control
	p.transport = &http.Transport{
		DialContext:            p.dial,
		DialTLSContext:         p.dialTLS,
		DisableKeepAlives:      !keep,
		DisableCompression:     true,
		MaxIdleConns:           max(members, 1),
		MaxIdleConnsPerHost:    max(inFlight, 1),
		MaxResponseHeaderBytes: 32 << 10,
		IdleConnTimeout:        90 * time.Second,
	}
	return p
}

// httpProber is an HTTP with the transport of one run.
type httpProber struct {
	HTTP
	dialer    net.Dialer
	transport *http.Transport
	borrowed  int // of processIdle
}

func (p *httpProber) close() {
	p.transport.CloseIdleConnections()
	processIdle.give(p.borrowed)
}

// processIdle are the idle connections of all runs of this process: a descriptor is a thing of the process, whatever
// clients and probers it has.
var processIdle = idle{free: sharedIdle} //nolint:gochecknoglobals // one bound per process is the point

// idle counts the connections that runs may still keep.
type idle struct {
	mu   sync.Mutex
	free int
}

// take reserves n, all of them or none.
func (i *idle) take(n int) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	if n > i.free {
		return false
	}
	i.free -= n
	return true
}

func (i *idle) give(n int) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.free += n
}

// attemptKey finds the attempt that a connection is made for. The transport detaches its dialing from the request,
// which would leave the goroutine of a black hole behind for minutes.
type attemptKey struct{}

func (p *httpProber) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if attempt, ok := ctx.Value(attemptKey{}).(context.Context); ok {
		ctx = attempt
	}
	return p.dialer.DialContext(ctx, network, addr)
}

// dialTLS connects, handshake included, within the attempt.
func (p *httpProber) dialTLS(ctx context.Context, network, addr string) (net.Conn, error) {
	if attempt, ok := ctx.Value(attemptKey{}).(context.Context); ok {
		ctx = attempt
	}
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	config := p.TLS.Clone()
	if config == nil {
		config = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	if p.ServerName != nil {
		config.ServerName = p.ServerName(host)
	}
	return (&tls.Dialer{NetDialer: &p.dialer, Config: config}).DialContext(ctx, network, addr)
}

// Probe asks one endpoint.
func (p *httpProber) Probe(ctx context.Context, ep Endpoint, _ Target) (Observation, error) {
	req, err := http.NewRequestWithContext(context.WithValue(ctx, attemptKey{}, ctx), http.MethodGet, ep.URL, http.NoBody)
	if err != nil {
		return Observation{}, &ProbeError{Kind: KindOther, Permanent: true, Err: errors.New("bad URL")}
	}
	req.Header["Accept"] = []string{"application/json, text/plain;q=0.5"}
	if p.Header != nil {
		for name, values := range p.Header(ep) {
			req.Header[http.CanonicalHeaderKey(name)] = values
		}
	}
	resp, err := p.transport.RoundTrip(req) // follows no redirect and keeps no cookie
	if err != nil {
		return Observation{}, dialError(ctx, err)
	}
	defer func() { _ = resp.Body.Close() }()
	if err := refused(resp); err != nil {
		drain(resp)
		return Observation{Status: resp.StatusCode}, err
	}
	body, err := readBody(ctx, resp, p.MaxBody)
	if err != nil {
		return Observation{Status: resp.StatusCode}, err
	}
	return p.observe(Answer{Status: resp.StatusCode, Header: resp.Header, Body: body})
}

func (h HTTP) checkSelf(f *faults) {
	f.when(h.MaxBody < 0, "HTTP.MaxBody", "is negative")
	comparable := h.Version != nil || h.Rev != nil || h.WriteID != nil || h.Sum != nil
	f.when(!comparable && (h.Instance != nil || h.Boot != nil), "HTTP.Version",
		"is missing: there is nothing to compare")
	for i, prefix := range h.AllowPrefixes {
		f.when(!prefix.IsValid(), fmt.Sprintf("HTTP.AllowPrefixes[%d]", i), "is invalid")
	}
}

func (h HTTP) checkEndpoint(ep Endpoint) error {
	if len(ep.URL) > maxURL {
		return errors.New("has a URL of more than 4 KiB")
	}
	u, err := url.Parse(ep.URL)
	switch {
	case err != nil:
		return errors.New("has a URL that cannot be read")
	case u.Scheme != "http" && u.Scheme != "https":
		return errors.New("has a URL that is neither http nor https")
	case u.Hostname() == "":
		return errors.New("has a URL without a host")
	case u.User != nil:
		return errors.New("has a URL with user or password: use HTTP.Header")
	case strings.ContainsFunc(ep.URL, func(r rune) bool { return r <= ' ' || r == 0x7f }):
		return errors.New("has a URL with spaces or control characters")
	}
	return nil
}
