package ops

import (
	"net/http"
	"path"
	"strings"
)

// Handler serves the API and, at its root, the console. The paths of the API are:
//
//	GET   plans                       POST  plans/{plan}/start, pause, resume, cancel,
//	POST  plans                             retry, rollback, tune, note, delete
//	POST  plans/pause, preview        POST  plans/{plan}/waves/{wave}/approve, reject, rollback
//	GET   plans/{plan}                GET   plans/{plan}/tasks, matrix, failures, export
//	GET   plans/{plan}/events         POST  plans/{plan}/tasks/retry, pause, resume, cancel,
//	GET   plans/{plan}/commands             skip, rollback
//	                                  POST  plans/{plan}/tenants/add, exclude
//	GET   tasks/{task}                POST  tasks/{task}/retry, pause, resume, cancel,
//	GET   tasks/{task}/why                  skip, rollback
//	GET   workers, tenants
//	GET   me, health, ready, stream, openapi.json
//
// It is safe for concurrent use. A host calls [Handler.Close] when its server shuts down.
type Handler struct {
	service *service
	mux     *http.ServeMux
}

// New returns a handler over an engine. If the configuration is invalid, the error is an
// *[InvalidError].
func New(e Engine, c Config) (*Handler, error) {
	c = c.withDefaults()
	guard, err := c.validate(e)
	if err != nil {
		return nil, err
	}
	h := &Handler{
		service: &service{
			engine: e, cfg: c, guard: guard, bodyTimeout: bodyTimeout, streams: newStreams(e),
			matrices: newMatrices(), costly: make(places, maxCostly), exports: make(places, maxExports), uploads: make(places, maxUploads),
		},
		mux: http.NewServeMux(),
	}
	for _, r := range routes() {
		h.mux.Handle(r.pattern, endpoint{h.service, r})
	}
	if err := h.addConsole(); err != nil {
		return nil, err
	}
	return h, nil
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	secure(w.Header())
	if p := h.unrouted(w, r); p != nil {
		p.write(w)
		return
	}
	h.mux.ServeHTTP(w, r)
}

// Close ends the streams, and the reading of plans for them. What else the handler serves goes on;
// streams that are asked for later end at once, so that their clients turn to another process. A
// server that shuts down waits for its streams, so a host calls server.RegisterOnShutdown with it.
func (h *Handler) Close() { h.service.streams.close() }

// The values of headers, which all answers share.
//
//nolint:gochecknoglobals // constants
var (
	noStore    = []string{"no-store"}
	noSniff    = []string{"nosniff"}
	noContent  = []string{"default-src 'none'; frame-ancestors 'none'"}
	noReferrer = []string{"no-referrer"}
)

// secure sets the headers of every answer: nothing of it is kept, guessed at, or shown in a frame.
func secure(header http.Header) {
	header["Cache-Control"] = noStore
	header["X-Content-Type-Options"] = noSniff
	header["Content-Security-Policy"] = noContent
	header["Referrer-Policy"] = noReferrer
}

// unrouted returns the problem of a request for which there is no endpoint, or nil.
func (h *Handler) unrouted(w http.ResponseWriter, r *http.Request) *problem {
	// The mux would redirect to the clean path, which lacks the prefix that was stripped.
	if p := r.URL.Path; !strings.HasPrefix(p, "/") || path.Clean(p) != p {
		return newProblem(codeNotFound)
	}
	own, pattern := h.mux.Handler(r)
	if pattern != "" {
		return nil
	}
	status := statusOnly{header: w.Header()}
	own.ServeHTTP(&status, r) // sets the header Allow if only the method is wrong
	w.Header().Del("Content-Type")
	if status.code == http.StatusMethodNotAllowed {
		return newProblem(codeMethod)
	}
	return newProblem(codeNotFound)
}

// statusOnly keeps the status of an answer and drops its body.
type statusOnly struct {
	header http.Header
	code   int
}

func (s *statusOnly) Header() http.Header         { return s.header }
func (s *statusOnly) WriteHeader(code int)        { s.code = code }
func (s *statusOnly) Write(b []byte) (int, error) { return len(b), nil }
