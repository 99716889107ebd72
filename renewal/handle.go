package renewal

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/cutover-go/cutover/internal/wheel"
)

// Handle is a registered task. It stays valid after the end and then has the result. Its
// methods may be called from any goroutine.
type Handle struct {
	// Immutable after Register.
	id    string
	owner string
	keys  []key // of a fixed list; the elements are under mu

	mu sync.Mutex
	// Under mu. Of a million tasks each field counts: what most tasks do without is in
	// extra.
	timer    wheel.Handle  // Invariant: never later than due, a deadline or a retry
	due      time.Duration // next tick
	early    uint32        // by how many clock ticks due lies before its place in the fixed rate
	renewals uint32
	failures uint32
	reason   Reason // Live until the end
	counted  bool   // the present tick is in renewals
	calling  bool   // a policyCall is under way
	err      error  // the last one; not in extra, since an outage gives one to every task
	ext      *extra

	pol *policy // immutable
}

// extra is the part of a Handle that only some tasks need. It is under the mutex of its
// Handle.
type extra struct {
	done      chan struct{}
	ctx       context.Context //nolint:containedctx // of Handle.Context
	cancel    context.CancelCauseFunc
	born      time.Duration // registered, for the stop rule After
	ended     time.Time
	ttl       time.Duration // last answer of a TTL function
	interval  time.Duration // last answer of an interval function
	selected  selection
	armed     time.Duration // of many keys: what the timer is set to
	lost      int           // of many keys: those that are lost
	quiet     int           // of many keys, after the end: so many are part of no call
	overdue   bool          // the policyCall under way has exceeded its budget
	callbacks callbackQueue
	waits     renewWaits
	idle      []chan struct{} // CancelAndWait
}

func (h *Handle) x() *extra {
	if h.ext == nil {
		h.ext = &extra{}
	}
	return h.ext
}

// waits returns the callers of RenewNow; nil if there never was one.
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

// Context returns a context that ends with the task: with a *LostError as its cause if a
// key was lost, with an *EndedError otherwise. For a handle that Register did not make it
// has ended already, with ErrUnknownTask.
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

// Done is closed when the task has ended. For a handle that Register did not make it is
// closed already.
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
	r := Result{ID: h.id, Reason: h.reason, Renewals: int(h.renewals), Failures: int(h.failures), Err: h.err}
	if h.ext != nil {
		r.Ended = h.ext.ended
	}
	return r
}

// Status returns what is known about the task now.
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

// Cancel ends the task. A renewal under way may still reach Redis, but its outcome is
// dropped; of the callbacks only OnFinished is still to come. An ended task stays as it is.
func (h *Handle) Cancel() error {
	if !h.valid() {
		return ErrUnknownTask
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.finish(ReasonCanceled, nil)
	return nil
}

// CancelAndWait ends the task and returns when no renewal of it is under way and no
// function of the host runs for it: from then on there is no further renewal and no further
// callback. Use it before deleting a key. If ctx ends first, the task is canceled, and the
// error is the context's. A function of the host that runs for this task must hand on the
// context that it was given: waiting for itself is ErrInCallback.
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

// insideCallback and insidePolicyCall are the context keys under which callbacks, and
// policies and selectors, find their own handle.
type (
	insideCallback   struct{}
	insidePolicyCall struct{}
)

// RenewNow makes a tick due at once, ahead of everything that waits for Redis, and waits
// for the outcome of every key: nil if all were renewed, otherwise the joined errors of
// those that were not. The rate of the task does not change. Policies and selectors, which
// come before a refresh, cannot wait for one of their own task: ErrInCallback.
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

// touch reads the first fields and the last, the key and the text of that; see warm. They do
// not change, so it needs no lock.
func (h *Handle) touch() int {
	if len(h.keys) == 0 || h.pol == nil {
		return 0
	}
	return int(h.keys[0].name[0])
}

// each calls fn for every key that is still renewed.
func (h *Handle) each(fn func(*key)) {
	for i := range h.keys {
		if h.keys[i].live() {
			fn(&h.keys[i])
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

// few is the number of keys that may be walked through for the sake of one of them.
const few = 16

// many reports whether what happens to one key must not cost a walk through all.
func (h *Handle) many() bool { return len(h.keys) > few || h.pol.Select.set }

// quiet reports whether nothing runs for the task any more. It is called after the end,
// when no key becomes part of a call again.
func (h *Handle) quiet() bool {
	if h.ext == nil {
		return !h.calling && !slices.ContainsFunc(h.keys, func(k key) bool { return k.sending() })
	}
	for ; h.ext.quiet < len(h.keys); h.ext.quiet++ {
		if h.keys[h.ext.quiet].sending() {
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

// signalIdle wakes CancelAndWait once nothing runs any more.
func (h *Handle) signalIdle() {
	if h.ext == nil || len(h.ext.idle) == 0 || !h.quiet() {
		return
	}
	for _, idle := range h.ext.idle {
		close(idle)
	}
	h.ext.idle = nil
}
