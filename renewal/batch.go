package renewal

import (
	"context"
	"time"
)

// batch is what one call refreshes. It belongs to one worker, which uses it again.
type batch struct {
	items []item
	reqs  []request // of items, by position
	sent  time.Duration
	tally tally
}

func (b *batch) reset() {
	clear(b.items)
	clear(b.reqs)
	b.items, b.reqs = b.items[:0], b.reqs[:0]
}

// refresh is the work of a node's lane: it asks the stop rules, makes the call and
// hands every key its outcome. It answers whether the node was silent throughout.
func (l *lane) refresh(ctx context.Context, b *batch, n node) (silent bool) {
	timeout := b.prepare(l.svc)
	if len(b.reqs) == 0 {
		b.report(l)
		return false
	}
	b.sent = l.svc.clock.now()
	n.refresh(ctx, timeout, b.reqs)
	silent, moved := b.settle(l.svc.clock.now())
	b.report(l)
	if moved || silent { // a silent node may have been replaced
		l.group.moved(ctx)
	}
	return silent
}

// prepare makes the requests, leaves out what is not to be refreshed after all, and
// answers how long the call may take.
func (b *batch) prepare(s *Service) (timeout time.Duration) {
	timeout = s.cfg.CallTimeout
	now := s.clock.now()
	kept := b.items[:0]
	for _, it := range b.items {
		req, ok := it.request(now)
		if !ok {
			continue
		}
		kept = append(kept, it)
		b.reqs = append(b.reqs, req)
		if interval := it.h.pol.interval; interval != 0 {
			timeout = min(timeout, interval)
		}
	}
	clear(b.items[len(kept):])
	b.items = kept
	return max(timeout, minTimeout)
}

// minTimeout keeps very short intervals from making every call fail.
const minTimeout = 50 * time.Millisecond

// request marks a key as part of a call; unless its task has ended, or ends now
// because a stop rule holds, or the key is past its deadline.
func (it *item) request(now time.Duration) (req request, ok bool) {
	h, k := it.h, it.k
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.reason != Live || !k.queued() {
		return req, false
	}
	if reason := h.builtinStop(now); reason != Live {
		h.skip(reason)
		return req, false
	}
	if now >= k.deadline {
		h.lose(k, ErrDeadline)
		return req, false
	}
	k.state = keySending
	req = request{key: &k.name, ttl: int64(h.ttl() / time.Millisecond), keep: h.pol.keep, slot: k.slot}
	if h.owner != "" {
		req.owner = &h.owner
	}
	return req, true
}

// settle hands every key its outcome. It answers whether there was not one answer
// from the node, and whether it said that keys have moved to another.
func (b *batch) settle(now time.Duration) (silent, moved bool) {
	silent = true
	for i := range b.items {
		req := &b.reqs[i]
		silent = silent && req.unanswered()
		moved = moved || isMoved(req.err)
		b.tally.add(&b.items[i], b.items[i].settle(req, b.sent, now), now)
	}
	return silent, moved
}

// settle hands one key its outcome and returns it; 0 if the task has ended meanwhile
// and nobody wants to know.
func (it *item) settle(req *request, sent, now time.Duration) Outcome {
	h, k := it.h, it.k
	h.mu.Lock()
	defer h.mu.Unlock()
	defer h.signalIdle()
	dropped := k.state == keyDropped
	k.state = keyIdle
	if dropped {
		h.drop(k)
	}
	if dropped || h.reason != Live {
		return 0
	}
	ttl := time.Duration(req.ttl) * time.Millisecond
	switch {
	case now >= k.deadline:
		h.lose(k, ErrDeadline)
	case req.answer == answerRenewed:
		h.renewed(k, sent, max(ttl, req.left))
		return Renewed
	case req.answer == answerMissing:
		h.lose(k, ErrMissing)
	case req.answer == answerForeign:
		h.lose(k, ErrForeignOwner)
	default:
		h.failed(k, req.err, now)
		return Failed
	}
	return 0 // lose has counted it
}

// rank is where an item that is handed on to another lane belongs.
func (it *item) rank() rank {
	it.h.mu.Lock()
	defer it.h.mu.Unlock()
	if it.k.state == keyAsked {
		return rankAsked
	}
	return rankDue
}

// fail is settle for a key that could not even be sent.
func (it *item) fail(err error) {
	h, k := it.h, it.k
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.reason == Live && k.queued() {
		h.pol.svc.meter.count(h.pol, Failed)
		h.failed(k, err, h.pol.svc.clock.now())
	}
}
