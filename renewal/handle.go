package renewal

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/cutover-go/cutover/internal/wheel"
)

// Handle is a registered task. It stays valid after the end of the task, and its Result is then
// final. Its methods may be called from any goroutine.
type Handle struct {
	mu sync.Mutex
	// Guarded by mu. With a million tasks the size of each field matters: fields that most tasks do
	// not need are in extra, and the keys beyond the first one in terms.
	first    key           // of a fixed list; gone if there is a selector instead
	timer    wheel.Handle  // Invariant: never later than due, a deadline or a retry
	due      time.Duration // next tick
	ext      *extra
	early    uint32 // by how many clock ticks jitter makes the next tick come early
	renewals uint32
	failures uint32
	reason   Reason    // Live until the end
	counted  bool      // renewals includes the present tick
	calling  bool      // a policyCall is under way
	err      lastError // not in extra, since in an outage every task has one

	// Immutable after Register.
	pol   *terms
	owner string
	id    string
}

// extra is the part of a Handle that only some tasks need. The mutex of its Handle guards it.
type extra struct {
	done      chan struct{}
	ctx       context.Context //nolint:containedctx // of Handle.Context
	cancel    context.CancelCauseFunc
	born      time.Duration // time of the registration, for the stop rule After
	ended     time.Time
	ttl       time.Duration // last answer of a TTL function
	interval  time.Duration // last answer of an interval function
	selected  selection
	armed     time.Duration // of a task with many keys: the moment to which the timer is set
	lost      int           // of a task with many keys: how many are lost
	quiet     int           // after the end: the keys before this index are known to be in no call
	overdue   bool          // the policyCall under way has exceeded its budget
	callbacks callbackQueue
	waits     renewWaits
	idle      []chan struct{} // closed when the task is quiet, for CancelAndWait
}

// lastError is the last error of a task, if there was one. Most tasks never have one, so it is a
// pointer, which is half as large as an error.
type lastError struct{ err *error }

func (l *lastError) set(err error) { l.err = &err }

func (l *lastError) get() error {
	if l.err == nil {
		return nil
	}
	return *l.err
}

func (h *Handle) x() *extra {
	if h.ext == nil {
		h.ext = &extra{}
	}
	return h.ext
}

// waits returns the calls of RenewNow that wait; nil if the task has no extra.
func (h *Handle) waits() *renewWaits {
	if h.ext == nil {
		return nil
	}
	return &h.ext.waits
}

// valid reports whether Register made this handle.
func (h *Handle) valid() bool { return h != nil && h.pol != nil }

// ID returns the task's id.
func (h *Handle) ID() string { return h.id }

// Context returns a context that ends when the task ends. Its cause is a *LostError if the loss of
// a key ended the task, and an *EndedError otherwise. For a handle that Register did not make, the
// context has ended already, with ErrUnknownTask.
func (h *Handle) Context() context.Context {
	if !h.valid() {
		ctx, cancel := context.WithCancelCause(context.Background())
		cancel(ErrUnknownTask)
		return ctx
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	x := h.x()
	if x.ctx == nil {
		x.ctx, x.cancel = context.WithCancelCause(context.Background())
		if h.reason != Live {
			x.cancel(h.cause())
		}
	}
	return x.ctx
}

// Done returns a channel that is closed when the task has ended. For a handle that Register did not
// make, it is closed already.
func (h *Handle) Done() <-chan struct{} {
	if !h.valid() {
		done := make(chan struct{})
		close(done)
		return done
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	x := h.x()
	if x.done == nil {
		x.done = make(chan struct{})
		if h.reason != Live {
			close(x.done)
		}
	}
	return x.done
}

// Result returns how the task ended, or its figures so far.
func (h *Handle) Result() Result {
	if !h.valid() {
		return Result{Err: ErrUnknownTask}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.result()
}

func (h *Handle) result() Result {
	r := Result{ID: h.id, Reason: h.reason, Renewals: int(h.renewals), Failures: int(h.failures), Err: h.err.get()}
	if h.ext != nil {
		r.Ended = h.ext.ended
	}
	return r
}

// Status returns a snapshot of the task.
func (h *Handle) Status() Status {
	if !h.valid() {
		return Status{}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.status()
}

func (h *Handle) status() Status {
	c := &h.pol.shared.clock
	s := Status{
		ID: h.id, Labels: h.pol.Labels,
		Renewals: int(h.renewals), Failures: int(h.failures), Reason: h.reason,
	}
	deadline := never
	h.each(func(k *key) {
		s.Keys++
		deadline = min(deadline, k.deadline)
	})
	if h.reason == Live {
		s.NextDue, s.Deadline = c.time(h.due), c.time(deadline)
	}
	return s
}

// Cancel ends the task. A renewal under way may still reach Redis, but its outcome is dropped; of
// the callbacks only OnFinished is still called. Cancel does not change a task that has ended.
func (h *Handle) Cancel() error {
	if !h.valid() {
		return ErrUnknownTask
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.finish(ReasonCanceled, nil)
	return nil
}

// CancelAndWait ends the task and returns when none of its renewals is under way and no host
// function runs for it. After it has returned nil, there is no further renewal and no further
// callback. Use it before deleting a key. If ctx ends first, the task is canceled nevertheless, and
// the error is the cause of ctx. A host function that runs for this task must pass the context that
// it got: CancelAndWait then cancels the task and returns ErrInCallback instead of waiting for that
// function.
func (h *Handle) CancelAndWait(ctx context.Context) error {
	if err := h.Cancel(); err != nil {
		return err
	}
	if ctx.Value(insideCallback{}) == h || ctx.Value(insidePolicyCall{}) == h {
		return ErrInCallback
	}
	h.mu.Lock()
	if h.quiet() {
		h.mu.Unlock()
		return nil
	}
	idle := make(chan struct{})
	h.x().idle = append(h.x().idle, idle)
	h.mu.Unlock()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// insideCallback and insidePolicyCall are context keys. Their value is the handle of the task for
// which a callback, or a function of a policy or selector, runs.
type (
	insideCallback   struct{}
	insidePolicyCall struct{}
)

// RenewNow runs a tick immediately and waits for the outcome of every key. The keys go ahead of all
// keys that wait in the queues. RenewNow returns nil if all keys were renewed, otherwise the joined
// errors of those that were not. The rate of the task does not change. A function of the policy or
// its selector runs before the refresh, so it cannot wait for a refresh of its own task: if it
// calls RenewNow with the context that it got, RenewNow returns ErrInCallback.
func (h *Handle) RenewNow(ctx context.Context) error {
	if !h.valid() {
		return ErrUnknownTask
	}
	if ctx.Value(insidePolicyCall{}) == h {
		return ErrInCallback
	}
	s := h.pol.shared
	if !s.registry.running() {
		return ErrNotRunning
	}
	h.mu.Lock()
	if h.reason != Live {
		defer h.mu.Unlock()
		return h.endedError()
	}
	w := h.x().waits.add()
	h.run(s.clock.now())
	h.mu.Unlock()
	s.queues.kick()
	select {
	case <-w.done:
		return errors.Join(w.errs...)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// touch reads fields at both ends of the Handle, and the name of its first key, to load them into
// the cache; see warm. These fields do not change, so touch needs no lock.
func (h *Handle) touch() int {
	if h.first.name == "" || h.id == "" {
		return 0
	}
	return int(h.first.name[0])
}

// at returns a key of a fixed list.
func (h *Handle) at(i int) *key {
	if i == 0 {
		return &h.first
	}
	return &h.pol.rest[i-1]
}

// each calls fn for every key that is still renewed.
func (h *Handle) each(fn func(*key)) {
	if h.first.live() {
		fn(&h.first)
	}
	for i := range h.pol.rest {
		if k := &h.pol.rest[i]; k.live() {
			fn(k)
		}
	}
	if h.ext == nil {
		return
	}
	for _, k := range h.ext.selected {
		if k.live() {
			fn(k)
		}
	}
}

// few is the number of keys up to which a task scans all its keys after a change to one key.
const few = 16

// many reports whether the task has too many keys to scan all of them after a change to one.
func (h *Handle) many() bool { return h.pol.keys() > few || h.pol.Select.set }

// quiet reports whether no call, function or callback runs for the task any more. It is called
// after the end of the task, when no key becomes part of a call again.
func (h *Handle) quiet() bool {
	if h.ext == nil {
		return !h.calling && !h.first.sending() && !slices.ContainsFunc(h.pol.rest, func(k key) bool { return k.sending() })
	}
	for ; h.ext.quiet < h.pol.keys(); h.ext.quiet++ {
		if h.at(h.ext.quiet).sending() {
			return false
		}
	}
	for _, k := range h.ext.selected {
		if k.sending() {
			return false
		}
	}
	return !h.calling && h.ext.callbacks.empty()
}

// signalIdle wakes the callers of CancelAndWait if the task is quiet.
func (h *Handle) signalIdle() {
	if h.ext == nil || len(h.ext.idle) == 0 || !h.quiet() {
		return
	}
	for _, idle := range h.ext.idle {
		close(idle)
	}
	h.ext.idle = nil
}
