package memstore

import (
	"sync/atomic"
	"time"

	"github.com/cutover-go/cutover/task"
)

// stamp is a reading of the store's clock, in nanoseconds since 1970.
type stamp int64

// clock is the source of times and tokens.
type clock struct {
	read   func() time.Time
	newest atomic.Uint64 // the greatest token issued
}

func (c *clock) now() stamp { return stamp(c.read().UnixNano()) }

// token returns a token that is greater than last, the task's previous token, and than floor, the
// floor of its plan. It is the time in microseconds if that is greater than both.
func (c *clock) token(at stamp, last, floor task.Token) task.Token {
	token := max(last+1, floor+1, task.Token(at/1000))
	for {
		newest := c.newest.Load()
		if uint64(token) <= newest || c.newest.CompareAndSwap(newest, uint64(token)) {
			return token
		}
	}
}

// floor returns the greatest token issued so far for any plan.
func (c *clock) floor() task.Token { return task.Token(c.newest.Load()) }

// time returns t as a time in UTC, and the zero time for the zero stamp.
func (t stamp) time() time.Time {
	if t == 0 {
		return time.Time{}
	}
	return time.Unix(0, int64(t)).UTC()
}

// ifEnded returns t if s is an ended state, otherwise ended, the time at which the task ended
// before.
func (t stamp) ifEnded(s task.State, ended stamp) stamp {
	if s.Ended() {
		return t
	}
	return ended
}
