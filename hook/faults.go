package hook

import (
	"sync"
	"time"
)

// faultGap is the minimum time between two logged faults of one operation.
const faultGap = 10 * time.Second

// faultLimiter chooses the store faults that are logged: at most one of each operation in a
// faultGap, because an outage causes thousands. It is safe for concurrent use.
type faultLimiter struct {
	mu   sync.Mutex
	byOp map[string]*faultCount // the engine has a fixed set of operations
}

// faultCount is what is known of the faults of one operation.
type faultCount struct {
	logged   time.Time
	unlogged int
}

func newFaultLimiter() *faultLimiter { return &faultLimiter{byOp: make(map[string]*faultCount)} }

// admit reports whether a fault is to be logged, and how many faults of the operation were not
// logged since the last one that was.
func (l *faultLimiter) admit(op string) (unlogged int, ok bool) {
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.byOp[op]
	switch {
	case c == nil:
		c = new(faultCount)
		l.byOp[op] = c
	case now.Sub(c.logged) < faultGap:
		c.unlogged++
		return 0, false
	}
	unlogged = c.unlogged
	c.logged, c.unlogged = now, 0
	return unlogged, true
}
