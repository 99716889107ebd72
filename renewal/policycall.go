package renewal

import (
	"context"
	"time"

	"github.com/cutover-go/cutover/renewal/internal/backend"
	"github.com/cutover-go/cutover/renewal/internal/hostcall"
)

// callPolicy submits the calls of host functions and the selector that precede a refresh. The tick
// continues when they have returned. If the calls of an earlier tick are still under way, this tick
// does nothing or, if they have exceeded their budget, fails.
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

// policyCall is one round of calls of a policy's functions and selector for a task.
type policyCall struct {
	h       *Handle
	due     time.Duration
	scan    backend.Scan // of a pattern
	answers policyAnswers

	// Guarded by the mutex of h.
	over     bool // GiveUp was called: the tick has failed
	returned bool // no function runs any more
	recorded bool // record has been called: the tick has continued
}

// Run calls the functions and continues the tick.
func (c *policyCall) Run(ctx context.Context) {
	var err error
	// Deferred, so that h.calling is reset even if a function ends the goroutine.
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

// Abandon is called instead of Run if the service ends first, which ends the task as well.
func (c *policyCall) Abandon() { c.vanished() }

// vanished handles a function that ended its goroutine (runtime.Goexit). The pool then calls
// GiveUp, unless it has called GiveUp already.
func (c *policyCall) vanished() {
	c.h.mu.Lock()
	defer c.h.mu.Unlock()
	c.end()
	c.h.signalIdle()
}

// end records that no function of this round runs any more.
func (c *policyCall) end() {
	c.returned = true
	c.h.calling = false
	if c.h.ext != nil {
		c.h.ext.overdue = false
	}
}

// record continues the tick, unless GiveUp was called.
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

// GiveUp makes the tick fail. A late answer is dropped, and until it comes, further ticks fail.
func (c *policyCall) GiveUp(err error) {
	h := c.h
	h.pol.shared.meter.userError(h.id, err)
	h.mu.Lock()
	defer h.mu.Unlock()
	if c.recorded { // the functions returned just in time
		return
	}
	c.over = true
	if !c.returned { // otherwise a later policyCall may be running
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

// scanCall is the part of a policyCall that finds keys by SCAN. It reads one page each time it runs
// and queues itself again, so that all scans advance in turn. The host's functions are called after
// the last page.
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
	if err != nil { // the task keeps its known keys
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

// GiveUp makes the tick fail if a page takes longer than the budget.
func (s *scanCall) GiveUp(err error) { (*policyCall)(s).GiveUp(err) }

// Abandon is called instead of Run if the service ends first.
func (s *scanCall) Abandon() { (*policyCall)(s).Abandon() }

// apply stores the answers in the task and starts the refresh.
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

// policyFailed records a tick that failed before the refresh. It schedules a retry after a quarter
// of the interval, or of the time left if that is shorter, unless the next tick is due earlier. The
// keys that a selector found earlier are refreshed nevertheless.
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
