package cutover

import (
	"sync"

	"github.com/cutover-go/cutover/internal/signal"
	"github.com/cutover-go/cutover/plan"
)

// slots are this process's capacity, and who is to have it next.
type slots struct {
	capacity int
	workers  sync.WaitGroup
	// signal wakes the dispatcher: a slot is free, or a plan wants attention.
	signal signal.Flag
	// due wakes it too: a plan may have become due.
	due signal.Flag

	mu    sync.Mutex
	taken int
	// waiting are plans that have tasks to claim, as far as is known.
	waiting map[plan.ID]*candidate
	// round numbers the claims, to serve the least recently served plan first.
	round int64
	// wanted are plans to look at before they are due.
	wanted map[plan.ID]struct{}
}

// candidate is a plan that has tasks to claim.
type candidate struct {
	info   *planInfo
	served int64
	// claiming says that a claim is under way: until it is answered, the plan gets no
	// further slots.
	claiming bool
}

func newSlots(capacity int) *slots {
	return &slots{
		capacity: capacity,
		signal:   signal.NewFlag(),
		due:      signal.NewFlag(),
		waiting:  make(map[plan.ID]*candidate),
		wanted:   make(map[plan.ID]struct{}),
	}
}

func (s *slots) wake() { s.signal.Raise() }

// attend asks the dispatcher to look at a plan soon.
func (s *slots) attend(id plan.ID) {
	s.mu.Lock()
	s.wanted[id] = struct{}{}
	s.mu.Unlock()
	s.wake()
}

// takeWanted returns the plans that want attention.
func (s *slots) takeWanted() []plan.ID {
	s.mu.Lock()
	defer s.mu.Unlock()
	ids := make([]plan.ID, 0, len(s.wanted))
	for id := range s.wanted {
		ids = append(ids, id)
	}
	clear(s.wanted)
	return ids
}

// free gives one slot back.
func (s *slots) free() { s.giveBack(1) }

func (s *slots) giveBack(n int) {
	s.mu.Lock()
	s.taken -= n
	s.mu.Unlock()
	s.wake()
}

// offer notes that a plan has tasks to claim, or that it has none.
func (s *slots) offer(info *planInfo, claimable bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.offerLocked(info, claimable)
}

func (s *slots) offerLocked(info *planInfo, claimable bool) {
	switch c := s.waiting[info.id]; {
	case !claimable:
		delete(s.waiting, info.id)
	case c == nil:
		// It stands behind the plans that wait already, and before any that is served.
		s.waiting[info.id] = &candidate{info: info, served: s.round}
	default:
		c.info = info
	}
}

// served ends a claim of a plan, which tells whether there are further tasks.
func (s *slots) served(info *planInfo, claimable bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.waiting[info.id]; c != nil {
		c.claiming = false
	}
	s.offerLocked(info, claimable)
}

func (s *slots) forget(id plan.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.waiting, id)
}

// othersWait reports whether a plan other than id waits for a slot that there is
// not.
func (s *slots) othersWait(id plan.ID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken < s.capacity {
		return false
	}
	_, own := s.waiting[id]
	return len(s.waiting) > 1 || len(s.waiting) == 1 && !own
}

// take returns the plan to serve next and how many slots are taken for it: a
// bounded share of what is free, so that one plan does not get all of it while
// others wait. n is 0 if nothing waits or nothing is free.
func (s *slots) take() (info *planInfo, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	free := s.capacity - s.taken
	if free <= 0 || len(s.waiting) == 0 {
		return nil, 0
	}
	var next *candidate
	idle := 0
	for _, c := range s.waiting {
		if c.claiming {
			continue
		}
		idle++
		if next == nil || c.served < next.served || c.served == next.served && c.info.id < next.info.id {
			next = c
		}
	}
	if next == nil {
		return nil, 0
	}
	s.round++
	next.served, next.claiming = s.round, true
	n = max(1, free/idle)
	s.taken += n
	return next.info, n
}
