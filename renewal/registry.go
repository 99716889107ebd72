package renewal

import (
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/cutover-go/cutover/renewal/internal/byid"
)

// registry holds the live tasks of a service, their policies, and whether the service runs.
type registry struct {
	maxTasks int // negative: no bound
	tick     time.Duration

	mu       sync.Mutex // never held while the mutex of a Handle is taken
	state    runState
	tasks    *byid.Set[*Handle]
	policies map[*Policy]*policy
	lastID   uint64
}

type runState uint8

const (
	notRun runState = iota
	running
	stopping
	stopped
)

func newRegistry(cfg Config) *registry {
	return &registry{
		maxTasks: cfg.MaxTasks, tick: cfg.Tick,
		tasks: byid.New[*Handle](), policies: make(map[*Policy]*policy),
	}
}

// validate returns the faults of a task as one error.
func (r *registry) validate(t *Task) error {
	faults := validateTask(t)
	r.mu.Lock()
	if r.state >= stopping {
		r.mu.Unlock()
		return ErrStopped
	}
	known := r.policies[t.Policy] != nil
	faults = append(faults, r.conflicts(t)...)
	r.mu.Unlock()
	if t.Policy != nil && !known {
		faults = append(faults, validatePolicy(t.Policy, r.tick)...)
	}
	if len(faults) > 0 {
		return &InvalidError{What: taskName(t.ID), Faults: faults}
	}
	return nil
}

// conflicts returns the faults that depend on the other tasks. The caller holds mu.
func (r *registry) conflicts(t *Task) (faults []error) {
	if _, known := r.tasks.Get(t.ID); known {
		faults = append(faults, ErrDuplicateID)
	}
	if r.maxTasks >= 0 && r.tasks.Len() >= r.maxTasks {
		faults = append(faults, fmt.Errorf("%w: the limit is %d", ErrTooManyTasks, r.maxTasks))
	}
	return faults
}

// admit adds a validated task. A task without an id gets a generated one.
func (r *registry) admit(t *Task, h *Handle, s *shared) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.state >= stopping {
		return ErrStopped
	}
	if faults := r.conflicts(t); len(faults) > 0 { // another task was registered after validate
		return &InvalidError{What: taskName(t.ID), Faults: faults}
	}
	for h.id == "" || !r.tasks.Add(h) {
		r.lastID++
		h.id = "t" + strconv.FormatUint(r.lastID, 36)
	}
	p := r.policies[t.Policy]
	if p == nil {
		p = compile(t.Policy, s)
		r.policies[t.Policy] = p
	}
	p.users++
	h.pol = p.terms(len(t.Keys))
	return nil
}

func taskName(id string) string {
	if id == "" {
		return "task"
	}
	return "task " + id
}

// forget removes an ended task.
func (r *registry) forget(h *Handle) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tasks.Remove(h.id)
	h.pol.users--
	if h.pol.users == 0 {
		delete(r.policies, h.pol.src)
	}
}

// all returns the live tasks.
func (r *registry) all() []*Handle {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.AppendSeq(make([]*Handle, 0, r.tasks.Len()), r.tasks.All())
}

// find returns a live task, or nil.
func (r *registry) find(id string) *Handle {
	r.mu.Lock()
	defer r.mu.Unlock()
	h, _ := r.tasks.Get(id)
	return h
}

// live returns the number of live tasks.
func (r *registry) live() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.tasks.Len()
}

func (r *registry) running() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.state == running
}

// begin marks the service as running; a service runs once.
func (r *registry) begin() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch r.state {
	case notRun:
		r.state = running
		return nil
	case running:
		return ErrRunning
	case stopping, stopped:
	}
	return ErrStopped
}

func (r *registry) setState(state runState) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.state = state
}
