package tenanthttp

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/task"
)

// Service is how failures name an HTTP service.
type Service struct {
	// Name is the service in messages, Prefix the beginning of its codes.
	Name, Prefix string
}

// kind is how a call failed; it is the last part of the failure's code.
type kind string

const (
	timedOut    kind = "_TIMEOUT"
	unavailable kind = "_UNAVAILABLE"
	refused     kind = "_REFUSED"
	badAnswer   kind = "_BAD_ANSWER"

	codeNotFound = "TENANT_NOT_FOUND"
)

// callError is a failed call: a message for operators, and the cause, which may contain addresses.
type callError struct {
	text  string
	cause error
}

func (e *callError) Error() string { return e.text }

func (e *callError) Unwrap() error { return e.cause }

// fail returns a failure of kind k, whose message includes found.
func (s Service) fail(k kind, found error) error {
	text := map[kind]string{timedOut: "timeout", unavailable: "unavailable", refused: "refused", badAnswer: "gave a bad answer"}[k]
	if found != nil {
		text += ": " + found.Error()
	}
	return s.failure(k, &callError{text: s.Name + " " + text, cause: found})
}

func (s Service) failure(k kind, err error) error {
	if k == timedOut || k == unavailable {
		return executor.Retryable(s.Prefix+string(k), err)
	}
	return executor.Fail(s.Prefix+string(k), err)
}

// broken returns the failure of a call that received no complete answer. ctx is the caller's: if it
// was canceled, the service has not failed.
func (s Service) broken(ctx context.Context, err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err // drop the URL
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		return fmt.Errorf("%s: the call was ended: %w", s.Name, context.Cause(ctx))
	}
	var timeout interface{ Timeout() bool }
	if errors.As(err, &timeout) && timeout.Timeout() {
		return s.failure(timedOut, &callError{text: s.Name + " timeout", cause: err})
	}
	return s.failure(unavailable, &callError{text: s.Name + " unavailable", cause: err})
}

// status returns the failure for an answer's status, nil for 2xx. A query succeeds only with 200.
func (s Service) status(resp *http.Response, query bool) error {
	code := resp.StatusCode
	answered := fmt.Errorf("it answered %d %s", code, http.StatusText(code))
	switch {
	case code == http.StatusOK, code > 200 && code < 300 && !query:
		return nil
	case code == http.StatusNotFound:
		return executor.Fail(codeNotFound, fmt.Errorf("%s does not know the tenant", s.Name))
	case code == http.StatusPreconditionFailed:
		return executor.Fail(task.CodeTenantMovedOn, fmt.Errorf("%s says that the tenant is not where this task left it", s.Name))
	case code == http.StatusRequestTimeout, code == http.StatusGatewayTimeout:
		return s.later(timedOut, answered, resp.Header)
	case code == http.StatusTooManyRequests, code >= 500:
		return s.later(unavailable, answered, resp.Header)
	case code >= 400:
		return s.fail(refused, answered)
	default:
		return s.fail(badAnswer, answered)
	}
}

// later returns a retryable failure, to be tried again no earlier than the answer's Retry-After
// says.
func (s Service) later(k kind, answered error, header http.Header) error {
	after := retryAfter(header, time.Now())
	if after > 0 {
		answered = fmt.Errorf("%w, and to come back in %s", answered, after)
	}
	err := s.fail(k, answered)
	var failure *executor.Error
	if errors.As(err, &failure) {
		failure.RetryAfter = after
	}
	return err
}

// maxRetryAfter caps the wait that a service may ask for.
const maxRetryAfter = 24 * time.Hour

// retryAfter returns the time that a service asks its caller to wait: 0 if the header is missing or
// invalid. A date is compared with the answer's own date, because the service's clock may differ
// from this process's.
func retryAfter(header http.Header, now time.Time) time.Duration {
	text := strings.TrimSpace(header.Get("Retry-After"))
	if text != "" && strings.Trim(text, "0123456789") == "" {
		seconds, err := strconv.ParseUint(text, 10, 32)
		if err != nil || seconds > uint64(maxRetryAfter/time.Second) {
			return maxRetryAfter
		}
		return time.Duration(seconds) * time.Second
	}
	at, err := http.ParseTime(text)
	if err != nil {
		return 0
	}
	if sent, err := http.ParseTime(header.Get("Date")); err == nil {
		now = sent
	}
	return max(0, min(at.Sub(now), maxRetryAfter)).Round(time.Second)
}
