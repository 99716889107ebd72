package canary_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/executor/canary"
)

// answer is what a service sends.
type answer struct {
	status     int
	body       string
	retryAfter string
}

func (a answer) transport(t *testing.T, want string) roundTrip {
	t.Helper()
	return func(r *http.Request) (*http.Response, error) {
		got := r.Method + " " + r.URL.String()
		if r.Body != nil {
			body, _ := io.ReadAll(r.Body)
			got += " " + string(body)
		}
		got += r.Header.Get(canary.HeaderKey) + "@" + r.Header.Get(canary.HeaderToken) + r.Header.Get("Authorization")
		if got != want {
			t.Errorf("request %s, want %s", got, want)
		}
		rec := httptest.NewRecorder()
		if a.retryAfter != "" {
			rec.Header().Set("Retry-After", a.retryAfter)
		}
		rec.WriteHeader(a.status)
		_, _ = rec.WriteString(a.body)
		return rec.Result(), nil
	}
}

// TestAnswersOfHTTPWeights reads the weight from, and changes it with, every kind of answer.
func TestAnswersOfHTTPWeights(t *testing.T) {
	t.Parallel()
	const ok, bad = "", "WEIGHTS_BAD_ANSWER"
	for _, c := range []struct {
		answer
		get, put  string // the codes
		retryable bool
		after     time.Duration
	}{
		{answer: answer{status: 200, body: `{"weight":25}`}},
		{answer: answer{status: 200, body: `{"id":"a/b","weight":0,"unit":"percent"}`}},
		{answer: answer{status: 201, body: `{"weight":25}`}, get: bad},
		{answer: answer{status: 204}, get: bad},
		{answer: answer{status: 200}, get: bad},
		{answer: answer{status: 200, body: `{}`}, get: bad},
		{answer: answer{status: 200, body: `null`}, get: bad},
		{answer: answer{status: 200, body: `25`}, get: bad},
		{answer: answer{status: 200, body: `{"weight":null}`}, get: bad},
		{answer: answer{status: 200, body: `{"weight":"25"}`}, get: bad},
		{answer: answer{status: 200, body: `{"weight":2.5}`}, get: bad},
		{answer: answer{status: 200, body: `{"weight":-1}`}, get: bad},
		{answer: answer{status: 200, body: `{"weight":101}`}, get: bad},
		{answer: answer{status: 200, body: `{"weight":1e99}`}, get: bad},
		{answer: answer{status: 200, body: `{"weight":25`}, get: bad},
		{answer: answer{status: 200, body: `{"id":"other","weight":25}`}, get: bad, put: bad},
		{answer: answer{status: 200, body: `<!doctype html><html>sign in</html>`}, get: bad, put: bad},
		{answer: answer{status: 302}, get: bad, put: bad},
		{answer: answer{status: 400}, get: "WEIGHTS_REFUSED", put: "WEIGHTS_REFUSED"},
		{answer: answer{status: 401, body: `<html>`}, get: "WEIGHTS_REFUSED", put: "WEIGHTS_REFUSED"},
		{answer: answer{status: 409}, get: "WEIGHTS_REFUSED", put: "WEIGHTS_REFUSED"},
		{answer: answer{status: 404}, get: "TENANT_NOT_FOUND", put: "TENANT_NOT_FOUND"},
		{answer: answer{status: 412}, get: "TENANT_MOVED_ON", put: "TENANT_MOVED_ON"},
		{answer: answer{status: 408}, get: "WEIGHTS_TIMEOUT", put: "WEIGHTS_TIMEOUT", retryable: true},
		{answer: answer{status: 504, retryAfter: "7"}, get: "WEIGHTS_TIMEOUT", put: "WEIGHTS_TIMEOUT", retryable: true, after: 7 * time.Second},
		{answer: answer{status: 429, retryAfter: "60"}, get: "WEIGHTS_UNAVAILABLE", put: "WEIGHTS_UNAVAILABLE", retryable: true, after: time.Minute},
		{answer: answer{status: 500}, get: "WEIGHTS_UNAVAILABLE", put: "WEIGHTS_UNAVAILABLE", retryable: true},
		{answer: answer{status: 503}, get: "WEIGHTS_UNAVAILABLE", put: "WEIGHTS_UNAVAILABLE", retryable: true},
	} {
		check := func(what string, err error, code string) {
			t.Helper()
			if code == ok {
				if err != nil {
					t.Errorf("%s, %+v: %v", what, c.answer, err)
				}
				return
			}
			wantFailure(t, err, code, c.retryable)
			if got := executor.RetryAfter(err); got != c.after {
				t.Errorf("%s, %+v: retry after %s", what, c.answer, got)
			}
		}
		w := weightsOver(t, c.transport(t, "GET http://weights.test/v1/tenants/a%2Fb/weight @Bearer secret"))
		_, err := w.Weight(t.Context(), "a/b")
		check("GET", err, c.get)
		w = weightsOver(t, c.transport(t, `PUT http://weights.test/v1/tenants/a%2Fb/weight {"from":5,"weight":25}1/RAISE@7Bearer secret`))
		check("PUT", w.SetWeight(t.Context(), canary.Change{TenantID: "a/b", From: 5, To: 25, Token: 7, Key: "1/RAISE"}), c.put)
	}
}

func weightsOver(t *testing.T, transport http.RoundTripper) *canary.HTTPWeights {
	t.Helper()
	w, err := canary.NewHTTPWeights("http://weights.test/v1/", canary.HTTPConfig{
		Transport: transport, Header: http.Header{"Authorization": {"Bearer secret"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}
