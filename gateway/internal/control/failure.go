package control

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/executor/bluegreen"
	"github.com/cutover-go/cutover/gateway"
	"github.com/cutover-go/cutover/redisack/probe"
	"github.com/cutover-go/cutover/task"
)

// The codes are those of package bluegreen.
const (
	codeTimeout      = "GATEWAY_TIMEOUT"
	codeUnavailable  = "GATEWAY_UNAVAILABLE"
	codeRefused      = "GATEWAY_REFUSED"
	codeBadAnswer    = "GATEWAY_BAD_ANSWER"
	codeNotFound     = "TENANT_NOT_FOUND"
	codeNotConfirmed = bluegreen.CodeSwitchNotConfirmed
)

// maxText bounds the message of a failure, in bytes.
const maxText = 600

var (
	errNoRow      = errors.New("the tenant has no row, and there is no default colour")
	errSuperseded = errors.New("another change has taken the place of the row")
)

func isSuperseded(err error) bool { return errors.Is(err, errSuperseded) }

// fencedError: a change with a greater token was made before.
type fencedError struct{ given, found task.Token }

func (e *fencedError) Error() string {
	return fmt.Sprintf("token %d is lower than %d, which has changed the tenant", e.given, e.found)
}

// movedError: the tenant is neither where the change expects it nor where it would put it.
type movedError struct{ found, from, to place }

func (e *movedError) Error() string {
	return fmt.Sprintf("the tenant is at %v and not at %v or %v: somebody else has moved it on", e.found, e.from, e.to)
}

type tableError struct{ err error }

func (e *tableError) Error() string { return "the table: " + e.err.Error() }
func (e *tableError) Unwrap() error { return e.err }

type fleetError struct{ err error }

func (e *fleetError) Error() string { return e.err.Error() }
func (e *fleetError) Unwrap() error { return e.err }

// textError is a failure: a message of bounded length, and the cause.
type textError struct {
	text  string
	cause error
}

func (e *textError) Error() string { return e.text }
func (e *textError) Unwrap() error { return e.cause }

func (c *Controller) text(err error) error {
	text := c.Kind + " gateway: " + err.Error()
	if len(text) > maxText {
		text = strings.ToValidUTF8(text[:maxText], "") + "..."
	}
	return &textError{text: text, cause: err}
}

func (c *Controller) refused(err error) error { return executor.Fail(codeRefused, c.text(err)) }

// failure returns the failure of a call. ctx is the caller's: if it was canceled, the gateway has
// not failed.
func (c *Controller) failure(ctx context.Context, err error) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return fmt.Errorf("%s gateway: the call was ended: %w", c.Kind, context.Cause(ctx))
	}
	var fenced *fencedError
	var moved *movedError
	var between *betweenError
	var unconfirmed *gateway.NotConfirmedError
	shown := c.text(err)
	switch {
	case errors.As(err, &fenced), errors.Is(err, gateway.ErrSetup):
		return executor.Fail(codeRefused, shown)
	case errors.As(err, &moved), errors.As(err, &between):
		return executor.Fail(task.CodeTenantMovedOn, shown)
	case isSuperseded(err):
		return executor.Retryable(codeNotConfirmed, shown)
	case errors.Is(err, errNoRow):
		return executor.Fail(codeNotFound, shown)
	case errors.Is(err, gateway.ErrDamaged):
		return executor.Fail(codeBadAnswer, shown)
	case errors.As(err, &unconfirmed):
		return executor.Retryable(codeOf(unconfirmed), shown)
	case timedOut(err), ctx.Err() != nil:
		return executor.Retryable(codeTimeout, shown)
	}
	return executor.Retryable(codeUnavailable, shown)
}

// codeOf returns the code for a row that was not confirmed in time.
func codeOf(e *gateway.NotConfirmedError) string {
	code := codeTimeout
	for _, r := range e.Instances {
		switch {
		case r.Confirmed:
		case r.Found != "":
			return codeNotConfirmed
		case !timedOut(r.Err):
			code = codeUnavailable
		}
	}
	return code
}

func timedOut(err error) bool {
	var timeout interface{ Timeout() bool }
	var failed *probe.Error
	return errors.As(err, &failed) && failed.Kind == probe.KindTimeout ||
		errors.As(err, &timeout) && timeout.Timeout() || errors.Is(err, context.DeadlineExceeded)
}

// withAftermath returns err with what has become of the change.
func withAftermath(err error, aftermath string) error {
	var unconfirmed *gateway.NotConfirmedError
	if !errors.As(err, &unconfirmed) {
		return fmt.Errorf("%w; %s", err, aftermath)
	}
	copied := *unconfirmed
	copied.Aftermath = aftermath
	return &copied
}

// check returns what is wrong with moving a tenant to a place.
func (c *Controller) check(tenant string, to place) error {
	if err := c.CheckTenant(tenant); err != nil {
		return err
	}
	if err := c.checkColour(to.colour); err != nil || to.weight == 0 {
		return err
	}
	return c.checkColour(to.other)
}

func (c *Controller) checkColour(colour string) error {
	if slices.Contains(c.Colours, colour) {
		return nil
	}
	return &gateway.SetupError{Expected: "one of the colours " + strings.Join(c.Colours, ", "), Found: fmt.Sprintf("%.64q", colour)}
}

// unanswered returns why a member could not be asked for a route. An answer without a route and a
// URL that cannot be asked do not mend themselves.
func (c *Controller) unanswered(m *Member, err error) error {
	if checker, ok := c.Prober.(probe.Checker); ok {
		if fault := checker.CheckEndpoint(probe.Endpoint{ID: m.Name, URL: m.URL}); fault != nil {
			return &gateway.SetupError{Expected: "a URL that begins with http:// or https://", Found: "an instance that " + fault.Error(), Err: err}
		}
	}
	var failed *probe.Error
	if errors.As(err, &failed) && failed.Kind == probe.KindNoVersion {
		return &gateway.SetupError{
			Expected: "the route in an answer of " + shownURL(m.URL),
			Found:    fmt.Sprintf("status %d without it (%v)", failed.Status, failed.Err), Err: err,
		}
	}
	return fmt.Errorf("asking %s for the route: %w", shownURL(m.URL), err)
}

// shownURL returns a URL without the parts that may be secret.
func shownURL(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" {
		return "its URL"
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}
