package renewal

import (
	"errors"
	"math/rand/v2"
	"time"
)

// renewed records a success. The new deadline counts from the moment at which the request was sent,
// because the TTL began to run then or later.
func (t taskKey) renewed(sent, ttl time.Duration) {
	h, k := t.h, t.k
	k.state, k.attempt = keyIdle, 0
	k.deadline = sent + ttl - marginOf(ttl)
	if !h.counted {
		h.counted = true
		h.renewals++
	}
	h.waits().record(k, nil)
	if h.pol.Callbacks.OnRenewed != nil {
		h.emit(h.event(k, Renewed, nil))
	}
	if k.deadline < h.due { // the answer took long, or the TTL is shorter than the previous one
		t.arm()
	}
}

// failed records a refresh that failed and schedules its retry.
func (t taskKey) failed(err error, now time.Duration) {
	h, k := t.h, t.k
	h.failures++
	h.err.set(err)
	if k.attempt < 255 {
		k.attempt++
	}
	c := &h.pol.shared.clock
	wait := retryDelay(h.interval(), k.deadline-now, k.attempt, rand.Float64())
	k.state = keyRetrying
	next := c.passed(now) + 1
	k.retry = half(min(max(c.ceil(now+wait), next), next+lastRetry-1))
	h.waits().record(k, err)
	if h.pol.Callbacks.OnFailed != nil {
		h.emit(h.event(k, Failed, err))
	}
	t.arm()
}

// failedWithoutKey records a failure that does not belong to a single key.
func (h *Handle) failedWithoutKey(err error) {
	h.failures++
	h.err.set(err)
	h.pol.shared.meter.count(&h.pol.Policy, Failed)
	if h.pol.Callbacks.OnFailed != nil {
		h.emit(h.event(&key{deadline: never}, Failed, err))
	}
}

// lose ends the renewal of a key. With the stop rule KeyGone, a missing key does not count as lost.
func (t taskKey) lose(cause error) {
	h, k := t.h, t.k
	if h.pol.keyGone && errors.Is(cause, ErrMissing) {
		t.drop()
		h.waits().record(k, nil)
		h.pol.shared.meter.count(&h.pol.Policy, Skipped)
		h.endAfterLoss(ReasonKeyGone, nil)
		return
	}
	err := &LostError{Key: k.name, Cause: cause}
	h.err.set(err)
	if h.pol.Callbacks.OnLost != nil {
		h.emit(h.event(k, Lost, err))
	}
	t.drop()
	h.waits().record(k, err)
	h.pol.shared.meter.count(&h.pol.Policy, Lost)
	h.endAfterLoss(ReasonLost, err)
}

// drop removes a key from the task. While a call includes the key, it stays marked as part of that
// call, so that CancelAndWait waits for the end of the call.
func (t taskKey) drop() {
	h, k := t.h, t.k
	if k.sending() {
		k.state = keyDropped
		return
	}
	k.state = keyGone
	if h.ext != nil {
		delete(h.ext.selected, k.name)
	}
}

// endAfterLoss ends the task after the loss of a key, if the policy's LossRule requires it or no
// key is left. A task with a selector goes on in any case.
func (h *Handle) endAfterLoss(reason Reason, err error) {
	if h.pol.Select.set {
		return
	}
	if h.pol.Loss == EndTask || h.left() == 0 {
		h.finish(reason, err)
	}
}

// left returns the number of keys of a fixed list that are still renewed. For a task with many keys
// it also counts the lost keys, so it must be called exactly once after each loss.
func (h *Handle) left() (n int) {
	if h.many() {
		h.x().lost++
		return h.pol.keys() - h.x().lost
	}
	h.each(func(*key) { n++ })
	return n
}

// stopReason returns the reason of the first stop rule that holds, or Live if none does. It does
// not evaluate rules with host functions; a policyCall does.
func (h *Handle) stopReason(now time.Duration) Reason {
	for i := range h.pol.Stop {
		rule := &h.pol.Stop[i]
		switch rule.kind {
		case stopDone:
			select {
			case <-rule.done:
				return ReasonDone
			default:
			}
		case stopAt:
			if !h.pol.shared.clock.wall().Before(rule.at) {
				return ReasonDeadline
			}
		case stopAfter:
			if now-h.ext.born >= rule.after {
				return ReasonDeadline
			}
		case stopCount:
			if int(h.renewals) >= rule.count {
				return ReasonCount
			}
		case stopKeyGone, stopFunc, stopInvalid: // evaluated by the refresh, by a policyCall, refused by Register
		}
	}
	return Live
}

// skip ends the task because a stop rule holds.
func (h *Handle) skip(reason Reason) {
	h.pol.shared.meter.count(&h.pol.Policy, Skipped)
	h.finish(reason, nil)
}

// finish ends the task. It does nothing if the task has ended already.
func (h *Handle) finish(reason Reason, err error) {
	if h.reason != Live {
		return
	}
	s := h.pol.shared
	h.reason = reason
	s.timers.cancel(h.timer)
	x := h.x()
	x.ended = s.clock.time(s.clock.now())
	if err != nil {
		h.err.set(err)
	}
	if x.done != nil {
		close(x.done)
	}
	if x.cancel != nil {
		x.cancel(h.cause())
	}
	x.waits.fail(h.endedError())
	if reason == ReasonCanceled {
		x.callbacks.clear()
	}
	if h.pol.Callbacks.OnFinished != nil {
		h.emit(callback{final: true, result: h.result()})
	}
	s.registry.forget(h)
}

// cause returns the cause with which the task's context ends.
func (h *Handle) cause() error {
	if h.reason == ReasonLost {
		return h.err.get()
	}
	return h.endedError()
}

func (h *Handle) endedError() *EndedError {
	return &EndedError{ID: h.id, Reason: h.reason, Cause: h.err.get()}
}

func (h *Handle) event(k *key, o Outcome, err error) callback {
	c := &h.pol.shared.clock
	now := c.now()
	e := Event{ID: h.id, Labels: h.pol.Labels, Key: k.name, Outcome: o, Err: err, At: c.time(now)}
	if k.deadline != never {
		e.Left = max(k.deadline-now, 0)
	}
	return callback{event: e}
}
