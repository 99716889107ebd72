package memstore

import (
	"sync/atomic"
	"time"

	"github.com/cutover-go/cutover/task"
)

// stamp is a reading of the store's clock, in nanoseconds since 1970.
type stamp int64

// clock is what times and tokens are read from.
type clock struct {
	read   func() time.Time
	newest atomic.Uint64 // the greatest token given
}

func (c *clock) now() stamp { return stamp(c.read().UnixNano()) }

// token returns one that is greater than last, which a task had before, and than the floor
// of its plan; a reading of the clock if that is both.
func (c *clock) token(at stamp, last, floor task.Token) task.Token {
	token := max(last+1, floor+1, task.Token(at/1000))
	for {
		newest := c.newest.Load()
		if uint64(token) <= newest || c.newest.CompareAndSwap(newest, uint64(token)) {
			return token
		}
	}
}

// floor returns the greatest token that was given in any plan.
func (c *clock) floor() task.Token { return task.Token(c.newest.Load()) }

// time returns the zero time for the zero stamp.
func (t stamp) time() time.Time {
	if t == 0 {
		return time.Time{}
	}
	return time.Unix(0, int64(t)).UTC()
}

// ifEnded returns t if a task has ended in s, otherwise the time it has now.
func (t stamp) ifEnded(s task.State, ended stamp) stamp {
	if s.Ended() {
		return t
	}
	return ended
}
