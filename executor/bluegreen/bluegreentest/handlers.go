package bluegreentest

import (
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/cutover-go/cutover/executor/bluegreen"
)

// Gateway returns the handler of the gateway.
func (w *World) Gateway() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /tenants/{id}/route", w.serve(Current))
	mux.HandleFunc("PUT /tenants/{id}/route", w.serve(Switch))
	return mux
}

// Tenants returns the handler of the tenant service.
func (w *World) Tenants() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /tenants/{id}", w.serve(Info))
	mux.HandleFunc("PUT /tenants/{id}/status", w.serve(Status))
	return mux
}

// wish is the body of a change.
type wish struct {
	Colour string `json:"colour"`
	Status string `json:"status"`
	From   string `json:"from"`
}

func (w *World) serve(op Op) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		var body wish
		if r.Method == http.MethodPut {
			if err := json.NewDecoder(http.MaxBytesReader(rw, r.Body, 4<<10)).Decode(&body); err != nil {
				http.Error(rw, "bad body", http.StatusBadRequest)
				return
			}
		}
		id := r.PathValue("id")
		call := Call{Op: op, To: body.Colour + body.Status, Key: r.Header.Get(bluegreen.HeaderKey)}
		call.Token, _ = strconv.ParseUint(r.Header.Get(bluegreen.HeaderToken), 10, 64)
		call.Fault = w.faults.Next(target{id, op})
		status, answer := w.answer(id, call, body.From)
		call.Fault.Answer(rw, r, status, answer)
	}
}

// answer carries out a request, unless its fault prevents the effect, and returns the status and
// the body of its answer.
func (w *World) answer(id string, call Call, from string) (status int, body any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls[id] = append(w.calls[id], call)
	_, ok := w.tenants[id]
	change := call.Op == Switch || call.Op == Status
	switch {
	case call.Fault.Refusal() != 0:
		return call.Fault.Refusal(), nil
	case !ok:
		return http.StatusNotFound, nil
	case call.Fault == Late:
		if change {
			w.late = append(w.late, lateChange{id, from, call})
		}
		return http.StatusGatewayTimeout, nil
	case change && !call.Fault.Applies():
		return http.StatusOK, nil
	}
	return w.apply(id, call, from)
}

// apply carries out a request. It refuses a change whose token is lower than the greatest that the
// service has seen for the tenant, whatever the change asks for.
func (w *World) apply(id string, call Call, from string) (status int, body any) {
	t := w.tenants[id]
	value := &t.Colour
	switch call.Op {
	case Info:
		return http.StatusOK, bluegreen.TenantInfo{ID: t.ID, Name: t.Name, Status: t.Status}
	case Current:
		return http.StatusOK, map[string]string{"colour": t.Colour}
	case Status:
		value = &t.Status
	case Switch:
	}
	at := target{id, call.Op}
	if call.Token < w.tokens[at] {
		return http.StatusConflict, nil
	}
	w.tokens[at] = call.Token
	if *value != from && *value != call.To {
		return http.StatusPreconditionFailed, nil
	}
	*value = call.To
	w.tenants[id] = t
	return http.StatusOK, nil
}
