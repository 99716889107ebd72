package memstore

import (
	"cmp"
	"context"
	"sync"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// Config changes what a [Store] keeps. The zero value is good.
type Config struct {
	// MaxEvents is how many events a plan keeps; the oldest events of tasks go first.
	// Default store.KeptEvents; negative: all.
	MaxEvents int
	// Clock tells the time of what is stored, and so the tokens, for instance to see what
	// becomes of them when it is set back. What is measured does not go by it: leases, the
	// agenda, how long a plan is idle. Default time.Now.
	Clock func() time.Time
}

// Store keeps plans in memory. It is safe for concurrent use.
type Store struct {
	cfg Config // immutable

	mu     sync.RWMutex
	plans  map[plan.ID]*rollout
	order  []plan.ID // rising; creations and plans alike
	keys   map[string]*rollout
	lastID plan.ID

	words  *lexicon
	clock  *clock
	agenda agenda
	leases leases
	locks  locks
	hints  hints
}

var _ store.Store = (*Store)(nil)

// New returns an empty store.
func New() *Store { return NewWith(Config{}) }

// NewWith returns an empty store.
func NewWith(c Config) *Store {
	c.MaxEvents = max(0, cmp.Or(c.MaxEvents, store.KeptEvents)) // 0 is all from here on
	if c.Clock == nil {
		c.Clock = time.Now
	}
	return &Store{
		cfg:    c,
		plans:  make(map[plan.ID]*rollout),
		keys:   make(map[string]*rollout),
		words:  newLexicon(),
		clock:  &clock{read: c.Clock},
		agenda: newAgenda(),
		leases: leases{until: make(map[string]time.Time)},
		locks:  locks{byTenant: make(map[string]store.TenantLock)},
	}
}

// rollout returns the plan, visible or not, locked. The caller unlocks it.
func (s *Store) rollout(id plan.ID) (*rollout, error) {
	s.mu.RLock()
	p := s.plans[id]
	s.mu.RUnlock()
	if p == nil {
		return nil, store.ErrNotFound
	}
	p.mu.Lock()
	return p, nil
}

// visible returns the plan, locked, if it can be read.
func (s *Store) visible(ctx context.Context, id plan.ID) (*rollout, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	p, err := s.rollout(id)
	if err != nil {
		return nil, err
	}
	if p.stage != complete {
		p.mu.Unlock()
		return nil, store.ErrNotFound
	}
	return p, nil
}
