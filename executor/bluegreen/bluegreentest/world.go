package bluegreentest

import (
	"slices"
	"sync"
)

// Tenant is a tenant as both services together know it.
type Tenant struct {
	ID, Name string
	// Status is the tenant service's.
	Status string
	// Colour is the gateway's.
	Colour string
}

// Op is one kind of request.
type Op string

// The requests.
const (
	Info    Op = "info"    // GET /tenants/{id}
	Status  Op = "status"  // PUT /tenants/{id}/status
	Current Op = "current" // GET /tenants/{id}/route
	Switch  Op = "switch"  // PUT /tenants/{id}/route
)

// Fault is a way for a request to fail.
type Fault int

// The faults.
const (
	// TimeOut gives no answer and has no effect.
	TimeOut Fault = iota + 1
	// TimeOutAfter has the effect and gives no answer.
	TimeOutAfter
	// Drop closes the connection without effect.
	Drop
	// DropAfter has the effect and closes the connection.
	DropAfter
	// Unavailable answers 503.
	Unavailable
	// Refuse answers 403.
	Refuse
	// Ignore agrees and has no effect.
	Ignore
	// Garble answers with something that is no JSON, and has no effect.
	Garble
	// Redirect answers with a redirect to elsewhere, and has no effect.
	Redirect
	// Login answers 200 with an HTML page, and has no effect.
	Login
	// Late answers 504 at once and has its effect, if the service then still takes it,
	// when [World.DeliverLate] is called.
	Late
)

// Call is a request that came in.
type Call struct {
	Op Op
	// To is the colour or status asked for.
	To string
	// Token and Key are the headers of a change.
	Token uint64
	Key   string
	// Fault is what was done to it, 0 for nothing.
	Fault Fault
}

// World has tenants. Make one with [NewWorld]; it may be used by many goroutines.
type World struct {
	mu      sync.Mutex
	tenants map[string]Tenant
	tokens  map[target]uint64 // the greatest that came with a change of that kind
	calls   map[string][]Call
	faults  map[target][]Fault
	late    []lateChange
}

// lateChange is a change that is still on its way.
type lateChange struct {
	tenant, from string
	call         Call
}

type target struct {
	tenant string
	op     Op
}

// NewWorld returns a world of the tenants given.
func NewWorld(tenants ...Tenant) *World {
	w := &World{
		tenants: map[string]Tenant{}, tokens: map[target]uint64{},
		calls: map[string][]Call{}, faults: map[target][]Fault{},
	}
	for _, t := range tenants {
		w.tenants[t.ID] = t
	}
	return w
}

// Inject makes the next times requests of a kind for a tenant fail, after those
// that were injected before.
func (w *World) Inject(tenantID string, op Op, f Fault, times int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	at := target{tenantID, op}
	w.faults[at] = append(w.faults[at], slices.Repeat([]Fault{f}, times)...)
}

// DeliverLate lets every change that is late arrive, the oldest first, and returns
// the statuses that nobody hears of: 200 if it had its effect, 409 if a newer token
// was there before it, 412 if its "from" is not so any more.
func (w *World) DeliverLate() (statuses []int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, l := range w.late {
		status, _ := w.apply(l.tenant, l.call, l.from)
		statuses = append(statuses, status)
	}
	w.late = nil
	return statuses
}

// Heal takes back every fault that was injected and has not happened.
func (w *World) Heal() {
	w.mu.Lock()
	defer w.mu.Unlock()
	clear(w.faults)
}

// Tenant returns a tenant as it is; the zero Tenant if there is none.
func (w *World) Tenant(id string) Tenant {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.tenants[id]
}

// Put sets a tenant, behind the back of whoever works on it.
func (w *World) Put(t Tenant) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tenants[t.ID] = t
}

// Calls returns the requests for a tenant, the oldest first, of the kinds given,
// or of every kind.
func (w *World) Calls(tenantID string, ops ...Op) []Call {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(w.calls[tenantID]), func(c Call) bool {
		return len(ops) > 0 && !slices.Contains(ops, c.Op)
	})
}
