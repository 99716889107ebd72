package renewal

import "time"

// fire is called by the clock when the timer of a task has fired: it does what is
// due by now and sets the timer again. It does no I/O and calls no code of the host.
func (h *Handle) fire(now time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.reason != Live {
		return
	}
	if h.expire(now); h.reason != Live {
		return
	}
	if now >= h.due {
		h.tick(now)
	} else {
		h.retry(now)
	}
	h.arm()
}

// expire gives up the keys whose local deadline has passed, whatever a call under
// way may bring.
func (h *Handle) expire(now time.Duration) {
	h.each(func(k *key) {
		if now >= k.deadline && h.reason == Live {
			h.lose(k, ErrDeadline)
		}
	})
}

// tick makes a tick that is due and schedules the next one interval after this one
// was due. Ticks that a stall left behind are one tick; the rate keeps its phase,
// and with it the spread between tasks.
func (h *Handle) tick(now time.Duration) {
	interval := h.interval()
	due := h.due
	next := due + time.Duration(h.early)*h.pol.svc.clock.tick + interval
	if next <= now {
		next += ((now-next)/interval + 1) * interval
	}
	h.schedule(next)
	h.run(due)
}

// run starts a tick that was due at a moment: the functions of the host come first.
func (h *Handle) run(due time.Duration) {
	h.counted = false
	if h.pol.asks {
		h.ask(due)
		return
	}
	h.refresh(due)
}

// refresh queues every key that is not under way already: a task never overlaps
// itself. Those that RenewNow waits for go ahead of others, also if they are queued.
func (h *Handle) refresh(due time.Duration) {
	h.openWaits()
	asked := h.ext != nil && len(h.ext.waits) > 0
	h.each(func(k *key) {
		switch {
		case asked && (k.state == keyQueued || !k.busy()):
			h.enqueue(k, due, rankAsked)
		case !k.busy():
			h.enqueue(k, due, rankDue)
		}
	})
}

// retry queues the keys whose wait after a failure is over.
func (h *Handle) retry(now time.Duration) {
	tick := h.pol.svc.clock.tickNow()
	h.each(func(k *key) {
		if k.state == keyWaiting && h.retryAt(k, tick) <= now {
			h.enqueue(k, now, rankRetry)
		}
	})
}

func (h *Handle) enqueue(k *key, due time.Duration, r rank) {
	k.state = keyQueued
	if r == rankAsked {
		k.state = keyAsked
	}
	h.pol.svc.lanes.push(item{h: h, k: k, due: due, deadline: k.deadline}, r)
}

// openWaits gives the callers of RenewNow that still lack them the keys to wait for.
func (h *Handle) openWaits() {
	if h.ext == nil {
		return
	}
	for _, w := range h.ext.waits {
		if w.open == nil {
			w.open = make(map[*key]struct{})
			h.each(func(k *key) { w.open[k] = struct{}{} })
		}
	}
	h.settleWaits(nil, nil)
}

// tellWaits gives the callers of RenewNow that wait for this tick an error that belongs to
// no key: what a selector could not find is not renewed.
func (h *Handle) tellWaits(err error) {
	if h.ext == nil {
		return
	}
	for _, w := range h.ext.waits {
		if w.open == nil {
			w.errs = append(w.errs, err)
		}
	}
}

// settleWaits tells the callers of RenewNow the outcome of a key, and lets those go
// that have them all.
func (h *Handle) settleWaits(k *key, err error) {
	if h.ext == nil || len(h.ext.waits) == 0 {
		return
	}
	still := h.ext.waits[:0]
	for _, w := range h.ext.waits {
		if _, open := w.open[k]; open {
			delete(w.open, k)
			if err != nil {
				w.errs = append(w.errs, err)
			}
		}
		if w.open != nil && len(w.open) == 0 {
			close(w.done)
		} else {
			still = append(still, w)
		}
	}
	clear(h.ext.waits[len(still):])
	h.ext.waits = still
}

// failWaits lets every caller of RenewNow go with an error.
func (h *Handle) failWaits(err error) {
	if h.ext == nil {
		return
	}
	for _, w := range h.ext.waits {
		w.errs = append(w.errs, err)
		close(w.done)
	}
	h.ext.waits = nil
}
