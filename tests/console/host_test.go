package console_test

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/notify"
	"github.com/cutover-go/cutover/ops"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store/memstore"
)

// prefix is where the console is mounted.
const prefix = "/deep/ops/"

// host is a server with an engine and the console behind a prefix.
type host struct {
	store  *memstore.Store
	engine *cutover.Engine
	url    string

	mu sync.Mutex
	// broken makes the tenants named broken-... fail.
	broken bool
	// gate holds back the tenants named held-... until it is closed.
	gate chan struct{}
	// kept holds back the undos of the tenants named keep-... until it is closed.
	kept chan struct{}
	// signedOut makes every request a redirect to a page for signing in.
	signedOut bool
	// badGateway is a part of the paths to which a proxy answers 502, with a page.
	badGateway string
	// noStream makes every stream a 503, which a browser gives up for good.
	noStream bool
	// muted are the streams: they stay open, and nothing comes of them.
	muted bool
	// unheard makes the sink of the notifier fail.
	unheard bool
	// answers take the place of those of the handler, by the path and query after the prefix.
	answers map[string]string
	// restored, if it is not nil, answers instead, as this host would after a restore of its store.
	restored *host
	// older is how much longer plans have been at rest than they really have.
	older time.Duration
	// held are those requests that wait, by a part of their paths.
	held map[string]chan struct{}
	// streams is how many streams are open.
	streams int
	server  *httptest.Server
	// requests are the paths that were asked for.
	requests []string
}

// state is what the steps of a task hand on.
type state struct {
	Route string `json:"route"`
	Count uint64 `json:"count"`
}

// start starts a host.
func start(t *testing.T) *host {
	t.Helper()
	return startOn(t, memstore.Config{})
}

// startOn starts a host over a store with a configuration.
func startOn(t *testing.T, c memstore.Config) *host {
	t.Helper()
	h := &host{broken: true, gate: make(chan struct{}), kept: make(chan struct{}), held: map[string]chan struct{}{}, store: memstore.NewWith(c)}
	steps, err := executor.NewSteps(
		executor.Step[state]{Name: "LOOK_UP", Do: func(_ context.Context, _ *executor.Run, s *state) error {
			s.Route, s.Count = "green", 9007199254740993
			return nil
		}},
		executor.Step[state]{Name: "SWITCH", Do: h.move, Undo: h.moveBack},
	)
	if err != nil {
		t.Fatal(err)
	}
	h.engine, err = cutover.New(aging{h.store, h}, cutover.Config{Executors: executor.Registry{"MOVE": steps, "FAIL": executor.Func(fail)}})
	if err != nil {
		t.Fatal(err)
	}
	pager, err := notify.New(h.engine, "pager", notify.Func(h.page), notify.Config{})
	if err != nil {
		t.Fatal(err)
	}
	api, err := ops.New(h.engine, ops.Config{Authenticate: authenticate, SelfApproval: true, Notifiers: []*notify.Notifier{pager}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- h.engine.Run(ctx) }()
	h.server = httptest.NewServer(h.guard(http.StripPrefix(strings.TrimSuffix(prefix, "/"), api)))
	h.url = h.server.URL + prefix
	t.Cleanup(func() {
		for _, c := range []chan struct{}{h.gate, h.kept} { // an engine that stops gives its tasks time
			select {
			case <-c:
			default:
				close(c)
			}
		}
		api.Close()
		h.server.CloseClientConnections()
		h.server.Close()
		stop()
		if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	return h
}

// aging is the store of a host.
type aging struct {
	*memstore.Store
	h *host
}

// Plan implements store.Store.
func (a aging) Plan(ctx context.Context, id plan.ID) (plan.Plan, error) {
	p, err := a.Store.Plan(ctx, id)
	a.h.set(func() { p.Idle += a.h.older })
	return p, err
}

// page is the sink of the notifier.
func (h *host) page(context.Context, notify.Message) (err error) {
	h.set(func() {
		if h.unheard {
			err = errors.New("the pager does not answer")
		}
	})
	return err
}

// fail fails in a step, and for the tenants named early-... in none.
func fail(_ context.Context, run *executor.Run) error {
	failure := &executor.Error{Code: "NO_ROUTE", Err: errors.New("no route")}
	if strings.HasPrefix(run.Tenant().ID, "early-") {
		return failure
	}
	failure.Step = "SWITCH"
	return failure
}

// The User-Agents of somebody who may only look, and of somebody who may not view the plans named
// hidden.
const (
	reader = "reader"
	narrow = "narrow"
)

// narrowCaller is who may do everything with the plans that are not named hidden.
type narrowCaller struct{ ops.Caller }

// May implements ops.Caller.
func (narrowCaller) May(_ ops.Action, p *plan.Plan) bool { return p == nil || p.Name != "hidden" }

func authenticate(r *http.Request) (ops.Caller, error) {
	if r.UserAgent() == reader {
		return ops.ReadOnly(ops.AllowAll(reader))(r)
	}
	c, err := ops.AllowAll("ada")(r)
	if r.UserAgent() == narrow {
		return narrowCaller{c}, err
	}
	return c, err
}

// guard is what a proxy for signing in does.
func (h *host) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.mu.Lock()
		h.requests = append(h.requests, r.Method+" "+r.URL.RequestURI()+" ")
		out, noStream, bad := h.signedOut, h.noStream, h.badGateway
		instead := h.answers[strings.TrimPrefix(r.URL.RequestURI(), prefix)]
		next := next
		if h.restored != nil {
			next = h.restored.server.Config.Handler
		}
		var held chan struct{}
		for part, c := range h.held {
			if strings.Contains(r.URL.Path, part) {
				held = c
			}
		}
		h.mu.Unlock()
		switch {
		case out:
			http.Redirect(w, r, "/login", http.StatusFound)
		case bad != "" && strings.Contains(r.URL.Path, bad):
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(http.StatusBadGateway)
			_, _ = w.Write([]byte("<html>502 Bad Gateway</html>"))
		case instead != "":
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte(instead))
		case noStream && strings.HasSuffix(r.URL.Path, "/stream"):
			w.WriteHeader(http.StatusServiceUnavailable)
		case strings.HasSuffix(r.URL.Path, "/stream"):
			wait(r, held)
			h.set(func() { h.streams++ })
			defer h.set(func() { h.streams-- })
			next.ServeHTTP(mutable{w, h}, r)
		case held != nil:
			answer := httptest.NewRecorder()
			next.ServeHTTP(answer, r)
			wait(r, held)
			maps.Copy(w.Header(), answer.Header())
			w.WriteHeader(answer.Code)
			_, _ = w.Write(answer.Body.Bytes())
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// mutable is the answer of a stream that can be muted.
type mutable struct {
	http.ResponseWriter
	h *host
}

// Unwrap is for http.ResponseController.
func (m mutable) Unwrap() http.ResponseWriter { return m.ResponseWriter }

func (m mutable) Write(b []byte) (int, error) {
	muted := false
	m.h.set(func() { muted = m.h.muted })
	if muted {
		return len(b), nil
	}
	return m.ResponseWriter.Write(b)
}

// hold lets requests wait, by a part of their paths: streams before they begin, others with their
// answers. Later ones do not wait after pass; those that wait go on after release.
func (h *host) hold(part string) (pass, release func()) {
	c := make(chan struct{})
	h.set(func() { h.held[part] = c })
	pass = func() { h.set(func() { delete(h.held, part) }) }
	return pass, func() {
		pass()
		close(c)
	}
}

// wait waits until a request is not held any more.
func wait(r *http.Request, held chan struct{}) {
	if held == nil {
		return
	}
	select {
	case <-held:
	case <-r.Context().Done():
	}
}

// set changes the host.
func (h *host) set(change func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	change()
}

// asked returns how many requests had a text in them, and forgets them.
func (h *host) asked(text string) (n int) {
	h.set(func() {
		n = len(h.requests)
		h.requests = slices.DeleteFunc(h.requests, func(r string) bool { return strings.Contains(r, text) })
		n -= len(h.requests)
	})
	return n
}

// moveBack undoes the second step of every task. It fails for the tenants named sour-...
func (h *host) moveBack(ctx context.Context, run *executor.Run, _ *state) error {
	switch id := run.Tenant().ID; {
	case strings.HasPrefix(id, "sour-"):
		return &executor.Error{Code: "NO_WAY_BACK", Err: errors.New("no way back")}
	case strings.HasPrefix(id, "keep-"):
		select {
		case <-h.kept:
		case <-ctx.Done():
			return ctx.Err()
		}
	default:
	}
	return nil
}

// move is the second step of every task.
func (h *host) move(ctx context.Context, run *executor.Run, s *state) error {
	h.mu.Lock()
	broken, gate := h.broken, h.gate
	h.mu.Unlock()
	switch id := run.Tenant().ID; {
	case strings.HasPrefix(id, "broken-") && broken:
		reason := "the gateway did not answer within 10s"
		if id == "broken-1" || id == "broken-2" { // the tenants of plans of which nobody takes pictures
			reason += " <b>"
		}
		return executor.Retryable("GATEWAY_TIMEOUT", errors.New(reason))
	case strings.HasPrefix(id, "held-"):
		select {
		case <-gate:
		case <-ctx.Done():
			return ctx.Err()
		}
	case strings.HasPrefix(id, "tick-"):
		select {
		case <-time.After(250 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	default:
	}
	s.Route = "blue"
	return nil
}
