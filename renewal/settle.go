package renewal

import (
	"errors"
	"math/rand/v2"
	"time"
)

// renewed records a success: the TTL runs from the moment at which the request was
// sent, at the latest.
func (h *Handle) renewed(k *key, sent, ttl time.Duration) {
	k.state, k.attempt = keyIdle, 0
	k.deadline = sent + ttl - marginOf(ttl)
	if !h.counted {
		h.counted = true
		h.renewals++
	}
	h.settleWaits(k, nil)
	if h.pol.Callbacks.Renewed != nil {
		h.emit(h.event(k, Renewed, nil))
	}
	if k.deadline < h.due { // the answer was long under way, or the TTL is shorter than before
		h.armFor(k)
	}
}

// failed records a refresh that did not come through and schedules its repetition.
func (h *Handle) failed(k *key, err error, now time.Duration) {
	h.failures++
	h.err = err
	if k.attempt < 255 {
		k.attempt++
	}
	c := &h.pol.svc.clock
	wait := retryDelay(h.interval(), k.deadline-now, k.attempt, rand.Float64())
	k.state = keyWaiting
	k.retry = uint32(max(c.ceil(now+wait), c.passed(now)+1))
	h.settleWaits(k, err)
	if h.pol.Callbacks.Failed != nil {
		h.emit(h.event(k, Failed, err))
	}
	h.armFor(k)
}

// lose gives up a key for good. A missing key may be what the task was waiting for.
func (h *Handle) lose(k *key, cause error) {
	if h.pol.keyGone && errors.Is(cause, ErrMissing) {
		h.drop(k)
		h.settleWaits(k, nil)
		h.pol.svc.meter.count(h.pol, Skipped)
		h.endWith(ReasonKeyGone, nil)
		return
	}
	err := &LostError{Key: k.name, Cause: cause}
	h.err = err
	if h.pol.Callbacks.Lost != nil {
		h.emit(h.event(k, Lost, err))
	}
	h.drop(k)
	h.settleWaits(k, err)
	h.pol.svc.meter.count(h.pol, Lost)
	h.endWith(ReasonLost, err)
}

// drop takes a key out of the task. While a call includes it, it stays marked as
// such, for those who wait for the end of the call.
func (h *Handle) drop(k *key) {
	if k.calling() {
		k.state = keyDropped
		return
	}
	k.state = keyGone
	if h.ext != nil {
		delete(h.ext.selected, k.name)
	}
}

// endWith ends the task after the loss of a key, if that is its end.
func (h *Handle) endWith(reason Reason, err error) {
	if h.pol.Select.set {
		return
	}
	if h.pol.OnLoss == EndTask || h.left() == 0 {
		h.finish(reason, err)
	}
}

// left counts the keys of a fixed list that are still renewed, one of which has just
// been lost.
func (h *Handle) left() (n int) {
	if h.many() {
		h.x().lost++
		return len(h.keys) - h.x().lost
	}
	h.each(func(*key) { n++ })
	return n
}

// finish ends the task once and for all.
func (h *Handle) finish(reason Reason, err error) {
	if h.reason != Live {
		return
	}
	h.reason = reason
	h.pol.svc.timers.cancel(h.timer)
	x := h.x()
	x.ended = h.pol.svc.clock.time(h.pol.svc.clock.now())
	if err != nil {
		h.err = err
	}
	if x.done != nil {
		close(x.done)
	}
	if x.cancel != nil {
		x.cancel(h.cause())
	}
	h.failWaits(h.endedError())
	if reason == ReasonCancelled {
		x.calls = nil
	}
	if h.pol.Callbacks.Finished != nil {
		h.emit(call{final: true, result: h.result()})
	}
	h.pol.svc.forget(h)
}

// cause is what the task's context ends with.
func (h *Handle) cause() error {
	if h.reason == ReasonLost {
		return h.err
	}
	return h.endedError()
}

func (h *Handle) endedError() *EndedError {
	return &EndedError{ID: h.id, Reason: h.reason, Cause: h.err}
}

func (h *Handle) event(k *key, o Outcome, err error) call {
	c := &h.pol.svc.clock
	now := c.now()
	e := Event{ID: h.id, Labels: h.pol.Labels, Key: k.name, Outcome: o, Err: err, At: c.time(now)}
	if k.deadline != never {
		e.Left = max(k.deadline-now, 0)
	}
	return call{event: e}
}
