package renewal

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// Service keeps the keys of its tasks alive while Run runs. Its methods may be called
// from any goroutine.
type Service struct {
	// Immutable after New.
	cfg       Config
	backend   backend
	locker    locker
	clock     clock
	timers    *timers
	lanes     *lanes
	users     *pool // policies and function selectors
	callbacks *pool
	scans     *pool
	meter     *meter
	started   chan struct{} // closed by Run

	behind atomic.Int64 // calls of leases under way, also those whose callers have left

	sink int // of warm; the clock's goroutine alone writes it

	mu       sync.Mutex // never held while a Handle's is taken
	state    runState
	tasks    map[string]*Handle
	policies map[*Policy]*policy
	lastID   uint64
	leases   map[time.Duration]*Policy
}

type runState uint8

const (
	notRun runState = iota
	running
	stopping
	stopped
)

// New makes a service on a client of any kind: single node, Sentinel or cluster. The
// host keeps the client and closes it after Run has returned. Faults of the
// configuration come as one *InvalidError.
func New(rdb redis.UniversalClient, cfg Config) (*Service, error) {
	cfg = cfg.withDefaults()
	faults := cfg.check()
	if noClient(rdb) {
		faults = append(faults, errors.New("no Redis client"))
	}
	if len(faults) > 0 {
		return nil, &InvalidError{What: "configuration", Faults: faults}
	}
	b := newRedisBackend(rdb, cfg)
	s := newService(cfg, b, b, b.sole())
	b.evictions = func(e Eviction) { s.meter.eviction(e, cfg.Logger) }
	return s, nil
}

// noClient also finds a nil pointer, of any type, that became an interface on its way here.
func noClient(rdb redis.UniversalClient) bool {
	v := reflect.ValueOf(rdb)
	return !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil()
}

// newService takes a complete configuration. Sole is the node of all keys; nil in a
// cluster.
func newService(cfg Config, b backend, l locker, sole node) *Service {
	s := &Service{
		cfg: cfg, backend: b, locker: l,
		clock:     newClock(cfg.Tick),
		timers:    newTimers(),
		users:     newPool(cfg.UserGoroutines, cfg.UserBudget),
		callbacks: newPool(cfg.UserGoroutines, cfg.UserBudget),
		scans:     newPool(cfg.ScanGoroutines, max(cfg.UserBudget, 3*cfg.CallTimeout)),
		meter:     newMeter(cfg),
		started:   make(chan struct{}),
		tasks:     make(map[string]*Handle),
		policies:  make(map[*Policy]*policy),
		leases:    make(map[time.Duration]*Policy),
	}
	s.lanes = newLanes(s, sole)
	return s
}

// Register takes a task under renewal; it may be called before Run. Everything wrong
// with the task is named in one *InvalidError, and then nothing has been registered.
func (s *Service) Register(t Task) (*Handle, error) {
	if err := s.vet(&t); err != nil {
		return nil, err
	}
	h := &Handle{id: t.ID, owner: t.Owner}
	h.mu.Lock() // whoever finds it in the registry waits until it has started
	defer h.mu.Unlock()
	if err := s.admit(&t, h); err != nil {
		return nil, err
	}
	h.start(&t)
	return h, nil
}

// vet finds what is wrong with a task, as one error.
func (s *Service) vet(t *Task) error {
	faults := checkTask(t)
	s.mu.Lock()
	if s.state >= stopping {
		s.mu.Unlock()
		return ErrStopped
	}
	known := s.policies[t.Policy] != nil
	faults = append(faults, s.admissible(t)...)
	s.mu.Unlock()
	if t.Policy != nil && !known {
		faults = append(faults, checkPolicy(t.Policy, s.cfg.Tick)...)
	}
	if len(faults) > 0 {
		return &InvalidError{What: taskName(t.ID), Faults: faults}
	}
	return nil
}

// admissible checks what depends on the other tasks. It is called under mu.
func (s *Service) admissible(t *Task) (faults []error) {
	if s.tasks[t.ID] != nil {
		faults = append(faults, ErrDuplicateID)
	}
	if len(s.tasks) >= s.cfg.MaxTasks {
		faults = append(faults, fmt.Errorf("%w: the limit is %d", ErrTooManyTasks, s.cfg.MaxTasks))
	}
	return faults
}

// admit enters a task into the registry.
func (s *Service) admit(t *Task, h *Handle) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state >= stopping {
		return ErrStopped
	}
	if faults := s.admissible(t); len(faults) > 0 { // since vet
		return &InvalidError{What: taskName(t.ID), Faults: faults}
	}
	for h.id == "" || s.tasks[h.id] != nil {
		s.lastID++
		h.id = "t" + strconv.FormatUint(s.lastID, 36)
	}
	h.pol = s.policies[t.Policy]
	if h.pol == nil {
		h.pol = compile(t.Policy, s)
		s.policies[t.Policy] = h.pol
	}
	h.pol.users++
	s.tasks[h.id] = h
	return nil
}

func taskName(id string) string {
	if id == "" {
		return "task"
	}
	return "task " + id
}

// start sets the first tick and the local deadlines of a new task.
func (h *Handle) start(t *Task) {
	s := h.pol.svc
	now := s.clock.now()
	since := now
	if !t.Since.IsZero() {
		since = min(now, now-s.clock.time(now).Sub(t.Since))
	}
	deadline := never
	if h.pol.ttl != 0 {
		deadline = since + h.pol.ttl - marginOf(h.pol.ttl)
	}
	h.keys = make([]key, len(t.Keys))
	for i, name := range t.Keys {
		h.keys[i] = key{name: name, slot: s.lanes.slot(name), deadline: deadline}
	}
	if h.pol.ages {
		h.x().born = now
	}
	if h.pol.RenewAtOnce || h.pol.interval == 0 {
		h.schedule(now)
	} else { // spread: in (0, interval]
		h.schedule(now + time.Duration((1-rand.Float64())*float64(h.pol.interval)))
	}
	h.arm()
	h.expire(now) // Since may lie so far back that a key is lost already
}

// forget removes an ended task from the registry.
func (s *Service) forget(h *Handle) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.tasks, h.id)
	h.pol.users--
	if h.pol.users == 0 {
		delete(s.policies, h.pol.src)
	}
}

func (s *Service) running() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state == running
}

// Run renews until ctx ends; it blocks. Then it lets renewals under way and callbacks
// finish for up to Config.Grace, ends every task with ReasonShutdown (which releases
// nothing: the keys live out their TTL) and returns nil, or ErrUnfinished if functions
// of the host are still running. A service runs once.
func (s *Service) Run(ctx context.Context) error {
	if err := s.begin(); err != nil {
		return err
	}
	clock := make(chan struct{})
	turning, halt := context.WithCancel(ctx)
	defer halt()
	go func() {
		defer close(clock)
		s.turn(turning)
	}()
	<-clock
	return s.shutdown()
}

// Started is closed once Run has begun, for hosts that want to acquire locks right
// after having started it.
func (s *Service) Started() <-chan struct{} { return s.started }

func (s *Service) begin() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch s.state {
	case notRun:
		s.state = running
		close(s.started)
		return nil
	case running:
		return ErrRunning
	case stopping, stopped:
	}
	return ErrStopped
}
