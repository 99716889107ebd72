package ops_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/cutover-go/cutover/internal/proxytest"
	"github.com/cutover-go/cutover/ops"
	"github.com/cutover-go/cutover/plan"
)

// snippet returns a configuration of the documentation, with the address of the host.
func snippet(t *testing.T, language, address string) string {
	t.Helper()
	text, err := os.ReadFile("../docs/ops.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, has := strings.Cut(string(text), "```"+language+"\n")
	block, _, ends := strings.Cut(after, "```")
	if !has || !ends || !strings.Contains(block, "127.0.0.1:8080") {
		t.Fatalf("the documentation has no snippet for %s", language)
	}
	return strings.ReplaceAll(block, "127.0.0.1:8080", address)
}

// host starts a server with the handler at / and at /api/, and returns its address, the site and
// the first handler.
func host(t *testing.T) (string, *site, *ops.Handler) {
	t.Helper()
	s := newSite(t, nil, ops.Config{})
	root, err := ops.New(s.engine, ops.Config{Authenticate: ops.AllowAll("ada")})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/", root)
	mux.Handle("/api/", s.handler)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.Listener.Addr().String(), s, root
}

func TestBehindNginx(t *testing.T) {
	t.Parallel()
	n := proxytest.StartNginx(t, "blue")
	const last = "\t\tlocation / {\n\t\t\tadd_header"
	address, s, root := host(t)
	n.Edit(last, snippet(t, "nginx", address)+last)
	n.Kill()
	n.Start() // a reload takes effect some time later
	checkPrefixes(t, n.URL())
	checkStream(t, n.URL()+"ops/", s, root)
}

func TestBehindHAProxy(t *testing.T) {
	t.Parallel()
	h := proxytest.StartHAProxy(t, "blue")
	address, s, root := host(t)
	frontend, backends, _ := strings.Cut(snippet(t, "haproxy", address), "\n\n")
	h.Edit("\tuse_backend %[", frontend+"\n\tuse_backend %[")
	h.Edit("\nbackend missing", "\n"+backends+"\nbackend missing")
	h.Kill()
	h.Start()
	checkPrefixes(t, h.URL())
	checkStream(t, h.URL()+"ops/", s, root)
}

// checkPrefixes opens the console behind each prefix of a proxy, creates a plan as a page of it
// does, follows its location, and gives a command.
func checkPrefixes(t *testing.T, proxy string) {
	t.Helper()
	for _, prefix := range []string{"ops/", "api/"} {
		for _, file := range []string{"", "main.js"} {
			if page := browse(t, http.MethodGet, proxy, prefix+file, ""); page.status != http.StatusOK || !strings.Contains(page.text, "main") {
				t.Errorf("%s%s: %+v", prefix, file, page)
			}
		}
		created := browse(t, http.MethodPost, proxy, prefix+"plans", small)
		here, is := strings.CutPrefix(created.location, proxy)
		if created.status != http.StatusCreated || !is || !strings.HasPrefix(here, prefix+"plans/") {
			t.Fatalf("%s: %+v", prefix, created)
		}
		if seen := browse(t, http.MethodGet, proxy, here, ""); seen.status != http.StatusOK || !strings.Contains(seen.text, `"state":"CREATED"`) {
			t.Errorf("%s: %+v", prefix, seen)
		}
		if given := browse(t, http.MethodPost, proxy, here+"/cancel", `{"reason":"r"}`); given.status != http.StatusOK {
			t.Errorf("%s: %+v", prefix, given)
		}
		if none := browse(t, http.MethodGet, proxy, prefix+"nothing", ""); none.status != http.StatusNotFound || !strings.Contains(none.text, `"code":"NOT_FOUND"`) {
			t.Errorf("%s: %+v", prefix, none)
		}
	}
}

// checkStream follows a plan behind a proxy. Each message arrives when it is sent: the client
// commands the plan only after it has got the one before, long before a ping would push it out.
// The stream ends when the client goes away from the proxy.
func checkStream(t *testing.T, proxy string, s *site, h *ops.Handler) {
	t.Helper()
	id := s.create(plan.Spec{}, "a")
	began := time.Now()
	lines, leave := tune(t, proxy+"stream?list=1&plan="+id.String())
	await(t, lines, "event: ping")
	await(t, lines, "event: plan")
	s.start(id)
	await(t, lines, `"cause":"start"`)
	for _, command := range []string{"pause", "resume", "cancel"} {
		if r := s.send("POST", "plans/"+id.String()+"/"+command, `{"reason":"r"}`); r.status != http.StatusOK {
			t.Fatalf("%d %s", r.status, r.text)
		}
		await(t, lines, `"cause":"`+command+`"`)
	}
	if d := time.Since(began); d > 9*time.Second {
		t.Errorf("it took %s", d)
	}
	leave()
	eventually(t, "ended", none(h))
}

// shown is an answer as a browser has it: its location is a whole URL.
type shown struct {
	status         int
	text, location string
}

// browse sends a request as a page of the site does.
func browse(t *testing.T, method, site, path, body string) shown {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, site+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Origin", strings.TrimSuffix(site, "/"))
	answer, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	s := shown{status: answer.StatusCode, text: string(text)}
	if location, err := answer.Location(); err == nil {
		s.location = location.String()
	}
	return s
}
