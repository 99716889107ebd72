package lease

import (
	"iter"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cutover-go/cutover/internal/brief"
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

	current atomic.Pointer[Lease] // nil before the first one
	shards  [numShards]shard      // by task

	mu sync.Mutex
	// uncertain are the plans that heartbeats must ask about, each with the time at which it was
	// added. If the answer to a claim was lost, this process may hold tasks of the plan. It may
	// even come to hold them later, because the request may arrive after its sender has given up.
	uncertain map[plan.ID]time.Time
}

// numShards is the number of parts of a registry.
const numShards = 16

// shard has the runs of some tasks, so that workers who begin and end tasks at the same time rarely
// wait for each other.
type shard struct {
	mu   brief.Mutex
	runs map[claim]entry
	// revoked are the claims under the current lease that were yielded without a run. If the answer
	// to such a claim still comes, Add refuses it.
	revoked map[claim]struct{}
	// ended is the number of runs under the current lease that ended after the lease was over.
	ended int

	_ [64]byte // the next shard is in another cache line
}

// NewRegistry returns a registry without runs.
func NewRegistry() *Registry {
	r := &Registry{soon: signal.NewFlag(), changed: signal.NewFlag(), uncertain: make(map[plan.ID]time.Time)}
	for i := range r.shards {
		r.shards[i].runs, r.shards[i].revoked = make(map[claim]entry), make(map[claim]struct{})
	}
	return r
}

func (r *Registry) shard(c claim) *shard { return &r.shards[uint64(c.task)%numShards] }

// Add adds a run under a lease. It returns when the run began, and whether its claim is still good.
// If it is not, the run is not added: another process may hold the task.
func (r *Registry) Add(l *Lease, run Run) (began time.Time, good bool) {
	c := claimOf(run)
	s := r.shard(c)
	s.mu.Lock()
	defer s.mu.Unlock()
	began = time.Now() // every heartbeat sent after this asks about the run
	if _, revoked := s.revoked[c]; revoked || !l.aliveAt(began) {
		return time.Time{}, false
	}
	s.runs[c] = entry{run, l, began}
	r.changed.Raise()
	return began, true
}

// Remove removes a run that has ended.
func (r *Registry) Remove(run Run) {
	c := claimOf(run)
	s := r.shard(c)
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.runs[c]
	if e.run != run {
		return
	}
	delete(s.runs, c)
	r.changed.Raise()
	if e.lease == r.current.Load() && !e.lease.Alive() {
		s.ended++
	}
}

// all goes over the runs that have not ended. A part of the registry is locked meanwhile.
func (r *Registry) all() iter.Seq2[claim, entry] {
	return func(yield func(claim, entry) bool) {
		for i := range r.shards {
			if !r.shards[i].all(yield) {
				return
			}
		}
	}
}

func (s *shard) all(yield func(claim, entry) bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c, e := range s.runs {
		if !yield(c, e) {
			return false
		}
	}
	return true
}

// Runs returns all runs that have not ended.
func (r *Registry) Runs() []Run {
	var runs []Run
	for _, e := range r.all() {
		runs = append(runs, e.run)
	}
	return runs
}

// Changed reports to the registry that a plan has changed. If this process runs one of the plan's
// tasks, the keeper sends the next heartbeat soon.
func (r *Registry) Changed(id plan.ID) {
	for c := range r.all() {
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
	r.current.Store(l)
	for i := range r.shards {
		r.shards[i].begin()
	}
}

func (s *shard) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = 0
	clear(s.revoked)
}

// under returns the runs under a lease.
func (r *Registry) under(l *Lease) []entry {
	var under []entry
	for _, e := range r.all() {
		if e.lease == l {
			under = append(under, e)
		}
	}
	return under
}

// lostWith returns the number of runs that were lost with the current lease l, which is over.
func (r *Registry) lostWith(l *Lease) int {
	n := 0
	for i := range r.shards {
		n += r.shards[i].lostWith(l)
	}
	return n
}

func (s *shard) lostWith(l *Lease) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.ended
	for _, e := range s.runs {
		if e.lease == l {
			n++
		}
	}
	return n
}

// revoke gives up a claim under the current lease and reports whether it did. It does not give up a
// claim that is run.
func (r *Registry) revoke(c claim) bool {
	s := r.shard(c)
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, runs := s.runs[c]; runs {
		return false
	}
	s.revoked[c] = struct{}{}
	return true
}

// isRun reports whether this process has a run under the claim c.
func (r *Registry) isRun(c claim) bool {
	s := r.shard(c)
	s.mu.Lock()
	defer s.mu.Unlock()
	_, runs := s.runs[c]
	return runs
}

// plans returns, in order, the plans that a heartbeat has to ask about: the plans of the runs under
// l, of the untracked claims, and those that have been uncertain for at most uncertainFor.
func (r *Registry) plans(l *Lease, seen untracked, uncertainFor time.Duration) []plan.ID {
	asked := make(map[plan.ID]struct{})
	for c, e := range r.all() {
		if e.lease == l {
			asked[c.task.Plan()] = struct{}{}
		}
	}
	for id := range seen {
		asked[id.Plan()] = struct{}{}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	maps.DeleteFunc(r.uncertain, func(_ plan.ID, since time.Time) bool { return time.Since(since) > uncertainFor })
	for id := range r.uncertain {
		asked[id] = struct{}{}
	}
	return slices.Sorted(maps.Keys(asked))
}
