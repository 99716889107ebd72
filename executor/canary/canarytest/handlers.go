package canarytest

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strconv"

	"github.com/cutover-go/cutover/executor/canary"
)

// Weights returns the handler of the weights.
func (w *World) Weights() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /tenants/{id}/weight", w.serve(Weight))
	mux.HandleFunc("PUT /tenants/{id}/weight", w.serve(SetWeight))
	return mux
}

// Health returns the handler of the health service.
func (w *World) Health() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /tenants/{id}/health", w.serve(Check))
	return mux
}

// Transport returns a transport that both services answer, whatever the host of the URL is, in the
// goroutine of the caller.
func (w *World) Transport() http.RoundTripper {
	mux := http.NewServeMux()
	mux.Handle("/tenants/{id}/weight", w.Weights())
	mux.Handle("/tenants/{id}/health", w.Health())
	return transport{mux}
}

type transport struct{ handler http.Handler }

// RoundTrip implements http.RoundTripper.
func (t transport) RoundTrip(r *http.Request) (resp *http.Response, err error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	defer func() {
		if v := recover(); v != nil {
			resp, err = nil, errors.New("connection reset")
		}
	}()
	rec := httptest.NewRecorder()
	t.handler.ServeHTTP(rec, r)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	return rec.Result(), nil
}

// wish is the body of a change.
type wish struct {
	Weight int `json:"weight"`
	From   int `json:"from"`
}

func (w *World) serve(op Op) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		var body wish
		if op == SetWeight {
			if err := json.NewDecoder(http.MaxBytesReader(rw, r.Body, 4<<10)).Decode(&body); err != nil {
				http.Error(rw, "bad body", http.StatusBadRequest)
				return
			}
		}
		id := r.PathValue("id")
		call := &Call{Op: op, To: body.Weight, Key: r.Header.Get(canary.HeaderKey)}
		if op == Check {
			call.To, _ = strconv.Atoi(r.URL.Query().Get("weight"))
		}
		call.Token, _ = strconv.ParseUint(r.Header.Get(canary.HeaderToken), 10, 64)
		call.Fault = w.faults.Next(target{id, op})
		status, answer := w.answer(id, body.From, call)
		call.Fault.Answer(rw, r, status, answer)
	}
}

// answer carries out a request, unless its fault prevents the effect, and returns the status and
// the body of its answer.
func (w *World) answer(id string, from int, call *Call) (status int, body any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls[id] = append(w.calls[id], call)
	weight, ok := w.weights[id]
	switch {
	case call.Fault.Refusal() != 0:
		return call.Fault.Refusal(), nil
	case !ok:
		return http.StatusNotFound, nil
	case call.Fault == Late:
		if call.Op == SetWeight {
			w.late = append(w.late, lateChange{id, from, call})
		}
		return http.StatusGatewayTimeout, nil
	case call.Op == Weight:
		return http.StatusOK, map[string]int{"weight": weight}
	case call.Op == Check:
		return http.StatusOK, w.report(id)
	case !call.Fault.Applies():
		return http.StatusOK, nil
	}
	return w.apply(id, from, call), nil
}

// apply carries out a change. It refuses one whose token is lower than the greatest that the
// service has seen for the tenant, whatever the change asks for.
func (w *World) apply(id string, from int, call *Call) (status int) {
	if call.Token < w.tokens[id] {
		return http.StatusConflict
	}
	w.tokens[id] = call.Token
	if now := w.weights[id]; now != from && now != call.To {
		return http.StatusPreconditionFailed
	}
	w.weights[id], call.Applied = call.To, true
	return http.StatusOK
}

// report returns the answer to a check: the next report of the tenant.
func (w *World) report(id string) any {
	report := canary.Report{Verdict: canary.Passed}
	if queue := w.reports[id]; len(queue) > 0 {
		report, w.reports[id] = queue[0], queue[1:]
	}
	return map[string]any{"verdict": report.Verdict.String(), "figures": report.Figures, "reason": report.Reason}
}
