package ops

import (
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/cutover-go/cutover/ops/internal/wire"
)

// problem is a problem document (RFC 9457), and the error of an endpoint that answers with it.
type problem struct {
	Title  string `json:"title"`
	Status int    `json:"status"`
	// Code says what is wrong, in a word that does not change; Params are its facts.
	Code   string         `json:"code"`
	Detail string         `json:"detail,omitempty"`
	Params map[string]any `json:"params,omitempty"`
	// Faults are the first faults of the request, of FaultCount.
	Faults     []wire.Fault `json:"faults,omitempty"`
	FaultCount int          `json:"faultCount,omitempty"`

	retryAfter int // seconds, 0 for none
	challenge  string
}

func (p *problem) Error() string { return p.Code + ": " + p.Detail }

// newProblem returns the problem of a code.
func newProblem(c code) *problem {
	return &problem{Title: c.title, Status: c.status, Code: c.name}
}

// faulty returns the problem of a request with faults; total is their number.
func faulty(c code, total int, faults ...wire.Fault) *problem {
	p := newProblem(c)
	p.Faults, p.FaultCount = faults, total
	return p
}

// write answers with the problem.
func (p *problem) write(w http.ResponseWriter) {
	if p.retryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(p.retryAfter))
	}
	if p.challenge != "" {
		w.Header().Set("WWW-Authenticate", p.challenge)
	}
	body, err := json.Marshal(p)
	if err != nil { // cannot be: params are texts and numbers
		body = []byte(`{"status":500,"code":"INTERNAL"}`)
	}
	send(w, p.Status, "application/problem+json", body)
}

// send writes an answer. A client that has gone away is no news.
func send(w http.ResponseWriter, status int, contentType string, body []byte) {
	header := w.Header()
	header.Set("Content-Type", contentType)
	header.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
