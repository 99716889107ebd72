package renewal

import (
	"math"
	"time"
)

// never is a moment that is never reached.
const never = time.Duration(math.MaxInt64)

// keyState is the state of a key between two renewals; the package comment contains the diagram.
type keyState uint8

const (
	keyIdle     keyState = iota // waits for the next tick
	keyQueued                   // in the queue of its node
	keyFirst                    // in the queue of its node, ahead of others: RenewNow
	keySending                  // part of a call under way
	keyRetrying                 // failed, waits for its retry
	keyDropped                  // lost or no longer selected, but still part of a call under way
	keyGone                     // lost or no longer selected
)

// key is one key of a task. The mutex of its Handle guards it, except for name and slot, which do
// not change.
type key struct {
	name string
	// deadline is the local deadline; the package comment contains the formula.
	deadline time.Duration
	retry    halfTick // of the next attempt, in state keyRetrying
	slot     uint16
	state    keyState
	attempt  uint8 // failures in a row
}

// live reports whether the key is still renewed.
func (k *key) live() bool { return k.state < keyDropped }

// sending reports whether a call under way includes the key.
func (k *key) sending() bool { return k.state == keySending || k.state == keyDropped }

// queued reports whether the key waits for a call. The queue may also hold older items for it; the
// first item that a worker takes counts.
func (k *key) queued() bool { return k.state == keyQueued || k.state == keyFirst }

// busy reports whether the key needs no further item in the queue.
func (k *key) busy() bool { return k.queued() || k.state == keySending }

// next returns the earliest of at, the deadline of the key and, if one is pending, its retry. now
// is the present tick of the clock.
func (k *key) next(at time.Duration, c *clock, now uint64) time.Duration {
	if !k.live() {
		return at
	}
	at = min(at, k.deadline)
	if k.state == keyRetrying {
		at = min(at, c.at(k.retry.near(now)))
	}
	return at
}

// retryDelay returns how long to wait before an attempt is repeated. The maximum wait is a quarter
// of the interval and doubles with each further failure, up to a quarter of the time left or to the
// interval, after which there is a tick anyway. The result is a random part of the maximum (full
// jitter), so that a million failed keys are not retried at the same moment.
func retryDelay(interval, left time.Duration, attempt uint8, random float64) time.Duration {
	limit := min(left/4, interval)
	d := interval / 4
	for ; attempt > 1 && d < limit; attempt-- {
		d *= 2
	}
	return time.Duration(float64(min(d, limit)) * random)
}
