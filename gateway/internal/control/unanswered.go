package control

import (
	"errors"
	"fmt"
	"net/url"

	"github.com/cutover-go/cutover/gateway"
	"github.com/cutover-go/cutover/redisack/probe"
)

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
