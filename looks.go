package cutover

import (
	"context"
	"sync"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// looks are the looks at plans that are under way in this process, one per plan. Several go
// on at once: the store may keep one waiting for long, because the part of it that has the
// plan is away, and that delays no other plan.
type looks struct {
	e *Engine

	mu       sync.Mutex
	underWay map[plan.ID]*look
	all      sync.WaitGroup
}

// look is one look at a plan.
type look struct {
	again bool // the plan has become due anew meanwhile
	next  store.DuePlan
}

const (
	// maxLooks bounds how many looks are under way at once.
	maxLooks = 1000
	// slowLook is how long others wait for a look.
	slowLook = 20 * time.Millisecond
)

func newLooks(e *Engine) *looks {
	return &looks{e: e, underWay: make(map[plan.ID]*look)}
}

// begin begins a look, or has the one that is under way repeated. The channel is closed
// when it has come to its end, or when it is not worth waiting for: then the plan rests
// meanwhile, so that it hides no other. A plan that is not on the agenda has no stamp.
func (l *looks) begin(ctx context.Context, d store.DuePlan) (settled <-chan struct{}) {
	done := make(chan struct{})
	if !l.add(d) {
		l.putOff(ctx, d)
		close(done)
		return done
	}
	slow := time.AfterFunc(slowLook, func() {
		defer close(done)
		l.putOff(ctx, d)
	})
	l.all.Go(func() {
		defer func() {
			if slow.Stop() {
				close(done)
				return
			}
			<-done // its owner waits for the timer's goroutine, too
		}()
		for due, more := d, true; more; due, more = l.next(due.ID) {
			l.e.lookDue(ctx, due)
		}
	})
	return done
}

// add notes that a look begins. It does not if one is under way, or too many are.
func (l *looks) add(d store.DuePlan) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now := l.underWay[d.ID]; now != nil {
		now.again = true
		if d.Stamp >= now.next.Stamp {
			now.next = d
		}
		return false
	}
	if len(l.underWay) >= maxLooks {
		return false
	}
	l.underWay[d.ID] = new(look)
	return true
}

// next ends a look, unless it has to be repeated.
func (l *looks) next(id plan.ID) (d store.DuePlan, more bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.underWay[id]
	if now.again {
		l.underWay[id] = new(look)
		return now.next, true
	}
	delete(l.underWay, id)
	return d, false
}

// putOff lets a due plan rest until the next poll.
func (l *looks) putOff(ctx context.Context, d store.DuePlan) {
	if d.Stamp != 0 {
		l.e.client.Fault("reschedule", l.e.store.Reschedule(ctx, d.ID, d.Stamp, l.e.cfg.PollInterval))
	}
}

// wait waits until no look is under way.
func (l *looks) wait() { l.all.Wait() }
