package renewal

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"time"
)

// Stats are the figures of a service at one moment. Counters count from the call of New.
type Stats struct {
	Live    int           // tasks
	Queued  int           // keys that are due and wait for a call
	Calls   int           // calls to Redis under way
	Overdue time.Duration // lateness of the oldest tick in any queue

	Renewed int64
	Lost    int64
	Failed  int64
	Skipped int64
	// CallbacksDropped counts OnRenewed and OnFailed callbacks that were left out because earlier
	// callbacks of the same task were too slow.
	CallbacksDropped int64
	// UserErrors counts calls of host functions that panicked or took too long.
	UserErrors int64
	// ClockSteps counts how often the wall clock leapt ahead.
	ClockSteps int64
}

// Stats returns the figures.
func (s *Service) Stats() Stats {
	m := s.shared.meter
	queues := s.router.group.Stats(s.shared.clock.now())
	st := Stats{
		Live:             s.shared.registry.live(),
		Queued:           queues.Queued,
		Calls:            queues.Calls,
		Overdue:          queues.Overdue,
		CallbacksDropped: m.dropped.Load(),
		UserErrors:       m.userErrors.Load(),
		ClockSteps:       m.steps.Load(),
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	st.Renewed, st.Lost = int64(m.total.Renewed), int64(m.total.Lost)
	st.Failed, st.Skipped = int64(m.total.Failed), int64(m.total.Skipped)
	return st
}

// Task returns the handle of a live task by its id, or an error that names the id and
// matches ErrUnknownTask.
func (s *Service) Task(id string) (*Handle, error) {
	if h := s.shared.registry.find(id); h != nil {
		return h, nil
	}
	return nil, fmt.Errorf("%w: %q", ErrUnknownTask, id)
}

// Tasks iterates over the tasks that are live when the iteration begins, in the order of their next
// due times. Each status is current when it is yielded; a task that has ended by then is left out.
func (s *Service) Tasks() iter.Seq2[*Handle, Status] {
	return func(yield func(*Handle, Status) bool) {
		handles := s.shared.registry.all()
		due := make(map[*Handle]time.Duration, len(handles))
		for _, h := range handles {
			h.mu.Lock()
			due[h] = h.due
			h.mu.Unlock()
		}
		slices.SortFunc(handles, func(a, b *Handle) int { return cmp.Compare(due[a], due[b]) })
		for _, h := range handles {
			if st := h.Status(); st.Reason == Live && !yield(h, st) {
				return
			}
		}
	}
}
