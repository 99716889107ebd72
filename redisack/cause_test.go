package redisack

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/cutover-go/cutover/redisack/httpprobe"
)

// TestErrorNamesTheCause checks that the message of the error includes the answer or error of an
// endpoint and, for a blocked address, the option that would allow it, if there is one.
func TestErrorNamesTheCause(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	cases := map[string]struct {
		check Check
		parts []string
	}{
		"loopback": {
			Check{Fleet: URLs(server.URL), Prober: overHTTP(t, httpprobe.Config{})},
			[]string{"EndpointError", server.URL, "127.0.0.1", "Config.AllowLoopback"},
		},
		"prefixes": {
			Check{Fleet: URLs(server.URL), Prober: overHTTP(t, httpprobe.Config{AllowPrefixes: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}})},
			[]string{"Config.AllowPrefixes"},
		},
		"always forbidden": {
			Check{Fleet: URLs("http://169.254.169.254/"), Prober: overHTTP(t, httpprobe.Config{AllowLoopback: true})},
			[]string{"169.254.169.254", "never allowed"},
		},
		"attempts used up": {
			Check{Fleet: URLs(server.URL), Prober: overHTTP(t, httpprobe.Config{AllowLoopback: true}), Policy: Policy{MaxAttempts: 1, Timeout: time.Minute, AttemptTimeout: time.Minute, FirstAttemptTimeout: time.Minute}},
			[]string{server.URL, "status 404"},
		},
		"time over": {
			Check{Fleet: URLs(server.URL), Prober: overHTTP(t, httpprobe.Config{AllowLoopback: true}), Policy: Policy{Timeout: 50 * time.Millisecond, StartDelay: 1, FirstAttemptTimeout: time.Second}},
			[]string{"Timeout", "last seen", server.URL},
		},
		"rejected": {
			Check{Fleet: fleetOf("a"), Prober: newSim(map[string][]answer{"a": {refuses("1")}})},
			[]string{"Rejected", "a: bad route"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			c, _ := testClient(t, Config{})
			res, err := c.Apply(t.Context(), change(), tc.check)
			// On a busy machine there may be no answer in that time.
			for timeout := &tc.check.Policy.Timeout; name == "time over" && res.Last == 0 && *timeout < time.Minute; {
				*timeout *= 4
				c, _ = testClient(t, Config{})
				res, err = c.Apply(t.Context(), change(), tc.check)
			}
			for _, part := range tc.parts {
				if err == nil || !strings.Contains(err.Error(), part) {
					t.Errorf("%q does not name %q", err, part)
				}
			}
			var pe *ProbeError
			if is := res.Reason == ReasonEndpointError; errors.As(err, &pe) != is || (is && pe.Kind != res.Endpoints[0].Kind) {
				t.Errorf("%v: ProbeError %v", err, pe)
			}
			if res.Reason == ReasonTimeout && errors.Is(err, ErrEndpoint) {
				t.Error("a timeout matches ErrEndpoint as well")
			}
		})
	}
}
