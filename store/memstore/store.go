package memstore

import (
	"cmp"
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/internal/agenda"
	"github.com/cutover-go/cutover/store/internal/hints"
	"github.com/cutover-go/cutover/store/rules"
)

// Config configures a [Store]. The zero value is ready to use.
type Config struct {
	// MaxEvents is the maximum number of events that a plan keeps; beyond it the oldest task events
	// are dropped. The default is store.KeptEvents; a negative value keeps all.
	MaxEvents int
	// Clock returns the time for stored timestamps and tokens. A test can set it back, for
	// instance, to see the effect on tokens. Durations (leases, the agenda, the idle time of a
	// plan) always use time.Now. The default is time.Now.
	Clock func() time.Time
}

// Store keeps plans in memory. It is safe for concurrent use.
type Store struct {
	cfg Config // immutable

	mu     sync.RWMutex
	plans  map[plan.ID]*rollout
	order  []plan.ID // ascending; creations as well as plans
	keys   map[string]*rollout
	lastID plan.ID
	// near has plans by their last digits, so that a commit mostly needs no lock to find its plan.
	// It is written while mu is held, if only for reading. Invariant: its plans are in plans.
	near [64]atomic.Pointer[rollout]

	words  *lexicon
	clock  *clock
	agenda *agenda.Agenda
	leases leases
	locks  locks
	hints  hints.Hints

	*subscriptions
	*quotas
}

var _ store.Store = (*Store)(nil)

// New returns an empty store.
func New() *Store { return NewWith(Config{}) }

// NewWith returns an empty store with a configuration.
func NewWith(c Config) *Store {
	c.MaxEvents = max(0, cmp.Or(c.MaxEvents, store.KeptEvents)) // from here on 0 means all
	if c.Clock == nil {
		c.Clock = time.Now
	}
	s := &Store{
		cfg:    c,
		plans:  make(map[plan.ID]*rollout),
		keys:   make(map[string]*rollout),
		words:  newLexicon(),
		clock:  &clock{read: c.Clock},
		agenda: agenda.New(0),
		leases: leases{byName: make(map[string]*member)},
		locks:  locks{byTenant: newLockTable()},
		quotas: newQuotas(),
	}
	s.subscriptions = &subscriptions{store: s, byName: make(map[string]*subscription)}
	return s
}

// find returns a plan, visible or not; nil if there is none. It is not locked.
func (s *Store) find(id plan.ID) *rollout {
	near := s.nearest(id)
	p := near.Load()
	if p == nil || p.id != id {
		s.mu.RLock()
		if p = s.plans[id]; p != nil {
			near.Store(p)
		}
		s.mu.RUnlock()
	}
	return p
}

// rollout returns a plan, visible or not. It is locked; the caller unlocks it.
func (s *Store) rollout(id plan.ID) (*rollout, error) {
	p := s.find(id)
	if p == nil {
		return nil, store.ErrNotFound
	}
	p.mu.Lock()
	return p, nil
}

// nearest returns the place of a plan in s.near.
func (s *Store) nearest(id plan.ID) *atomic.Pointer[rollout] {
	return &s.near[uint64(id)%uint64(len(s.near))]
}

// visible returns a plan that can be read, locked.
func (s *Store) visible(ctx context.Context, id plan.ID) (*rollout, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return lockVisible(s.find(id))
}

// visibleAt is visible, with the moment for a step. The clock is read before the plan is locked,
// and not while others wait for it.
func (s *Store) visibleAt(ctx context.Context, id plan.ID) (*rollout, rules.Moment, error) {
	if err := ctx.Err(); err != nil {
		return nil, rules.Moment{}, err
	}
	p := s.find(id)
	if p == nil {
		return nil, rules.Moment{}, store.ErrNotFound
	}
	steps := p.steps.Load()
	now := s.clock.now()
	if _, err := lockVisible(p); err != nil {
		return nil, rules.Moment{}, err
	}
	return p, p.momentOf(now, steps), nil
}

// lockVisible locks a plan, unless it is nil or cannot be read.
func lockVisible(p *rollout) (*rollout, error) {
	if p == nil {
		return nil, store.ErrNotFound
	}
	p.mu.Lock()
	if p.stage != complete {
		p.mu.Unlock()
		return nil, store.ErrNotFound
	}
	return p, nil
}
