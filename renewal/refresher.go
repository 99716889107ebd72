package renewal

import (
	"context"
	"errors"
	"time"

	"github.com/cutover-go/cutover/renewal/internal/backend"
	"github.com/cutover-go/cutover/renewal/internal/nodequeue"
)

// refresher is the worker of a node's queue: it evaluates the stop rules, refreshes a batch with
// one call, and records the outcome of every key.
type refresher struct {
	// Immutable after construction.
	shared *shared
	router *router
	node   string

	// Buffers of the present batch; the next batch reuses them.
	reqs  []backend.Request
	tally tally
}

// Do refreshes a batch and reports whether the node answered nothing at all.
func (r *refresher) Do(ctx context.Context, items []nodequeue.Item[taskKey]) (silent bool) {
	defer r.report()
	items, timeout := r.prepare(items)
	if len(r.reqs) == 0 {
		return false
	}
	sent := r.shared.clock.now()
	r.router.node(r.node).Refresh(ctx, timeout, r.reqs)
	silent, moved := r.record(items, sent, r.shared.clock.now())
	if moved || silent { // a silent node may have been replaced
		r.router.reload(ctx)
	}
	return silent
}

// prepare makes the requests, leaves out the keys that must not be refreshed after all, and returns
// the other keys and the time limit of the call.
func (r *refresher) prepare(items []nodequeue.Item[taskKey]) (kept []nodequeue.Item[taskKey], timeout time.Duration) {
	timeout = r.shared.cfg.CallTimeout
	now := r.shared.clock.now()
	kept = items[:0]
	for _, it := range items {
		req, ok := it.Value.request(now)
		if !ok {
			continue
		}
		kept = append(kept, it)
		r.reqs = append(r.reqs, req)
		if interval := it.Value.h.pol.interval; interval != 0 {
			timeout = min(timeout, interval)
		}
	}
	return kept, max(timeout, minTimeout)
}

// minTimeout is the minimum time limit of a call, so that very short intervals do not make every
// call fail.
const minTimeout = 50 * time.Millisecond

// request returns the request for a key and marks the key as part of a call. It reports false if
// the key no longer waits, if its task has ended or ends now because a stop rule holds, or if the
// key is past its deadline and therefore lost. It takes the task's mutex.
func (t taskKey) request(now time.Duration) (req backend.Request, ok bool) {
	h, k := t.h, t.k
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.reason != Live || !k.queued() {
		return req, false
	}
	if reason := h.stopReason(now); reason != Live {
		h.skip(reason)
		return req, false
	}
	if now >= k.deadline {
		t.lose(ErrDeadline)
		return req, false
	}
	k.state = keySending
	req = backend.Request{Key: &k.name, TTL: int64(h.ttl() / time.Millisecond), Keep: h.pol.keep, Slot: k.slot}
	if h.owner != "" {
		req.Owner = &h.owner
	}
	return req, true
}

// record records the outcome of every key. It reports whether the node answered nothing at all, and
// whether the node no longer serves some of the keys.
func (r *refresher) record(items []nodequeue.Item[taskKey], sent, now time.Duration) (silent, moved bool) {
	silent = true
	redirected := false
	for i := range items {
		req, it := &r.reqs[i], &items[i]
		silent = silent && req.Answer == backend.Silent
		moved = moved || req.Answer == backend.Moved
		if req.Answer == backend.Redirected {
			to := redirectOf(req)
			moved = moved || to.Moved
			redirected = r.router.redirect(it, r.node, to.To) || redirected
			continue
		}
		o := it.Value.record(req, sent, now)
		r.tally.add(&it.Value.h.pol.Policy, o, now-it.Due, it.Deadline-now)
	}
	if redirected {
		r.router.kick()
	}
	return silent, moved
}

// redirectOf returns the node to which a node redirects a key.
func redirectOf(req *backend.Request) backend.Redirect {
	var to *backend.Redirect
	if !errors.As(req.Err, &to) {
		return backend.Redirect{To: "nowhere", Err: req.Err}
	}
	return *to
}

// record records the outcome of a key and returns it; 0 if it is counted already, or if the task
// has ended during the call. It takes the task's mutex.
func (t taskKey) record(req *backend.Request, sent, now time.Duration) Outcome {
	h, k := t.h, t.k
	h.mu.Lock()
	defer h.mu.Unlock()
	defer h.signalIdle()
	if !t.returned() {
		return 0
	}
	ttl := time.Duration(req.TTL) * time.Millisecond
	switch {
	case now >= k.deadline:
		t.lose(ErrDeadline)
	case req.Answer == backend.Renewed:
		t.renewed(sent, max(ttl, req.Left))
		return Renewed
	case req.Answer == backend.Missing:
		t.lose(ErrMissing)
	case req.Answer == backend.Foreign:
		t.lose(ErrForeignOwner)
	default:
		t.failed(publicError(req.Err), now)
		return Failed
	}
	return 0 // lose has counted the outcome
}

// returned marks a key as no longer part of the call, which has just ended, and reports whether its
// outcome still counts.
func (t taskKey) returned() bool {
	dropped := t.k.state == keyDropped
	t.k.state = keyIdle
	if dropped {
		t.drop()
	}
	return !dropped && t.h.reason == Live
}

// requeue marks a key as queued again, because another node serves it, and returns its rank in the
// queue. It reports false if the key is no longer renewed. It takes the task's mutex.
func (t taskKey) requeue() (r nodequeue.Rank, ok bool) {
	t.h.mu.Lock()
	defer t.h.mu.Unlock()
	defer t.h.signalIdle()
	if !t.returned() {
		return 0, false
	}
	t.k.state = keyQueued
	if t.h.waits().waitFor(t.k) {
		t.k.state = keyFirst
	}
	return t.rank(), true
}

// rank returns the rank of a queued key.
func (t taskKey) rank() nodequeue.Rank {
	if t.k.state == keyFirst {
		return nodequeue.RankFirst
	}
	return nodequeue.RankDue
}

// lockedRank takes the task's mutex and returns the rank.
func (t taskKey) lockedRank() nodequeue.Rank {
	t.h.mu.Lock()
	defer t.h.mu.Unlock()
	return t.rank()
}

// fail records the failure of a key that could not be sent at all. It takes the task's mutex.
func (t taskKey) fail(err error) {
	h, k := t.h, t.k
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.reason == Live && k.queued() {
		s := h.pol.shared
		s.meter.count(&h.pol.Policy, Failed)
		t.failed(publicError(err), s.clock.now())
	}
}

// report adds the batch to the figures of the service and clears it.
func (r *refresher) report() {
	r.tally.report(r.shared.meter, r.node)
	clear(r.reqs)
	r.reqs = r.reqs[:0]
}
