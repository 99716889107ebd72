package renewal

import (
	"context"

	"go.uber.org/zap"
)

// backlog is the number of a task's callbacks that may wait; beyond it, and beyond
// twice the number of its keys, Renewed and Failed are left out.
const backlog = 64

// call is one callback to make.
type call struct {
	event  Event
	result Result
	final  bool // Finished, with result
}

func (c *call) droppable() bool {
	return !c.final && c.event.Outcome != Lost
}

// emit queues a callback. Those of one task run one at a time.
func (h *Handle) emit(c call) {
	x := h.x()
	if c.droppable() && len(x.calls) >= backlog && len(x.calls) >= 2*(len(h.keys)+len(x.selected)) {
		h.pol.svc.meter.dropped.Add(1)
		return
	}
	x.calls = append(x.calls, c)
	h.callNext()
}

// callNext hands the first queued callback to the pool, unless one is under way.
func (h *Handle) callNext() {
	x := h.ext
	if x.calling || len(x.calls) == 0 {
		return
	}
	next := &callJob{h: h, call: x.calls[0]}
	x.calls[0] = call{}
	x.calls = x.calls[1:]
	if x.calling = h.pol.svc.callbacks.submit(next); !x.calling {
		x.calls = nil // after the end of the service
	}
}

// callJob makes one callback.
type callJob struct {
	h    *Handle
	call call
}

func (j *callJob) run(ctx context.Context) {
	defer j.finished() // also when the callback ends its goroutine
	if !j.wanted() {
		return
	}
	err := guard("callback", func() error {
		ctx = context.WithValue(ctx, insideCallback{}, j.h)
		cb := &j.h.pol.Callbacks
		switch {
		case j.call.final:
			cb.Finished(ctx, j.call.result)
		case j.call.event.Outcome == Renewed:
			cb.Renewed(ctx, j.call.event)
		case j.call.event.Outcome == Lost:
			cb.Lost(ctx, j.call.event)
		case j.call.event.Outcome == Failed:
			cb.Failed(ctx, j.call.event)
		}
		return nil
	})
	j.h.pol.svc.logUserError(j.h, err)
}

// wanted tells whether the callback is still to be made: of a task that was cancelled
// while it waited, only Finished is.
func (j *callJob) wanted() bool {
	j.h.mu.Lock()
	defer j.h.mu.Unlock()
	return j.call.final || j.h.reason != ReasonCancelled
}

func (j *callJob) finished() {
	h := j.h
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ext.calling = false
	h.callNext()
	h.signalIdle()
}

func (j *callJob) abandon() { j.finished() }

// giveUp only tells: a callback that hangs holds up the next ones of its task.
func (j *callJob) giveUp(err error) { j.h.pol.svc.logUserError(j.h, err) }

func (s *Service) logUserError(h *Handle, err error) {
	if err == nil {
		return
	}
	s.meter.userErrors.Add(1)
	s.cfg.Logger.Warn("function of the host failed", zap.String("task", h.id), zap.Error(err))
}
