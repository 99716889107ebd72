package cutover

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/cutover-go/cutover/internal/signal"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/task"
)

// jobs are the tasks in this process's hands.
type jobs struct {
	// concerned gets a value after a change of a plan that a job belongs to.
	concerned signal.Flag

	mu sync.Mutex
	m  map[*job]struct{}
	// doubtful are plans that heartbeats must ask about, and since when: a claim whose
	// answer was lost may have left tasks behind there, or still do so, for a request
	// that was given up and sent again can arrive late.
	doubtful map[plan.ID]time.Time
}

func newJobs() *jobs {
	return &jobs{
		concerned: signal.NewFlag(),
		m:         make(map[*job]struct{}),
		doubtful:  make(map[plan.ID]time.Time),
	}
}

// add begins a job and reports whether its claim is still good.
func (s *jobs) add(j *job) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if j.lease.disowned[j.task.ID] == j.task.Token || !j.lease.alive() {
		return false
	}
	j.began = time.Now() // a heartbeat sent after this knows of the job
	s.m[j] = struct{}{}
	return true
}

func (s *jobs) remove(j *job) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.m, j)
	if !j.lease.alive() {
		j.lease.gone++
	}
}

// changed tells the jobs of a plan that it has changed.
func (s *jobs) changed(id plan.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for j := range s.m {
		if j.task.ID.Plan() == id {
			s.concerned.Raise()
			return
		}
	}
}

// doubt notes plans in which this process may hold tasks that it does not run.
func (s *jobs) doubt(ids ...plan.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range ids {
		s.doubtful[id] = time.Now()
	}
}

// of returns the jobs under a lease.
func (s *jobs) of(l *lease) []*job {
	s.mu.Lock()
	defer s.mu.Unlock()
	var under []*job
	for j := range s.m {
		if j.lease == l {
			under = append(under, j)
		}
	}
	return under
}

// all returns every job.
func (s *jobs) all() []*job {
	s.mu.Lock()
	defer s.mu.Unlock()
	every := make([]*job, 0, len(s.m))
	for j := range s.m {
		every = append(every, j)
	}
	return every
}

// count returns how many jobs there are under a lease.
func (s *jobs) count(l *lease) int { return len(s.of(l)) }

// lostWith returns how many tasks are lost with a lease that is over.
func (s *jobs) lostWith(l *lease) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := l.gone
	for j := range s.m {
		if j.lease == l {
			n++
		}
	}
	return n
}

// disown gives up the claim of a task under that token, unless a job runs it.
func (s *jobs) disown(l *lease, id task.ID, token task.Token) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.runsLocked(id, token) {
		return false
	}
	l.disowned[id] = token
	return true
}

// runs reports whether the task is run under that token.
func (s *jobs) runs(id task.ID, token task.Token) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.runsLocked(id, token)
}

func (s *jobs) runsLocked(id task.ID, token task.Token) bool {
	for j := range s.m {
		if j.task.ID == id && j.task.Token == token {
			return true
		}
	}
	return false
}

// plans returns the plans that a heartbeat has to ask about: those of the jobs, of
// the strays, and those that have been in doubt for no longer than that.
func (s *jobs) plans(l *lease, strays strays, doubt time.Duration) []plan.ID {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.doubtful, func(_ plan.ID, since time.Time) bool { return time.Since(since) > doubt })
	asked := make(map[plan.ID]struct{})
	for id := range s.doubtful {
		asked[id] = struct{}{}
	}
	for j := range s.m {
		if j.lease == l {
			asked[j.task.ID.Plan()] = struct{}{}
		}
	}
	for id := range strays {
		asked[id.Plan()] = struct{}{}
	}
	return slices.Sorted(maps.Keys(asked))
}
