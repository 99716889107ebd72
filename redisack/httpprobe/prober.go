package httpprobe

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"strings"

	"github.com/cutover-go/cutover/redisack/probe"
)

// Prober asks endpoints with GET requests. It is safe for concurrent use and needs no closing.
type Prober struct {
	cfg    Config
	dialer *dialer
	plain  http.Header // of every request if Config.Headers is not set; never modified
	fresh  session     // keeps no connection
}

// New returns a prober, or an *[InvalidError] that names every fault of cfg.
func New(cfg Config) (*Prober, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	if cfg.MaxBody == 0 {
		cfg.MaxBody = defaultMaxBody
	}
	p := &Prober{cfg: cfg, dialer: newDialer(cfg), plain: http.Header{"Accept": {"application/json, text/plain;q=0.5"}}}
	p.fresh = session{prober: p, transport: p.dialer.transport(0, 1)}
	return p, nil
}

// Probe asks one endpoint over a new connection. Every error is a *[probe.Error].
func (p *Prober) Probe(ctx context.Context, ep probe.Endpoint) (probe.Observation, error) {
	return p.fresh.Probe(ctx, ep)
}

// Session returns a prober for a run that asks this number of members, at most inFlight of them at
// a time. It keeps one connection per member open if Config.KeepAlive allows it. The caller must
// close it.
func (p *Prober) Session(members, inFlight int) probe.Session {
	s := &session{prober: p}
	keep := members > 0 && members <= p.cfg.KeepAlive
	if p.cfg.KeepAlive == 0 && members > 0 && processIdle.take(members) {
		keep, s.borrowed = true, members
	}
	if !keep {
		members = 0
	}
	s.transport = p.dialer.transport(members, inFlight)
	return s
}

// session is a Prober with the transport of one run.
type session struct {
	prober    *Prober
	transport *http.Transport
	borrowed  int // connections reserved from processIdle
}

// Close implements [probe.Session]. It may be called more than once.
func (s *session) Close() {
	s.transport.CloseIdleConnections()
	processIdle.put(s.borrowed)
	s.borrowed = 0
}

// Probe implements [probe.Prober].
func (s *session) Probe(ctx context.Context, ep probe.Endpoint) (obs probe.Observation, err error) {
	defer func() {
		if value := recover(); value != nil {
			obs, err = probe.Observation{}, panicError(value)
		}
	}()
	req, err := s.prober.request(ctx, ep)
	if err != nil {
		return probe.Observation{}, err
	}
	resp, err := s.transport.RoundTrip(req) // follows no redirect and keeps no cookie
	if err != nil {
		return probe.Observation{}, transportError(ctx, err)
	}
	defer func() { _ = resp.Body.Close() }()
	if err := refused(resp); err != nil {
		drain(resp)
		return probe.Observation{Status: resp.StatusCode}, err
	}
	body, err := readBody(ctx, resp, s.prober.cfg.MaxBody)
	if err != nil {
		return probe.Observation{Status: resp.StatusCode}, err
	}
	return s.prober.cfg.observe(Answer{Status: resp.StatusCode, Header: resp.Header, Body: body})
}

func (p *Prober) request(ctx context.Context, ep probe.Endpoint) (*http.Request, error) {
	req, err := newRequest(context.WithValue(ctx, probeKey{}, ctx), ep.URL)
	if err != nil {
		return nil, err
	}
	return p.address(req, ep), nil
}

func newRequest(ctx context.Context, url string) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, &probe.Error{Kind: probe.KindOther, Permanent: true, Err: errors.New("bad URL")}
	}
	return req, nil
}

// address adds the headers for an endpoint.
func (p *Prober) address(req *http.Request, ep probe.Endpoint) *http.Request {
	req.Header = p.plain
	if p.cfg.Headers == nil {
		return req
	}
	req.Header = maps.Clone(p.plain)
	for name, values := range p.cfg.Headers(ep) {
		name = http.CanonicalHeaderKey(name)
		if name == "Host" && len(values) > 0 { // net/http ignores Host among the headers
			req.Host = values[0]
			continue
		}
		req.Header[name] = values
	}
	return req
}

// CheckEndpoint implements [probe.Checker]: it returns an error for a URL that cannot be probed.
func (p *Prober) CheckEndpoint(ep probe.Endpoint) error {
	if len(ep.URL) > maxURL {
		return errors.New("has a URL of more than 4 KiB")
	}
	u, err := url.Parse(ep.URL)
	switch {
	case err != nil:
		return errors.New("has a URL that cannot be parsed")
	case u.Scheme != "http" && u.Scheme != "https":
		return errors.New("has a URL that is neither http nor https")
	case u.Hostname() == "":
		return errors.New("has a URL without a host")
	case u.User != nil:
		return errors.New("has a URL with user or password: use Config.Headers")
	case strings.ContainsFunc(ep.URL, func(r rune) bool { return r <= ' ' || r == 0x7f }):
		return errors.New("has a URL with spaces or control characters")
	}
	return nil
}
