package ops_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cutover-go/cutover/ops"
	"github.com/cutover-go/cutover/plan"
)

// An upload with faults is refused with all of them, and nothing is created.
func TestHostileUploads(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil, ops.Config{MaxBody: 1 << 10, MaxUpload: 1 << 20})
	const spec = `{"name":"n","executorType":"X"}`
	for name, tt := range map[string]struct {
		body   string
		status int
		code   string
		want   []string
	}{
		"no plan":               {form("tenants", "a"), 400, "INVALID_REQUEST", []string{"plan is missing"}},
		"no list":               {form("plan", spec), 400, "INVALID_REQUEST", []string{"tenants is missing"}},
		"no part":               {"--b--", 400, "INVALID_REQUEST", []string{"plan is missing", "tenants is missing"}},
		"two lists":             {form("plan", spec, "tenants", "a", "tenants", "b"), 400, "INVALID_REQUEST", []string{"tenants is given twice"}},
		"two plans":             {form("plan", spec, "tenants", "a", "plan", spec), 400, "INVALID_REQUEST", []string{"plan is given twice"}},
		"a list in both":        {form("plan", `{"name":"n","executorType":"X","tenantIds":[]}`, "tenants", "a"), 400, "INVALID_REQUEST", []string{"plan has tenants, which are in the part tenants"}},
		"a plan that is none":   {form("plan", "name: n", "tenants", "a\na"), 400, "INVALID_REQUEST", []string{"plan is not JSON: invalid character 'a' in literal null (expecting 'u'), at byte 2", `tenants.id is "a", which is in line 1 already, line 2`}},
		"an empty plan":         {form("plan", "", "tenants", "a"), 400, "INVALID_REQUEST", []string{"name is empty", "executorType is empty"}},
		"a large plan":          {form("plan", strings.Repeat(" ", 1025), "tenants", "a"), 413, "BODY_TOO_LARGE", nil},
		"an endless line":       {form("plan", spec, "tenants", "a\n"+strings.Repeat("b", 300_000)), 400, "INVALID_REQUEST", []string{"tenants is longer than 262144 bytes, line 2"}},
		"a large list":          {form("plan", spec, "tenants", strings.Repeat("\n", 1<<20)), 413, "BODY_TOO_LARGE", nil},
		"a body that ends":      {"--b\r\nContent-Disposition: form-data; name=\"plan\"", 400, "BODY_UNREADABLE", nil},
		"a body without parts":  {`{"name":"n","executorType":"X","tenantIds":["a"]}`, 400, "BODY_UNREADABLE", nil},
		"an unknown executor":   {form("plan", `{"name":"n","executorType":"Y"}`, "tenants", "a"), 400, "UNKNOWN_EXECUTOR", []string{"executorType is none that this process has"}},
		"parts in base64":       {strings.ReplaceAll(form("tenants", "YQ=="), "\r\n\r\n", "\r\nContent-Transfer-Encoding: base64\r\n\r\n"), 400, "INVALID_REQUEST", []string{"plan is missing"}},
		"a header without end":  {"--b\r\n" + strings.Repeat("x", 1<<19), 400, "BODY_UNREADABLE", nil},
		"ten thousand headers":  {"--b\r\n" + strings.Repeat("x: y\r\n", 20_000) + "\r\n--b--", 400, "BODY_UNREADABLE", nil},
		"a fault of each field": {form("plan", `{"x":1}`, "tenants", "id,x\n", "y", ""), 400, "INVALID_REQUEST", []string{"x is unknown", `tenants has the column "x", which is none of id, labels.NAME and parameters.NAME, line 1`, "y is a part that is not known", "name is empty", "executorType is empty"}},
	} {
		for _, path := range []string{"plans", "preview"} {
			if path == "preview" && tt.code == "UNKNOWN_EXECUTOR" {
				continue // which executors this process has does not matter there
			}
			if r := s.upload(path, tt.body); r.status != tt.status || r.code() != tt.code || !slices.Equal(withLines(r), tt.want) {
				t.Errorf("%s: %d %s %q", name, r.status, r.text, withLines(r))
			}
		}
	}
	if r := s.send("POST", "plans", form("plan", spec, "tenants", "a"), "Content-Type", "multipart/form-data"); r.status != 400 || !slices.Equal(r.faults(), []string{"Content-Type has no boundary"}) {
		t.Errorf("%d %s", r.status, r.text)
	}
	if id := s.create(plan.Spec{}, "a"); id != 1 {
		t.Errorf("%d plans were created", id-1)
	}
	for path, body := range map[string]string{"plans/1/pause": form("command", "{}"), "plans/1/tenants/exclude": form("tenants", "a")} {
		if r := s.upload(path, body); r.code() != "UNSUPPORTED_MEDIA_TYPE" {
			t.Errorf("%s: %d %s", path, r.status, r.text)
		}
	}
	if r := s.upload("plans", form("plan", spec, "tenants", "b"), "Origin", "https://evil.example"); r.code() != "CROSS_ORIGIN" {
		t.Errorf("%d %s", r.status, r.text)
	}
}

// A length that is too large is refused before anything is read; without a length it is noticed.
func TestUploadLength(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil, ops.Config{MaxUpload: 1 << 10})
	for _, tt := range []struct {
		length int64
		text   string
		status int
	}{
		{-1, form("plan", `{"name":"n","executorType":"X"}`, "tenants", "a"), 201},
		{-1, form("plan", `{"name":"n","executorType":"X"}`, "tenants", strings.Repeat("# x\n", 300)), 413},
		{1 << 40, "", 413},
	} {
		var body io.Reader = strings.NewReader(tt.text)
		if tt.text == "" {
			body = unreadable{t}
		}
		r := httptest.NewRequestWithContext(t.Context(), "POST", "/api/plans", io.NopCloser(body))
		r.ContentLength = tt.length
		r.Header.Set("Content-Type", "multipart/form-data; boundary=b")
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, r)
		if w.Code != tt.status {
			t.Errorf("%d: %d %s", tt.length, w.Code, w.Body)
		}
	}
}

// unreadable is a body that nobody should read.
type unreadable struct{ t *testing.T }

func (u unreadable) Read([]byte) (int, error) {
	u.t.Error("the body is read")
	return 0, io.EOF
}

// A body that comes too slowly is given up, although every byte of it comes in time.
func TestSlowUpload(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil, ops.Config{})
	h := newHandler(t, s.engine, ops.Config{})
	h.SetBodyTimeout(50 * time.Millisecond)
	server := httptest.NewServer(h)
	defer server.Close()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := io.WriteString(conn, "POST /plans HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 100000\r\n\r\n"+
		"--b\r\nContent-Disposition: form-data; name=\"tenants\"\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for drip := time.NewTicker(time.Millisecond); ; <-drip.C {
			if _, err := io.WriteString(conn, "\n"); err != nil {
				return
			}
			select {
			case <-stop:
				return
			default:
			}
		}
	}()
	answer := make([]byte, 1<<10)
	n, err := conn.Read(answer)
	close(stop)
	<-ended
	if text := string(answer[:n]); err != nil || !strings.HasPrefix(text, "HTTP/1.1 408 ") {
		t.Errorf("%s: %v", text, err)
	}
}

// An upload whose client has gone away ends, and leaves its place; others are told to come again.
func TestUploadsAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, nil, ops.Config{})
		answered := make(chan int, ops.MaxUploads)
		ctx, cancel := context.WithCancelCause(t.Context())
		for range ops.MaxUploads {
			go func() {
				r := httptest.NewRequestWithContext(ctx, "POST", "/api/plans", io.NopCloser(held{ctx.Done()}))
				r.Header.Set("Content-Type", "multipart/form-data; boundary=b")
				w := httptest.NewRecorder()
				s.handler.ServeHTTP(w, r)
				answered <- w.Code
			}()
		}
		synctest.Wait()
		body := form("plan", `{"name":"n","executorType":"X"}`, "tenants", "a")
		if r := s.upload("plans", body); r.code() != "TOO_MANY_UPLOADS" || r.header.Get("Retry-After") != "1" {
			t.Errorf("one too many: %d %s", r.status, r.text)
		}
		if r := s.send("GET", "plans", ""); r.status != http.StatusOK {
			t.Errorf("another request: %d %s", r.status, r.text)
		}
		cancel(errors.New("gone"))
		for range ops.MaxUploads {
			if status := <-answered; status != http.StatusBadRequest {
				t.Error(status)
			}
		}
		if r := s.upload("plans", body); r.status != http.StatusCreated || r.body["planId"] != 1.0 {
			t.Errorf("afterwards: %d %s", r.status, r.text)
		}
	})
}

// held is a body of which nothing comes; when its client is gone it has line ends without an end.
type held struct{ left <-chan struct{} }

func (h held) Read(b []byte) (int, error) {
	<-h.left
	return copy(b, "\n"), nil
}
