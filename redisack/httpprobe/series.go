package httpprobe

import (
	"bufio"
	"context"
	"errors"
	"io"
	"math"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/cutover-go/cutover/redisack/probe"
)

var _ probe.Series = (*Prober)(nil)

// ProbeSeries implements [probe.Series]: it sends all requests without waiting for answers, as
// HTTP/1.1 allows, and reads the answers in the order of the requests. Every error is a
// *[probe.Error].
func (p *Prober) ProbeSeries(ctx context.Context, eps []probe.Endpoint) []probe.Result {
	results := make([]probe.Result, len(eps))
	left := make([]ask, 0, len(eps))
	var blank blankRequest
	for i, ep := range eps {
		req, err := p.seriesRequest(ctx, ep, &blank)
		switch {
		case err != nil:
			results[i].Err = err
		case len(left) > 0 && (req.URL.Scheme != left[0].req.URL.Scheme || req.URL.Host != left[0].req.URL.Host):
			results[i].Err = &probe.Error{Kind: probe.KindOther, Permanent: true, Err: errors.New("a series has one host")}
		default:
			left = append(left, ask{req, &results[i]})
		}
	}
	for unanswered := 0; len(left) > 0; {
		answered, err := p.over(ctx, left)
		left = left[answered:]
		if answered > 0 { // the server has ended the connection; the others need a new one
			unanswered = 0
			continue
		}
		failed := 1 // the first request may be why
		if unanswered++; unanswered == maxUnanswered || !isBroken(err) {
			failed = len(left)
		}
		for _, a := range left[:failed] {
			a.result.Err = err
		}
		left = left[failed:]
	}
	return results
}

// maxUnanswered is the number of connections in a row without an answer after which a series ends.
const maxUnanswered = 3

func isBroken(err error) bool {
	var pe *probe.Error
	return errors.As(err, &pe) && pe.Kind == probe.KindBroken
}

// ask is one request of a series.
type ask struct {
	req    *http.Request
	result *probe.Result
}

// blankRequest is a request for a URL, before anything of an endpoint's is added.
type blankRequest struct {
	url string
	req *http.Request
}

// seriesRequest is request for a series, in which a panic ends one probe. The endpoints of a series
// mostly have one URL, which is parsed once.
func (p *Prober) seriesRequest(ctx context.Context, ep probe.Endpoint, blank *blankRequest) (req *http.Request, err error) {
	defer func() {
		if value := recover(); value != nil {
			err = panicError(value)
		}
	}()
	if blank.req == nil || blank.url != ep.URL {
		req, err := newRequest(ctx, ep.URL)
		if err != nil {
			return nil, err
		}
		*blank = blankRequest{ep.URL, req}
	}
	copied := *blank.req
	return p.address(&copied, ep), nil
}

// over asks over one new connection. It returns how many have a result; if none has, err says why.
func (p *Prober) over(ctx context.Context, asks []ask) (answered int, err error) {
	conn, err := p.dialer.connect(ctx, asks[0].req)
	if err != nil {
		return 0, transportError(ctx, err)
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	var writing sync.WaitGroup
	defer writing.Wait()
	defer func() { _ = conn.Close() }() // ends the writing
	writing.Go(func() { writeAll(conn, asks) })
	limited := &io.LimitedReader{R: conn}
	reader := bufio.NewReader(limited)
	for _, a := range asks {
		limited.N = maxHeader
		resp, err := readResponse(reader, a.req) //nolint:bodyclose // it reads from a connection that is closed
		if err != nil {
			return answered, transportError(ctx, err)
		}
		limited.N = p.bodyBudget()
		ended := p.take(ctx, resp, a.result)
		answered++
		if ended || resp.Close {
			return answered, nil
		}
	}
	return answered, nil
}

// connect makes a new connection for a request.
func (d *dialer) connect(ctx context.Context, req *http.Request) (net.Conn, error) {
	host, port := req.URL.Hostname(), req.URL.Port()
	switch {
	case req.URL.Scheme == "https" && port == "":
		port = "443"
	case req.URL.Scheme == "http" && port == "":
		port = "80"
	case req.URL.Scheme != "http" && req.URL.Scheme != "https", host == "":
		return nil, &probe.Error{Kind: probe.KindOther, Permanent: true, Err: errors.New("bad URL")}
	}
	if req.URL.Scheme == "https" {
		return d.dialTLS(ctx, "tcp", net.JoinHostPort(host, port))
	}
	return d.dial(ctx, "tcp", net.JoinHostPort(host, port))
}

// writeAll writes all requests. An error shows when the answers are read.
func writeAll(conn net.Conn, asks []ask) {
	writer := bufio.NewWriterSize(conn, writeBuffer)
	for _, a := range asks {
		if a.req.Write(writer) != nil {
			return
		}
	}
	_ = writer.Flush()
}

const (
	// maxHeader bounds the header of an answer.
	maxHeader = 32 << 10
	// writeBuffer holds about a hundred requests.
	writeBuffer = 16 << 10
	// maxInterim is the maximum number of 1xx answers before an answer.
	maxInterim = 5
)

// readResponse reads the next answer that is not an interim one.
func readResponse(reader *bufio.Reader, req *http.Request) (*http.Response, error) {
	for range maxInterim {
		resp, err := http.ReadResponse(reader, req)
		if err != nil {
			return nil, err
		}
		if resp.StatusCode >= http.StatusOK || resp.StatusCode == http.StatusSwitchingProtocols {
			return resp, nil
		}
	}
	return nil, errors.New("too many interim answers")
}

// bodyBudget bounds what is read of a body, with the marks of its pieces.
func (p *Prober) bodyBudget() int64 {
	if p.cfg.MaxBody < 0 || p.cfg.MaxBody > math.MaxInt64/4 {
		return math.MaxInt64
	}
	return 2*p.cfg.MaxBody + maxHeader
}

// take reads one answer. ended means that no other one can be read from the connection.
func (p *Prober) take(ctx context.Context, resp *http.Response, result *probe.Result) (ended bool) {
	defer func() {
		if value := recover(); value != nil {
			*result, ended = probe.Result{Err: panicError(value)}, true
		}
	}()
	if resp.StatusCode < http.StatusOK { // the body of a 1xx answer is the connection itself
		result.Err = refused(resp)
		return true
	}
	if err := refused(resp); err != nil {
		*result = probe.Result{Observation: probe.Observation{Status: resp.StatusCode}, Err: err}
		_, err := io.CopyN(io.Discard, resp.Body, maxDrain)
		return !errors.Is(err, io.EOF)
	}
	body, err := readBody(ctx, resp, p.cfg.MaxBody)
	if err != nil {
		*result = probe.Result{Observation: probe.Observation{Status: resp.StatusCode}, Err: err}
		return true
	}
	result.Observation, result.Err = p.cfg.observe(Answer{Status: resp.StatusCode, Header: resp.Header, Body: body})
	return false
}
