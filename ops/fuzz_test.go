package ops_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/ops"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store/memstore"
)

// FuzzRequests checks that no request makes the handler panic or fail, and that every refusal is a
// problem document.
func FuzzRequests(f *testing.F) {
	for _, seed := range [][5]string{
		{"GET", "/plans", "limit=2&state=RUNNING&cursor=cDI", "", ""},
		{"POST", "/plans", "", rich, "k"},
		{"POST", "/preview", "", rich, ""},
		{"POST", "/plans/1/tune", "", `{"reason":"r","waves":[{"wave":1,"bakeTime":"1s"}],"windows":[]}`, "k"},
		{"POST", "/plans/1/waves/1/approve", "", `{"reason":"r"}`, ""},
		{"POST", "/tasks/1000001/retry", "", `{"fromCheckpoint":false}`, "k"},
		{"GET", "/tasks/1000001", "", "", ""},
		{"GET", "/plans/1/events", "after=1&limit=10", "", ""},
		{"GET", "/", "", "", ""},
		{"GET", "/stream", "plan=1&after=1:1", "", ""},
		{"GET", "/plans/1/matrix", "", "", ""},
		{"GET", "/tasks/1000001/why", "", "", ""},
		{"POST", "/plans/1/tasks/skip", "", `{"filter":{"states":["PENDING"],"waves":[1],"labels":{"a":"b"}},"dryRun":true}`, ""},
		{"POST", "/plans/1/waves/1/rollback", "", `{"reason":"r"}`, ""},
		{"POST", "/plans", "", form("plan", `{"name":"n","executorType":"X"}`, "tenants", "id,labels.a\nb,\"c\"\n"), "k"},
		{"POST", "/preview", "", form("tenants", "{\"id\":\"a\"}\n# b\n", "plan", rich), ""},
		{"POST", "/plans/1/tenants/add", "", form("tenants", "\ufeffc\r\nd\r\n", "command", `{"reason":"r"}`), "k"},
		{"POST", "/plans/../plans/1/cancel", "x=%zz", `{"reason":`, " "},
	} {
		f.Add(seed[0], seed[1], seed[2], []byte(seed[3]), seed[4], `"1"`)
	}
	f.Fuzz(func(t *testing.T, method, path, query string, body []byte, key, match string) {
		e, err := cutover.New(memstore.New(), cutover.Config{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := e.Create(t.Context(), plan.Spec{Name: "n", ExecutorType: "X", Tenants: plan.Tenants("a", "b")}, cutover.ExecutorElsewhere()); err != nil {
			t.Fatal(err)
		}
		h := mount(t, e, ops.Config{ExecutorElsewhere: true})
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/api/", bytes.NewReader(body))
		r.Method, r.URL = method, &url.URL{Path: "/api" + path, RawQuery: query}
		r.Header.Set("Content-Type", "application/json")
		if bytes.HasPrefix(body, []byte("--b\r\n")) {
			r.Header.Set("Content-Type", "multipart/form-data; boundary=b")
		}
		r.Header["Idempotency-Key"], r.Header["If-Match"] = []string{key}, []string{match}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		kind := w.Header().Get("Content-Type")
		if w.Header().Get("ETag") != "" {
			return // a file of the console
		}
		noStream := w.Code == http.StatusNotImplemented && strings.Contains(w.Body.String(), `"code":"NO_STREAM"`) // to a recorder
		if w.Code >= 500 && !noStream {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		if !json.Valid(w.Body.Bytes()) {
			t.Errorf("%d with %q, which is not JSON", w.Code, w.Body)
		}
		if problem := strings.HasPrefix(kind, "application/problem+json"); problem != (w.Code >= 400) {
			t.Errorf("%d with %q", w.Code, kind)
		}
	})
}
