package ops_test

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/cutover-go/cutover/ops"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/task"
)

// The console stays small: it has to arrive over a bad line at three in the morning.
const (
	maxConsoleFiles      = 12
	maxConsoleBytes      = 146_000
	maxConsoleCompressed = 55_200 // over the line
)

// consolePolicy is the content security policy of ops.md.
const consolePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; " +
	"frame-ancestors 'none'; base-uri 'none'; form-action 'self'"

// consoleFiles returns the files of the console by their names.
func consoleFiles(t *testing.T) map[string]string {
	t.Helper()
	paths, err := filepath.Glob("console/*")
	if err != nil || len(paths) == 0 {
		t.Fatal(paths, err)
	}
	files := map[string]string{}
	for _, path := range paths {
		content, err := os.ReadFile(path) //nolint:gosec // a file of this package
		if err != nil {
			t.Fatal(err)
		}
		files[filepath.Base(path)] = string(content)
	}
	return files
}

// asset asks a handler for a file of the console.
func asset(t *testing.T, h http.Handler, path string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestConsoleIsSmall(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil, ops.Config{})
	files, size, compressed := consoleFiles(t), 0, 0
	for name, content := range files {
		size += len(content)
		a := asset(t, s.handler, "/api/"+strings.TrimSuffix(name, "index.html"), "Accept-Encoding", "gzip")
		compressed += a.Body.Len()
	}
	if len(files) > maxConsoleFiles || size > maxConsoleBytes || compressed > maxConsoleCompressed {
		t.Errorf("the console has %d files, %d bytes, %d compressed", len(files), size, compressed)
	}
}

// A file is compressed for those who ask for it, under a tag of its own.
func TestConsoleIsCompressed(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil, ops.Config{})
	plain := asset(t, s.handler, "/api/main.js")
	for accepted, compressed := range map[string]bool{
		"gzip": true, "br, gzip;q=0.5": true, "deflate,GZIP": true, "": false, "br": false, "gzip;q=0": false, "gzip; q=0.000": false, "xgzip": false,
	} {
		a := asset(t, s.handler, "/api/main.js", "Accept-Encoding", accepted)
		body, tag := a.Body.String(), a.Header().Get("ETag")
		if compressed {
			r, err := gzip.NewReader(a.Body)
			if err != nil {
				t.Fatalf("%q: %v", accepted, err)
			}
			content, err := io.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			body = string(content)
		}
		if body != plain.Body.String() || a.Header().Get("Content-Encoding") == "gzip" != compressed || tag == plain.Header().Get("ETag") == compressed {
			t.Errorf("%q: %v", accepted, a.Header())
		}
		if a.Header().Get("Vary") != "Accept-Encoding" {
			t.Errorf("%q: a cache may mix the answers up: %v", accepted, a.Header())
		}
		again := asset(t, s.handler, "/api/main.js", "Accept-Encoding", accepted, "If-None-Match", tag)
		if again.Code != http.StatusNotModified {
			t.Errorf("%q: %d for its own tag", accepted, again.Code)
		}
	}
}

// Every file is served as it lies there, with headers that let browsers keep it and ask each time.
func TestConsoleFiles(t *testing.T) {
	t.Parallel()
	types := map[string]string{".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".json": "application/json"}
	s := newSite(t, nil, ops.Config{})
	for name, content := range consoleFiles(t) {
		path := "/api/" + name
		if name == "index.html" {
			path = "/api/?plan=7&task=7000001"
		}
		a := asset(t, s.handler, path)
		kind, _, _ := strings.Cut(a.Header().Get("Content-Type"), ";")
		tag := a.Header().Get("ETag")
		if a.Code != http.StatusOK || a.Body.String() != content || kind != types[filepath.Ext(name)] || tag == "" {
			t.Errorf("%s: %d %v", name, a.Code, a.Header())
		}
		for header, want := range map[string]string{
			"Cache-Control": "no-cache", "Content-Security-Policy": consolePolicy, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
		} {
			if got := a.Header().Get(header); got != want {
				t.Errorf("%s: %s is %q", name, header, got)
			}
		}
		if again := asset(t, s.handler, path, "If-None-Match", tag); again.Code != http.StatusNotModified || again.Body.Len() > 0 {
			t.Errorf("%s: %d for its own tag", name, again.Code)
		}
		if changed := asset(t, s.handler, path, "If-None-Match", `"x"`); changed.Code != http.StatusOK {
			t.Errorf("%s: %d for another tag", name, changed.Code)
		}
	}
}

// The tag of a file depends on nothing but its content, so that processes of one version agree.
func TestConsoleTagsAreStable(t *testing.T) {
	t.Parallel()
	one := asset(t, newSite(t, nil, ops.Config{}).handler, "/api/main.js")
	two := asset(t, newSite(t, nil, ops.Config{}).handler, "/api/main.js")
	other := asset(t, newSite(t, nil, ops.Config{}).handler, "/api/plan.js")
	if tag := one.Header().Get("ETag"); tag != two.Header().Get("ETag") || tag == other.Header().Get("ETag") {
		t.Errorf("%v, %v and, of another file, %v", one.Header(), two.Header(), other.Header())
	}
}

// Nobody gets a file of the console without being authenticated.
func TestConsoleNeedsAuthentication(t *testing.T) {
	t.Parallel()
	challenge := &ops.ChallengeError{Challenge: `Basic realm="ops"`}
	for _, authenticate := range []func(*http.Request) (ops.Caller, error){
		func(*http.Request) (ops.Caller, error) { return nil, challenge },
		func(*http.Request) (ops.Caller, error) { return nil, nil }, //nolint:nilnil // a fault of the host
		func(*http.Request) (ops.Caller, error) { panic(errors.New("boom")) },
	} {
		s := newSite(t, nil, ops.Config{Authenticate: authenticate})
		for name := range consoleFiles(t) {
			a := asset(t, s.handler, "/api/"+strings.TrimSuffix(name, "index.html"))
			if a.Code < 400 || strings.Contains(a.Body.String(), "console") || a.Header().Get("Cache-Control") != "no-store" {
				t.Errorf("%s: %d %v %q", name, a.Code, a.Header(), a.Body)
			}
			if a.Code == http.StatusUnauthorized && a.Header().Get("WWW-Authenticate") == "" {
				t.Errorf("%s: a 401 without a challenge", name)
			}
		}
	}
}

// The files refer to one another only by names, so that they work behind any prefix, and need
// nothing that the policy forbids.
func TestConsoleIsSelfContained(t *testing.T) {
	t.Parallel()
	forbidden := map[string]*regexp.Regexp{
		"an absolute URL":        regexp.MustCompile(`https?://|["'(]//`),
		"an absolute path":       regexp.MustCompile(`(?:src|href|action)="/|(?:ask|command|fetch|EventSource)\(['"` + "`" + `]/|from '/`),
		"an inline style":        regexp.MustCompile(`style="|<style`),
		"an inline handler":      regexp.MustCompile(`<[a-z]+[^>]* on[a-z]+=`),
		"text as markup":         regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser`),
		"a script from a text":   regexp.MustCompile(`\beval\(|new Function`),
		"a file that is nowhere": regexp.MustCompile(`from '[^.]|from '\.\./`),
	}
	s := newSite(t, nil, ops.Config{})
	files := consoleFiles(t)
	for name, content := range files {
		content = strings.ReplaceAll(content, "'http://www.w3.org/2000/svg'", "") // a name, not an address
		for what, pattern := range forbidden {
			if found := pattern.FindString(content); found != "" {
				t.Errorf("%s has %s: %q", name, what, found)
			}
		}
		for _, found := range regexp.MustCompile(`(?:from '\./|src="|href=")([\w.-]+)['"]`).FindAllStringSubmatch(content, -1) {
			if _, has := files[found[1]]; !has && asset(t, s.handler, "/api/"+found[1]).Code != http.StatusOK {
				t.Errorf("%s names %s, which is not there", name, found[1])
			}
		}
	}
	if found := regexp.MustCompile(`<script[^>]*>[^<]`).FindString(files["index.html"]); found != "" {
		t.Errorf("an inline script: %q", found)
	}
}

// words returns the texts of a language.
func words(t *testing.T, language string) map[string]string {
	t.Helper()
	var w map[string]string
	if err := json.Unmarshal([]byte(consoleFiles(t)[language+".json"]), &w); err != nil {
		t.Fatal(language, err)
	}
	return w
}

// The languages have the same keys, with the same parameters.
func TestLanguages(t *testing.T) {
	t.Parallel()
	parameter := regexp.MustCompile(`\{\w+\}`)
	en, zh := words(t, "en"), words(t, "zh-CN")
	if len(en) != len(zh) || len(en) < 100 {
		t.Errorf("%d keys, and %d", len(en), len(zh))
	}
	for key, text := range en {
		other, has := zh[key]
		mine, theirs := parameter.FindAllString(text, -1), parameter.FindAllString(other, -1)
		slices.Sort(mine)
		slices.Sort(theirs)
		if !has || other == "" || text == "" || !slices.Equal(mine, theirs) {
			t.Errorf("%s is %q and %q", key, text, other)
		}
		if strings.Count(text, ";") != strings.Count(other, ";") && strings.HasPrefix(key, "picks") {
			t.Errorf("%s has other choices: %q and %q", key, text, other)
		}
	}
}

// Whatever the server can answer has a word, and every word that a script asks for by its name is
// there.
func TestWords(t *testing.T) {
	t.Parallel()
	en := words(t, "en")
	var keys []string
	for s := range task.NumStates {
		keys = append(keys, "state."+task.State(s).String())
	}
	for s := range plan.NumStates {
		keys = append(keys, "state."+plan.State(s).String())
	}
	var causes []string
	for _, tr := range plan.Transitions() {
		causes = append(causes, tr.Cause.String())
	}
	for _, tr := range task.Transitions() {
		causes = append(causes, tr.Cause.String())
	}
	for k := range plan.NumSweepKinds {
		causes = append(causes, strings.TrimSuffix(plan.SweepKind(k).String(), " tasks"))
	}
	for _, cause := range causes { // what a command causes is told in the word of the command
		key := "cause." + cause
		if en[key] == "" {
			key = "action." + cause
		}
		keys = append(keys, key)
	}
	for _, a := range ops.Actions() {
		if a != ops.View && a != ops.ViewData && a != ops.Create && a != ops.Notify { // which have no button
			keys = append(keys, "action."+string(a))
		}
	}
	reasons := found(t, "../docs/ops.md", "(?m)^\\| `([A-Z_]+)` \\| (?:[a-zA-Z, ]*) \\| ")
	if len(reasons) < 25 {
		t.Errorf("only %d reasons are documented: %q", len(reasons), reasons)
	}
	for _, reason := range reasons {
		keys = append(keys, "why."+reason)
	}
	asked := regexp.MustCompile(`\bt\('([\w.]+)'[,)]`)
	for name, content := range consoleFiles(t) {
		if filepath.Ext(name) == ".js" {
			for _, found := range asked.FindAllStringSubmatch(content, -1) {
				keys = append(keys, found[1])
			}
		}
	}
	for _, key := range keys {
		if en[key] == "" {
			t.Errorf("there is no word for %s", key)
		}
	}
	if len(keys) < 150 {
		t.Errorf("only %d keys are checked", len(keys))
	}
}
