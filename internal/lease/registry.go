package lease

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/cutover-go/cutover/internal/signal"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/task"
)

// Run is one task in this process's hands, as heartbeats see it. Its methods are called from the
// goroutine of the keeper and must not block.
type Run interface {
	// ID and Token are those of the claim. They never change.
	ID() task.ID
	Token() task.Token
	// ApplyStop passes on what is in force for the task.
	ApplyStop(stop task.Stop)
	// MarkLost says that the task belongs to somebody else: nothing may be written any more.
	MarkLost()
}

// claim identifies a claim of a task: the store gives no token twice.
type claim struct {
	task  task.ID
	token task.Token
}

func claimOf(r Run) claim { return claim{r.ID(), r.Token()} }

// entry is a run and what a heartbeat has to know of it.
type entry struct {
	run   Run
	lease *Lease
	began time.Time
}

// Registry knows the tasks in this process's hands. It is safe for concurrent use.
type Registry struct {
	soon signal.Flag // asks for a heartbeat before its time

	mu   sync.Mutex
	runs map[claim]entry
	// uncertain are plans that heartbeats must ask about, and since when: a claim whose answer was
	// lost may have left tasks behind there, or still do so, for a request that was given up and
	// sent again can arrive late.
	uncertain map[plan.ID]time.Time
	// revoked are the claims under the current lease that were yielded unused: an answer that
	// still comes must not be acted upon.
	revoked map[claim]struct{}
	// ended is how many runs under the current lease ended since it was over.
	ended   int
	current *Lease
}

// NewRegistry returns a registry without runs.
func NewRegistry() *Registry {
	return &Registry{
		soon:      signal.NewFlag(),
		runs:      make(map[claim]entry),
		uncertain: make(map[plan.ID]time.Time),
		revoked:   make(map[claim]struct{}),
	}
}

// Add begins a run under a lease. It reports when the run began, and whether its claim is still
// good: if not, somebody else may have the task.
func (r *Registry) Add(l *Lease, run Run) (began time.Time, good bool) {
	c := claimOf(run)
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, revoked := r.revoked[c]; revoked || !l.Alive() {
		return began, false
	}
	began = time.Now() // a heartbeat that is sent after this asks about the run
	r.runs[c] = entry{run, l, began}
	return began, true
}

// Remove ends a run.
func (r *Registry) Remove(run Run) {
	c := claimOf(run)
	r.mu.Lock()
	defer r.mu.Unlock()
	e := r.runs[c]
	if e.run != run {
		return
	}
	delete(r.runs, c)
	if e.lease == r.current && !e.lease.Alive() {
		r.ended++
	}
}

// Changed says that a plan has changed: if one of its tasks is run here, the next heartbeat is sent
// soon.
func (r *Registry) Changed(id plan.ID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for c := range r.runs {
		if c.task.Plan() == id {
			r.soon.Raise()
			return
		}
	}
}

// HeartbeatSoon has the next heartbeat sent soon, to find out whether the lease still holds.
func (r *Registry) HeartbeatSoon() { r.soon.Raise() }

// MarkUncertain notes plans in which this process may hold tasks that it does not run.
func (r *Registry) MarkUncertain(ids ...plan.ID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, id := range ids {
		r.uncertain[id] = time.Now()
	}
}

// begin makes a lease the current one. Claims under the lease before it are not good any more.
func (r *Registry) begin(l *Lease) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.current, r.ended = l, 0
	clear(r.revoked)
}

// under returns the runs under a lease.
func (r *Registry) under(l *Lease) []entry {
	r.mu.Lock()
	defer r.mu.Unlock()
	var under []entry
	for _, e := range r.runs {
		if e.lease == l {
			under = append(under, e)
		}
	}
	return under
}

// lostWith returns how many runs are lost with the current lease, which is over.
func (r *Registry) lostWith(l *Lease) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := r.ended
	for _, e := range r.runs {
		if e.lease == l {
			n++
		}
	}
	return n
}

// revoke gives up a claim under the current lease, unless it is run.
func (r *Registry) revoke(c claim) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, runs := r.runs[c]; runs {
		return false
	}
	r.revoked[c] = struct{}{}
	return true
}

// isRun reports whether a claim is run.
func (r *Registry) isRun(c claim) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, runs := r.runs[c]
	return runs
}

// plans returns the plans that a heartbeat has to ask about: those of the runs, of the untracked
// claims, and those that have been uncertain for no longer than that.
func (r *Registry) plans(l *Lease, seen untracked, uncertainFor time.Duration) []plan.ID {
	r.mu.Lock()
	defer r.mu.Unlock()
	maps.DeleteFunc(r.uncertain, func(_ plan.ID, since time.Time) bool { return time.Since(since) > uncertainFor })
	asked := make(map[plan.ID]struct{})
	for id := range r.uncertain {
		asked[id] = struct{}{}
	}
	for c, e := range r.runs {
		if e.lease == l {
			asked[c.task.Plan()] = struct{}{}
		}
	}
	for id := range seen {
		asked[id.Plan()] = struct{}{}
	}
	return slices.Sorted(maps.Keys(asked))
}
