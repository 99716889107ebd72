package renewal

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"go.uber.org/zap"
)

// Stats are the figures of a service at one moment. Counters count from its start.
type Stats struct {
	Live    int           // tasks
	Queued  int           // keys that are due and wait for a call
	Calls   int           // calls under way
	Overdue time.Duration // lateness of the oldest tick that waits

	Renewed int64
	Lost    int64
	Failed  int64
	Skipped int64
	// CallbacksDropped counts Renewed and Failed callbacks that were left out
	// because the ones before were too slow.
	CallbacksDropped int64
	// UserErrors counts calls into code of the host that panicked or took too long.
	UserErrors int64
	// ClockSteps counts how often the wall clock leapt ahead.
	ClockSteps int64
}

// Stats returns the figures.
func (s *Service) Stats() Stats {
	st := Stats{
		CallbacksDropped: s.meter.dropped.Load(),
		UserErrors:       s.meter.userErrors.Load(),
		ClockSteps:       s.meter.steps.Load(),
	}
	s.mu.Lock()
	st.Live = len(s.tasks)
	s.mu.Unlock()
	s.meter.mu.Lock()
	total := &s.meter.total
	st.Renewed, st.Lost = int64(total.Renewed), int64(total.Lost)
	st.Failed, st.Skipped = int64(total.Failed), int64(total.Skipped)
	s.meter.mu.Unlock()
	s.lanes.stats(&st, s.clock.now())
	return st
}

func (g *lanes) stats(st *Stats, now time.Duration) {
	g.mu.Lock()
	all := g.all
	g.mu.Unlock()
	for _, l := range all {
		l.mu.Lock()
		st.Queued += l.depth()
		st.Calls += l.workers
		for _, r := range []*ring{&l.asked, &l.urgent, &l.normal} {
			if r.n > 0 {
				st.Overdue = max(st.Overdue, now-r.peek().due)
			}
		}
		run := l.run[l.at:] // its items do not change
		l.mu.Unlock()
		for i := range run {
			st.Overdue = max(st.Overdue, now-run[i].due)
		}
	}
}

// Task returns the handle of a live task by its id, or an error that names the id and
// matches ErrUnknownTask.
func (s *Service) Task(id string) (*Handle, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h, ok := s.tasks[id]
	if !ok {
		return nil, fmt.Errorf("%w: %q", ErrUnknownTask, id)
	}
	return h, nil
}

// Tasks lists the tasks that were live when it was called, by their next due time.
// Each status is taken when it is yielded; a task that ended since is left out.
func (s *Service) Tasks() iter.Seq[Status] {
	return func(yield func(Status) bool) {
		handles := s.handles()
		due := make(map[*Handle]time.Duration, len(handles))
		for _, h := range handles {
			h.mu.Lock()
			due[h] = h.due
			h.mu.Unlock()
		}
		slices.SortFunc(handles, func(a, b *Handle) int { return cmp.Compare(due[a], due[b]) })
		for _, h := range handles {
			if st := h.Status(); st.Reason == Live && !yield(st) {
				return
			}
		}
	}
}

// handles returns the live tasks.
func (s *Service) handles() []*Handle {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]*Handle, 0, len(s.tasks))
	for _, h := range s.tasks {
		all = append(all, h)
	}
	return all
}

func newMeter(cfg Config) *meter {
	return &meter{
		hooks: cfg.Hooks, pending: make(map[meterKey]*Batch),
		lags: make(map[string]Lag), lagging: make(map[string]bool), evicting: make(map[string]bool),
		log: func(err error) { cfg.Logger.Warn("hook failed", zap.Error(err)) },
	}
}

// logPanic is logUserError for errors that functions may also return by themselves:
// those are no fault of theirs.
func (s *Service) logPanic(h *Handle, err error) {
	if p := (*PanicError)(nil); errors.As(err, &p) {
		s.logUserError(h, err)
	}
}
