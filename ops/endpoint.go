package ops

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/cutover-go/cutover/internal/nilcheck"
)

// route is a pattern of http.ServeMux with what serves it.
type route struct {
	pattern string
	// command is the action of a command, which is audited; empty for a question.
	command Action
	// public paths are served to callers who are not authenticated.
	public bool
	// costly questions read a whole plan; few are answered at the same time. An export is one that
	// takes as long as its client likes, so it keeps no place from the others.
	costly, export bool
	serve          serveFunc
}

// serveFunc serves a call. It writes nothing itself: what it returns is written.
type serveFunc func(*call) (answer, error)

// answer is a successful answer.
type answer struct {
	status   int // 0 means 200
	location string
	body     any
	// stream writes the answer itself, instead of a body, for as long as it takes.
	stream func()
}

// service is what all endpoints share. Its fields are immutable.
type service struct {
	engine Engine
	cfg    Config
	guard  *http.CrossOriginProtection
	// bodyTimeout is the constant of that name, except in tests.
	bodyTimeout time.Duration
	// streams, matrices and the places are the only parts that change. costly has a place for each
	// costly question that is being answered, exports one for each export, uploads one for each
	// upload.
	streams  *streams
	matrices *matrices
	costly   places
	exports  places
	uploads  places
}

// places bound how many calls do something at the same time.
type places chan struct{}

// take takes a place, and reports whether there was one.
func (p places) take() bool {
	select {
	case p <- struct{}{}:
		return true
	default:
		return false
	}
}

func (p places) leave() { <-p }

// maxCostly is how many costly questions a handler answers at the same time; maxExports is how many
// exports it writes, maxUploads how many uploads it takes.
const (
	maxCostly  = 4
	maxExports = 4
	maxUploads = 4
)

// endpoint serves a route.
type endpoint struct {
	service *service
	route   route
}

// ServeHTTP implements http.Handler.
func (e endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := &call{service: e.service, w: w, r: r, command: Command{Action: e.route.command}}
	body, stream, err := c.run(e.route)
	if c.begun != nil {
		defer c.begun.leave() // a stream is part of the answer
	}
	if c.uploading {
		defer c.uploads.leave() // it has the tenants until now
	}
	var p *problem
	if err != nil {
		p = c.problem(err)
		c.command.Status, c.command.Code = p.Status, p.Code
	}
	if e.route.command != "" { // a panic of the host's function costs no client its answer
		c.guarded("Audit", func() { c.cfg.Audit(r.Context(), c.command) })
	}
	switch {
	case p != nil:
		p.write(w)
	case stream != nil:
		c.guarded("a stream", stream)
	default:
		send(w, c.command.Status, "application/json", body)
	}
}

// call is one request to an endpoint.
type call struct {
	*service
	w      http.ResponseWriter
	r      *http.Request
	caller Caller
	// body is the request's body, once it was read; seen is the version in If-Match.
	body []byte
	seen uint64
	// begun are the places for costly questions or exports of which the call has one, nil if it has
	// none; uploading means that it has one of those for uploads.
	begun     places
	uploading bool
	// command is what is audited; its Status is set for questions, too.
	command Command
}

// run serves the request and returns the body of the answer, or what is to stream it. Panics, also
// of the host's functions, are errors.
func (c *call) run(r route) (body []byte, stream func(), err error) {
	defer recovered(&err)
	if c.guard.Check(c.r) != nil {
		return nil, nil, newProblem(codeCrossOrigin)
	}
	if !r.public {
		if err := c.authenticate(); err != nil {
			return nil, nil, err
		}
	}
	if err := c.begin(r); err != nil {
		return nil, nil, err
	}
	a, err := r.serve(c)
	if err != nil || a.stream != nil {
		return nil, a.stream, c.nameHolders(err)
	}
	if a.location != "" {
		c.w.Header().Set("Location", a.location)
	}
	if c.command.Status = a.status; a.status == 0 {
		c.command.Status = http.StatusOK
	}
	if body, is := a.body.(encoded); is {
		return body, nil, nil
	}
	body, err = json.Marshal(a.body)
	return body, nil, err
}

// begin takes the place that a route needs.
func (c *call) begin(r route) error {
	var need places
	switch {
	case r.export:
		need = c.exports
	case r.costly:
		need = c.costly
	default:
		return nil
	}
	if !need.take() {
		return busy(codeBusy)
	}
	c.begun = need
	return nil
}

// beginCostly takes a place for a costly question, for the rest of the call.
func (c *call) beginCostly() error {
	if !c.costly.take() {
		return busy(codeBusy)
	}
	c.begun = c.costly
	return nil
}

// busy returns the problem of a request for which there is no place now.
func busy(c code) *problem {
	p := newProblem(c)
	p.retryAfter = 1
	return p
}

// recovered, deferred, makes a panic an error. It may be one of a function of the host.
func recovered(err *error) {
	if v := recover(); v != nil {
		*err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
	}
}

// guarded calls f, for which it is too late to answer with a problem. A panic is logged.
func (c *call) guarded(what string, f func()) {
	err := func() (err error) {
		defer recovered(&err)
		f()
		return nil
	}()
	if err != nil {
		c.cfg.Logger.ErrorContext(c.r.Context(), what+" panicked", "error", err)
	}
}

// authenticate finds out who the caller is.
func (c *call) authenticate() error {
	caller, err := c.cfg.Authenticate(c.r)
	if err != nil {
		p := newProblem(codeUnauthenticated)
		var challenge *ChallengeError
		if errors.As(err, &challenge) {
			p.challenge = challenge.Challenge
		}
		return p
	}
	if nilcheck.IsNil(caller) {
		return errors.New("ops: Authenticate returned neither a caller nor an error")
	}
	c.caller = caller
	c.command.Actor = caller.Actor()
	return nil
}

// problem returns the problem of an error, and logs what the problem does not show. The end of a
// request whose client has gone away is not logged.
func (c *call) problem(err error) *problem {
	p := problemOf(err)
	if p.Status >= http.StatusInternalServerError && p.Code != codeNotReady.name && !errors.Is(err, context.Canceled) {
		level := slog.LevelWarn
		if p.Status == http.StatusInternalServerError {
			level = slog.LevelError
		}
		c.cfg.Logger.Log(c.r.Context(), level, "a request failed", "pattern", c.r.Pattern, "code", p.Code, "error", err)
	}
	return p
}
