package renewal

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"

	"github.com/cutover-go/cutover/internal/nilcheck"
	"github.com/cutover-go/cutover/internal/redisserver"
	"github.com/cutover-go/cutover/renewal/internal/backend"
	"github.com/cutover-go/cutover/renewal/internal/hostcall"
	"github.com/cutover-go/cutover/renewal/internal/redisbackend"
)

// Service keeps the keys of its tasks alive while Run runs. Its methods may be called from
// any goroutine.
type Service struct {
	// Immutable after New.
	shared  *shared
	router  *router
	locker  backend.Locker
	leases  leasePolicies
	started chan struct{} // closed by Run

	lockCalls atomic.Int64 // requests of leases under way, including those whose callers have returned
}

// New returns a service on a client of any kind: single node, Sentinel or cluster. The host owns
// the client and closes it after Run has returned. If the configuration has faults, New returns one
// *InvalidError with all of them.
func New(rdb redis.UniversalClient, cfg Config) (*Service, error) {
	cfg = cfg.withDefaults()
	faults := cfg.validate()
	if nilcheck.IsNil(rdb) {
		faults = append(faults, errors.New("no Redis client"))
	}
	if len(faults) > 0 {
		return nil, &InvalidError{What: "configuration", Faults: faults}
	}
	m := newMeter(cfg)
	b := redisbackend.New(rdb, redisbackend.Options{
		FreshCommands: cfg.FreshCommands, CallTimeout: cfg.CallTimeout, LookEvery: cfg.lookEvery,
		OnLook: func(node string, found *redisserver.Eviction) {
			e := Eviction{Node: node}
			if found != nil {
				e.Begun, e.Policy, e.Limit = true, found.Policy, found.Limit
			}
			m.eviction(e)
		},
	})
	return newService(cfg, b, b, m), nil
}

// newService returns a service. The caller has filled in the defaults of cfg.
func newService(cfg Config, b backend.Backend, l backend.Locker, m *meter) *Service {
	s := &shared{
		cfg: cfg, backend: b, meter: m,
		clock:     newClock(cfg.Tick),
		timers:    newTimers[*Handle](),
		functions: hostcall.NewPool(cfg.UserGoroutines, cfg.UserBudget),
		callbacks: hostcall.NewPool(cfg.UserGoroutines, cfg.UserBudget),
		scans:     hostcall.NewPool(cfg.ScanGoroutines, max(cfg.UserBudget, 3*cfg.CallTimeout)),
		registry:  newRegistry(cfg),
	}
	r := newRouter(s)
	s.queues = r
	return &Service{shared: s, router: r, locker: l, started: make(chan struct{})}
}

func (s *shared) logSilence(node string, silent bool) {
	if silent {
		s.cfg.Logger.Warn("redis node does not answer", zap.String("node", node))
	} else {
		s.cfg.Logger.Info("redis node answers again", zap.String("node", node))
	}
}

// Register starts the renewal of a task; it may be called before Run. If the task has faults,
// Register registers nothing and returns one *InvalidError with all of them.
func (s *Service) Register(t Task) (*Handle, error) {
	r := s.shared.registry
	if err := r.validate(&t); err != nil {
		return nil, err
	}
	h := &Handle{id: t.ID, owner: t.Owner}
	h.mu.Lock() // a goroutine that finds h in the registry waits until start has returned
	defer h.mu.Unlock()
	if err := r.admit(&t, h, s.shared); err != nil {
		return nil, err
	}
	h.start(&t)
	return h, nil
}

// Run renews keys until ctx ends. Then it waits up to Config.Grace for renewals under way and
// callbacks, ends every task with ReasonShutdown (which releases nothing: the keys keep their
// remaining TTL) and returns nil, or ErrUnfinished if host functions are still running. A service
// can run only once.
func (s *Service) Run(ctx context.Context) error {
	if err := s.shared.registry.begin(); err != nil {
		return err
	}
	close(s.started)
	clock := make(chan struct{})
	running, halt := context.WithCancel(ctx)
	defer halt()
	go func() {
		defer close(clock)
		s.runClock(running)
	}()
	<-clock
	return s.shutdown()
}

// Started returns a channel that is closed when Run has begun. Wait for it before the first call of
// Acquire.
func (s *Service) Started() <-chan struct{} { return s.started }

// now returns the present moment of the service's clock.
func (s *Service) now() time.Duration { return s.shared.clock.now() }
