package pgstore

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/internal/hints"
	"github.com/cutover-go/cutover/store/internal/instant"
	"github.com/cutover-go/cutover/store/rules"
)

// Store keeps plans in a schema of a PostgreSQL database. It is safe for concurrent use, by any
// number of processes. [Store.Close] ends its goroutines.
type Store struct {
	cfg      Config
	pool     *pgxpool.Pool
	settings string   // a statement: how a transaction that writes behaves; empty if its connection knows
	texts    sync.Map // statements, by what they are without the name of the schema

	groups groups
	hints  hints.Hints
	// notifier is nil if processes do not tell each other of changes.
	notifier *notifier
	cached   cache
	kept     keptPlans
	clock    serverClock
	skew     atomic.Int64 // nanoseconds that tests add to the server's clock
	closed   atomic.Bool

	*subscriptions
	*places
}

var _ store.Store = (*Store)(nil)

// Open opens the schema in the database at url: postgres://user@host/database, or keywords as libpq
// knows them. It returns a *SchemaError if nobody has called [Migrate], a *VersionError if the
// tables have another version, a *RightsError that names every right that the user lacks, an
// *InvalidError for arguments that make no sense, and an error that is store.Temporary if no server
// answers.
func Open(ctx context.Context, url string, cfg Config) (*Store, error) {
	if err := errors.Join(cfg.check(), ctx.Err()); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	config, err := cfg.pool(url)
	if err != nil {
		return nil, err
	}
	// The pool outlives ctx.
	pool, err := pgxpool.NewWithConfig(context.WithoutCancel(ctx), config)
	if err != nil {
		return nil, &InvalidError{Faults: []string{err.Error()}}
	}
	s := newStore(cfg)
	s.pool = pool
	if err := s.verify(ctx); err != nil {
		pool.Close()
		return nil, err
	}
	if cfg.Listen != "" {
		if err := s.startNotifier(ctx, cfg.Listen); err != nil {
			pool.Close()
			return nil, err
		}
	}
	return s, nil
}

func newStore(cfg Config) *Store {
	s := &Store{cfg: cfg}
	if !cfg.Prepare { // else its connections have them
		s.settings = cfg.settings(true)
	}
	s.groups.s, s.groups.plans = s, make(map[plan.ID][]*commit)
	s.subscriptions, s.places = &subscriptions{s}, &places{s}
	return s
}

func (s *Store) verify(ctx context.Context) error {
	limited, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	conn, err := s.pool.Acquire(limited)
	if err != nil {
		return fault(ctx, err)
	}
	defer conn.Release()
	return fault(ctx, verify(limited, conn, s.cfg.Schema))
}

// Close ends the store. Commits under way end first; later calls return ErrClosed. It may be called
// more than once.
func (s *Store) Close() error {
	s.groups.close()
	if !s.closed.Swap(true) {
		s.notifier.close()
		s.pool.Close()
	}
	return nil
}

// stamp returns the time of what is stored, for a reading of the server's clock.
func (s *Store) stamp(us int64) rules.Stamp {
	return instant.Stamp(us + time.Duration(s.skew.Load()).Microseconds())
}
