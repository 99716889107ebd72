package bluegreentest

import (
	"slices"
	"sync"

	"github.com/cutover-go/cutover/executor/internal/faulty"
)

// Tenant is a tenant as the two services know it.
type Tenant struct {
	ID, Name string
	// Status is the tenant's status in the tenant service.
	Status string
	// Colour is the colour to which the gateway routes the tenant.
	Colour string
}

// Op is a kind of request.
type Op string

// The requests.
const (
	Info    Op = "info"    // GET /tenants/{id}
	Status  Op = "status"  // PUT /tenants/{id}/status
	Current Op = "current" // GET /tenants/{id}/route
	Switch  Op = "switch"  // PUT /tenants/{id}/route
)

// Fault is a way in which a request can fail.
type Fault = faulty.Fault

// The faults.
const (
	// TimeOut gives no answer and has no effect.
	TimeOut = faulty.TimeOut
	// TimeOutAfter has the effect and gives no answer.
	TimeOutAfter = faulty.TimeOutAfter
	// Drop closes the connection without effect.
	Drop = faulty.Drop
	// DropAfter has the effect and closes the connection.
	DropAfter = faulty.DropAfter
	// Unavailable answers 503.
	Unavailable = faulty.Unavailable
	// Refuse answers 403.
	Refuse = faulty.Refuse
	// Ignore answers 200 and has no effect.
	Ignore = faulty.Ignore
	// Garble answers with a body that is no JSON, and has no effect.
	Garble = faulty.Garble
	// Redirect answers with a redirect to another path, and has no effect.
	Redirect = faulty.Redirect
	// Login answers 200 with an HTML page, and has no effect.
	Login = faulty.Login
	// Late answers 504. The change takes effect when [World.DeliverLate] is called, if the service
	// still accepts it then.
	Late = faulty.Late
)

// Call is a request that a [World] has received.
type Call struct {
	Op Op
	// To is the requested colour or status.
	To string
	// Token and Key are the headers of a change.
	Token uint64
	Key   string
	// Fault is the fault that was injected into the request, 0 for none.
	Fault Fault
}

// World holds tenants and serves the gateway and the tenant service from HTTP handlers. Make one
// with [NewWorld]. It is safe for concurrent use.
type World struct {
	faults faulty.Plan[target]

	mu      sync.Mutex
	tenants map[string]Tenant
	tokens  map[target]uint64 // the greatest token of a change of that kind
	calls   map[string][]Call
	late    []lateChange
}

// lateChange is a change that has been answered but has not taken effect yet.
type lateChange struct {
	tenant, from string
	call         Call
}

type target struct {
	tenant string
	op     Op
}

// NewWorld returns a world with these tenants.
func NewWorld(tenants ...Tenant) *World {
	w := &World{
		tenants: map[string]Tenant{}, tokens: map[target]uint64{},
		calls: map[string][]Call{},
	}
	for _, t := range tenants {
		w.tenants[t.ID] = t
	}
	return w
}

// Inject makes the next requests of kind op for a tenant, as many as times says, meet the fault f.
// These faults follow those that were injected earlier. 0 is none: it lets requests succeed, so
// that a later one meets a fault.
func (w *World) Inject(tenantID string, op Op, f Fault, times int) {
	w.faults.Inject(target{tenantID, op}, f, times)
}

// DeliverLate delivers every late change, the oldest first, and returns their statuses, which no
// caller receives: 200 if the change took effect, 409 if the service has seen a newer token, 412 if
// the current value is neither the change's "from" nor its target.
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

// Heal removes every injected fault that has not happened yet.
func (w *World) Heal() { w.faults.Heal() }

// Tenant returns the current state of a tenant; the zero Tenant if there is none.
func (w *World) Tenant(id string) Tenant {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.tenants[id]
}

// Put sets a tenant directly, as if somebody other than the task had changed it.
func (w *World) Put(t Tenant) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tenants[t.ID] = t
}

// Calls returns the requests for a tenant, the oldest first: those of the kinds ops, or all if ops
// is empty.
func (w *World) Calls(tenantID string, ops ...Op) []Call {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(w.calls[tenantID]), func(c Call) bool {
		return len(ops) > 0 && !slices.Contains(ops, c.Op)
	})
}
