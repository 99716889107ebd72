package renewal

import (
	"context"
)

// backlog bounds the waiting callbacks of a task. If at least backlog callbacks wait, and at least
// two for each key of the task, further calls of OnRenewed and OnFailed are left out.
const backlog = 64

// callback is a pending call of one callback of a task.
type callback struct {
	event  Event
	result Result
	final  bool // OnFinished, with result
}

// callbackQueue holds the pending callbacks of one task, which are called one at a time.
type callbackQueue struct {
	waiting []callback
	running bool // a callback is under way
}

// push queues a callback. It reports false, and queues nothing, if the queue is full and the
// callback may be left out.
func (q *callbackQueue) push(c callback, keys int) bool {
	optional := !c.final && c.event.Outcome != Lost
	if optional && len(q.waiting) >= backlog && len(q.waiting) >= 2*keys {
		return false
	}
	q.waiting = append(q.waiting, c)
	return true
}

// next takes the next callback, unless one is under way.
func (q *callbackQueue) next() (c callback, ok bool) {
	if q.running || len(q.waiting) == 0 {
		return callback{}, false
	}
	c = q.waiting[0]
	q.waiting[0] = callback{}
	q.waiting = q.waiting[1:]
	q.running = true
	return c, true
}

func (q *callbackQueue) clear() { q.waiting = nil }

func (q *callbackQueue) empty() bool { return !q.running && len(q.waiting) == 0 }

// emit queues a callback, or counts it as left out if the queue is full.
func (h *Handle) emit(c callback) {
	x := h.x()
	if !x.callbacks.push(c, h.pol.keys()+len(x.selected)) {
		h.pol.shared.meter.dropped.Add(1)
		return
	}
	h.callNext()
}

// callNext submits the next callback to the pool, unless a callback of the task is under way.
func (h *Handle) callNext() {
	q := &h.ext.callbacks
	next, ok := q.next()
	if !ok {
		return
	}
	if !h.pol.shared.callbacks.Submit(&callbackCall{h: h, callback: next}) {
		q.running = false // the service has ended
		q.clear()
	}
}

// callbackCall is the call of one callback.
type callbackCall struct {
	h        *Handle
	callback callback
}

// Run calls the callback.
func (c *callbackCall) Run(ctx context.Context) {
	defer c.returned() // even if the callback ends its goroutine
	if !c.isWanted() {
		return
	}
	err := guard("callback", func() error {
		ctx = context.WithValue(ctx, insideCallback{}, c.h)
		cb := &c.h.pol.Callbacks
		switch e := c.callback.event; {
		case c.callback.final:
			cb.OnFinished(ctx, c.callback.result)
		case e.Outcome == Renewed:
			cb.OnRenewed(ctx, e)
		case e.Outcome == Lost:
			cb.OnLost(ctx, e)
		case e.Outcome == Failed:
			cb.OnFailed(ctx, e)
		}
		return nil
	})
	c.h.pol.shared.meter.userError(c.h.id, err)
}

// isWanted reports whether the callback has to be called. If the task was canceled while its
// callbacks waited, only OnFinished is called.
func (c *callbackCall) isWanted() bool {
	c.h.mu.Lock()
	defer c.h.mu.Unlock()
	return c.callback.final || c.h.reason != ReasonCanceled
}

func (c *callbackCall) returned() {
	h := c.h
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ext.callbacks.running = false
	h.callNext()
	h.signalIdle()
}

// Abandon is called instead of Run if the service ends first.
func (c *callbackCall) Abandon() { c.returned() }

// GiveUp only counts and logs the error. The next callbacks of the task wait until this callback
// returns.
func (c *callbackCall) GiveUp(err error) { c.h.pol.shared.meter.userError(c.h.id, err) }
