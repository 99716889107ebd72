package renewal

import (
	"context"
	"time"

	"github.com/cutover-go/cutover/renewal/internal/backend"
	"github.com/cutover-go/cutover/renewal/internal/hostcall"
)

// callPolicy starts the functions and selectors of the host that come before a refresh. The
// task goes on when they have answered. While those of the tick before are under way, this
// tick is left out; once they have exceeded their budget, it fails.
func (h *Handle) callPolicy(due time.Duration) {
	s := h.pol.shared
	if h.calling {
		if h.ext != nil && h.ext.overdue {
			h.policyFailed(ErrBudget)
		}
		return
	}
	c := &policyCall{h: h, due: due, answers: policyAnswers{
		policy: &h.pol.Policy, status: h.status(), tick: s.cfg.Tick, maxKeys: s.cfg.MaxSelected,
	}}
	h.calling = true
	if h.pol.Select.match != "" {
		c.scan = s.backend.Scan(h.pol.Select.match, s.cfg.ScanCount)
		c.answers.keys = make(map[string]struct{})
		h.calling = s.scans.Submit((*scanCall)(c))
		return
	}
	h.calling = s.functions.Submit(c)
}

// policyCall is one round of functions and selectors of a task.
type policyCall struct {
	h       *Handle
	due     time.Duration
	scan    backend.Scan // of a pattern
	answers policyAnswers

	// Under the mutex of h.
	over     bool // given up
	returned bool // no function runs any more
	recorded bool // the tick has gone on
}

// Run calls everything in order. The first that fails ends the tick.
func (c *policyCall) Run(ctx context.Context) {
	var err error
	// Deferred: a function that ends its goroutine must not leave the task calling.
	completed := false
	defer func() {
		if completed {
			c.record(err)
		} else {
			c.vanished()
		}
	}()
	err = c.answers.call(context.WithValue(ctx, insidePolicyCall{}, c.h))
	completed = true
}

// Abandon is for the end of the service, which ends the task as well.
func (c *policyCall) Abandon() { c.vanished() }

// vanished is for a function that ended its goroutine; GiveUp follows, unless it came
// before.
func (c *policyCall) vanished() {
	c.h.mu.Lock()
	defer c.h.mu.Unlock()
	c.end()
	c.h.signalIdle()
}

// end notes that no function runs any more.
func (c *policyCall) end() {
	c.returned = true
	c.h.calling = false
	if c.h.ext != nil {
		c.h.ext.overdue = false
	}
}

// record goes on with the tick, unless it was given up.
func (c *policyCall) record(err error) {
	h := c.h
	h.pol.shared.meter.userPanic(h.id, c.answers.selectErr)
	h.pol.shared.meter.userPanic(h.id, err)
	h.mu.Lock()
	c.recorded = true
	c.end()
	switch {
	case h.reason != Live || c.over:
	case err != nil:
		h.policyFailed(err)
	case c.answers.reason != Live:
		h.skip(c.answers.reason)
	default:
		h.apply(&c.answers, c.due)
	}
	h.signalIdle()
	h.mu.Unlock()
	h.pol.shared.queues.kick()
}

// GiveUp makes the tick fail. The answer, should it come, is dropped, and until then so are
// the ticks.
func (c *policyCall) GiveUp(err error) {
	h := c.h
	h.pol.shared.meter.userError(h.id, err)
	h.mu.Lock()
	defer h.mu.Unlock()
	if c.recorded { // at the last moment
		return
	}
	c.over = true
	if !c.returned { // what runs may be a later call otherwise
		h.x().overdue = true
	}
	if h.reason == Live {
		h.policyFailed(err)
	}
}

// isPending reports whether the task still waits for the answers.
func (c *policyCall) isPending() bool {
	c.h.mu.Lock()
	defer c.h.mu.Unlock()
	return c.h.reason == Live && !c.over
}

// scanCall is the part of a policyCall that finds keys by SCAN. It reads one page each time
// it runs and queues itself again, so that all scans advance in turn; the host's functions
// follow at the end.
type scanCall policyCall

// Run reads a page.
func (s *scanCall) Run(ctx context.Context) {
	c := (*policyCall)(s)
	if !c.isPending() {
		c.record(nil)
		return
	}
	keys, more, err := c.scan.Page(ctx)
	err = publicError(err)
	if err == nil {
		err = c.answers.add(keys)
		more = more && err == nil
	}
	if err != nil { // keys of that part stay as they are known
		c.answers.selectErr, c.answers.partial = err, true
	}
	next, pool := hostcall.Call(c), c.h.pol.shared.functions
	if more {
		next, pool = s, c.h.pol.shared.scans
	}
	if !pool.Submit(next) {
		c.record(ErrStopped)
	}
}

// GiveUp is for a page that takes longer than the budget: the tick fails.
func (s *scanCall) GiveUp(err error) { (*policyCall)(s).GiveUp(err) }

// Abandon is for the end of the service.
func (s *scanCall) Abandon() { (*policyCall)(s).Abandon() }

// apply takes over the answers and refreshes.
func (h *Handle) apply(a *policyAnswers, due time.Duration) {
	if h.pol.ttl == 0 || h.pol.interval == 0 {
		x := h.x()
		x.ttl, x.interval = a.ttl, a.interval
	}
	if h.pol.interval == 0 {
		next := due + a.interval
		if now := h.pol.shared.clock.now(); next <= now {
			next += ((now-next)/a.interval + 1) * a.interval
		}
		h.schedule(next)
	}
	if h.pol.Select.set {
		h.x().selected.choose(a, h.pol.shared.queues.slot)
	}
	if a.selectErr != nil {
		h.failedWithoutKey(a.selectErr)
		h.waits().addError(a.selectErr)
	}
	h.refresh(due)
	h.arm()
}

// policyFailed records a tick that did not get as far as the refresh, and repeats it after
// the wait of a failed refresh. The keys that a selector found before are refreshed
// meanwhile.
func (h *Handle) policyFailed(err error) {
	s := h.pol.shared
	h.failedWithoutKey(err)
	h.waits().fail(err)
	if h.pol.Select.set && (h.pol.ttl != 0 || h.x().ttl != 0) {
		h.refresh(s.clock.now())
	}
	now := s.clock.now()
	deadline := never
	h.each(func(k *key) { deadline = min(deadline, k.deadline) })
	again := now + min(h.interval()/4, (deadline-now)/4)
	if again < h.due {
		h.due, h.early = max(again, now+s.clock.tick), 0
	}
	h.arm()
}
