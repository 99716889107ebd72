package renewal

import (
	"context"
	"fmt"
	"time"
)

// ask starts what the host's functions and selectors have to say before a refresh.
// The task goes on when they have answered. While they are still at the tick before,
// this one is left out; once they have exceeded their budget, it fails.
func (h *Handle) ask(due time.Duration) {
	svc := h.pol.svc
	if h.asking {
		if h.ext != nil && h.ext.overdue {
			h.askFailed(ErrBudget)
		}
		return
	}
	q := &question{h: h, due: due, status: h.status()}
	h.asking = true
	ok := false
	if h.pol.Select.match != "" {
		q.scan = svc.backend.scan(h.pol.Select.match, svc.cfg.ScanCount)
		q.keys = make(map[string]struct{})
		ok = svc.scans.submit((*scanJob)(q))
	} else {
		ok = svc.users.submit(q)
	}
	if !ok {
		h.asking = false
	}
}

// question is one round of functions and selectors of a task.
type question struct {
	h      *Handle
	due    time.Duration
	status Status

	scan scan                // of a pattern
	keys map[string]struct{} // found
	some bool                // part of the keys could not be looked for: keep those known

	reason   Reason // of a stop rule
	ttl      time.Duration
	interval time.Duration
	err      error // of a selector: reported, but the known keys are renewed

	over     bool // given up; under the mutex of h
	returned bool // nothing of it runs any more; likewise
	settled  bool // the tick has gone on; likewise
}

// run asks everything in order. The first that fails ends the tick.
func (q *question) run(ctx context.Context) {
	var err error
	// Deferred: a function that ends its goroutine must not leave the task asking.
	completed := false
	defer func() {
		if completed {
			q.answered(err)
		} else {
			q.vanished()
		}
	}()
	err = q.ask(context.WithValue(ctx, insideFunction{}, q.h))
	completed = true
}

// abandon is for the end of the service, which ends the task as well.
func (q *question) abandon() { q.vanished() }

// vanished is for a function that ended its goroutine; giveUp follows, unless it
// came before.
func (q *question) vanished() {
	q.h.mu.Lock()
	defer q.h.mu.Unlock()
	q.returned = true
	q.h.askEnded()
	q.h.signalIdle()
}

// askEnded notes that no function runs any more.
func (h *Handle) askEnded() {
	h.asking = false
	if h.ext != nil {
		h.ext.overdue = false
	}
}

func (q *question) ask(ctx context.Context) error {
	if err := q.askStop(ctx); err != nil || q.reason != Live {
		return err
	}
	if fn := q.h.pol.Select.fn; fn != nil {
		q.err = guard("selector", func() error {
			keys, err := fn(ctx)
			if err != nil {
				return err
			}
			return q.add(keys)
		})
		q.some = q.err != nil
		q.h.pol.svc.logPanic(q.h, q.err)
	}
	if err := q.askTTL(ctx); err != nil {
		return err
	}
	return q.askInterval(ctx)
}

func (q *question) askStop(ctx context.Context) error {
	for _, rule := range q.h.pol.stop {
		if rule.kind != stopFunc {
			continue
		}
		err := guard("stop rule", func() error {
			yes, err := rule.fn(ctx, q.status)
			if err == nil && yes {
				q.reason = ReasonRule
			}
			return err
		})
		if err != nil || q.reason != Live {
			return err
		}
	}
	return nil
}

func (q *question) askTTL(ctx context.Context) error {
	q.ttl = q.h.pol.ttl
	fn := q.h.pol.TTL.fn
	if fn == nil {
		return nil
	}
	return guard("TTL", func() (err error) {
		q.ttl, err = fn(ctx, q.status)
		if err == nil && (q.ttl < time.Millisecond || q.ttl > MaxTTL) {
			err = fmt.Errorf("renewal: TTL function answered %v, want 1ms to %v", q.ttl, MaxTTL)
		}
		return err
	})
}

// askInterval also fits the interval into the TTL, now that both are known.
func (q *question) askInterval(ctx context.Context) error {
	p := q.h.pol
	q.interval = intervalOf(&p.Policy, q.ttl)
	if fn := p.Interval.fn; fn != nil {
		err := guard("interval", func() (err error) {
			q.interval, err = fn(ctx, q.status)
			if err == nil && (q.interval <= 0 || q.interval > MaxInterval) {
				err = fmt.Errorf("renewal: interval function answered %v, want more than 0 and at most %v", q.interval, MaxInterval)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	if checkRoom(q.interval, q.ttl, p.AllowTight) != nil {
		q.interval = q.ttl / 3
	}
	q.interval = max(q.interval, p.svc.cfg.Tick)
	return nil
}

// add takes over what a selector has found.
func (q *question) add(keys []string) error {
	if q.keys == nil {
		q.keys = make(map[string]struct{}, len(keys))
	}
	for _, name := range keys {
		if _, known := q.keys[name]; known || name == "" {
			continue
		}
		if len(q.keys) >= q.h.pol.svc.cfg.MaxSelected {
			return fmt.Errorf("renewal: selector of task %s found more than %d keys", q.h.id, q.h.pol.svc.cfg.MaxSelected)
		}
		q.keys[name] = struct{}{}
	}
	return nil
}

// answered goes on with the tick, unless it was given up.
func (q *question) answered(err error) {
	h := q.h
	h.pol.svc.logPanic(h, err)
	h.mu.Lock()
	q.returned, q.settled = true, true
	h.askEnded()
	switch {
	case h.reason != Live || q.over:
	case err != nil:
		h.askFailed(err)
	case q.reason != Live:
		h.skip(q.reason)
	default:
		h.apply(q)
	}
	h.signalIdle()
	h.mu.Unlock()
	h.pol.svc.lanes.kick()
}

// giveUp makes the tick fail. The answer, should it come, is dropped, and until
// then so are the ticks.
func (q *question) giveUp(err error) {
	h := q.h
	h.pol.svc.logUserError(h, err)
	h.mu.Lock()
	defer h.mu.Unlock()
	if q.settled { // at the last moment
		return
	}
	q.over = true
	if !q.returned { // what runs may be a later question otherwise
		h.x().overdue = true
	}
	if h.reason == Live {
		h.askFailed(err)
	}
}

// apply takes over the answers and refreshes.
func (h *Handle) apply(q *question) {
	now := h.pol.svc.clock.now()
	if h.pol.ttl == 0 || h.pol.interval == 0 {
		x := h.x()
		x.ttl, x.interval = q.ttl, q.interval
	}
	if h.pol.interval == 0 {
		next := q.due + q.interval
		if next <= now {
			next += ((now-next)/q.interval + 1) * q.interval
		}
		h.schedule(next)
	}
	if h.pol.Select.set {
		h.choose(q, now)
	}
	if q.err != nil {
		h.report(q.err)
		h.tellWaits(q.err)
	}
	h.refresh(q.due)
	h.arm()
}

// skip ends the task because a stop rule holds.
func (h *Handle) skip(reason Reason) {
	h.pol.svc.meter.count(h.pol, Skipped)
	h.finish(reason, nil)
}

// askFailed records a tick that did not get as far as the refresh, and repeats it
// after the wait of a failed refresh. The keys that a selector found before are
// refreshed meanwhile.
func (h *Handle) askFailed(err error) {
	h.report(err)
	h.failWaits(err)
	if h.pol.Select.set && (h.pol.ttl != 0 || h.x().ttl != 0) {
		h.refresh(h.pol.svc.clock.now())
	}
	now := h.pol.svc.clock.now()
	deadline := never
	h.each(func(k *key) { deadline = min(deadline, k.deadline) })
	again := now + min(h.interval()/4, (deadline-now)/4)
	if again < h.due {
		h.due, h.early = max(again, now+h.pol.svc.clock.tick), 0
	}
	h.arm()
}

// report records a failure that belongs to no single key.
func (h *Handle) report(err error) {
	h.failures++
	h.err = err
	h.pol.svc.meter.count(h.pol, Failed)
	if h.pol.Callbacks.Failed != nil {
		h.emit(h.event(&key{deadline: never}, Failed, err))
	}
}

// choose makes the keys found those of the task. A new key's deadline counts from
// its first renewal, of which it is not known when its TTL was set.
func (h *Handle) choose(q *question, now time.Duration) {
	x := h.x()
	if x.selected == nil {
		x.selected = make(map[string]*key, len(q.keys))
	}
	for name, k := range x.selected {
		if _, found := q.keys[name]; !found && !q.some && !k.busy() && !k.calling() {
			delete(x.selected, name)
		}
	}
	for name := range q.keys {
		if x.selected[name] == nil {
			x.selected[name] = &key{name: name, slot: h.pol.svc.lanes.slot(name), deadline: never}
		}
	}
}
