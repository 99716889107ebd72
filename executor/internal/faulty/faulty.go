// Package faulty makes the HTTP services of test kits fail like those of a network.
package faulty

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sync"
)

// Fault is a way in which a request can fail.
type Fault int

// The faults. The packages that use them document them.
const (
	TimeOut Fault = iota + 1
	TimeOutAfter
	Drop
	DropAfter
	Unavailable
	Refuse
	Ignore
	Garble
	Redirect
	Login
	Late
)

// String returns the name of the fault, "none" for 0.
func (f Fault) String() string {
	names := [...]string{
		"none", "TimeOut", "TimeOutAfter", "Drop", "DropAfter", "Unavailable", "Refuse", "Ignore", "Garble", "Redirect", "Login", "Late",
	}
	if f < 0 || int(f) >= len(names) {
		return fmt.Sprintf("Fault(%d)", int(f))
	}
	return names[f]
}

// Refusal returns the status with which a service answers without looking at the request, 0 if it
// looks.
func (f Fault) Refusal() int {
	switch f {
	case Unavailable:
		return http.StatusServiceUnavailable
	case Refuse:
		return http.StatusForbidden
	case TimeOut, TimeOutAfter, Drop, DropAfter, Ignore, Garble, Redirect, Login, Late:
	}
	return 0
}

// Applies reports whether a change takes effect at once in spite of the fault.
func (f Fault) Applies() bool { return f == 0 || f == DropAfter || f == TimeOutAfter }

// Answer answers a request with status and body, as far as the fault lets it.
func (f Fault) Answer(rw http.ResponseWriter, r *http.Request, status int, body any) {
	switch f {
	case TimeOut, TimeOutAfter:
		<-r.Context().Done()
	case Drop, DropAfter:
		panic(http.ErrAbortHandler)
	case Redirect:
		http.Redirect(rw, r, "/elsewhere", http.StatusTemporaryRedirect)
	case Garble:
		_, _ = rw.Write([]byte("<html>"))
	case Login:
		rw.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = rw.Write([]byte("<html><form action=/login></form>"))
	case 0, Unavailable, Refuse, Ignore, Late:
		rw.Header().Set("Content-Type", "application/json")
		rw.WriteHeader(status)
		_ = json.NewEncoder(rw).Encode(body)
	}
}

// Plan holds the faults that requests of each kind K are going to meet. The zero value is ready to
// use.
type Plan[K comparable] struct {
	mu     sync.Mutex
	faults map[K][]Fault
}

// Inject makes the next requests of a kind, as many as times says, meet the fault f, after those
// that were injected earlier.
func (p *Plan[K]) Inject(kind K, f Fault, times int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.faults == nil {
		p.faults = map[K][]Fault{}
	}
	p.faults[kind] = append(p.faults[kind], slices.Repeat([]Fault{f}, times)...)
}

// Next removes the next fault of a kind and returns it, 0 if there is none.
func (p *Plan[K]) Next(kind K) Fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.faults[kind]) == 0 {
		return 0
	}
	f := p.faults[kind][0]
	p.faults[kind] = p.faults[kind][1:]
	return f
}

// Heal removes every fault.
func (p *Plan[K]) Heal() {
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.faults)
}
