package bluegreen_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/cutover-go/cutover/executor/bluegreen"
	"github.com/cutover-go/cutover/executor/bluegreen/bluegreentest"
)

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

// TestAnswersToChangesAreLookedAt checks that a 2xx answer that the service cannot have sent does
// not count as success.
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

// answers replaces both services with h.
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
