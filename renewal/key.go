package renewal

import (
	"math"
	"time"
)

// never is a moment that does not come.
const never = time.Duration(math.MaxInt64)

// keyState says where a key is between two renewals.
type keyState uint8

const (
	keyIdle    keyState = iota // waits for the next tick
	keyQueued                  // in the queue of its node
	keyAsked                   // the same, ahead of others: RenewNow
	keySending                 // part of a call under way
	keyWaiting                 // failed, waits for its retry
	keyDropped                 // given up while part of a call under way
	keyGone                    // lost or not selected any more
)

// key is one key of a task. It is under the mutex of its Handle, but for name and
// slot, which do not change.
type key struct {
	name string
	// deadline is the local deadline: sent + TTL - margin of the last success.
	deadline time.Duration
	// retry is the tick of the next attempt, low half, in state keyWaiting.
	retry   uint32
	slot    uint16
	state   keyState
	attempt uint8 // failures in a row
}

// live tells whether the key is still renewed.
func (k *key) live() bool { return k.state < keyDropped }

// calling tells whether a call under way includes the key.
func (k *key) calling() bool { return k.state == keySending || k.state == keyDropped }

// queued tells whether the key waits for a call. There may be older items of it in the
// queue as well; the first one that is taken counts.
func (k *key) queued() bool { return k.state == keyQueued || k.state == keyAsked }

func (k *key) busy() bool { return k.queued() || k.state == keySending }

// retryDelay is the wait before an attempt is repeated: a quarter of the interval,
// doubling with each failure, at most a quarter of the time left and the interval, after
// which there is a tick anyway; of that a random share (full jitter), so that a million failures do not come back at once.
func retryDelay(interval, left time.Duration, attempt uint8, random float64) time.Duration {
	limit := min(left/4, interval)
	d := interval / 4
	for ; attempt > 1 && d < limit; attempt-- {
		d *= 2
	}
	return time.Duration(float64(min(d, limit)) * random)
}
