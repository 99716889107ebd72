package bluegreen_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/executor/bluegreen"
	"github.com/cutover-go/cutover/executor/bluegreen/bluegreentest"
)

func TestHTTPFailuresHaveStableCodes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		fault     bluegreentest.Fault
		kind      string
		retryable bool
		reason    string
	}{
		{bluegreentest.TimeOut, "_TIMEOUT", true, "timeout"},
		{bluegreentest.Drop, "_UNAVAILABLE", true, "unavailable"},
		{bluegreentest.Unavailable, "_UNAVAILABLE", true, "unavailable: it answered 503 Service Unavailable"},
		{bluegreentest.Refuse, "_REFUSED", false, "refused: it answered 403 Forbidden"},
		{bluegreentest.Login, "_BAD_ANSWER", false, "gave a bad answer: a page for people, not the JSON expected"},
		{bluegreentest.Late, "_TIMEOUT", true, "timeout: it answered 504 Gateway Timeout"},
		{bluegreentest.Redirect, "_BAD_ANSWER", false, "gave a bad answer: it answered 307 Temporary Redirect"},
	} {
		for _, op := range []bluegreentest.Op{bluegreentest.Info, bluegreentest.Status, bluegreentest.Current, bluegreentest.Switch} {
			t.Run(string(op)+c.kind, func(t *testing.T) {
				t.Parallel()
				timeout := patient
				if c.fault == bluegreentest.TimeOut {
					timeout = hasty
				}
				l := newLabWithin(t, timeout, bluegreen.Config{})
				l.Inject(tenantID, op, c.fault, 2) // net/http repeats a request once when its connection drops
				prefix, name := "GATEWAY", "Gateway API "
				if op == bluegreentest.Info || op == bluegreentest.Status {
					prefix, name = "TENANT_SERVICE", "Tenant API "
				}
				info := wantFailure(t, l.request(t.Context(), op, tenantID), prefix+c.kind, c.retryable)
				if info.Reason != name+c.reason {
					t.Errorf("reason %q", info.Reason)
				}
			})
		}
	}
}

func (l *lab) request(ctx context.Context, op bluegreentest.Op, id string) (err error) {
	ch := bluegreen.Change{TenantID: id, From: "green", To: "blue", Token: 7, Key: "k"}
	switch op {
	case bluegreentest.Info:
		_, err = l.tenants.TenantInfo(ctx, id)
	case bluegreentest.Status:
		ch.From, ch.To = "GREEN", "BLUE"
		err = l.tenants.UpdateStatus(ctx, ch)
	case bluegreentest.Current:
		_, err = l.gateway.Current(ctx, id)
	case bluegreentest.Switch:
		err = l.gateway.Switch(ctx, ch)
	}
	return err
}

func TestUnknownTenantsAndStaleTokens(t *testing.T) {
	t.Parallel()
	l := newLab(t, bluegreen.Config{})
	for _, op := range []bluegreentest.Op{bluegreentest.Info, bluegreentest.Status, bluegreentest.Current, bluegreentest.Switch} {
		wantFailure(t, l.request(t.Context(), op, "nobody"), "TENANT_NOT_FOUND", false)
		if err := l.request(t.Context(), op, ".."); err == nil || !strings.Contains(err.Error(), "cannot be part of a URL") {
			t.Errorf("%s: %v", op, err)
		}
	}
	if err := l.request(t.Context(), bluegreentest.Switch, tenantID); err != nil {
		t.Fatal(err)
	}
	stale := bluegreen.Change{TenantID: tenantID, From: "blue", To: "green", Token: 6}
	wantFailure(t, l.gateway.Switch(t.Context(), stale), "GATEWAY_REFUSED", false)
	wrong := bluegreen.Change{TenantID: tenantID, From: "red", To: "green", Token: 8}
	wantFailure(t, l.gateway.Switch(t.Context(), wrong), "TENANT_MOVED_ON", false)
	l.wantTenant(t, "blue", "GREEN")
}

func TestTenantIDsAreEscaped(t *testing.T) {
	t.Parallel()
	l := newLab(t, bluegreen.Config{})
	const odd = "a/b ?#%2F../ü"
	l.Put(bluegreentest.Tenant{ID: odd, Colour: "green", Status: "GREEN"})
	for _, op := range []bluegreentest.Op{bluegreentest.Info, bluegreentest.Status, bluegreentest.Current, bluegreentest.Switch} {
		if err := l.request(t.Context(), op, odd); err != nil {
			t.Errorf("%s: %v", op, err)
		}
	}
	if got := l.Tenant(odd); got.Colour != "blue" || got.Status != "BLUE" {
		t.Errorf("tenant %+v", got)
	}
}

func TestABodyThatBreaksOffIsUnavailable(t *testing.T) {
	t.Parallel()
	url := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = w.Write([]byte(`{"colour":`))
	}))
	gateway, err := bluegreen.NewHTTPGateway(url, httpConfig(t, patient))
	if err != nil {
		t.Fatal(err)
	}
	_, err = gateway.Current(t.Context(), tenantID)
	wantFailure(t, err, "GATEWAY_UNAVAILABLE", true)
}

func TestErrorsHoldNoAddressAndNoSecret(t *testing.T) {
	t.Parallel()
	gateway, err := bluegreen.NewHTTPGateway("http://127.0.0.1:1/api", httpConfig(t, patient))
	if err != nil {
		t.Fatal(err)
	}
	_, err = gateway.Current(t.Context(), tenantID)
	info := wantFailure(t, err, "GATEWAY_UNAVAILABLE", true)
	if info.Reason != "Gateway API unavailable" {
		t.Errorf("reason %q", info.Reason)
	}
}

func TestAnEndedCallIsNoFailureOfTheService(t *testing.T) {
	t.Parallel()
	l := newLab(t, bluegreen.Config{})
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(executor.ErrShutdown)
	for _, op := range []bluegreentest.Op{bluegreentest.Info, bluegreentest.Switch} {
		err := l.request(ctx, op, tenantID)
		if !errors.Is(err, executor.ErrShutdown) {
			t.Errorf("%s: %v", op, err)
		}
	}
}

func TestChangesCarryTokenAndKey(t *testing.T) {
	t.Parallel()
	l := newLab(t, bluegreen.Config{})
	if err := l.request(t.Context(), bluegreentest.Switch, tenantID); err != nil {
		t.Fatal(err)
	}
	if got := l.Calls(tenantID); len(got) != 1 || got[0] != (bluegreentest.Call{Op: bluegreentest.Switch, To: "blue", Token: 7, Key: "k"}) {
		t.Errorf("calls %+v", got)
	}
}

func TestHeadersAreSent(t *testing.T) {
	t.Parallel()
	got := make(chan http.Header, 1)
	url := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got <- r.Header
		_, _ = w.Write([]byte(`{"colour":"blue"}`))
	}))
	gateway, err := bluegreen.NewHTTPGateway(url, httpConfig(t, patient))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := gateway.Current(t.Context(), tenantID); err != nil {
		t.Fatal(err)
	}
	if h := <-got; h.Get("Authorization") != "Bearer secret" || h.Get("Accept") != "application/json" {
		t.Errorf("headers %v", h)
	}
}

func TestInvalidConfigurations(t *testing.T) {
	t.Parallel()
	for url, fault := range map[string]string{
		"":                     "neither http nor https",
		"://":                  "cannot be read",
		"ftp://host":           "neither http nor https",
		"http://":              "has no host",
		"http://u:secret@host": "has a user or password",
		"http://host?x=1":      "has a query",
	} {
		_, err := bluegreen.NewHTTPTenants(url, bluegreen.HTTPConfig{Timeout: -1})
		if !errors.Is(err, bluegreen.ErrInvalid) || !strings.Contains(err.Error(), fault) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", url, err)
		}
		if _, err := bluegreen.NewHTTPGateway(url, bluegreen.HTTPConfig{}); !errors.Is(err, bluegreen.ErrInvalid) {
			t.Errorf("%q: %v", url, err)
		}
	}
	var noTenants *bluegreen.HTTPTenants
	var noGateway *bluegreen.HTTPGateway
	if _, err := bluegreen.New(noTenants, noGateway, bluegreen.Config{}); err == nil ||
		!strings.Contains(err.Error(), "tenant service is missing") || !strings.Contains(err.Error(), "gateway is missing") {
		t.Errorf("New with nil pointers: %v", err)
	}
	var noTransport *http.Transport
	if _, err := bluegreen.NewHTTPGateway("http://host", bluegreen.HTTPConfig{Transport: noTransport}); !errors.Is(err, bluegreen.ErrInvalid) {
		t.Errorf("a nil pointer as the transport: %v", err)
	}
	_, err := bluegreen.New(nil, nil, bluegreen.Config{Colours: []string{"", "red"}, Target: "blue", Timeout: -1})
	for _, fault := range []string{"tenant service is missing", "gateway is missing", "one is empty", `"blue" is none`, "Timeout is negative"} {
		if !errors.Is(err, bluegreen.ErrInvalid) || !strings.Contains(err.Error(), fault) {
			t.Errorf("New: %v does not name %q", err, fault)
		}
	}
}
