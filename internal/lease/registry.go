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

// Run is one task that this process runs, as heartbeats see it. The keeper calls the methods in its
// goroutine; they must not block.
type Run interface {
	// ID and Token identify the claim of the task. They never change.
	ID() task.ID
	Token() task.Token
	// ApplyStop passes on the stop that is in force for the task, or task.Go if there is none.
	ApplyStop(stop task.Stop)
	// MarkLost records that this process does not hold the task any more: the run must not write.
	MarkLost()
}

// claim identifies a claim of a task, because the store never gives the same token twice.
type claim struct {
	task  task.ID
	token task.Token
}

func claimOf(r Run) claim { return claim{r.ID(), r.Token()} }

// entry is a run and what heartbeats need to know about it.
type entry struct {
	run   Run
	lease *Lease
	began time.Time
}

// Registry lists the runs of this process. It is safe for concurrent use.
type Registry struct {
	soon    signal.Flag // raised to make the keeper send a heartbeat before it is due
	changed signal.Flag // raised when a run is added or removed

	mu   sync.Mutex
	runs map[claim]entry
	// uncertain are the plans that heartbeats must ask about, each with the time at which it was
	// added. If the answer to a claim was lost, this process may hold tasks of the plan. It may
	// even come to hold them later, because the request may arrive after its sender has given up.
	uncertain map[plan.ID]time.Time
	// revoked are the claims under the current lease that were yielded without a run. If the answer
	// to such a claim still comes, Add refuses it.
	revoked map[claim]struct{}
	// ended is the number of runs under the current lease that ended after the lease was over.
	ended   int
	current *Lease
}

// NewRegistry returns a registry without runs.
func NewRegistry() *Registry {
	return &Registry{
		soon:      signal.NewFlag(),
		changed:   signal.NewFlag(),
		runs:      make(map[claim]entry),
		uncertain: make(map[plan.ID]time.Time),
		revoked:   make(map[claim]struct{}),
	}
}

// Add adds a run under a lease. It returns when the run began, and whether its claim is still good.
// If it is not, the run is not added: another process may hold the task.
func (r *Registry) Add(l *Lease, run Run) (began time.Time, good bool) {
	c := claimOf(run)
	r.mu.Lock()
	defer r.mu.Unlock()
	began = time.Now() // every heartbeat sent after this asks about the run
	if _, revoked := r.revoked[c]; revoked || !l.aliveAt(began) {
		return time.Time{}, false
	}
	r.runs[c] = entry{run, l, began}
	r.changed.Raise()
	return began, true
}

// Remove removes a run that has ended.
func (r *Registry) Remove(run Run) {
	c := claimOf(run)
	r.mu.Lock()
	defer r.mu.Unlock()
	e := r.runs[c]
	if e.run != run {
		return
	}
	delete(r.runs, c)
	r.changed.Raise()
	if e.lease == r.current && !e.lease.Alive() {
		r.ended++
	}
}

// Runs returns all runs that have not ended.
func (r *Registry) Runs() []Run {
	r.mu.Lock()
	defer r.mu.Unlock()
	runs := make([]Run, 0, len(r.runs))
	for _, e := range r.runs {
		runs = append(runs, e.run)
	}
	return runs
}

// Changed reports to the registry that a plan has changed. If this process runs one of the plan's
// tasks, the keeper sends the next heartbeat soon.
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

// HeartbeatSoon makes the keeper send the next heartbeat soon, to find out whether the lease is
// still valid.
func (r *Registry) HeartbeatSoon() { r.soon.Raise() }

// MarkUncertain records plans in which this process may hold tasks that it does not run.
func (r *Registry) MarkUncertain(ids ...plan.ID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, id := range ids {
		r.uncertain[id] = time.Now()
	}
}

// begin makes l the current lease and forgets the revoked claims of the previous lease, which Add
// refuses because that lease is over.
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

// lostWith returns the number of runs that were lost with the current lease l, which is over.
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

// revoke gives up a claim under the current lease and reports whether it did. It does not give up a
// claim that is run.
func (r *Registry) revoke(c claim) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, runs := r.runs[c]; runs {
		return false
	}
	r.revoked[c] = struct{}{}
	return true
}

// isRun reports whether this process has a run under the claim c.
func (r *Registry) isRun(c claim) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, runs := r.runs[c]
	return runs
}

// plans returns, in order, the plans that a heartbeat has to ask about: the plans of the runs under
// l, of the untracked claims, and those that have been uncertain for at most uncertainFor.
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
