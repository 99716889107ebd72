package haproxy_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/cutover-go/cutover/executor/canary"
	"github.com/cutover-go/cutover/gateway/gatewaytest"
	"github.com/cutover-go/cutover/gateway/haproxy"
	"github.com/cutover-go/cutover/task"
)

// TestUsersStayWhereTheyAre raises a weight: a user who has been moved is not moved back.
func TestUsersStayWhereTheyAre(t *testing.T) {
	t.Parallel()
	f := startFleet(t, 1)
	weights, err := f.gateway(t, haproxy.Config{}).Weights(gatewaytest.Green, gatewaytest.Blue)
	if err != nil {
		t.Fatal(err)
	}
	moved := map[int]bool{}
	from := 0
	for token, to := range []int{10, 30, 80} {
		change := canary.Change{TenantID: "acme", From: from, To: to, Token: task.Token(token + 1), Key: "k"} //nolint:gosec // small
		if err := weights.SetWeight(t.Context(), change); err != nil {
			t.Fatal(err)
		}
		from = to
		blue := 0
		for user := range 200 {
			colour := askAs(t, f.Proxies[0].URL(), user)
			if again := askAs(t, f.Proxies[0].URL(), user); again != colour {
				t.Errorf("user %d at %d percent: %s, then %s", user, to, colour, again)
			}
			if colour == gatewaytest.Blue {
				blue++
				moved[user] = true
			} else if moved[user] {
				t.Errorf("user %d was moved back at %d percent", user, to)
			}
		}
		if want := 2 * to; blue < want-43 || blue > want+43 {
			t.Errorf("%d of 200 users at %d percent", blue, to)
		}
	}
}

// askAs sends a request of acme with a user's cookie.
func askAs(t *testing.T, url string, user int) (colour string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Tenant", "acme")
	req.Header.Set("Cookie", fmt.Sprint("user=somebody-", user))
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}
