package ops_test

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cutover-go/cutover/ops"
	"github.com/cutover-go/cutover/plan"
)

// form is a body of parts, each a name and a text; its boundary is b.
func form(parts ...string) string {
	var b strings.Builder
	for i := 0; i < len(parts); i += 2 {
		b.WriteString("--b\r\nContent-Disposition: form-data; name=\"" + parts[i] + "\"\r\n\r\n" + parts[i+1] + "\r\n")
	}
	return b.String() + "--b--\r\n"
}

// upload sends a form.
func (s *site) upload(path, body string, headers ...string) reply {
	s.t.Helper()
	return s.send("POST", path, body, append(headers, "Content-Type", "multipart/form-data; boundary=b")...)
}

// A plan of uploaded tenants is the same as one of tenants in JSON, whatever form the list has.
func TestUploadIsTheSameAsJSON(t *testing.T) {
	t.Parallel()
	const rest = `"name":"n","executorType":"X","strategy":{"waves":[{"labels":{"region":"eu"}},{}]}`
	s := newSite(t, nil, ops.Config{})
	whole := `{` + rest + `,"tenants":[{"id":"a"},{"id":"b","labels":{"region":"eu"},"parameters":{"k":"v"}}]}`
	if r := s.send("POST", "plans", whole, "Idempotency-Key", "k"); r.status != http.StatusCreated {
		t.Fatalf("%d %s", r.status, r.text)
	}
	for name, list := range map[string]string{
		"CSV": "id,labels.region,parameters.k\na,,\nb,eu,v\n", "NDJSON": `{"id":"a"}` + "\n" + `{"id":"b","labels":{"region":"eu"},"parameters":{"k":"v"}}`,
	} {
		for _, parts := range [][]string{{"plan", `{` + rest + `}`, "tenants", list}, {"tenants", list, "plan", `{` + rest + `}`}} {
			if r := s.upload("plans", form(parts...), "Idempotency-Key", "k"); r.status != http.StatusOK || r.body["planId"] != 1.0 || r.body["repeated"] != true {
				t.Errorf("%s: %d %s", name, r.status, r.text)
			}
			if r, want := s.upload("preview", form(parts...)), s.send("POST", "preview", whole); r.status != http.StatusOK || r.text != want.text {
				t.Errorf("%s: %d %s, want %s", name, r.status, r.text, want.text)
			}
		}
	}
	r := s.upload("plans", form("plan", `{"name":"n","executorType":"X"}`, "tenants", "c\r\nd\r\n"))
	if r.status != http.StatusCreated || r.header.Get("Location") != "plans/2" || r.body["taskCount"] != 2.0 {
		t.Errorf("%d %s", r.status, r.text)
	}
}

// Tenants are added to a plan by an upload, once for one key, whatever separates its parts.
func TestUploadAddsTenants(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil, ops.Config{ReasonFor: func(a ops.Action) bool { return a == ops.Add }})
	s.start(s.create(plan.Spec{}, "a"))
	body := form("command", `{"reason":"late"}`, "tenants", "b\nc")
	for i, body := range []string{body, strings.ReplaceAll(body, "--b", "--other")} {
		boundary := []string{"b", "other"}[i]
		r := s.send("POST", "plans/1/tenants/add", body, "Content-Type", "multipart/form-data; boundary="+boundary, "Idempotency-Key", "k")
		if r.status != http.StatusOK || r.body["taskCount"] != 3.0 || (r.body["repeated"] == true) != (i > 0) {
			t.Errorf("%d %s", r.status, r.text)
		}
	}
	for name, tt := range map[string]struct {
		body string
		want []string
	}{
		"no reason":          {form("tenants", "d"), []string{"reason is required"}},
		"tenants of before":  {form("command", `{"reason":"r"}`, "tenants", "# more\nd\na\nb"), []string{`tenants tenant "a" is in the plan already, line 3`, `tenants tenant "b" is in the plan already, line 4`}},
		"faults of the list": {form("command", `{"reason":1,"x":2}`, "tenants", "d\nd"), []string{"reason is not a text", "x is unknown", `tenants.id is "d", which is in line 1 already, line 2`, "reason is required"}},
		"a plan":             {form("plan", `{}`, "tenants", "d"), []string{"plan is a part that is not known", "reason is required"}},
	} {
		if r := s.upload("plans/1/tenants/add", tt.body); r.status != http.StatusBadRequest || !slices.Equal(withLines(r), tt.want) {
			t.Errorf("%s: %d %q, want %q", name, r.status, withLines(r), tt.want)
		}
	}
	if r := s.send("GET", "plans/1", ""); r.body["taskCount"] != 3.0 {
		t.Error(r.text)
	}
}

// withLines returns the faults of a problem with their lines.
func withLines(r reply) []string {
	list := r.faults()
	for i := range list {
		if line, is := r.body["faults"].([]any)[i].(map[string]any)["line"].(float64); is {
			list[i] += ", line " + strconv.Itoa(int(line))
		}
	}
	return list
}

// The command of the documentation does what it says, with the files that are beside it.
func TestDocumentedUpload(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("curl"); err != nil && os.Getenv("CI") == "" {
		t.Skip(err)
	}
	text, err := os.ReadFile("../docs/ops.md")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	files := regexp.MustCompile("(?s)`(plan\\.json|tenants\\.csv)`:\n\n```\\w*\n(.*?)```").FindAllStringSubmatch(string(text), -1)
	for _, f := range files {
		if err := os.WriteFile(filepath.Join(dir, f[1]), []byte(f[2]), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	command := regexp.MustCompile("(?m)^curl .*-F .*$").FindString(string(text))
	s := newSite(t, nil, ops.Config{ExecutorElsewhere: true})
	server := httptest.NewServer(s.handler)
	defer server.Close()
	ask := exec.CommandContext(t.Context(), "sh", "-c", strings.Replace(command, "http://127.0.0.1:8080", server.URL, 1))
	ask.Dir = dir
	answer, err := ask.Output()
	if err != nil || len(files) != 2 || !strings.Contains(string(answer), `"taskCount":3`) {
		t.Fatalf("%d files, %q: %s %v", len(files), command, answer, err)
	}
	r := s.send("GET", "tasks/1000002", "")
	if r.body["tenantId"] != "globex" || !maps.Equal(r.body["labels"].(map[string]any), map[string]any{"region": "eu"}) {
		t.Error(r.text)
	}
}
