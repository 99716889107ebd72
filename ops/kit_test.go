package ops_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/hook"
	"github.com/cutover-go/cutover/ops"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/memstore"
)

// site is a handler over an engine that does not run, mounted at /api/.
type site struct {
	t       *testing.T
	store   store.Store
	engine  *cutover.Engine
	handler http.Handler
}

// newSite returns a site over a store, by default one in memory, of which ada may do everything
// unless c says something else.
func newSite(t *testing.T, s store.Store, c ops.Config) *site {
	t.Helper()
	if s == nil {
		s = memstore.New()
	}
	e, err := cutover.New(s, cutover.Config{
		Executors: executor.Registry{"X": undoable{succeed}}, Hooks: hook.Hooks{OnStoreFault: func(string, error) {}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return &site{t: t, store: s, engine: e, handler: mount(t, e, c)}
}

// mount returns a handler over an engine, at /api/.
func mount(t *testing.T, e ops.Engine, c ops.Config) http.Handler {
	t.Helper()
	return observed(t, http.StripPrefix("/api", newHandler(t, e, c))) // a ServeMux in front would clean the paths
}

// newHandler returns a handler, by default one of which ada may do everything and that logs
// nothing.
func newHandler(t *testing.T, e ops.Engine, c ops.Config) *ops.Handler {
	t.Helper()
	if c.Authenticate == nil {
		c.Authenticate = ops.AllowAll("ada")
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	h, err := ops.New(e, c)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// undoable is an executor that can undo.
type undoable struct{ executor.Func }

func (undoable) Rollback(context.Context, *executor.Run) error { return nil }

func succeed(context.Context, *executor.Run) error { return nil }

// create creates a plan over tenants.
func (s *site) create(spec plan.Spec, tenants ...string) plan.ID {
	s.t.Helper()
	spec.Name, spec.ExecutorType, spec.Tenants = "n", "X", plan.Tenants(tenants...)
	p, err := s.engine.Create(s.t.Context(), spec, cutover.By("ada"))
	if err != nil {
		s.t.Fatal(err)
	}
	return p.ID
}

// start starts a plan.
func (s *site) start(id plan.ID) {
	s.t.Helper()
	if _, err := s.engine.Start(s.t.Context(), id); err != nil {
		s.t.Fatal(err)
	}
}

// reply is an answer.
type reply struct {
	status int
	header http.Header
	text   string
	body   map[string]any
}

// code returns the code of a problem.
func (r reply) code() string {
	c, _ := r.body["code"].(string)
	return c
}

// faults returns the faults of a problem, as "field problem".
func (r reply) faults() (list []string) {
	all, _ := r.body["faults"].([]any)
	for _, f := range all {
		f := f.(map[string]any)
		list = append(list, f["field"].(string)+" "+f["problem"].(string))
	}
	return list
}

// send sends a request. headers are names and values in turn.
func (s *site) send(method, path, body string, headers ...string) reply {
	s.t.Helper()
	return send(s.t, s.handler, method, path, body, headers...)
}

func send(t *testing.T, h http.Handler, method, path, body string, headers ...string) reply {
	t.Helper()
	var in io.Reader
	if body != "" {
		in = strings.NewReader(body)
	}
	r := httptest.NewRequestWithContext(t.Context(), method, "/api/", in)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Content-Type" {
			r.Header.Del(headers[i])
		}
		r.Header.Add(headers[i], headers[i+1])
	}
	if err := aim(r, path); err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	a := reply{status: w.Code, header: w.Header(), text: w.Body.String()}
	if err := json.Unmarshal(w.Body.Bytes(), &a.body); err != nil && w.Body.Len() > 0 {
		t.Fatalf("%s %s answers %q: %v", method, path, a.text, err)
	}
	return a
}

// aim sets the target of a request, which need not be clean.
func aim(r *http.Request, target string) (err error) {
	path, query, _ := strings.Cut("/api/"+target, "?")
	r.URL.RawPath, r.URL.RawQuery = path, query
	r.URL.Path, err = url.PathUnescape(path)
	return err
}
