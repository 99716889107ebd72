package redisack

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/cutover-go/cutover/redisack/internal/wire"
)

// refused turns a status other than 2xx, or an HTML page, into an error.
func refused(resp *http.Response) error {
	code := resp.StatusCode
	switch {
	case code >= 300 && code < 400:
		return &ProbeError{Kind: KindRedirect, Status: code, Err: errors.New("redirects are not followed")}
	case code < 200 || code >= 300:
		return &ProbeError{
			Kind:       KindStatus,
			Status:     code,
			Permanent:  code == http.StatusUnauthorized || code == http.StatusForbidden,
			RetryAfter: retryAfter(resp.Header.Get("Retry-After"), time.Now()),
		}
	}
	const html = "text/html"
	if kind := resp.Header.Get("Content-Type"); len(kind) >= len(html) && strings.EqualFold(kind[:len(html)], html) {
		return &ProbeError{Kind: KindDecode, Status: code, Err: errors.New("an HTML page")}
	}
	return nil
}

// maxRetryAfter keeps nonsense out; the time that remains is the real bound.
const maxRetryAfter = 24 * time.Hour

// retryAfter reads a Retry-After header: seconds or a date (RFC 9110, section 10.2.3). Zero when there is none to obey.
func retryAfter(text string, now time.Time) time.Duration {
	text = strings.TrimSpace(text)
	if seconds, err := strconv.ParseUint(text, 10, 64); err == nil {
		if seconds > uint64(maxRetryAfter/time.Second) {
			return maxRetryAfter
		}
		return time.Duration(seconds) * time.Second
	}
	at, err := http.ParseTime(text)
	if err != nil {
		return 0
	}
	return min(max(at.Sub(now), 0), maxRetryAfter)
}

func readBody(ctx context.Context, resp *http.Response, limit int64) ([]byte, error) {
	limit = min(limit, math.MaxInt64-1) // one byte more is asked for
	if resp.ContentLength > limit {
		return nil, oversize(resp.StatusCode, limit)
	}
	var buf bytes.Buffer
	if resp.ContentLength > 0 {
		buf.Grow(int(min(resp.ContentLength, defaultMaxBody)) + bytes.MinRead) // more than that has to come first
	}
	n, err := buf.ReadFrom(io.LimitReader(resp.Body, limit+1))
	if n > limit {
		return nil, oversize(resp.StatusCode, limit)
	}
	if err != nil {
		pe := dialError(ctx, err)
		pe.Status = resp.StatusCode
		if pe.Kind == KindDial {
			pe.Kind = KindBroken
		}
		return nil, pe
	}
	return buf.Bytes(), nil
}

func oversize(status int, limit int64) *ProbeError {
	return &ProbeError{Kind: KindOversize, Status: status, Err: fmt.Errorf("body is longer than %d bytes", limit)}
}

// drain reads what is left of a short body, so that the connection can be used again.
func drain(resp *http.Response) {
	if resp.StatusCode >= http.StatusOK { // below stands the connection itself, which no context ends a read from
		_, _ = io.CopyN(io.Discard, resp.Body, maxDrain)
	}
}

// dialError classifies what the transport says. Its text holds no URL.
func dialError(ctx context.Context, err error) *ProbeError {
	var outer *url.Error
	if errors.As(err, &outer) {
		err = outer.Err
	}
	var (
		blocked  *blockedError
		name     x509.HostnameError
		unknown  x509.UnknownAuthorityError
		invalid  x509.CertificateInvalidError
		verify   *tls.CertificateVerificationError
		record   tls.RecordHeaderError
		alert    tls.AlertError
		timeout  interface{ Timeout() bool }
		op       *net.OpError
		lookup   *net.DNSError
		badFit   = errors.As(err, &name) || errors.As(err, &unknown) || errors.As(err, &invalid) || errors.As(err, &verify)
		badShake = errors.As(err, &record) || errors.As(err, &alert)
	)
	switch {
	case errors.As(err, &blocked):
		return &ProbeError{Kind: KindBlocked, Permanent: true, Err: err}
	case badFit:
		return &ProbeError{Kind: KindTLS, Permanent: true, Err: err}
	case badShake:
		return &ProbeError{Kind: KindTLS, Err: err}
	case ctx.Err() != nil || (errors.As(err, &timeout) && timeout.Timeout()):
		return &ProbeError{Kind: KindTimeout, Err: err}
	case errors.As(err, &lookup) || (errors.As(err, &op) && op.Op == "dial"):
		return &ProbeError{Kind: KindDial, Err: err}
	}
	return &ProbeError{Kind: KindBroken, Err: err}
}

// observe reads the answer with the extractors, or as a status body if there are none.
func (h HTTP) observe(a Answer) (Observation, error) {
	obs := Observation{Status: a.Status}
	if h.Version == nil && h.Rev == nil && h.WriteID == nil && h.Sum == nil {
		return statusObservation(a)
	}
	var rev string
	for _, field := range []struct {
		extract Extract
		into    *string
	}{
		{h.Version, &obs.Version},
		{h.Rev, &rev},
		{h.WriteID, &obs.WriteID},
		{h.Sum, &obs.Sum},
		{h.Instance, &obs.Instance},
		{h.Boot, &obs.Boot},
	} {
		if field.extract == nil {
			continue
		}
		text, err := field.extract(a)
		if err != nil || text == "" {
			return Observation{Status: a.Status}, extractError(a, err)
		}
		*field.into = text
	}
	if rev == "" {
		return obs, nil
	}
	n, err := strconv.ParseUint(rev, 10, 64)
	if err != nil {
		return Observation{Status: a.Status}, extractError(a, fmt.Errorf("revision %q is no integer", wire.Clean(rev, 40)))
	}
	obs.Rev = n
	return obs, nil
}

func extractError(a Answer, err error) *ProbeError {
	kind := KindDecode
	if err == nil || errors.Is(err, errNoVersion) || len(a.Body) == 0 {
		kind, err = KindNoVersion, errNoVersion
	}
	return &ProbeError{Kind: kind, Status: a.Status, Err: err}
}

// statusObservation reads the body that redisack/agent serves.
func statusObservation(a Answer) (Observation, error) {
	status, err := wire.ParseStatus(a.Body)
	if err != nil {
		return Observation{Status: a.Status}, extractError(a, err)
	}
	obs := Observation{
		Status: a.Status, Instance: status.Instance, Boot: status.Boot, Nothing: status.Applied == nil,
	}
	if s := status.Applied; s != nil {
		obs.Rev, obs.Version, obs.WriteID, obs.Sum = uint64(s.Rev), s.Version, s.WriteID, s.Sum
	}
	if s := status.Attempted; s != nil {
		obs.Attempt = &Attempt{
			Rev: uint64(s.Rev), Version: s.Version, WriteID: s.WriteID, At: s.At,
			Rejected: s.State == wire.StateRejected, Error: wire.Clean(s.Error, maxErrorText),
		}
	}
	return obs, nil
}
