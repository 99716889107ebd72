package renewal

import (
	"math"
	"time"
)

// never is a moment that does not come.
const never = time.Duration(math.MaxInt64)

// keyState says where a key is between two renewals; the package comment has the diagram.
type keyState uint8

const (
	keyIdle     keyState = iota // waits for the next tick
	keyQueued                   // in the queue of its node
	keyFirst                    // the same, ahead of others: RenewNow
	keySending                  // part of a call under way
	keyRetrying                 // failed, waits for its retry
	keyDropped                  // given up while part of a call under way
	keyGone                     // lost or no longer selected
)

// key is one key of a task. It is under the mutex of its Handle, but for name and slot,
// which do not change.
type key struct {
	name string
	// deadline is the local deadline: sent + TTL - margin of the last success.
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

// queued reports whether the key waits for a call. There may be older items of it in the
// queue as well; the first one that a worker takes counts.
func (k *key) queued() bool { return k.state == keyQueued || k.state == keyFirst }

// busy reports whether the key needs no other place in the queue.
func (k *key) busy() bool { return k.queued() || k.state == keySending }

// next is the earlier of at and the next moment at which something is to be done for the
// key. Now is the present tick of the clock.
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

// retryDelay is the wait before an attempt is repeated: a quarter of the interval, doubling
// with each failure, at most a quarter of the time left, and at most the interval, after
// which there is a tick anyway. Of that it is a random share (full jitter), so that a
// million failures do not come back at once.
func retryDelay(interval, left time.Duration, attempt uint8, random float64) time.Duration {
	limit := min(left/4, interval)
	d := interval / 4
	for ; attempt > 1 && d < limit; attempt-- {
		d *= 2
	}
	return time.Duration(float64(min(d, limit)) * random)
}
