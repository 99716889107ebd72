package cutover

import (
	"sync"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/task"
)

// jobs are the tasks in this process's hands.
type jobs struct {
	mu sync.Mutex
	m  map[*job]struct{}
	// recent are plans that a claim was sent for since the last heartbeat: a lost
	// answer may have left tasks behind there.
	recent map[plan.ID]struct{}
}

func newJobs() *jobs {
	return &jobs{m: make(map[*job]struct{}), recent: make(map[plan.ID]struct{})}
}

func (s *jobs) add(j *job) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.m[j] = struct{}{}
}

func (s *jobs) remove(j *job) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.m, j)
}

// doubt notes a plan whose claims may have been answered without our hearing it.
func (s *jobs) doubt(id plan.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.recent[id] = struct{}{}
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

// runs reports whether the task is run under that token.
func (s *jobs) runs(id task.ID, token task.Token) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for j := range s.m {
		if j.task.ID == id && j.task.Token == token {
			return true
		}
	}
	return false
}

// plans returns the plans that a heartbeat has to ask about.
func (s *jobs) plans(l *lease, strays strays) []plan.ID {
	asked := plansOf(s.of(l), strays)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range asked {
		delete(s.recent, id)
	}
	for id := range s.recent {
		asked = append(asked, id)
	}
	clear(s.recent)
	return asked
}
