package canarytest

import (
	"slices"
	"sync"

	"github.com/cutover-go/cutover/executor/canary"
	"github.com/cutover-go/cutover/executor/internal/faulty"
)

// Tenant is a tenant with the share of its traffic that goes to the new environment, in percent.
type Tenant struct {
	ID     string
	Weight int
}

// Op is a kind of request.
type Op string

// The requests.
const (
	Weight    Op = "weight" // GET /tenants/{id}/weight
	SetWeight Op = "set"    // PUT /tenants/{id}/weight
	Check     Op = "check"  // GET /tenants/{id}/health
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
	// Ignore answers 200 to a change and has no effect. Queries are not affected.
	Ignore = faulty.Ignore
	// Garble answers with a body that is no JSON, and has no effect.
	Garble = faulty.Garble
	// Redirect answers with a redirect to another path, and has no effect.
	Redirect = faulty.Redirect
	// Login answers 200 with an HTML page, and has no effect.
	Login = faulty.Login
	// Late answers 504. A change takes effect when [World.DeliverLate] is called, if the service
	// still accepts it then.
	Late = faulty.Late
)

// Call is a request that a [World] has received.
type Call struct {
	Op Op
	// To is the requested weight or, for a check, the weight to judge.
	To int
	// Token and Key are the headers of a change.
	Token uint64
	Key   string
	// Fault is the fault that was injected into the request, 0 for none.
	Fault Fault
	// Applied reports that a change took effect, at once or late.
	Applied bool
}

// World holds tenants and serves their weights and their health from HTTP handlers. Make one with
// [NewWorld]. It is safe for concurrent use.
type World struct {
	faults faulty.Plan[target]

	mu      sync.Mutex
	weights map[string]int
	tokens  map[string]uint64 // the greatest token of a change
	calls   map[string][]*Call
	reports map[string][]canary.Report
	late    []lateChange
}

type target struct {
	tenant string
	op     Op
}

// lateChange is a change that has been answered but has not taken effect yet.
type lateChange struct {
	tenant string
	from   int
	call   *Call
}

// NewWorld returns a world with these tenants, all in good health.
func NewWorld(tenants ...Tenant) *World {
	w := &World{
		weights: map[string]int{}, tokens: map[string]uint64{},
		calls: map[string][]*Call{}, reports: map[string][]canary.Report{},
	}
	for _, t := range tenants {
		w.weights[t.ID] = t.Weight
	}
	return w
}

// Inject makes the next requests of kind op for a tenant, as many as times says, meet the fault f.
// These faults follow those that were injected earlier. 0 is none: it lets requests succeed, so
// that a later one meets a fault.
func (w *World) Inject(tenantID string, op Op, f Fault, times int) {
	w.faults.Inject(target{tenantID, op}, f, times)
}

// Heal removes every injected fault that has not happened yet, and every report that has not been
// asked for.
func (w *World) Heal() {
	w.faults.Heal()
	w.mu.Lock()
	defer w.mu.Unlock()
	clear(w.reports)
}

// Report queues reports for the next checks of a tenant. When none is left, its checks pass.
func (w *World) Report(tenantID string, reports ...canary.Report) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.reports[tenantID] = append(w.reports[tenantID], reports...)
}

// DeliverLate delivers every late change, the oldest first, and returns their statuses, which no
// caller receives: 200 if the change took effect, 409 if the service has seen a newer token, 412 if
// the current weight is neither the change's "from" nor its target.
func (w *World) DeliverLate() (statuses []int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, l := range w.late {
		statuses = append(statuses, w.apply(l.tenant, l.from, l.call))
	}
	w.late = nil
	return statuses
}

// Weight returns the current weight of a tenant; ok is false if there is no such tenant.
func (w *World) Weight(tenantID string) (percent int, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	percent, ok = w.weights[tenantID]
	return percent, ok
}

// Put sets a tenant directly, as if somebody other than the task had changed it.
func (w *World) Put(t Tenant) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.weights[t.ID] = t.Weight
}

// Calls returns the requests for a tenant, the oldest first: those of the kinds ops, or all if ops
// is empty.
func (w *World) Calls(tenantID string, ops ...Op) []Call {
	w.mu.Lock()
	defer w.mu.Unlock()
	var calls []Call
	for _, c := range w.calls[tenantID] {
		if len(ops) == 0 || slices.Contains(ops, c.Op) {
			calls = append(calls, *c)
		}
	}
	return calls
}
