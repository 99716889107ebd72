package httpprobe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/cutover-go/cutover/redisack/probe"
)

// refused returns an error for a status other than 2xx and for an HTML page.
func refused(resp *http.Response) error {
	code := resp.StatusCode
	switch {
	case code >= 300 && code < 400:
		return &probe.Error{Kind: probe.KindRedirect, Status: code, Err: errors.New("redirects are not followed")}
	case code < 200 || code >= 300:
		return &probe.Error{
			Kind:       probe.KindStatus,
			Status:     code,
			Permanent:  code == http.StatusUnauthorized || code == http.StatusForbidden,
			RetryAfter: retryAfter(resp.Header.Get("Retry-After"), time.Now()),
		}
	}
	const html = "text/html"
	if kind := resp.Header.Get("Content-Type"); len(kind) >= len(html) && strings.EqualFold(kind[:len(html)], html) {
		return &probe.Error{Kind: probe.KindDecode, Status: code, Err: errors.New("the body is an HTML page")}
	}
	return nil
}

// maxRetryAfter bounds absurd values. The actual bound is the remaining time of the run.
const maxRetryAfter = 24 * time.Hour

// retryAfter parses a Retry-After header: seconds or a date (RFC 9110, section 10.2.3). It returns
// zero for a missing or invalid header.
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

const maxDrain = 4 << 10

func readBody(ctx context.Context, resp *http.Response, limit int64) ([]byte, error) {
	if limit < 0 {
		limit = math.MaxInt64
	}
	limit = min(limit, math.MaxInt64-1) // one byte more than the limit is read
	if resp.ContentLength > limit {
		return nil, oversize(resp.StatusCode, limit)
	}
	body, err := readAll(resp, limit+1)
	if int64(len(body)) > limit {
		return nil, oversize(resp.StatusCode, limit)
	}
	if err != nil {
		pe := transportError(ctx, err)
		pe.Status = resp.StatusCode
		if pe.Kind == probe.KindDial {
			pe.Kind = probe.KindBroken
		}
		return nil, pe
	}
	return body, nil
}

// readAll reads a body up to a limit. It allocates the announced length at once if that is short,
// and more only as bytes arrive.
func readAll(resp *http.Response, limit int64) ([]byte, error) {
	if resp.ContentLength >= 0 && resp.ContentLength <= defaultMaxBody {
		body := make([]byte, resp.ContentLength)
		n, err := io.ReadFull(resp.Body, body)
		return body[:n], err
	}
	return io.ReadAll(io.LimitReader(resp.Body, limit))
}

func oversize(status int, limit int64) *probe.Error {
	return &probe.Error{Kind: probe.KindOversize, Status: status, Err: fmt.Errorf("body is longer than %d bytes", limit)}
}

// drain reads the remainder of a short body, so that the connection can be reused.
func drain(resp *http.Response) {
	if resp.StatusCode >= http.StatusOK { // the body of a 1xx response is the connection itself, and no context interrupts a read from it
		_, _ = io.CopyN(io.Discard, resp.Body, maxDrain)
	}
}
