package redisconfig

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/executor/bluegreen"
	"github.com/cutover-go/cutover/redisack"
)

// The codes; doc.go has the table.
const (
	codeTimeout      = "GATEWAY_TIMEOUT"
	codeUnavailable  = "GATEWAY_UNAVAILABLE"
	codeRefused      = "GATEWAY_REFUSED"
	codeBadAnswer    = "GATEWAY_BAD_ANSWER"
	codeNotFound     = "TENANT_NOT_FOUND"
	codeMovedOn      = "TENANT_MOVED_ON"
	codeNotConfirmed = bluegreen.CodeSwitchNotConfirmed
)

// maxText bounds the message of a failure, in bytes.
const maxText = 400

// callError is a failure: a message for operators, and the cause, which may contain addresses.
type callError struct {
	text  string
	cause error
}

func (e *callError) Error() string { return e.text }

func (e *callError) Unwrap() error { return e.cause }

// outcome records the write that the clients run after a run of redisack, and returns the failure
// of that run.
func (g *Gateway) outcome(ctx context.Context, tenantID string, res *redisack.AckResult, err error) error {
	if err == nil {
		g.markLive(ctx, res.Target)
		return nil
	}
	if putBack(res) {
		g.markLive(ctx, res.Rollback.Result.Target)
	}
	var we *redisack.WriteError
	if res == nil || errors.As(err, &we) || errors.Is(ctx.Err(), context.Canceled) {
		return unwritten(ctx, err)
	}
	text := fmt.Sprintf("the route of tenant %s is not confirmed: %s%s", tenantID, account(res), aftermath(res.Rollback))
	failure := &callError{text: clip(text), cause: err}
	code := codeOf(res)
	if code == codeRefused {
		return executor.Fail(code, failure)
	}
	return executor.Retryable(code, failure)
}

// codeOf returns the code for the failure of a run that has written the route, or has not because
// there were too few clients.
func codeOf(res *redisack.AckResult) string {
	switch res.Reason {
	case redisack.ReasonRejected, redisack.ReasonNotifyFailed:
		return codeRefused
	case redisack.ReasonTimeout:
		for row := range res.Failed() {
			if row.Verdict == redisack.VerdictUnknown { // the client has never reported what it runs
				return codeTimeout
			}
		}
		return codeNotConfirmed
	case redisack.ReasonEndpointError, redisack.ReasonQuorumImpossible, redisack.ReasonNoEndpoints:
		return codeUnavailable
	default: // Mismatch, Superseded, WriteLost
		return codeNotConfirmed
	}
}

// account returns the summary of a run in one line, without the rollback, which aftermath
// describes.
func account(res *redisack.AckResult) string {
	forward := *res
	forward.Rollback = nil
	lines := strings.FieldsFunc(forward.Summary(), func(r rune) bool { return r == '\n' })
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return strings.Join(lines, "; ")
}

// aftermath describes whether the route was put back.
func aftermath(back *redisack.RollbackReport) string {
	switch {
	case back == nil:
		return ""
	case back.OK:
		return "; it was put back"
	case back.Written:
		return "; it was put back, which is not confirmed either"
	default:
		return "; it was not put back"
	}
}

// unwritten returns the failure of a write that did not take place or was replaced, or of a run
// that was invalid, refused or ended by the caller.
func unwritten(ctx context.Context, err error) error {
	var invalid *redisack.InvalidError
	if errors.As(err, &invalid) {
		return executor.Fail(codeRefused, err)
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		return broken(ctx, err)
	}
	switch {
	case errors.Is(err, redisack.ErrFenced):
		return executor.Fail(codeRefused, &callError{text: "Redis gateway refused: a greater token has written the route", cause: err})
	case errors.Is(err, redisack.ErrVersionReused):
		return executor.Fail(codeRefused, &callError{text: "Redis gateway refused: the route's version is current with other content", cause: err})
	case errors.Is(err, redisack.ErrConflict):
		return executor.Retryable(codeUnavailable, &callError{text: "Redis gateway unavailable: others keep writing the route", cause: err})
	case errors.Is(err, redisack.ErrSuperseded):
		return executor.Retryable(codeNotConfirmed, &callError{text: "the route was written and another write has taken its place", cause: err})
	}
	return broken(ctx, err)
}

// broken returns the failure of a call to Redis. ctx is the caller's: if it was canceled, the
// gateway has not failed.
func broken(ctx context.Context, err error) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return fmt.Errorf("redis gateway: the call was ended: %w", context.Cause(ctx))
	}
	if errors.Is(err, redisack.ErrWrongType) || errors.Is(err, redisack.ErrNotPermitted) || forbidden(err) {
		return executor.Fail(codeRefused, &callError{text: "Redis gateway refused", cause: err})
	}
	var timeout interface{ Timeout() bool }
	if errors.Is(ctx.Err(), context.DeadlineExceeded) || (errors.As(err, &timeout) && timeout.Timeout()) {
		return executor.Retryable(codeTimeout, &callError{text: "Redis gateway timeout", cause: err})
	}
	return executor.Retryable(codeUnavailable, &callError{text: "Redis gateway unavailable", cause: err})
}

// forbidden reports whether Redis has refused a command for a reason that will not go away.
func forbidden(err error) bool {
	var all interface{ Unwrap() []error }
	if errors.As(err, &all) {
		return slices.ContainsFunc(all.Unwrap(), forbidden)
	}
	for _, prefix := range []string{"NOPERM", "NOAUTH", "WRONGPASS", "WRONGTYPE"} {
		if redis.HasErrorPrefix(err, prefix) {
			return true
		}
	}
	return false
}

func movedOn(tenantID, found string, left ...string) error {
	return executor.Fail(codeMovedOn, fmt.Errorf("tenant %s is routed to %.64q and not to %s: somebody else has moved it on",
		tenantID, found, strings.Join(left, " or ")))
}

func notFound(tenantID string) error {
	return executor.Fail(codeNotFound, fmt.Errorf("tenant %s has no route", tenantID))
}

func badRoute(tenantID string, err error) error {
	return executor.Fail(codeBadAnswer, &callError{text: clip(fmt.Sprintf("the route of tenant %s: %v", tenantID, err)), cause: err})
}

// clip cuts a string to about maxText bytes, between characters.
func clip(text string) string {
	if len(text) <= maxText {
		return text
	}
	return strings.ToValidUTF8(text[:maxText], "") + "..."
}
