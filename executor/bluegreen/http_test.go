package bluegreen_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/executor/bluegreen"
	"github.com/cutover-go/cutover/executor/bluegreen/bluegreentest"
	"github.com/cutover-go/cutover/executor/executortest"
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

func TestBadAnswers(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"empty":      "",
		"HTML":       "<html>",
		"no colour":  `{"id":"someone else"}`,
		"wrong type": `{"colour":7,"id":7}`,
		"endless":    `{"colour":"` + strings.Repeat("x", 70<<10) + `"}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) }))
			gateway, err := bluegreen.NewHTTPGateway(url, httpConfig(t, patient))
			if err != nil {
				t.Fatal(err)
			}
			_, err = gateway.Current(t.Context(), tenantID)
			wantFailure(t, err, "GATEWAY_BAD_ANSWER", false)
			tenants, err := bluegreen.NewHTTPTenants(url, httpConfig(t, patient))
			if err != nil {
				t.Fatal(err)
			}
			_, err = tenants.TenantInfo(t.Context(), tenantID)
			wantFailure(t, err, "TENANT_SERVICE_BAD_ANSWER", false)
		})
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

// TestAnswersToChangesAreLookedAt checks that a 2xx that is not the service's does not count as
// agreement.
func TestAnswersToChangesAreLookedAt(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status      int
		contentType string
		body        string
		bad         string // "" for a good answer
	}{
		"nothing":               {http.StatusNoContent, "", "", ""},
		"empty":                 {http.StatusOK, "", "", ""},
		"created":               {http.StatusCreated, "application/json", `{"colour":"green"}`, ""},
		"accepted":              {http.StatusAccepted, "text/plain; charset=utf-8", "OK", ""},
		"its own id":            {http.StatusOK, "application/json", `{"id":"tenant1"}`, ""},
		"a list":                {http.StatusOK, "application/json", `[1]`, ""},
		"a login page":          {http.StatusOK, "text/html; charset=utf-8", "<html>", "a page for people"},
		"an empty page":         {http.StatusOK, "text/html", "", "a page for people"},
		"a page without a type": {http.StatusOK, "", "\n <!DOCTYPE html>", "a page for people"},
		"another tenant":        {http.StatusOK, "application/json", `{"id":"tenant2"}`, "not the tenant asked for"},
		"no tenant":             {http.StatusOK, "application/json", `{"id":""}`, "not the tenant asked for"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t, bluegreen.Config{})
			l.answers(t, func(w http.ResponseWriter, _ *http.Request) {
				if c.contentType != "" {
					w.Header().Set("Content-Type", c.contentType)
				}
				w.WriteHeader(c.status)
				_, _ = w.Write([]byte(c.body))
			})
			for op, prefix := range map[bluegreentest.Op]string{bluegreentest.Switch: "GATEWAY", bluegreentest.Status: "TENANT_SERVICE"} {
				err := l.request(t.Context(), op, tenantID)
				if c.bad == "" {
					if err != nil {
						t.Errorf("%s: %v", op, err)
					}
					continue
				}
				if info := wantFailure(t, err, prefix+"_BAD_ANSWER", false); !strings.Contains(info.Reason, c.bad) {
					t.Errorf("%s: reason %q", op, info.Reason)
				}
			}
		})
	}
}

// answers replaces both services by h.
func (l *lab) answers(t *testing.T, h http.HandlerFunc) {
	t.Helper()
	url := serve(t, h)
	var err error
	if l.gateway, err = bluegreen.NewHTTPGateway(url, httpConfig(t, patient)); err != nil {
		t.Fatal(err)
	}
	if l.tenants, err = bluegreen.NewHTTPTenants(url, httpConfig(t, patient)); err != nil {
		t.Fatal(err)
	}
}

// TestAnswersToQuestionsAreLookedAt checks that a missing value is not treated as an empty one, and
// that a query succeeds only with 200.
func TestAnswersToQuestionsAreLookedAt(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status       int
		body         string
		route, about bool // whether it is a valid answer of the gateway, of the tenant service
	}{
		"both":             {http.StatusOK, `{"id":"tenant1","status":"GREEN","colour":"green"}`, true, true},
		"an empty status":  {http.StatusOK, `{"id":"tenant1","status":""}`, false, true},
		"no status":        {http.StatusOK, `{"id":"tenant1","colour":"green"}`, true, false},
		"a null status":    {http.StatusOK, `{"id":"tenant1","status":null}`, false, false},
		"no id":            {http.StatusOK, `{"status":"GREEN","colour":"green"}`, true, false},
		"another's id":     {http.StatusOK, `{"id":"tenant2","status":"GREEN","colour":"green"}`, false, false},
		"null":             {http.StatusOK, `null`, false, false},
		"two in one":       {http.StatusOK, `{"id":"tenant1","status":"GREEN","colour":"green"}{}`, false, false},
		"not yet":          {http.StatusAccepted, `{"id":"tenant1","status":"GREEN","colour":"green"}`, false, false},
		"a part":           {http.StatusPartialContent, `{"id":"tenant1","status":"GREEN","colour":"green"}`, false, false},
		"without content":  {http.StatusNoContent, ``, false, false},
		"an array of them": {http.StatusOK, `[{"id":"tenant1","status":"GREEN","colour":"green"}]`, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t, bluegreen.Config{})
			l.answers(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(c.status)
				_, _ = w.Write([]byte(c.body))
			})
			for op, fine := range map[bluegreentest.Op]bool{bluegreentest.Current: c.route, bluegreentest.Info: c.about} {
				err := l.request(t.Context(), op, tenantID)
				if fine && err != nil {
					t.Errorf("%s: %v", op, err)
				}
				if !fine {
					wantFailure(t, err, map[bluegreentest.Op]string{bluegreentest.Current: "GATEWAY", bluegreentest.Info: "TENANT_SERVICE"}[op]+"_BAD_ANSWER", false)
				}
			}
		})
	}
}

func TestRetryAfterIsPassedOn(t *testing.T) {
	t.Parallel()
	const date, later = "Sat, 22 Nov 2025 10:15:30 GMT", "Sat, 22 Nov 2025 10:15:42 GMT"
	for name, c := range map[string]struct {
		status      int
		after, date string
		want        time.Duration
	}{
		"none":                {http.StatusServiceUnavailable, "", "", 0},
		"seconds":             {http.StatusServiceUnavailable, "7", "", 7 * time.Second},
		"too many requests":   {http.StatusTooManyRequests, " 7 ", "", 7 * time.Second},
		"gateway timeout":     {http.StatusGatewayTimeout, "7", "", 7 * time.Second},
		"none at all":         {http.StatusServiceUnavailable, "0", "", 0},
		"a date":              {http.StatusServiceUnavailable, later, date, 12 * time.Second},
		"a date in the past":  {http.StatusServiceUnavailable, date, later, 0},
		"the same by our own": {http.StatusServiceUnavailable, date, "nonsense", 0},
		"a far date":          {http.StatusServiceUnavailable, "Sat, 22 Nov 9999 10:15:30 GMT", date, 24 * time.Hour},
		"huge":                {http.StatusServiceUnavailable, "99999999999999999999", "", 24 * time.Hour},
		"a week":              {http.StatusServiceUnavailable, "604800", "", 24 * time.Hour},
		"negative":            {http.StatusServiceUnavailable, "-7", "", 0},
		"a fraction":          {http.StatusServiceUnavailable, "1.5", "", 0},
		"text":                {http.StatusServiceUnavailable, "soon", "", 0},
		"not retryable":       {http.StatusForbidden, "7", "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t, bluegreen.Config{})
			l.answers(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Retry-After", c.after)
				if c.date != "" {
					w.Header().Set("Date", c.date)
				}
				w.WriteHeader(c.status)
			})
			for _, op := range []bluegreentest.Op{bluegreentest.Info, bluegreentest.Status, bluegreentest.Current, bluegreentest.Switch} {
				var failure *executor.Error
				if err := l.request(t.Context(), op, tenantID); !errors.As(err, &failure) || failure.RetryAfter != c.want {
					t.Errorf("%s: %+v, want %s", op, failure, c.want)
				}
			}
		})
	}
}

// TestTheExecutorWaitsAsLongAsItIsAsked checks that a service that asks for a longer wait than the
// longest allowed is not called again.
func TestTheExecutorWaitsAsLongAsItIsAsked(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		longest time.Duration
		calls   int
	}{
		"long enough": {time.Second, 2}, "too long": {time.Second - 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t, bluegreen.Config{})
			calls := make(chan time.Time, 10)
			l.answers(t, func(w http.ResponseWriter, _ *http.Request) {
				calls <- time.Now()
				if len(calls) == 1 {
					w.Header().Set("Retry-After", "1")
					w.WriteHeader(http.StatusServiceUnavailable)
					return
				}
				w.WriteHeader(http.StatusForbidden)
			})
			l.restart(t, bluegreen.Config{Retry: executor.Retry{Attempts: 2, First: 1, Max: c.longest}})
			err := executortest.NewRun(t).Execute(l)
			if err == nil || len(calls) != c.calls {
				t.Fatalf("%d calls: %v", len(calls), err)
			}
			if first := <-calls; c.calls == 2 {
				if waited := (<-calls).Sub(first); waited < time.Second {
					t.Errorf("the second call came after %s", waited)
				}
			}
		})
	}
}
